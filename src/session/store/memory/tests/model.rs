//! Random steps beside a list of sessions that is searched from end to end.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::session::{
    record::{How, Moved},
    store::{
        Population, UsersAsked,
        memory::room::{Room, weigh},
    },
    time::Timestamp,
};

#[derive(Clone, Debug)]
struct Draft {
    user: Option<u8>,
    idle: Option<u64>,
    absolute: Option<u64>,
    text: usize,
    moved: bool,
}

impl Draft {
    #[expect(
        clippy::redundant_clone,
        reason = "a copy has no room to spare, as the store's has none"
    )]
    fn record(&self) -> Record {
        if self.moved {
            let moved = Moved {
                to: key(1_000),
                how: How::Periodic,
            };
            return Record::moved(moved, Duration::from_millis(self.absolute.unwrap_or(100)));
        }
        let mut sample = SampleRecord::new().value("text", &"x".repeat(self.text));
        if let Some(idle) = self.idle {
            sample = sample.idle(Duration::from_millis(idle));
        }
        if let Some(absolute) = self.absolute {
            sample = sample.absolute(Duration::from_millis(absolute));
        }
        if let Some(number) = self.user {
            sample = sample.user(user(number));
        }
        sample.clone().record()
    }
}

fn user(number: u8) -> UserId {
    let user = UserId::new(format!("u{}", number / 3));
    match number % 3 {
        0 => user,
        tenant => user.in_tenant(format!("t{tenant}")),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Create(u64, Draft, u32, u64),
    /// The draft's record in place of the one with this version, or of the one before if it is outdated.
    Swap(u64, Option<Draft>, bool),
    Touch(u64),
    Remove(u64),
    Load(u64),
    SessionsOf(u8),
    Users(UsersAsked),
    Expired(usize),
    Population,
    Wait(u64),
}

fn drafts() -> impl Strategy<Value = Draft> {
    let life = || prop::option::weighted(0.7, 1u64..200);
    let text = prop_oneof![0usize..200, 0usize..4_000];
    let user = prop::option::of(0u8..6);
    (user, life(), life(), text, prop::bool::weighted(0.1)).prop_map(
        |(user, idle, absolute, text, moved)| Draft {
            user,
            idle,
            absolute,
            text,
            moved,
        },
    )
}

fn asked() -> impl Strategy<Value = UsersAsked> {
    let tenant = prop::option::of(0u8..4).prop_map(|tenant| tenant.map(|t| format!("t{t}").into()));
    let after = prop::option::of((0u8..6).prop_map(user));
    (tenant, 0u64..300, after, 0usize..5).prop_map(|(tenant, ago, after, limit)| UsersAsked {
        tenant,
        // Turned into a time when it is asked.
        since: Timestamp::from_millis(ago),
        after,
        limit,
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || 0u64..50;
    let step = prop_oneof![
        16 => (key(), drafts(), 0u32..4, key()).prop_map(|(key, draft, cap, instead_of)| Step::Create(key, draft, cap, instead_of)),
        6 => (key(), prop::option::weighted(0.8, drafts()), prop::bool::weighted(0.2))
            .prop_map(|(key, draft, outdated)| Step::Swap(key, draft, outdated)),
        4 => key().prop_map(Step::Touch),
        1 => key().prop_map(Step::Remove),
        3 => key().prop_map(Step::Load),
        2 => (0u8..6).prop_map(Step::SessionsOf),
        2 => asked().prop_map(Step::Users),
        1 => (0usize..20).prop_map(Step::Expired),
        1 => Just(Step::Population),
        1 => (0u64..60).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..250)
}

#[derive(Clone)]
struct Known {
    key: SessionKey,
    record: Record,
    version: u64,
    seen: Timestamp,
    weight: u64,
}

impl Known {
    fn lives(&self, now: Timestamp) -> bool {
        self.record.ends(self.seen).is_none_or(|ends| now < ends)
    }
}

#[derive(Default)]
struct Model {
    now: Timestamp,
    sessions: Vec<Known>,
    /// What is over, and was not told of.
    over: Vec<Known>,
    most: u64,
    versions: HashSet<(SessionKey, u64)>,
    evicted: u64,
    /// Whether the store may have forgotten what it has not told of.
    forgets: bool,
}

/// What comes of a try to find room.
#[derive(PartialEq)]
enum Fits {
    Yes,
    No,
}

impl Model {
    fn move_on(&mut self, now: Timestamp) {
        self.now = now;
        let (lives, over) = self.sessions.drain(..).partition(|known| known.lives(now));
        self.sessions = lives;
        let over: Vec<Known> = over;
        self.over.extend(over);
    }

    fn find(&mut self, key: &SessionKey) -> Option<&mut Known> {
        self.sessions.iter_mut().find(|known| known.key == *key)
    }

    fn weight(&self) -> u64 {
        self.sessions.iter().map(|known| known.weight).sum()
    }

    /// Makes room for `more` bytes, for a session with a user or without one.
    fn make_room(&mut self, more: u64, has_user: bool, except: Option<&SessionKey>) -> Fits {
        let over: u64 = self.over.iter().map(|known| known.weight).sum();
        self.forgets |= self.weight() + over + more > self.most;
        while self.weight() + more > self.most {
            let others = self
                .sessions
                .iter()
                .filter(|known| Some(&known.key) != except);
            let Some(least) = others
                .filter(|known| has_user || known.record.user.is_none())
                .min_by_key(|known| (known.record.user.is_some(), known.seen))
            else {
                return Fits::No;
            };
            let least = least.key;
            self.sessions.retain(|known| known.key != least);
            self.evicted += 1;
        }
        Fits::Yes
    }

    /// How many sessions of its user there are that count, and the oldest of them.
    fn of_user(&self, user: &UserId, instead_of: &SessionKey) -> (usize, Option<SessionKey>) {
        let theirs = self
            .sessions
            .iter()
            .filter(|known| known.record.user() == Some(user));
        let counted = || theirs.clone().filter(|known| known.key != *instead_of);
        let oldest = counted().min_by_key(|known| known.seen);
        (counted().count(), oldest.map(|known| known.key))
    }

    /// Keeps what the store says that it has stored, if that is right.
    fn keep(&mut self, key: SessionKey, record: Record, loaded: &Loaded) {
        let record = record.stamped(self.now);
        assert_eq!(*loaded.record, record);
        assert_eq!((loaded.seen, loaded.now), (self.now, self.now));
        assert!(
            self.versions.insert((key, loaded.version)),
            "a version comes back"
        );
        self.sessions.retain(|known| known.key != key);
        let weight = weigh(&loaded.record) as u64;
        self.sessions.push(Known {
            key,
            record,
            version: loaded.version,
            seen: self.now,
            weight,
        });
    }

    fn create(&mut self, core: &Core, key: SessionKey, draft: &Draft, admission: &Admission) {
        let record = draft.record();
        let created = core.create(&key, record.clone(), admission);
        let weight = weigh(&record) as u64;
        if weight > core.plan.largest() as u64 {
            return assert!(matches!(created, Created::NoRoom));
        }
        if self.find(&key).is_some() {
            return assert!(matches!(created, Created::Taken));
        }
        if let (Some(user), Some(cap)) = (record.user(), admission.cap) {
            let (count, oldest) = self.of_user(user, &admission.instead_of.unwrap());
            if count >= cap.get() as usize {
                let is_oldest = |told| Some(told) == oldest;
                return assert!(
                    matches!(created, Created::TooMany { oldest } if is_oldest(oldest))
                );
            }
        }
        if self.make_room(weight, record.user.is_some(), admission.instead_of.as_ref()) == Fits::No
        {
            return assert!(matches!(created, Created::NoRoom));
        }
        self.keep(key, record, &stored(created));
    }

    fn swap(&mut self, core: &Core, key: SessionKey, draft: Option<&Draft>, outdated: bool) {
        let known = self.find(&key).cloned();
        let version = known.as_ref().map_or(1, |known| known.version) - u64::from(outdated);
        let record = draft.map(Draft::record);
        let swapped = core.swap(&key, version, record.clone().map(Arc::new));
        let Some(known) = known else {
            return assert!(matches!(swapped, Swapped::Gone));
        };
        if outdated {
            let as_it_is = |loaded: &Loaded| loaded.version == known.version;
            return assert!(matches!(&swapped, Swapped::Changed(loaded) if as_it_is(loaded)));
        }
        let Some(record) = record else {
            self.sessions.retain(|known| known.key != key);
            return assert!(matches!(swapped, Swapped::Removed));
        };
        let weight = weigh(&record) as u64;
        let more = weight.saturating_sub(known.weight);
        let has_user = record.user.is_some();
        if weight > core.plan.largest() as u64
            || (more > 0 && self.make_room(more, has_user, Some(&key)) == Fits::No)
        {
            return assert!(matches!(swapped, Swapped::NoRoom));
        }
        match swapped {
            Swapped::Stored(loaded) => self.keep(key, record, &loaded),
            other => panic!("{other:?}"),
        }
    }

    fn touch(&mut self, core: &Core, key: SessionKey) {
        let now = self.now;
        let known = self.find(&key);
        assert_eq!(core.touch(&key), known.is_some());
        if let Some(known) = known {
            known.seen = now;
        }
    }

    fn check(&mut self, key: &SessionKey, loaded: Option<Loaded>) {
        let now = self.now;
        let known = self.find(key);
        assert_eq!(loaded.is_some(), known.is_some());
        if let (Some(loaded), Some(known)) = (loaded, known) {
            assert_eq!(*loaded.record, known.record);
            assert_eq!(
                (loaded.version, loaded.seen, loaded.now),
                (known.version, known.seen, now)
            );
        }
    }

    fn sessions_of(&mut self, core: &Core, user: &UserId) {
        let theirs = core.sessions_of(user);
        let known = self
            .sessions
            .iter()
            .filter(|known| known.record.user() == Some(user));
        assert_eq!(theirs.len(), known.count());
        for (key, loaded) in theirs {
            assert_eq!(loaded.record.user(), Some(user));
            self.check(&key, Some(loaded));
        }
    }

    fn users(&self) -> Vec<(UserId, Timestamp)> {
        let seen = self.sessions.iter();
        let mut all: Vec<_> = seen
            .filter_map(|known| Some((known.record.user()?.clone(), known.seen)))
            .collect();
        all.sort_by(|one, other| other.cmp(one));
        all.dedup_by(|next, kept| next.0 == kept.0);
        all.reverse();
        all
    }

    fn page(&self, core: &Core, asked: &UsersAsked) {
        let asked = UsersAsked {
            since: self.now - Duration::from_millis(asked.since.as_millis()),
            ..asked.clone()
        };
        let mut users = self.users();
        users.retain(|(user, seen)| {
            *seen >= asked.since
                && asked
                    .tenant
                    .as_deref()
                    .is_none_or(|tenant| user.tenant() == Some(tenant))
                && asked.after.as_ref().is_none_or(|after| user > after)
        });
        users.truncate(asked.limit);
        assert_eq!(core.users(&asked), users);
    }

    fn expired(&mut self, core: &Core, limit: usize) {
        let told = core.expired(limit);
        self.over
            .retain(|known| known.record.moved.is_none() || self.forgets);
        assert!(told.len() <= limit);
        if !self.forgets {
            assert_eq!(told.len(), self.over.len().min(limit));
        }
        for (key, record) in told {
            let is_it = |known: &Known| known.key == key && known.record == *record;
            let at = self
                .over
                .iter()
                .position(is_it)
                .expect("told twice, or never over");
            self.over.remove(at);
        }
    }

    fn population(&self, core: &Core) {
        let sessions = self
            .sessions
            .iter()
            .filter(|known| known.record.moved.is_none());
        let expected = Population {
            sessions: sessions.count() as u64,
            users: self.users().len() as u64,
        };
        assert_eq!(core.population(), expected);
    }

    fn step(&mut self, core: &Core, step: &Step) {
        match step {
            Step::Create(number, draft, most, instead_of) => {
                let admission = Admission {
                    instead_of: Some(key(*instead_of)),
                    ..cap(*most)
                };
                self.create(core, key(*number), draft, &admission);
            }
            Step::Swap(number, draft, outdated) => {
                self.swap(core, key(*number), draft.as_ref(), *outdated);
            }
            Step::Touch(number) => self.touch(core, key(*number)),
            Step::Remove(number) => {
                self.check(&key(*number), core.remove(&key(*number)));
                self.sessions.retain(|known| known.key != key(*number));
            }
            Step::Load(number) => self.check(&key(*number), core.load(&key(*number))),
            Step::SessionsOf(number) => self.sessions_of(core, &user(*number)),
            Step::Users(asked) => self.page(core, asked),
            Step::Expired(limit) => self.expired(core, *limit),
            Step::Population => self.population(core),
            Step::Wait(_) => {}
        }
    }
}

proptest! {
    #[test]
    fn it_does_what_a_list_of_sessions_does(steps in steps()) {
        let stage = Stage::new();
        let core = &stage.core;
        let mut model = Model { most: Room::new(&core.plan).most(), ..Model::default() };
        let mut now = Timestamp::from(stage.time.clock().wall());
        for step in steps {
            // No two things happen at once, so that it is clear what is the oldest.
            let time = Duration::from_millis(if let Step::Wait(time) = step { time + 1 } else { 1 });
            stage.wait(time);
            now = now + time;
            model.move_on(now);
            model.step(core, &step);
            let stats = core.stats();
            prop_assert!(model.weight() <= stats.bytes && stats.bytes <= model.most);
            prop_assert_eq!(stats.evicted_anonymous + stats.evicted_logged_in, model.evicted);
        }
        for number in 0..50 {
            model.check(&key(number), core.load(&key(number)));
            core.remove(&key(number));
        }
        while !core.expired(1).is_empty() {}
        prop_assert_eq!(core.stats().bytes, 0);
        prop_assert_eq!(core.users.count(Timestamp::default()), 0);
    }
}
