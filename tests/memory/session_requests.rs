//! What a request allocates for its session.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{Empty, Full};
use stats_alloc::Region;
use tower::{Layer, Service, service_fn};
use tower_keep::{SessionLayer, session::Session};

use crate::{ALLOCATOR, alone, now};

type Asked = Request<Empty<Bytes>>;
type Answer = Result<Response<Full<Bytes>>, Infallible>;

async fn ignores(_: Asked) -> Answer {
    Ok(Response::new(Full::default()))
}

async fn reads(request: Asked) -> Answer {
    let session = Session::of(request.extensions()).unwrap();
    let count: Option<u32> = session.get("count").await.unwrap();
    assert_eq!(count, Some(1));
    ignores(request).await
}

async fn counts(request: Asked) -> Answer {
    let session = Session::of(request.extensions()).unwrap();
    let add = session.update("count", |count: &mut u32| *count += 1);
    add.await.unwrap();
    ignores(request).await
}

/// The cookie of a session that has counted to one.
fn cookie(layer: &SessionLayer) -> HeaderValue {
    let response = now(layer.layer(service_fn(counts)).call(Request::default())).unwrap();
    let line = response.headers()[header::SET_COOKIE].to_str().unwrap();
    line.split(';').next().unwrap().parse().unwrap()
}

/// The allocations of one request, those for building it not counted; the fewest of some.
fn of<S>(mut service: S, cookie: &HeaderValue) -> usize
where
    S: Service<Asked, Error = Infallible>,
{
    let one = |_| {
        let mut request = Asked::default();
        request.headers_mut().insert(header::COOKIE, cookie.clone());
        let region = Region::new(ALLOCATOR);
        drop(now(service.call(request)));
        let change = region.change();
        change.allocations + change.reallocations
    };
    (0..5).map(one).min().unwrap()
}

#[test]
fn a_session_that_nobody_looks_at_takes_four_allocations() {
    let _alone = alone();
    let layer = SessionLayer::new();
    let cookie = cookie(&layer);
    let alone = of(service_fn(ignores), &cookie);
    let ignored = of(layer.layer(service_fn(ignores)), &cookie);
    assert_eq!(
        ignored - alone,
        4,
        "the extensions' three, and what is known"
    );
}

#[test]
fn a_value_that_is_read_takes_one_more_than_the_head_of_the_response() {
    let _alone = alone();
    let layer = SessionLayer::new();
    let cookie = cookie(&layer);
    let ignored = of(layer.layer(service_fn(ignores)), &cookie);
    let read = of(layer.layer(service_fn(reads)), &cookie);
    assert!(
        read - ignored <= 3,
        "{read} and {ignored}: two of the map of fields"
    );
}
