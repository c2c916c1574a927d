//! A ledger that follows a [`Journal`], as others do.

use std::{
    collections::VecDeque,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Answer, Held, Journal, Ledger, Opening, Shared,
    cell::Marked,
    event::{Cause, Effect, Event, Name, Subject},
    held::Adoption,
    pattern::Pattern,
};
use crate::{
    clock::{Clock, Moment},
    store::StoreError,
    sync::{Mutex, lock},
};

/// How many events wait for a journal that cannot be reached. Beyond that they become one that means everything.
const OUTBOX: usize = 4096;

/// How long to wait before a journal that failed is asked again.
const RETRY: Duration = Duration::from_millis(200);

/// What a ledger knows of a journal.
pub(super) struct Remote {
    journal: Arc<dyn Journal>,
    /// Which events are its own.
    id: u64,
    /// The position in the journal up to which everything is known here.
    heard: AtomicU64,
    outbox: Mutex<Outbox>,
    has_mail: Arc<Notify>,
    /// Ends the following with the ledger.
    _alive: DropGuard,
}

/// What was invalidated here and does not stand in the journal yet.
#[derive(Default)]
struct Outbox {
    mail: VecDeque<Mail>,
    sent: u64,
}

#[derive(Clone)]
struct Mail {
    number: u64,
    event: Event,
    at: Moment,
}

impl Outbox {
    fn push(&mut self, mut event: Event, at: Moment) {
        if self.mail.len() == OUTBOX {
            self.mail.clear();
            event = Event::everything().of(event.from);
        }
        self.sent += 1;
        self.mail.push_back(Mail {
            number: self.sent,
            event,
            at,
        });
    }

    /// It stands in the journal.
    fn arrived(&mut self, number: u64) {
        self.mail.retain(|mail| mail.number != number);
    }

    fn since(&self, names: &[Name], place: &[u8]) -> Marked {
        let met = |mail: &Mail| mail.event.met(names, place, mail.at);
        self.mail
            .iter()
            .filter_map(met)
            .fold(Marked::Not, Marked::and)
    }
}

impl Remote {
    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Acquire)
    }

    pub(super) fn send(&self, event: &Event, at: Moment) {
        lock(&self.outbox).push(event.clone().of(self.id), at);
        self.has_mail.notify_one();
    }
}

impl Ledger {
    /// A ledger of one of those who share a journal, and what has to be polled for as long as it lives.
    pub(crate) fn following(
        journal: Arc<dyn Journal>,
        clock: Clock,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let ended = CancellationToken::new();
        let has_mail = Arc::new(Notify::new());
        let remote = Remote {
            journal: Arc::clone(&journal),
            // Unlike that of any other process.
            id: RandomState::new().build_hasher().finish(),
            heard: AtomicU64::new(0),
            outbox: Mutex::default(),
            has_mail: Arc::clone(&has_mail),
            _alive: ended.clone().drop_guard(),
        };
        let ledger = Self(Arc::new(Shared {
            remote: Some(remote),
            ..Shared::default()
        }));
        let follower = Follower {
            ledger: Arc::downgrade(&ledger.0),
            journal,
            clock,
            has_mail,
        };
        let following = async move {
            ended.run_until_cancelled_owned(follower.run()).await;
        };
        (ledger, following)
    }

    /// Learns of an event.
    pub(super) fn hear(&self, position: u64, event: &Event, at: Moment) {
        let Some(remote) = &self.0.remote else { return };
        let heard = remote.heard();
        if position > heard + 1 {
            // Something was lost, and nobody knows what it named.
            self.apply(&Event::everything(), at);
        }
        if event.from != remote.id {
            self.apply(event, at);
        }
        remote.heard.fetch_max(position, Ordering::AcqRel);
    }

    /// What something is that another process may have stored.
    pub(crate) async fn adopt(&self, held: &Held) -> Result<Adoption, StoreError> {
        let Some(remote) = &self.0.remote else {
            return Ok(None);
        };
        // Before the journal is asked: what is heard from here on counts.
        let opening = self.begin();
        let known = held.began().heard;
        let (names, place) = (held.names().collect::<Vec<_>>(), held.place().to_vec());
        // First what the journal has not been told yet: it cannot be in neither.
        let untold = lock(&remote.outbox).since(&names, &place);
        let told = remote.journal.since(known, names, place).await?;
        let since = match untold.and(told) {
            Marked::Hard(cause) => return Ok(Some(Err(cause))),
            Marked::Soft(at, _) => Some(at),
            Marked::Not => None,
        };
        let own = self.hold_again(&opening, held);
        // If so much happened meanwhile that it is not known what, it may have been anything.
        let own = own.map(|own| (own.known_since(known), since));
        Ok(Some(own.ok_or(Cause::All)))
    }

    fn hold_again(&self, opening: &Opening, held: &Held) -> Option<Held> {
        let mut names = held.names();
        let resource = names.next()?;
        self.hold(opening, resource, held.place(), names)
    }

    fn heard_upto(&self, position: u64) {
        if let Some(remote) = &self.0.remote {
            remote.heard.fetch_max(position, Ordering::AcqRel);
        }
    }
}

impl Held {
    /// What patterns are compared with.
    fn place(&self) -> &[u8] {
        self.cells.first().map_or(&[], |resource| resource.place())
    }

    /// The same, asked for by somebody who had heard so much of a journal.
    fn known_since(mut self, heard: u64) -> Self {
        self.began.heard = heard;
        self
    }
}

impl Event {
    /// All that is stored, for good.
    fn everything() -> Self {
        let mut event = Self::default();
        event.add(Subject::Pattern(Pattern::all()));
        event
    }

    fn of(mut self, from: u64) -> Self {
        self.from = from;
        self
    }

    /// What it means to something with these names and at this place.
    pub(crate) fn met(&self, names: &[Name], place: &[u8], at: Moment) -> Option<Marked> {
        let meets = |subject: &&Subject| match subject {
            Subject::Pattern(pattern) => pattern.matches(place),
            named => named.name().is_some_and(|name| names.contains(&name)),
        };
        let cause = self.cause(self.subjects().iter().find(meets)?);
        Some(match self.effect {
            Effect::Hard => Marked::Hard(cause),
            Effect::Soft => Marked::Soft(at, cause),
        })
    }
}

impl Marked {
    /// What both mean: the worse, or else the earlier.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Hard(_), _) | (_, Self::Not) => self,
            (Self::Soft(one, _), Self::Soft(two, _)) if one <= two => self,
            (Self::Not | Self::Soft(..), _) => other,
        }
    }
}

/// Hears what others invalidate, and tells them what is invalidated here.
struct Follower {
    ledger: Weak<Shared>,
    journal: Arc<dyn Journal>,
    clock: Clock,
    has_mail: Arc<Notify>,
}

impl Follower {
    async fn run(self) {
        futures_util::join!(self.hear(), self.tell());
    }

    fn ledger(&self) -> Option<Ledger> {
        self.ledger.upgrade().map(Ledger)
    }

    async fn hear(&self) {
        let Some(start) = self.try_until(|| self.journal.position()).await else {
            return;
        };
        let mut after = start;
        if start > 0
            && let Some(ledger) = self.ledger()
        {
            // What happened up to here was not heard.
            ledger.apply(&Event::everything(), self.clock.now());
            ledger.heard_upto(start);
        }
        while let Some(events) = self.try_until(|| self.journal.tail(after)).await {
            let Some(ledger) = self.ledger() else { return };
            for (position, event) in events {
                ledger.hear(position, &event, self.clock.now());
                after = after.max(position);
            }
        }
    }

    async fn tell(&self) {
        loop {
            while let Some(mail) = self.next_mail() {
                // Once more after an answer that was lost: to be told twice harms nobody.
                let append = || self.journal.append(mail.event.clone());
                if self.try_until(append).await.is_none() {
                    return;
                }
                self.arrived(mail.number);
            }
            self.has_mail.notified().await;
        }
    }

    fn next_mail(&self) -> Option<Mail> {
        let ledger = self.ledger()?;
        let outbox = lock(&ledger.0.remote.as_ref()?.outbox);
        outbox.mail.front().cloned()
    }

    fn arrived(&self, number: u64) {
        if let Some(ledger) = self.ledger()
            && let Some(remote) = &ledger.0.remote
        {
            lock(&remote.outbox).arrived(number);
        }
    }

    /// The answer of the journal, once it gives one; `None` if the ledger is gone by then.
    async fn try_until<'a, T>(&'a self, ask: impl Fn() -> Answer<'a, T>) -> Option<T> {
        loop {
            match ask().await {
                Ok(answer) => return Some(answer),
                Err(error) => tracing::warn!(%error, "the journal of invalidations failed"),
            }
            self.clock.sleep(RETRY).await;
            self.ledger()?;
        }
    }
}
