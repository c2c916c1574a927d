//! What the origin has, and the log of what it was asked and what it said.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::sync::Semaphore;

use super::{
    resource::{Policy, Shape, Tag, Varies},
    steps::{Act, Ask},
};

/// 2026-01-01T00:00:00Z, where the clock begins.
pub(super) const BEGINNING: u64 = 1_767_225_600;

/// One resource.
pub(super) struct Resource {
    pub(super) policy: Policy,
    pub(super) shape: Shape,
    pub(super) version: u32,
    pub(super) gone: bool,
    pub(super) next: VecDeque<Act>,
}

/// A request of a client, as it went to the cache.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) id: usize,
    pub(super) ask: Ask,
    pub(super) none_match: Option<String>,
    pub(super) modified_since: Option<String>,
    pub(super) if_range: Option<String>,
    pub(super) began: u64,
    pub(super) began_event: usize,
    /// The version that was there when the last unsafe request was over that had begun and ended before.
    pub(super) floor: u32,
}

/// A request that reached the origin, and what came of it.
pub(super) struct Exchange {
    pub(super) id: usize,
    /// The client's request that brought it.
    pub(super) request: usize,
    pub(super) ask: Ask,
    pub(super) background: bool,
    /// The client had conditions of its own.
    pub(super) conditional: bool,
    pub(super) sent: u64,
    pub(super) sent_event: usize,
    pub(super) answered: Option<(u64, usize)>,
    pub(super) said: Option<Said>,
    /// It is an error instead of a response.
    pub(super) failed: bool,
    /// The resources that it changed, with the versions that they got.
    pub(super) changed: Vec<(usize, u32)>,
    pub(super) body: BodyState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyState {
    Under,
    /// It came to its end in this event,
    Complete(usize),
    /// was over before its length was reached,
    Short(usize),
    /// or broke off.
    Broken(usize),
}

/// What a response says. Of two with the same version, language and client the content is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) version: u32,
    pub(super) lang: Option<&'static str>,
    /// The client whom it is for alone.
    pub(super) client: Option<u8>,
    pub(super) policy: Policy,
    pub(super) shape: Shape,
    /// All of the content, also where only part of it is sent.
    pub(super) content: String,
    pub(super) part: Option<(usize, usize)>,
    /// Where its Date stands, in seconds since the beginning.
    pub(super) date: u64,
    pub(super) breaks: bool,
}

impl Said {
    pub(super) fn tag(&self, uri: usize) -> Option<String> {
        let lang = self.lang.unwrap_or("-");
        let client = self
            .client
            .map_or(String::new(), |client| format!("-c{client}"));
        let tag = format!("\"{uri}-v{}-{lang}{client}\"", self.version);
        match self.shape.tag {
            _ if self.status == 404 => None,
            Tag::None => None,
            Tag::Weak => Some(format!("W/{tag}")),
            Tag::Strong => Some(tag),
        }
    }

    /// Seconds before the beginning; each version has its own.
    pub(super) fn modified(&self) -> Option<u64> {
        let has = self.shape.modified && self.status != 404;
        has.then(|| 600 - u64::from(self.version))
    }
}

/// The origin's state and memory. Times are milliseconds since the beginning, events are numbered.
pub(super) struct World {
    pub(super) resources: Vec<Resource>,
    pub(super) requests: Vec<Request>,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) gates: Vec<Arc<Semaphore>>,
    pub(super) now: u64,
    pub(super) event: usize,
    /// No more faults and waits.
    pub(super) calm: bool,
    pub(super) trace: Vec<String>,
}

/// The world, seen by the origin and by the test.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(super) fn new(resources: &[(Policy, Shape)]) -> Self {
        let resource = |(policy, shape): &(Policy, Shape)| Resource {
            policy: *policy,
            shape: *shape,
            version: 1,
            gone: false,
            next: VecDeque::new(),
        };
        Self(Arc::new(Mutex::new(World {
            resources: resources.iter().map(resource).collect(),
            requests: Vec::new(),
            exchanges: Vec::new(),
            gates: Vec::new(),
            now: 0,
            event: 0,
            calm: false,
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

    pub(super) fn note(&mut self, line: String) {
        self.trace.push(line);
    }

    /// The requests that reached the origin for this one while its client waited.
    pub(super) fn own(&self, request: usize) -> impl DoubleEndedIterator<Item = &Exchange> {
        let own = move |exchange: &&Exchange| exchange.request == request && !exchange.background;
        self.exchanges.iter().filter(own)
    }

    pub(super) fn gate(&mut self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.gates.push(Arc::clone(&gate));
        gate
    }

    /// What there is now for this request, without regard to its conditions and range.
    pub(super) fn representation(&self, ask: &Ask) -> Said {
        let resource = &self.resources[ask.uri];
        let Resource { policy, shape, .. } = *resource;
        let shared = policy.public || policy.s_maxage.is_some() || policy.must_revalidate;
        let personal = policy.private
            || policy.no_store
            || policy.set_cookie
            || policy.marks
            || shape.varies == Varies::Any
            || (ask.auth && !shared);
        let lang = ask.lang.filter(|_| shape.varies == Varies::Language);
        let client = personal.then_some(ask.client);
        let mut said = Said {
            status: if resource.gone { 404 } else { 200 },
            version: resource.version,
            lang,
            client,
            policy,
            shape,
            content: String::new(),
            part: None,
            date: self.now / 1000,
            breaks: false,
        };
        said.content = content(ask.uri, &said);
        said
    }
}

/// Its length is another one for each version.
fn content(uri: usize, said: &Said) -> String {
    let lang = said.lang.unwrap_or("--");
    let owner = said
        .client
        .map_or(String::new(), |client| format!(" for c{client}"));
    let padding = ".".repeat(20 * said.version as usize);
    let what = if said.status == 404 { "gone" } else { "page" };
    format!("{what} /{uri} v{} {lang}{owner} {padding}", said.version)
}
