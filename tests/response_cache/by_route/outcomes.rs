//! How a request may end, and whether what it changes is invalidated then.

use std::{
    future::{Future, pending},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use futures_util::{FutureExt, future::BoxFuture};
use http::{Request, Response, StatusCode};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_keep::{
    BoxError,
    response_cache::{Invalidate, InvalidateRule},
};

use super::Site;

type Answer = Result<Response<()>, BoxError>;
type Handler = fn(Request<()>) -> BoxFuture<'static, Answer>;

async fn site() -> Site {
    let rule = InvalidateRule::on_unsafe("/r").tag("t");
    Site::tagged([rule], &["t"]).await
}

fn put() -> Request<()> {
    Request::put("/r").body(()).unwrap()
}

fn polled<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn a_success_or_a_redirect_invalidates_and_an_error_does_not() {
    for status in [200, 201, 202, 204, 207, 299, 301, 302, 303, 304, 307] {
        let site = site().await;
        site.answered(status, "PUT", "/r").await;
        assert!(!site.fresh("/t").await, "{status}");
    }
    let site = site().await;
    for status in [400, 401, 404, 409, 412, 422, 500, 502, 503, 599] {
        site.answered(status, "PUT", "/r").await;
        assert!(site.fresh("/t").await, "{status}");
    }
}

#[tokio::test]
async fn a_rule_may_say_which_statuses_change_something() {
    let rule = || InvalidateRule::on_unsafe("/r").tag("t");
    let site = Site::tagged([rule().when(|status| status == StatusCode::GONE)], &["t"]).await;
    for status in [200, 303, 404] {
        site.answered(status, "PUT", "/r").await;
        assert!(site.fresh("/t").await, "{status}");
    }
    assert_eq!(site.counted(), (0, 0));
    site.answered(410, "PUT", "/r").await;
    assert!(!site.fresh("/t").await);
    assert_eq!(site.counted(), (1, 0));
}

#[tokio::test]
async fn what_nobody_knows_the_outcome_of_invalidates() {
    let handlers: [(&str, Handler); 3] = [
        ("error", |_| async { Err("unreachable".into()) }.boxed()),
        ("panic", |_| async { panic!("the handler panics") }.boxed()),
        ("panic in call", |_| panic!("the call panics")),
    ];
    for (name, handler) in handlers {
        let site = site().await;
        let mut service = site.invalidate.layer(service_fn(handler));
        let ended = AssertUnwindSafe(async { service.call(put()).await });
        assert!(!matches!(ended.catch_unwind().await, Ok(Ok(_))), "{name}");
        assert!(!site.fresh("/t").await, "{name}");
        assert_eq!(site.counted(), (1, 0), "{name}");
    }
}

#[tokio::test]
async fn a_request_that_is_dropped_invalidates() {
    let handler: Handler = |_| pending().boxed();
    for polls in 0..3 {
        let site = site().await;
        let mut service = site.invalidate.layer(service_fn(handler));
        let mut call = Box::pin(service.call(put()));
        for _ in 0..polls {
            assert!(polled(&mut call).is_pending());
        }
        assert!(site.fresh("/t").await, "it may not have taken effect yet");
        drop(call);
        assert!(!site.fresh("/t").await, "dropped after {polls} polls");
        assert_eq!(site.counted(), (1, 0));
    }
}

// Whoever catches the panic may answer 500 before the future is dropped.
#[tokio::test]
async fn a_panic_invalidates_while_the_future_is_still_there() {
    let site = site().await;
    let handler: Handler = |_| async { panic!("the handler panics") }.boxed();
    let mut service = site.invalidate.layer(service_fn(handler));
    let mut call = Box::pin(service.call(put()));
    assert!(catch_unwind(AssertUnwindSafe(|| polled(&mut call))).is_err());
    assert!(!site.fresh("/t").await);
    drop(call);
    assert_eq!(site.counted(), (1, 0));
}

#[tokio::test]
async fn a_request_that_has_been_answered_invalidates_once() {
    let site = site().await;
    let handler: Handler = |_| async { Ok(Response::new(())) }.boxed();
    let mut call = Box::pin(site.invalidate.layer(service_fn(handler)).call(put()));
    assert!(polled(&mut call).is_ready());
    assert!(!site.fresh("/t").await);
    site.store("/t2", "t").await;
    drop(call);
    assert!(site.fresh("/t2").await);
    assert_eq!(site.counted(), (1, 0));
}

/// A service that is ready at the second time of asking, or fails, and must be readied before each call.
#[derive(Default)]
struct Slow {
    asked: usize,
    fails: bool,
}

impl Service<Request<()>> for Slow {
    type Response = Response<()>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Answer>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.asked += 1;
        if self.fails {
            return Poll::Ready(Err("not ready".into()));
        }
        cx.waker().wake_by_ref();
        match self.asked {
            1 => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(std::mem::take(&mut self.asked) > 1, "it was not readied");
        async { Ok(Response::new(())) }.boxed()
    }
}

#[tokio::test]
async fn readiness_is_that_of_the_inner_service_and_the_readied_one_is_called() {
    let site = site().await;
    let mut service: Invalidate<Slow> = site.invalidate.layer(Slow::default());
    for _ in 0..2 {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(service.poll_ready(&mut cx).is_pending());
        assert!(matches!(service.poll_ready(&mut cx), Poll::Ready(Ok(()))));
        service.call(put()).await.unwrap();
    }
    assert_eq!(site.counted(), (2, 0));
}

#[tokio::test]
async fn a_service_that_does_not_become_ready_was_not_asked_and_nothing_is_invalidated() {
    let site = site().await;
    let slow = Slow {
        fails: true,
        ..Slow::default()
    };
    let answer = site.invalidate.layer(slow).oneshot(put()).await;
    assert_eq!(answer.unwrap_err().to_string(), "not ready");
    assert!(site.fresh("/t").await);
    assert_eq!(site.counted(), (0, 0));
}

#[test]
fn no_runtime_is_needed() {
    let site = site().now_or_never().expect("nothing is waited for");
    let change = site.change("PUT", "/r").now_or_never();
    change.expect("nothing is waited for");
    assert_eq!(site.fresh("/t").now_or_never(), Some(false));
}
