//! Whose the sessions are.
//!
//! What is said here of a session (that it is there, when it was last active, when it is over) is changed under the
//! lock of the session's shard, so that it is never behind: a cap is kept by a look at this index alone.

use std::{collections::BTreeMap, hash::BuildHasher, ops::Bound};

use foldhash::fast::RandomState;

use super::super::{
    super::{id::SessionKey, time::Timestamp, user::UserId},
    Admission, UsersAsked,
};
use crate::sync::{Mutex, MutexGuard, lock};

/// What the index knows of a session.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) seen: Timestamp,
    pub(super) ends: Timestamp,
}

impl Times {
    fn lives(&self, now: Timestamp) -> bool {
        now < self.ends
    }
}

/// The sessions of some users: those of each are neighbours, those of a tenant too.
#[derive(Default)]
pub(super) struct Lists(BTreeMap<(UserId, SessionKey), Times>);

/// A part with cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Own(Mutex<Lists>);

pub(super) struct Users {
    parts: Box<[Own]>,
    hasher: RandomState,
}

/// A node of the standard library's tree has room for so many entries.
const NODE: usize = 11;
/// And holds so many at least, if it is not the root.
const NODE_LEAST: usize = 5;
/// The bytes of a node, with what joins it to others.
const NODE_BYTES: usize =
    NODE * size_of::<((UserId, SessionKey), Times)>() + (NODE + 3) * size_of::<usize>();
/// The bytes that a session takes in a list at most.
pub(super) const BYTES_EACH: usize = NODE_BYTES.div_ceil(NODE_LEAST);
/// The bytes that a part takes with few sessions.
pub(super) const LEAST_BYTES: usize = size_of::<Own>() + NODE_BYTES;

const FIRST: SessionKey = SessionKey::from_bytes([0; 32]);
const LAST: SessionKey = SessionKey::from_bytes([0xFF; 32]);

impl Users {
    /// In so many parts, each with a lock of its own.
    pub(super) fn new(parts: usize) -> Self {
        Self {
            parts: (0..parts).map(|_| Own::default()).collect(),
            hasher: RandomState::default(),
        }
    }

    /// The part in which the sessions of a user are.
    pub(super) fn of(&self, user: &UserId) -> MutexGuard<'_, Lists> {
        lock(&self.parts[self.part(user)].0)
    }

    fn part(&self, user: &UserId) -> usize {
        let hash = self.hasher.hash_one(user) % self.parts.len() as u64;
        usize::try_from(hash).unwrap_or_default()
    }

    /// A session whose user was `before` is one of `after`, with these times. In between it is in both lists rather
    /// than in none.
    pub(super) fn change(
        &self,
        key: &SessionKey,
        before: Option<&UserId>,
        after: Option<&UserId>,
        times: Times,
    ) {
        if let Some(after) = after {
            self.of(after).join(key, after, times);
        }
        if let Some(before) = before
            && Some(before) != after
        {
            self.of(before).leave(key, before);
        }
    }

    pub(super) fn sessions_of(&self, user: &UserId) -> Vec<SessionKey> {
        let lists = self.of(user);
        lists.of(user).map(|(key, _)| *key).collect()
    }

    /// A page of users: the first ones of each part, and the first ones of those.
    pub(super) fn page(&self, asked: &UsersAsked, now: Timestamp) -> Vec<(UserId, Timestamp)> {
        let mut page = Vec::new();
        for part in &self.parts {
            let lists = lock(&part.0);
            page.extend(lists.active(asked, now).take(asked.limit));
        }
        page.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        page.truncate(asked.limit);
        page
    }

    /// How many have sessions that are not over.
    pub(super) fn count(&self, now: Timestamp) -> u64 {
        let all = UsersAsked::default();
        let count = |part: &Own| lock(&part.0).active(&all, now).count() as u64;
        self.parts.iter().map(count).sum()
    }
}

impl Lists {
    pub(super) fn join(&mut self, key: &SessionKey, user: &UserId, times: Times) {
        self.0.insert((user.clone(), *key), times);
    }

    pub(super) fn leave(&mut self, key: &SessionKey, user: &UserId) {
        self.0.remove(&(user.clone(), *key));
    }

    pub(super) fn touch(&mut self, key: &SessionKey, user: &UserId, times: Times) {
        if let Some(known) = self.0.get_mut(&(user.clone(), *key)) {
            *known = times;
        }
    }

    fn of(&self, user: &UserId) -> impl Iterator<Item = (&SessionKey, &Times)> {
        let range = (user.clone(), FIRST)..=(user.clone(), LAST);
        self.0.range(range).map(|((_, key), times)| (key, times))
    }

    /// The least recently active session of a user who may have no other beside those that there are.
    pub(super) fn full(
        &self,
        user: &UserId,
        admission: &Admission,
        now: Timestamp,
    ) -> Option<SessionKey> {
        let cap = usize::try_from(admission.cap?.get()).unwrap_or(usize::MAX);
        let counts = |(key, times): &(&SessionKey, &Times)| {
            times.lives(now) && Some(*key) != admission.instead_of.as_ref()
        };
        let all = || self.of(user).filter(counts);
        if all().count() < cap {
            return None;
        }
        let oldest = all().min_by_key(|(_, times)| times.seen)?;
        Some(*oldest.0)
    }

    /// Users with sessions that are not over, and when they were last active, in order.
    fn active(
        &self,
        asked: &UsersAsked,
        now: Timestamp,
    ) -> impl Iterator<Item = (UserId, Timestamp)> {
        let mut sessions = self.0.range(range(asked)).peekable();
        let next = std::iter::from_fn(move || {
            let ((user, _), times) = sessions.next()?;
            let mut seen = times.lives(now).then_some(times.seen);
            while let Some((_, times)) = sessions.next_if(|((next, _), _)| next == user) {
                seen = seen.max(times.lives(now).then_some(times.seen));
            }
            Some((user, seen))
        });
        let tenant = asked.tenant.clone();
        let since = asked.since;
        next.take_while(move |(user, _)| tenant.is_none() || user.tenant() == tenant.as_deref())
            .filter_map(move |(user, seen)| {
                Some((user.clone(), seen.filter(|seen| *seen >= since)?))
            })
    }
}

type Place = (UserId, SessionKey);

/// From the user after the one that the last page has ended with, or the first one of the tenant.
fn range(asked: &UsersAsked) -> (Bound<Place>, Bound<Place>) {
    let tenant = asked.tenant.as_ref();
    let first = tenant.map(|tenant| UserId::new("").in_tenant(tenant.clone()));
    let begin = match (first, &asked.after) {
        (Some(first), Some(after)) if *after < first => Bound::Included((first, FIRST)),
        (_, Some(after)) => Bound::Excluded((after.clone(), LAST)),
        (Some(first), None) => Bound::Included((first, FIRST)),
        (None, None) => Bound::Unbounded,
    };
    (begin, Bound::Unbounded)
}
