//! Second attempts beside a first one that takes long.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    io::{self, ErrorKind},
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{Empty, Full};
use tower::{Layer, Service, ServiceExt, limit::ConcurrencyLimitLayer};
use tower_keep::retry::{
    GaveUp, Hedge, Reason, ReplayBody, RetryBudget, RetryLayer, RetryOutcome, RetryPolicy,
};

use crate::support::{self, Body};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// What becomes of an attempt, after so long.
#[derive(Clone, Copy)]
struct Step(Duration, Result<u16, ErrorKind>);

fn answers(after: Duration, status: u16) -> Step {
    Step(after, Ok(status))
}

fn fails(after: Duration, kind: ErrorKind) -> Step {
    Step(after, Err(kind))
}

/// Does as it is told, and knows which attempts are under way.
#[derive(Clone)]
struct Origin {
    steps: Arc<Mutex<VecDeque<Step>>>,
    began: Arc<Mutex<Vec<Duration>>>,
    numbers: Arc<Mutex<Vec<String>>>,
    under_way: Arc<()>,
    /// Whether readiness takes for ever after the first call.
    once_ready: bool,
    started: tokio::time::Instant,
}

impl Origin {
    fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: Arc::new(Mutex::new(steps.into_iter().collect())),
            began: Arc::default(),
            numbers: Arc::default(),
            under_way: Arc::default(),
            once_ready: false,
            started: tokio::time::Instant::now(),
        }
    }

    /// When each attempt began.
    fn began(&self) -> Vec<Duration> {
        self.began.lock().unwrap().clone()
    }
}

/// An attempt that says when it is dropped.
struct UnderWay {
    _held: Arc<()>,
    answer: Pin<Box<dyn Future<Output = io::Result<Response<Body>>> + Send>>,
}

impl Future for UnderWay {
    type Output = io::Result<Response<Body>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.answer.as_mut().poll(cx)
    }
}

impl<B: Send + 'static> Service<Request<ReplayBody<B>>> for Origin
where
    ReplayBody<B>: http_body::Body<Data = Bytes, Error = tower_keep::BoxError>,
{
    type Response = Response<Body>;
    type Error = io::Error;
    type Future = UnderWay;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.once_ready && !self.began().is_empty() {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReplayBody<B>>) -> UnderWay {
        let step = self.steps.lock().unwrap().pop_front();
        let Step(after, end) = step.unwrap_or(answers(Duration::ZERO, 200));
        let mut began = self.began.lock().unwrap();
        began.push(self.started.elapsed());
        let attempt = began.len();
        if let Some(number) = request.headers().get("x-attempt") {
            let number = number.to_str().unwrap().to_owned();
            self.numbers.lock().unwrap().push(number);
        }
        let answer = async move {
            let body = http_body_util::BodyExt::collect(request.into_body());
            body.await.map_err(io::Error::other)?;
            tokio::time::sleep(after).await;
            let mut response = Response::new(Full::from(format!("attempt {attempt}")));
            *response.status_mut() = StatusCode::from_u16(end?).unwrap();
            if response.status() == 503 {
                let value = "3".parse().unwrap();
                response.headers_mut().insert("retry-after", value);
            }
            Ok(response)
        };
        UnderWay {
            _held: Arc::clone(&self.under_way),
            answer: Box::pin(answer),
        }
    }
}

/// A second attempt after 50 ms.
fn hedging() -> RetryLayer {
    support::layer().hedge(Hedge::after(MS * 50))
}

struct Got {
    status: u16,
    body: Bytes,
    outcome: Option<RetryOutcome>,
    took: Duration,
}

impl Got {
    fn outcome(&self) -> &RetryOutcome {
        self.outcome.as_ref().unwrap()
    }
}

async fn ask(layer: &RetryLayer, origin: &Origin, request: Request<Body>) -> io::Result<Got> {
    let start = tokio::time::Instant::now();
    let response = layer.layer(origin.clone()).oneshot(request).await?;
    let took = start.elapsed();
    assert_eq!(Arc::strong_count(&origin.under_way), 1, "one goes on");
    let (head, body) = response.into_parts();
    let body = http_body_util::BodyExt::collect(body);
    Ok(Got {
        status: head.status.as_u16(),
        body: body.await.unwrap().to_bytes(),
        outcome: head.extensions.get::<RetryOutcome>().cloned(),
        took,
    })
}

async fn get(layer: &RetryLayer, origin: &Origin) -> Got {
    let got = ask(layer, origin, support::request("GET"));
    got.await.unwrap()
}

fn count(layer: &RetryLayer, event: &str) -> u64 {
    let hedges = layer.stats().hedges;
    let found = hedges.iter().find(|(name, _)| *name == event);
    found.map_or(0, |(_, count)| *count)
}

#[tokio::test(start_paused = true)]
async fn the_first_head_to_come_wins_and_the_other_attempt_is_dropped() {
    let layer = hedging();
    let origin = Origin::of([answers(SECOND, 200), answers(MS * 20, 200)]);
    let got = get(&layer, &origin).await;
    assert_eq!((&got.body[..], got.took), (&b"attempt 2"[..], MS * 70));
    assert_eq!(origin.began(), [Duration::ZERO, MS * 50]);
    let outcome = got.outcome();
    assert!(outcome.hedged());
    assert_eq!((outcome.attempts(), outcome.reasons().len()), (2, 0));
    assert_eq!((count(&layer, "made"), count(&layer, "won")), (1, 1));
    assert_eq!(layer.budget_handle().unwrap().counts().withdrawn, 1);
    // The first one may win as well.
    let origin = Origin::of([answers(MS * 60, 200), answers(MS * 20, 200)]);
    let got = get(&layer, &origin).await;
    assert_eq!((&got.body[..], got.took), (&b"attempt 1"[..], MS * 60));
    assert_eq!(got.outcome().attempts(), 2);
    assert_eq!((count(&layer, "made"), count(&layer, "won")), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_in_time_is_the_only_one() {
    let layer = hedging();
    let origin = Origin::of([answers(MS * 49, 200)]);
    let got = get(&layer, &origin).await;
    assert_eq!((got.outcome, origin.began().len()), (None, 1));
    assert_eq!(layer.stats().hedges, []);
}

#[tokio::test(start_paused = true)]
async fn there_is_no_second_attempt_unless_it_is_asked_for() {
    let origin = Origin::of([answers(SECOND * 60, 200)]);
    let got = get(&support::layer(), &origin).await;
    assert_eq!((got.outcome, origin.began().len()), (None, 1));
}

#[tokio::test(start_paused = true)]
async fn methods_that_are_not_safe_are_never_hedged() {
    for (method, hedged) in [
        ("GET", true),
        ("HEAD", true),
        ("OPTIONS", true),
        ("TRACE", true),
        ("PUT", false),
        ("DELETE", false),
        ("POST", false),
        ("PATCH", false),
    ] {
        let origin = Origin::of([answers(SECOND, 200)]);
        let mut request = support::request(method);
        let policy = RetryPolicy::new().idempotent().hedge_after(MS);
        request.extensions_mut().insert(policy);
        ask(&hedging(), &origin, request).await.unwrap();
        assert_eq!(origin.began().len() == 2, hedged, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_says_more_than_the_layer() {
    let began = async |layer: &RetryLayer, policy: RetryPolicy| {
        let origin = Origin::of([answers(SECOND, 200)]);
        let mut request = support::request("GET");
        request.extensions_mut().insert(policy);
        ask(layer, &origin, request).await.unwrap();
        origin.began()
    };
    let (on, off) = (hedging(), support::layer());
    let at = |at| vec![Duration::ZERO, at];
    let policy = RetryPolicy::new();
    assert_eq!(began(&on, policy).await, at(MS * 50));
    assert_eq!(began(&on, policy.hedge_after(MS * 70)).await, at(MS * 70));
    assert_eq!(began(&off, policy.hedge_after(MS * 70)).await, at(MS * 70));
    let once = [Duration::ZERO];
    assert_eq!(began(&on, policy.no_hedge()).await, once);
    assert_eq!(began(&on, policy.not_idempotent()).await, once);
    assert_eq!(began(&on, RetryPolicy::off()).await, once);
}

#[tokio::test(start_paused = true)]
async fn a_failure_does_not_win_while_the_other_attempt_is_under_way() {
    for failure in [
        answers(MS * 80, 503),
        fails(MS * 80, ErrorKind::ConnectionReset),
        fails(MS * 80, ErrorKind::InvalidData),
    ] {
        let reasons = |got: &Got| got.outcome().reasons().len();
        let expected = usize::from(!matches!(failure.1, Err(ErrorKind::InvalidData)));
        let origin = Origin::of([failure, answers(SECOND, 200)]);
        let layer = hedging();
        let got = get(&layer, &origin).await;
        assert_eq!((&got.body[..], got.took), (&b"attempt 2"[..], MS * 1050));
        assert_eq!((got.outcome().attempts(), reasons(&got)), (2, expected));
        assert_eq!(count(&layer, "won"), 1);
        // The second attempt may be the one that fails.
        let origin = Origin::of([answers(SECOND, 200), failure]);
        let got = get(&layer, &origin).await;
        assert_eq!((&got.body[..], got.took), (&b"attempt 1"[..], SECOND));
        assert_eq!((got.outcome().attempts(), reasons(&got)), (2, expected));
        assert_eq!(count(&layer, "won"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_failure_wins_whatever_it_says() {
    let origin = Origin::of([answers(SECOND, 200), answers(MS, 404)]);
    let got = get(&hedging(), &origin).await;
    assert_eq!((got.status, got.took), (404, MS * 51));
}

#[tokio::test(start_paused = true)]
async fn if_both_fail_it_is_retried_after_the_wait_for_two_failures() {
    let reset = |after| fails(after, ErrorKind::ConnectionReset);
    let origin = Origin::of([reset(MS * 60), reset(MS * 20)]);
    let got = get(&hedging(), &origin).await;
    // Two have failed, the last of them after 70 ms: the next wait is the second one, 200 ms.
    assert_eq!(origin.began(), [Duration::ZERO, MS * 50, MS * 270]);
    assert_eq!(got.outcome().reasons(), [Reason::Transient; 2]);
    assert_eq!((got.outcome().attempts(), got.status), (3, 200));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_asked_for_is_kept_to_although_the_other_attempt_fails_later() {
    for (first, second) in [
        (answers(MS * 60, 503), fails(MS * 20, ErrorKind::BrokenPipe)),
        (fails(MS * 60, ErrorKind::BrokenPipe), answers(MS * 20, 503)),
    ] {
        let origin = Origin::of([first, second]);
        get(&hedging(), &origin).await;
        assert_eq!(origin.began()[2], SECOND * 3 + MS * 70);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_attempt_is_one_of_the_retries() {
    let reset = |after| fails(after, ErrorKind::ConnectionReset);
    let origin = Origin::of([reset(MS * 60), answers(MS * 20, 503)]);
    let got = get(&hedging().retries(1), &origin).await;
    assert_eq!((got.status, origin.began().len()), (503, 2));
    assert_eq!(got.outcome().gave_up(), Some(GaveUp::Attempts));
    assert_eq!(got.outcome().attempts(), 2);
    let origin = Origin::of([answers(SECOND, 200)]);
    get(&hedging().retries(0), &origin).await;
    assert_eq!(origin.began().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn second_attempts_are_numbered_like_any_other() {
    let reset = |after| fails(after, ErrorKind::ConnectionReset);
    let origin = Origin::of([reset(MS * 60), reset(MS * 20)]);
    get(&hedging().number_attempts(), &origin).await;
    assert_eq!(*origin.numbers.lock().unwrap(), ["1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_has_no_second_attempt_beside_it() {
    let origin = Origin::of([
        fails(MS, ErrorKind::ConnectionReset),
        answers(SECOND * 5, 200),
    ]);
    get(&hedging(), &origin).await;
    assert_eq!(origin.began(), [Duration::ZERO, MS * 101]);
}

#[tokio::test(start_paused = true)]
async fn without_the_budgets_leave_there_is_no_second_attempt() {
    // One retry for two requests, and none for free.
    let budget = RetryBudget::new(SECOND * 10, 0, 0.5).unwrap();
    let layer = hedging().budget(budget);
    let mut attempts = 0;
    for _ in 0..10 {
        let origin = Origin::of([answers(MS * 100, 200), answers(MS * 100, 200)]);
        get(&layer, &origin).await;
        attempts += origin.began().len();
    }
    assert_eq!(attempts, 15);
    assert_eq!((count(&layer, "made"), count(&layer, "budget")), (5, 5));
    assert_eq!(layer.budget_handle().unwrap().counts().withdrawn, 5);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_ready_makes_no_second_attempt() {
    let layer = hedging();
    let mut origin = Origin::of([answers(SECOND, 200)]);
    origin.once_ready = true;
    let got = get(&layer, &origin).await;
    assert_eq!((got.took, origin.began().len()), (SECOND, 1));
    assert_eq!(count(&layer, "not-ready"), 1);
    let counts = layer.budget_handle().unwrap().counts();
    assert_eq!((counts.withdrawn, counts.refused), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_was_not_used_is_not_kept_from_others() {
    // Two permits: the first attempt has one, and the other one is not held for a second that may not be.
    let layer = hedging().budget(RetryBudget::new(SECOND * 10, 0, 0.0).unwrap());
    let origin = Origin::of([answers(SECOND, 200), answers(SECOND, 200)]);
    let limited = ConcurrencyLimitLayer::new(2).layer(origin.clone());
    let mut service = layer.layer(limited);
    let start = tokio::time::Instant::now();
    let first = ServiceExt::<Request<Body>>::ready(&mut service)
        .await
        .unwrap();
    let first = tokio::spawn(first.call(support::request("GET")));
    tokio::time::sleep(MS * 100).await;
    let other = ServiceExt::<Request<Body>>::ready(&mut service)
        .await
        .unwrap();
    let other = other.call(support::request("GET"));
    assert_eq!(start.elapsed(), MS * 100);
    other.await.unwrap();
    first.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_the_timeout_of_an_attempt_and_both_have_the_deadline() {
    let layer = hedging().attempt_timeout(MS * 100).retries(1);
    let origin = Origin::of([answers(SECOND, 200), answers(MS * 70, 200)]);
    let got = get(&layer, &origin).await;
    assert_eq!((&got.body[..], got.took), (&b"attempt 2"[..], MS * 120));
    assert_eq!(got.outcome().reasons(), [Reason::AttemptTimeout]);
    let origin = Origin::of([answers(SECOND, 200), answers(SECOND, 200)]);
    let got = get(&layer, &origin).await;
    assert_eq!((got.status, got.took), (504, MS * 150));
    let layer = hedging().deadline(MS * 130);
    let origin = Origin::of([answers(SECOND, 200), answers(SECOND, 200)]);
    let got = get(&layer, &origin).await;
    assert_eq!((got.status, got.took), (504, MS * 130));
    assert_eq!(origin.began().len(), 2);
}

/// A body of which the second half comes late.
fn slow_body(late: Duration) -> impl http_body::Body<Data = Bytes, Error = io::Error> + Send {
    let frames = futures_util::stream::unfold(0_u32, move |sent| async move {
        tokio::time::sleep(late * sent).await;
        let frame = Ok(http_body::Frame::data(Bytes::from("half")));
        (sent < 2).then_some((frame, sent + 1))
    });
    http_body_util::StreamBody::new(Box::pin(frames))
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_still_being_read_is_not_sent_twice() {
    let began = async |layer: &RetryLayer, late| {
        let origin = Origin::of([answers(SECOND, 200)]);
        let request = Request::get("/").body(slow_body(late)).unwrap();
        let response = layer.layer(origin.clone()).oneshot(request).await;
        assert_eq!(response.unwrap().status(), 200);
        origin.began().len()
    };
    let layer = hedging();
    assert_eq!(began(&layer, MS * 60).await, 1);
    assert_eq!(count(&layer, "body"), 1);
    assert_eq!(began(&layer, MS * 10).await, 2);
    assert_eq!(began(&layer.max_replay(4), MS * 10).await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_slow_is_learned_from_the_answers_of_the_last_minute() {
    let layer = support::layer().hedge(Hedge::default());
    let began = async |after| {
        let origin = Origin::of([answers(after, 200), answers(after, 200)]);
        get(&layer, &origin).await;
        origin.began()
    };
    // Nothing is known yet.
    assert_eq!(began(SECOND).await.len(), 1);
    for ms in 1..=99 {
        assert_eq!(began(MS * ms).await.len(), 1, "{ms}");
    }
    tokio::time::sleep(SECOND).await;
    let slow = began(SECOND).await;
    let quick = MS * 95..=MS * 95 * 9 / 8;
    assert!(slow.len() == 2 && quick.contains(&slow[1]), "{slow:?}");
    assert_eq!(began(MS * 90).await.len(), 1);
    // A minute later it is forgotten.
    tokio::time::sleep(SECOND * 60).await;
    assert_eq!(began(SECOND).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_slow_does_not_get_shorter_by_hedging() {
    let budget = RetryBudget::new(SECOND * 10, 1_000, 1.0).unwrap();
    let layer = support::layer().hedge(Hedge::default()).budget(budget);
    let mut hedged = 0;
    for request in 0..2_000_u32 {
        // A tenth is slow: the quantile lies in the middle of them, and second attempts are fast.
        let slow = request % 10 == 0;
        let first = if slow { 500 + request * 37 % 1_500 } else { 10 };
        let origin = Origin::of([answers(MS * first, 200), answers(MS * 10, 200)]);
        get(&layer, &origin).await;
        hedged += origin.began().len() - 1;
    }
    // Those who come to be known as quick would make all 200 slow ones hedged.
    assert!((60..=120).contains(&hedged), "{hedged}");
    let origin = Origin::of([answers(MS * 10, 200)]);
    assert_eq!(get(&layer, &origin).await.outcome, None);
}

#[tokio::test(start_paused = true)]
async fn attempts_that_took_too_long_are_known_as_slow() {
    let layer = support::layer()
        .hedge(Hedge::default())
        .attempt_timeout(MS * 100)
        .danger_without_budget();
    for request in 0..200 {
        let takes = if request < 20 { SECOND } else { MS };
        let origin = Origin::of([answers(takes, 200)]);
        get(&layer, &origin).await;
    }
    tokio::time::sleep(SECOND).await;
    let origin = Origin::of([answers(MS * 90, 200)]);
    assert_eq!(get(&layer, &origin).await.outcome, None);
}

#[tokio::test(start_paused = true)]
async fn failures_say_nothing_of_how_long_answers_take() {
    let layer = support::layer()
        .hedge(Hedge::default())
        .retries(1)
        .danger_without_budget();
    for _ in 0..200 {
        let reset = fails(MS, ErrorKind::ConnectionReset);
        let origin = Origin::of([reset, reset]);
        let asked = ask(&layer, &origin, support::request("GET"));
        assert!(asked.await.is_err());
    }
    tokio::time::sleep(SECOND).await;
    let origin = Origin::of([answers(SECOND, 200)]);
    assert_eq!(get(&layer, &origin).await.outcome, None);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_drops_both_attempts_at_each_poll() {
    let mut attempts = Vec::new();
    for polls in 1.. {
        let reset = |after| fails(after, ErrorKind::ConnectionReset);
        let origin = Origin::of([reset(MS * 60), reset(MS * 20), answers(MS, 200)]);
        let layer = hedging();
        let request = Request::get("/").body(Empty::<Bytes>::new()).unwrap();
        let ended = {
            let mut run = pin!(layer.layer(origin.clone()).oneshot(request));
            let mut left = polls;
            poll_fn(|cx| {
                left -= 1;
                match run.as_mut().poll(cx) {
                    Poll::Ready(response) => Poll::Ready(Some(response)),
                    Poll::Pending if left == 0 => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await
            .is_some()
        };
        assert_eq!(Arc::strong_count(&origin.under_way), 1, "{polls}");
        let began = origin.began();
        tokio::time::sleep(SECOND * 10).await;
        assert_eq!(origin.began(), began, "nothing follows, {polls}");
        attempts.push(began.len());
        if ended {
            break;
        }
    }
    attempts.dedup();
    assert_eq!(attempts, [1, 2, 3]);
}

#[test]
fn a_share_that_cannot_be_is_refused() {
    assert!(Hedge::at_quantile(0.95).is_ok_and(|hedge| hedge == Hedge::default()));
    let error = Hedge::at_quantile(95.0).unwrap_err();
    assert!(error.to_string().contains("0.5 to 0.999"));
}
