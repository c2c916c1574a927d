//! Requests whose client has gone.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    io::ErrorKind,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use http_body::Frame;
use tower_keep::retry::RetryLayer;

use crate::support::{Script, Step, layer, send};

/// A body in two pieces that is not at once at hand, and shows whether it is still held by anybody.
struct Slow {
    _held: Arc<()>,
    pieces: u8,
    asked: bool,
}

impl http_body::Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.pieces == 0 {
            return Poll::Ready(None);
        }
        self.asked = !self.asked;
        if self.asked {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.pieces -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from("piece")))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces == 0
    }
}

/// What has been done for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Done {
    begun: usize,
    read: usize,
    retried: u64,
    withdrawn: u64,
}

/// A run of five attempts: all but the last fail.
struct Run {
    layer: RetryLayer,
    script: Script,
    held: Arc<()>,
}

impl Run {
    fn with(layer: RetryLayer) -> Self {
        let script = Script::of([
            Step::After(Duration::from_millis(30), 503),
            Step::Fails(ErrorKind::ConnectionReset),
            Step::With(503, "retry-after", "2"),
            Step::After(Duration::from_millis(950), 502),
            Step::After(Duration::from_millis(50), 200),
        ]);
        Self {
            layer: layer.retries(4),
            script,
            held: Arc::default(),
        }
    }

    /// Whether it comes to its end with so many polls; if not, it is dropped.
    async fn polled(&self, times: usize) -> bool {
        let body = Slow {
            _held: Arc::clone(&self.held),
            pieces: 2,
            asked: false,
        };
        let request = Request::put("/").body(body).unwrap();
        let mut run = pin!(send(&self.layer, &self.script, request));
        let mut polls = 0;
        let response = poll_fn(|cx| {
            polls += 1;
            match run.as_mut().poll(cx) {
                Poll::Ready(response) => Poll::Ready(Some(response)),
                Poll::Pending if polls == times => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        });
        let Some(response) = response.await else {
            return false;
        };
        assert_eq!(response.unwrap().status(), 200);
        true
    }

    fn done(&self) -> Done {
        let counts = self.layer.budget_handle().unwrap().counts();
        Done {
            begun: self.script.begun(),
            read: self.script.attempts(),
            retried: self.layer.stats().retried.iter().map(|(_, n)| n).sum(),
            withdrawn: counts.withdrawn,
        }
    }
}

/// Drops runs at each of their polls, and says how many there are and how far the runs came.
async fn dropped_at_each_poll(layer: impl Fn() -> RetryLayer) -> (usize, Vec<Done>) {
    let mut all = Vec::new();
    for polls in 1.. {
        let run = Run::with(layer());
        let ended = run.polled(polls).await;
        let done = run.done();
        assert_eq!(Arc::strong_count(&run.held), 1, "{polls}: {done:?}");
        assert_eq!(done.begun as u64, 1 + done.retried, "{polls}: {done:?}");
        // One that is waited for is paid for as well.
        let waiting = done.withdrawn - done.retried;
        assert!(waiting <= 1, "{polls}: {done:?}");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(run.done(), done, "nothing follows, {polls}");
        all.push(done);
        if ended {
            return (polls, all);
        }
    }
    unreachable!("every run has an end")
}

/// Each attempt that takes time has been dropped while it was under way, and each wait.
fn assert_everywhere(all: &[Done]) {
    for retried in 0..=4 {
        let at = |waiting| {
            let withdrawn = retried + waiting;
            let mut here = all.iter().filter(|done| done.retried == retried);
            here.any(|done| done.withdrawn == withdrawn)
        };
        let takes_time = [0, 3, 4].contains(&retried);
        assert!(at(0) || !takes_time, "in attempt {retried}: {all:?}");
        assert!(
            at(1) || retried == 4,
            "in the wait after {retried}: {all:?}"
        );
    }
    let unread = all.iter().any(|done| done.read < done.begun);
    assert!(unread, "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_leaves_nothing_behind() {
    let (polls, all) = dropped_at_each_poll(layer).await;
    assert!(polls > 8, "{polls}");
    assert_everywhere(&all);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_under_time_limits_leaves_nothing_behind() {
    let timed = || {
        let second = Duration::from_secs(1);
        layer().attempt_timeout(second).deadline(second * 20)
    };
    let (polls, all) = dropped_at_each_poll(timed).await;
    assert!(polls > 8, "{polls}");
    assert_everywhere(&all);
}
