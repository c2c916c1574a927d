//! The log: what the origin was asked and what it said, and what was invalidated, when.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http_body::Frame;
use tokio::sync::{mpsc, oneshot};
use tower_keep::BoxError;

use super::{
    names::Names,
    steps::{Answer, Ask, Kind, Place, Purging},
};

/// A request of a client, and the event of its beginning.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) id: usize,
    pub(super) ask: Ask,
    pub(super) began: usize,
}

pub(super) type Body = mpsc::UnboundedSender<Result<Frame<Bytes>, BoxError>>;

/// A request that reached the origin, and what came of it.
pub(super) struct Exchange {
    pub(super) id: usize,
    /// The client's request that brought it, in the background maybe.
    pub(super) request: usize,
    pub(super) ask: Ask,
    pub(super) began: usize,
    /// The content that its conditions speak of.
    pub(super) known: Option<usize>,
    pub(super) answered: Option<usize>,
    pub(super) said: Option<Said>,
    pub(super) gate: Option<oneshot::Sender<()>>,
    pub(super) body: Option<Body>,
}

/// What the origin said.
#[derive(Clone, Copy)]
pub(super) struct Said {
    pub(super) answer: Answer,
    pub(super) status: Option<u16>,
    /// The exchange that the content came with.
    pub(super) content: usize,
    pub(super) names: Names,
}

/// Something that was invalidated. Between `from` and `done` it took effect where that was done.
pub(super) struct Purge {
    pub(super) names: Names,
    pub(super) soft: bool,
    pub(super) instance: usize,
    pub(super) from: usize,
    pub(super) done: usize,
    /// Since when it counts as stale, in milliseconds.
    pub(super) at: u64,
    /// Since when it stands in the journal for sure,
    pub(super) written: Option<usize>,
    /// and everybody has heard of it.
    pub(super) heard: Option<usize>,
    /// It is not told to others,
    pub(super) lost: bool,
    /// who will notice that when they hear of this one, as it came after all that were written before.
    pub(super) vouches: bool,
}

/// Events are numbered; times are in milliseconds.
pub(super) struct World {
    pub(super) place: Place,
    pub(super) requests: Vec<Request>,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) purges: Vec<Purge>,
    pub(super) now: u64,
    event: usize,
    /// How the origin answers at once, if it does.
    pub(super) calm: Option<Answer>,
    pub(super) trace: Vec<String>,
}

/// The world, seen by the origin and by the test.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(super) fn new(place: Place) -> Self {
        Self(Arc::new(Mutex::new(World {
            place,
            requests: Vec::new(),
            exchanges: Vec::new(),
            purges: Vec::new(),
            now: 0,
            event: 0,
            calm: None,
            trace: Vec::new(),
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

impl World {
    pub(super) fn event(&mut self) -> usize {
        self.event += 1;
        self.event
    }

    pub(super) fn note(&mut self, line: &str) {
        self.trace.push(format!("{:>6} ms: {line}", self.now));
    }

    pub(super) fn ask(&mut self, ask: Ask) -> Request {
        let request = Request {
            id: self.requests.len(),
            ask,
            began: self.event(),
        };
        self.requests.push(request);
        self.note(&format!("r{} {ask:?}", request.id));
        request
    }

    /// The requests that the origin has not answered and somebody waits for.
    pub(super) fn waiting(&self) -> Vec<usize> {
        let waits = |exchange: &&Exchange| {
            let gate = exchange.gate.as_ref();
            gate.is_some_and(|gate| !gate.is_closed())
        };
        let waiting = self.exchanges.iter().filter(waits);
        waiting.map(|exchange| exchange.id).collect()
    }

    /// The bodies that are on their way.
    pub(super) fn bodies(&self) -> Vec<usize> {
        let open = |exchange: &&Exchange| {
            let body = exchange.body.as_ref();
            body.is_some_and(|body| !body.is_closed())
        };
        let open = self.exchanges.iter().filter(open);
        open.map(|exchange| exchange.id).collect()
    }

    /// The origin decides what it says.
    pub(super) fn answer(&mut self, id: usize, answer: Answer) {
        let event = self.event();
        let exchange = &mut self.exchanges[id];
        let safe = exchange.ask.verb.is_safe();
        let (status, content) = match (answer.kind, exchange.known) {
            (Kind::Content, _) if !safe => (Some(204), id),
            (Kind::Confirm, _) if !safe => (Some(303), id),
            (Kind::Confirm, Some(known)) => (Some(304), known),
            (Kind::Content | Kind::Confirm, _) => (Some(200), id),
            (Kind::Fail, _) => (Some(503), id),
            (Kind::HangUp, _) => (None, id),
        };
        let names = Names {
            tags: answer.tags,
            group: answer.group,
            ..Names::of_path(exchange.ask.path)
        };
        exchange.answered = Some(event);
        exchange.said = Some(Said {
            answer,
            status,
            content,
            names,
        });
        if let Some(gate) = exchange.gate.take() {
            // Whoever waited may have left.
            let _ = gate.send(());
        }
        self.note(&format!("    x{id} is answered: {status:?} {answer:?}"));
    }

    /// An unsafe request has taken its effect: at some moment since the origin answered it.
    pub(super) fn written(&mut self, request: usize) {
        let of = |exchange: &&Exchange| exchange.request == request;
        let Some(exchange) = self.exchanges.iter().find(of) else {
            return;
        };
        let Ask { path, instance, .. } = exchange.ask;
        let said = exchange.said.as_ref();
        if said.is_some_and(|said| said.status == Some(503)) {
            return;
        }
        let group = said.is_some_and(|said| said.answer.group && said.status.is_some());
        let names = Names {
            group,
            ..Names::of_path(path)
        };
        let answered = exchange.answered;
        let done = self.event();
        self.purges.push(Purge {
            names,
            soft: false,
            instance,
            from: answered.unwrap_or(done),
            done,
            at: self.now,
            written: None,
            heard: None,
            lost: false,
            vouches: false,
        });
        self.note(&format!("    r{request} has invalidated {names:?}"));
    }

    /// A purger has done this.
    pub(super) fn purged(&mut self, purging: &Purging, instance: usize, lost: bool) {
        let done = self.event();
        self.purges.push(Purge {
            names: purging.target.names(),
            soft: purging.soft,
            instance,
            from: done,
            done,
            at: self.now,
            written: None,
            heard: None,
            lost,
            vouches: !lost,
        });
    }

    /// Whoever follows the journal has done so, as far as it can be reached and does not hold back what it has.
    pub(super) fn settled(&mut self, failing: bool, held: bool) {
        let event = self.event();
        if failing {
            return;
        }
        let now = self.now;
        let unwritten = |purge: &&mut Purge| purge.written.is_none();
        for purge in self.purges.iter_mut().filter(unwritten) {
            purge.written = Some(event);
            if matches!(self.place, Place::Remote(_)) {
                // Those who read it there have it from the moment when it was written down.
                purge.at = now;
            }
        }
        if held {
            return;
        }
        let vouched = self.purges.iter().rposition(|purge| purge.vouches);
        for (place, purge) in self.purges.iter_mut().enumerate() {
            let heard = !purge.lost || vouched.is_some_and(|vouched| place < vouched);
            if heard && purge.heard.is_none() {
                purge.heard = Some(event);
            }
        }
    }
}
