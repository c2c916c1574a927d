//! What a request takes that is retried or might be.

use std::{
    convert::Infallible,
    future::{Pending, Ready, pending, ready},
    sync::Arc,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{Empty, Full};
use stats_alloc::Region;
use tower::{
    Layer, Service,
    retry::{
        Policy,
        budget::{Budget, TpsBudget},
    },
    service_fn,
};
use tower_keep::retry::{RetryLayer, RetryPolicy};

use crate::{ALLOCATOR, alone, now};

type Asked = Request<Empty<Bytes>>;

fn request() -> Asked {
    let mut request = Request::new(Empty::new());
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_static("shop.example"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/html"));
    request
}

fn answer<B>(_: Request<B>) -> Ready<Result<Response<Full<Bytes>>, Infallible>> {
    ready(Ok(Response::new(Full::default())))
}

/// The allocations of one request, those for building it not counted. The fewest of some: the harness has a thread of
/// its own, which may allocate meanwhile.
fn of<S: Service<Asked, Error = Infallible>>(service: &mut S, request: fn() -> Asked) -> usize {
    let one = |_| {
        let request = request();
        let region = Region::new(ALLOCATOR);
        drop(now(service.call(request)));
        let change = region.change();
        change.allocations + change.reallocations
    };
    (0..5).map(one).min().expect("there is more than one")
}

/// `tower::retry`, which clones requests, with its budget.
#[derive(Clone)]
struct Theirs(Arc<TpsBudget>);

impl<R, E> Policy<Asked, R, E> for Theirs {
    type Future = Pending<()>;

    fn retry(&mut self, _: &mut Asked, result: &mut Result<R, E>) -> Option<Pending<()>> {
        if result.is_ok() {
            self.0.deposit();
            return None;
        }
        self.0.withdraw().then(pending)
    }

    fn clone_request(&mut self, request: &Asked) -> Option<Asked> {
        Some(request.clone())
    }
}

#[test]
fn a_first_try_that_succeeds_allocates_no_more_than_that_of_tower() {
    let _alone = alone();
    let policy = Theirs(Arc::new(TpsBudget::default()));
    let mut theirs = tower::retry::RetryLayer::new(policy).layer(service_fn(answer));
    let mut ours = RetryLayer::new().layer(service_fn(answer));
    let (ours, theirs) = (of(&mut ours, request), of(&mut theirs, request));
    assert!(ours <= theirs, "{ours} and {theirs}");
}

#[test]
fn a_request_that_is_not_to_be_retried_allocates_nothing() {
    let _alone = alone();
    fn once() -> Asked {
        let mut request = request();
        request.extensions_mut().insert(RetryPolicy::off());
        request
    }
    let mut ours = RetryLayer::new().layer(service_fn(answer));
    let bare = of(&mut service_fn(answer), once);
    assert_eq!(of(&mut ours, once), bare);
}
