//! Growing bodies whose source is a tap in the test's hand, with readers that are polled by hand.

mod ends;
#[cfg(shuttle)]
mod interleavings;
mod readers;
mod tap;
mod window;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, StatusCode};

use self::tap::Tap;
use super::{Fill, Plan, Reader, growing::Growing};
use crate::{
    clock::Clock,
    error::BoxError,
    key::Key,
    ledger::Held,
    personal::Personal,
    response_cache::{
        answer::body_error::BodyError,
        core::Core,
        policy::{
            stale::Windows,
            storable::Terms,
            vary::{Selecting, Vary},
        },
        stored::{
            entry::{Entry, Kept},
            head::Head,
        },
    },
    store::{BoxStore, Change, MemoryStore, Store},
    test_util::ManualClock,
};

/// How long one may hold up the others.
const STALL: Duration = Duration::from_secs(10);

/// A cache, and what happens to the one response that it records.
struct Bench {
    core: Arc<Core>,
    clock: ManualClock,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Core)) -> Self {
        let clock = ManualClock::new();
        let mut core = Core::new(BoxStore::new(MemoryStore::new()));
        core.settings.clock = clock.clock();
        core.settings.collapsing.window.stall = STALL;
        change(&mut core);
        Self {
            core: Arc::new(core),
            clock,
        }
    }

    /// One that records nothing longer than this, and whose readers are no further apart.
    fn with_window(size: usize) -> Self {
        Self::with(|core| {
            core.settings.max_body = 0;
            core.settings.collapsing.window.size = size;
        })
    }

    fn plan(&self) -> Plan {
        Plan {
            core: Arc::clone(&self.core),
            key: key(),
            learnt: None,
            selecting: Selecting::new(),
            head: Head::stored(StatusCode::OK, &HeaderMap::new(), |_| false),
            part: None,
            terms: terms(),
            vary: Vary::default(),
            date: 0,
            held: self.held(),
            arrived: self.core.settings.clock.now(),
            initial_age: Duration::ZERO,
            length: None,
            without: Vec::new(),
            trailers_announced: false,
            personal: Some(Personal::default()),
        }
    }

    fn held(&self) -> Held {
        let ledger = &self.core.ledger;
        let place = self.core.place_of(&key());
        let held = ledger.hold(&ledger.begin(), place.name(), place.host_and_path(), []);
        held.expect("nothing was invalidated")
    }

    fn body(&self, tap: &Tap) -> Arc<Growing> {
        self.body_of(tap, self.plan())
    }

    fn body_of(&self, tap: &Tap, plan: Plan) -> Arc<Growing> {
        Arc::new(Growing::new(tap.source(), Fill::new(plan), &self.core))
    }

    fn stored(&self) -> Option<Arc<Entry>> {
        let (key, mut found) = (key(), None);
        let look = self.core.store.update(&key, |existing| {
            if let Some(Kept::Response(entry)) = existing.map(|existing| &existing.0) {
                found = Some(Arc::clone(entry));
            }
            Change::Keep
        });
        let looked = look.now_or_never().expect("memory waits for nothing");
        looked.expect("memory does not fail");
        found
    }

    fn stored_body(&self) -> Option<Bytes> {
        self.stored().map(|entry| entry.body.clone())
    }
}

impl Drop for Bench {
    /// At the end of each test nothing is held of the budget, and nothing is in flight.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.core.budget.used(), 0, "of the budget");
            assert!(self.core.flights.is_empty());
        }
    }
}

fn key() -> Key {
    Key::new(b"key")
}

fn terms() -> Terms {
    Terms {
        lifetime: Duration::from_secs(60),
        said: None,
        explicit: true,
        authorized: false,
        validate_always: false,
        never_stale: false,
        immutable: false,
        windows: Windows {
            while_revalidate: Duration::ZERO,
            if_error: Duration::ZERO,
        },
        keep: Duration::ZERO,
    }
}

/// What a reader got.
#[derive(Debug, PartialEq, Eq)]
enum Got {
    Data(String),
    Trailers(usize),
    End,
    Nothing,
    Shared,
    Stalled,
    Error(String),
}

fn data(data: &str) -> Got {
    Got::Data(data.to_owned())
}

fn poll(reader: &mut Reader, waker: &Waker) -> Got {
    match reader.poll_frame(&mut Context::from_waker(waker)) {
        Poll::Pending => Got::Nothing,
        Poll::Ready(None) => Got::End,
        Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
            Ok(data) => Got::Data(String::from_utf8(data.to_vec()).expect("tests send text")),
            Err(frame) => Got::Trailers(frame.into_trailers().expect("trailers").len()),
        },
        Poll::Ready(Some(Err(error))) => what(&error),
    }
}

fn what(error: &BoxError) -> Got {
    match error.downcast_ref() {
        Some(BodyError::Shared) => Got::Shared,
        Some(BodyError::Stalled) => Got::Stalled,
        None => Got::Error(error.to_string()),
    }
}

/// A reader, and how often it was woken.
struct Reading {
    reader: Reader,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Reading {
    fn new(reader: Reader) -> Self {
        let woken = Arc::default();
        Self { reader, woken }
    }

    /// The reader whose request brought the body.
    fn leader(body: &Arc<Growing>) -> Self {
        Self::new(Reader::leading(Arc::clone(body), None))
    }

    fn follower(body: &Arc<Growing>) -> Self {
        Self::new(Reader::following(body, None).expect("its start is there"))
    }

    fn next(&mut self) -> Got {
        poll(&mut self.reader, &Waker::from(Arc::clone(&self.woken)))
    }

    fn is_woken(&self) -> bool {
        self.woken.0.swap(0, Ordering::Relaxed) > 0
    }

    /// All that it gets until there is nothing for now.
    fn all(&mut self) -> String {
        let mut all = String::new();
        while let Got::Data(data) = self.next() {
            all += &data;
        }
        all
    }
}

fn system_without_runtime(core: &mut Core) {
    core.settings.clock = Clock::system();
}
