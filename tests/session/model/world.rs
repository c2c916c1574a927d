//! A site, a browser, and its requests.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Response, StatusCode};
use tower_keep::{
    BoxError, SessionLayer,
    session::{MemorySessions, SessionError},
    test_util::ManualClock,
};

use super::case::{Case, Mode, Part, Step, Then};
use crate::{
    script::Script,
    stepped::{Fate, Stepped},
    support::{App, Browser},
};

/// More than any run needs.
const ROUNDS: usize = 20_000;

pub(super) struct World {
    pub(super) mode: Mode,
    pub(super) memory: MemorySessions,
    pub(super) layer: SessionLayer,
    pub(super) app: App,
    browser: Browser,
    store: Stepped,
    under_way: Vec<UnderWay>,
    /// Requests that had the session and got their answer. One whose id was retired when it was looked at begins another
    /// session, which is nobody's.
    pub(super) answered: Vec<(usize, StatusCode)>,
    /// All ids that any client was told.
    pub(super) ids: Vec<String>,
    /// Somebody has ended the session and was told so.
    pub(super) ended: bool,
}

/// A future that is polled by hand.
struct UnderWay {
    work: Work,
    woken: Arc<Woken>,
}

enum Work {
    /// Which of the requests it is, if it is one of the session, and whose answer it is.
    Request {
        number: Option<usize>,
        browser: Browser,
        response: BoxFuture<'static, Result<Response<Bytes>, BoxError>>,
        logs_out: bool,
    },
    EndAll(BoxFuture<'static, Result<usize, SessionError>>),
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl World {
    /// Runs a case to its end; the error is what went wrong.
    pub(super) async fn run(case: &Case) -> Result<(), String> {
        let mut world = Self::begin(case).await;
        world.play(case).await?;
        world.check(case).await
    }

    /// The same with a session of which a value is taken away behind everybody's back.
    pub(super) async fn run_and_lose(case: &Case, name: &str) -> Result<(), String> {
        let mut world = Self::begin(case).await;
        world.play(case).await?;
        world.browser.get(&format!("/remove:{name}")).await;
        world.check(case).await
    }

    /// The same with one more in the count.
    pub(super) async fn run_and_double(case: &Case) -> Result<(), String> {
        let mut world = Self::begin(case).await;
        world.play(case).await?;
        world.browser.get("/add:n").await;
        world.check(case).await
    }

    async fn begin(case: &Case) -> Self {
        let time = ManualClock::new();
        let memory = MemorySessions::new().clock(time.clock());
        let store = Stepped::new(&memory);
        let mut layer = SessionLayer::with_store(store.clone()).clock(time.clock());
        if case.mode == Mode::LoggingIn {
            layer = layer.max_per_user(NonZeroU32::new(3).unwrap());
        }
        let app = Script::default().app(&layer);
        let browser = Browser::new(&app);
        browser.get("/login:u1").await;
        let mut fates = case.fates.clone().into_iter();
        store.script(move |_| fates.next().unwrap_or(Fate::Answered));
        Self {
            mode: case.mode,
            memory,
            layer,
            app,
            ids: browser.cookie().into_iter().collect(),
            browser,
            store,
            under_way: Vec::new(),
            answered: Vec::new(),
            ended: false,
        }
    }

    async fn play(&mut self, case: &Case) -> Result<(), String> {
        let mut requests = case.requests.iter().enumerate();
        for step in &case.steps {
            match step {
                Step::Send => {
                    if let Some((number, parts)) = requests.next() {
                        self.send(number, parts);
                    }
                }
                Step::Poll(which) => self.poll(*which)?,
                Step::Drop(which) => {
                    if !self.under_way.is_empty() {
                        self.under_way.swap_remove(which % self.under_way.len());
                    }
                }
                Step::EndAll => self.end_all(),
                Step::LogIn => self.log_in(),
            }
            // A step for what goes on although its client is gone.
            tokio::task::yield_now().await;
        }
        for (number, parts) in requests {
            self.send(number, parts);
        }
        self.finish().await
    }

    fn send(&mut self, number: usize, parts: &[Part]) {
        let path = path(number, parts);
        let response = Box::pin(self.browser.send(&path));
        self.begin_work(Work::Request {
            number: Some(number),
            browser: self.browser.clone(),
            response,
            logs_out: path.contains("/logout"),
        });
    }

    fn log_in(&mut self) {
        let browser = Browser::new(&self.app);
        self.begin_work(Work::Request {
            number: None,
            response: Box::pin(browser.send("/login:u1")),
            browser,
            logs_out: false,
        });
    }

    fn end_all(&mut self) {
        let devices = self.layer.devices();
        let ending = async move { devices.end_all(&"u1".into()).await };
        self.begin_work(Work::EndAll(Box::pin(ending)));
    }

    fn begin_work(&mut self, work: Work) {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        self.under_way.push(UnderWay { work, woken });
    }

    /// Polls one of those that were woken.
    fn poll(&mut self, which: usize) -> Result<(), String> {
        let all = self.under_way.iter().enumerate();
        let woken = all.filter(|(_, one)| one.woken.0.load(Ordering::SeqCst));
        let woken: Vec<usize> = woken.map(|(at, _)| at).collect();
        if woken.is_empty() {
            return Ok(());
        }
        let at = woken[which % woken.len()];
        if self.poll_at(at)? {
            self.under_way.swap_remove(at);
        }
        Ok(())
    }

    /// Whether it has come to its end.
    fn poll_at(&mut self, at: usize) -> Result<bool, String> {
        let UnderWay { work, woken } = &mut self.under_way[at];
        woken.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(woken));
        let mut context = Context::from_waker(&waker);
        match work {
            Work::Request {
                number,
                browser,
                response,
                logs_out,
            } => {
                let Poll::Ready(response) = response.as_mut().poll(&mut context) else {
                    return Ok(false);
                };
                let response = response.map_err(|error| error.to_string())?;
                let answer = browser.keep(response);
                self.ids.extend(browser.cookie());
                // It had the session, as it says, and has ended it.
                self.ended |= *logs_out && answer.status == 200 && answer.text.contains("bye:u1");
                let number = number.filter(|_| answer.text.starts_with("u1"));
                let status = answer.status;
                self.answered.extend(number.map(|number| (number, status)));
            }
            Work::EndAll(ending) => {
                let Poll::Ready(ended) = ending.as_mut().poll(&mut context) else {
                    return Ok(false);
                };
                self.ended |= ended.is_ok_and(|ended| ended > 0);
            }
        }
        Ok(true)
    }

    /// Brings all that is under way to its end. Whoever is not woken never gets there.
    async fn finish(&mut self) -> Result<(), String> {
        for round in 0..ROUNDS {
            if self.under_way.is_empty() {
                break;
            }
            self.poll(round)?;
            tokio::task::yield_now().await;
        }
        self.store.heal();
        for _ in 0..500 {
            tokio::task::yield_now().await;
        }
        match self.under_way.len() {
            0 => Ok(()),
            left => Err(format!("{left} requests are never woken again")),
        }
    }
}

/// The path that makes a handler do this.
fn path(number: usize, parts: &[Part]) -> String {
    let mut path = "/user".to_owned();
    for (at, part) in parts.iter().enumerate() {
        path.push_str(&"/add:n".repeat(part.adds));
        path.push_str(&format!("/set:{}:1", name(number, at)));
        path.push_str(match part.then {
            Then::Nothing => "",
            Then::Commit => "/may:commit",
            Then::Rotate => "/rotate",
            Then::RotateAndCommit => "/rotate/may:commit",
            Then::Logout => "/bye/logout",
        });
    }
    path
}

/// The value that a part sets.
pub(super) fn name(request: usize, part: usize) -> String {
    format!("k{request}x{part}")
}
