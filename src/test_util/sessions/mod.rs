//! What a [`SessionStore`] must do, as a test that any store can be put to.
//!
//! [`check`] makes a store for each rule in turn and tries to find it breaking the rule, alone and with many tasks at
//! the same time. It takes a tokio runtime; one of several threads finds more.
//!
//! ```
//! use tower_keep::{
//!     session::MemorySessions,
//!     test_util::{ManualClock, sessions::{self, Subject}},
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! sessions::check(async || {
//!     let time = ManualClock::new();
//!     let store = MemorySessions::new().clock(time.clock());
//!     Subject::new(store, move |by| {
//!         time.advance(by);
//!         std::future::ready(())
//!     })
//! })
//! .await;
//! # }
//! ```
//!
//! A store with a server of its own has a clock of its own, and time passes there by waiting:
//! `Subject::new(store, tokio::time::sleep)`. Keys, users and tenants are random: the server need not be empty.

mod cap;
mod changes;
mod creation;
mod lists;
#[cfg(test)]
mod tests;
mod time;
mod users;

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use tokio::task::JoinSet;

use crate::{
    error::StoreError,
    session::{
        Admission, Created, Loaded, Record, SessionKey, SessionStore, Swapped, Timestamp, UserId,
        sample::SampleRecord,
    },
};

/// How long sessions live that are to end during a check.
const LIFE: Duration = Duration::from_millis(300);
/// So many tasks do something at once.
const TASKS: usize = 20;
/// So often what goes wrong by chance alone is tried.
const ROUNDS: usize = 20;

/// A store to be checked, and how time passes for it.
pub struct Subject<S> {
    store: Arc<S>,
    pass: Pass,
}

type Pass = Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

impl<S: SessionStore> Subject<S> {
    /// This store. `pass` is done when so much time has passed by the store's clock.
    pub fn new<F>(store: S, pass: impl Fn(Duration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self {
            store: Arc::new(store),
            pass: Arc::new(move |by| Box::pin(pass(by))),
        }
    }
}

impl<S> Clone for Subject<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            pass: Arc::clone(&self.pass),
        }
    }
}

impl<S> fmt::Debug for Subject<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").finish_non_exhaustive()
    }
}

/// A rule that a store has broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    rule: &'static str,
    how: String,
}

impl Broken {
    /// The rule.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.how)
    }
}

/// Checks a store against all rules; `make` makes a new one for each.
///
/// # Panics
/// If a rule is broken: the message names all that are.
pub async fn check<S: SessionStore>(make: impl AsyncFn() -> Subject<S>) {
    let broken: Vec<String> = find_broken(make)
        .await
        .iter()
        .map(|broken| format!("- {broken}"))
        .collect();
    assert!(
        broken.is_empty(),
        "the store breaks rules:\n{}",
        broken.join("\n")
    );
}

/// The rules that a store breaks, as far as that is found out.
pub async fn find_broken<S: SessionStore>(make: impl AsyncFn() -> Subject<S>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for Case { rule, run } in cases() {
        if let Err(How(how)) = run(make().await).await {
            broken.push(Broken { rule, how });
        }
    }
    broken
}

struct Case<S> {
    rule: &'static str,
    run: Run<S>,
}

type Run<S> = Box<dyn Fn(Subject<S>) -> Pin<Box<dyn Future<Output = Outcome>>>>;
type Outcome<T = ()> = Result<T, How>;

/// How a rule is broken.
#[derive(Debug)]
struct How(String);

impl From<StoreError> for How {
    fn from(error: StoreError) -> Self {
        Self(format!("a call failed: {error}"))
    }
}

/// Ends a case, unless something is so.
macro_rules! demand {
    ($is_so:expr, $($how:tt)+) => {
        if !$is_so {
            return Err($crate::test_util::sessions::How(format!($($how)+)));
        }
    };
}
use demand;

fn case<S, F>(rule: &'static str, run: impl Fn(Subject<S>) -> F + 'static) -> Case<S>
where
    F: Future<Output = Outcome> + 'static,
{
    Case {
        rule,
        run: Box::new(move |subject| Box::pin(run(subject))),
    }
}

fn cases<S: SessionStore>() -> Vec<Case<S>> {
    let parts = [
        creation::cases(),
        changes::cases(),
        time::cases(),
        lists::cases(),
        users::cases(),
        cap::cases(),
    ];
    parts.into_iter().flatten().collect()
}

/// What cases have in common.
impl<S: SessionStore> Subject<S> {
    async fn pass(&self, time: Duration) {
        (self.pass)(time).await;
    }

    async fn create(&self, record: SampleRecord) -> Outcome<(SessionKey, Loaded)> {
        let key = new_key();
        Ok((key, self.create_at(&key, record.record()).await?))
    }

    async fn create_at(&self, key: &SessionKey, record: Record) -> Outcome<Loaded> {
        match self.try_create(key, record).await? {
            Created::Stored(loaded) => Ok(loaded),
            other => Err(How(format!("a new session is not stored: {other:?}"))),
        }
    }

    async fn try_create(&self, key: &SessionKey, record: Record) -> Outcome<Created> {
        let anyone = Admission::default();
        Ok(self.store.create(key, record, &anyone).await?)
    }

    async fn swap(
        &self,
        key: &SessionKey,
        version: u64,
        record: impl Into<Option<Record>>,
    ) -> Outcome<Swapped> {
        Ok(self
            .store
            .swap(key, version, record.into().map(Arc::new))
            .await?)
    }

    /// A change that nothing speaks against.
    async fn change(&self, key: &SessionKey, version: u64, record: Record) -> Outcome<Loaded> {
        match self.swap(key, version, record).await? {
            Swapped::Stored(loaded) => Ok(loaded),
            other => Err(How(format!(
                "the version that is there is not replaced: {other:?}"
            ))),
        }
    }

    async fn load(&self, key: &SessionKey) -> Outcome<Option<Loaded>> {
        Ok(self.store.load(key).await?)
    }

    /// A session that must be there.
    async fn loaded(&self, key: &SessionKey) -> Outcome<Loaded> {
        let loaded = self.load(key).await?;
        loaded.ok_or_else(|| How("a session is not there that nobody has ended".to_owned()))
    }

    /// The keys of a user's sessions, sorted.
    async fn keys_of(&self, user: &UserId) -> Outcome<Vec<SessionKey>> {
        let sessions = self.store.sessions_of(user).await?;
        let mut keys: Vec<SessionKey> = sessions.into_iter().map(|(key, _)| key).collect();
        keys.sort_unstable();
        Ok(keys)
    }

    /// What the store's clock says.
    async fn now(&self) -> Outcome<Timestamp> {
        let (key, loaded) = self.create(SampleRecord::new()).await?;
        self.store.remove(&key).await?;
        Ok(loaded.now)
    }

    /// What tasks come to that are all begun at once.
    async fn together<T, F>(&self, count: usize, act: impl Fn(Self, usize) -> F) -> Outcome<Vec<T>>
    where
        T: Send + 'static,
        F: Future<Output = Outcome<T>> + Send + 'static,
    {
        let mut tasks = JoinSet::new();
        for number in 0..count {
            tasks.spawn(act(self.clone(), number));
        }
        tasks.join_all().await.into_iter().collect()
    }
}

/// A key that there is none of in the world.
fn new_key() -> SessionKey {
    SessionKey::from_bytes(random())
}

/// A user whom nobody knows.
fn new_user() -> UserId {
    UserId::new(new_name())
}

fn new_name() -> String {
    u128::from_le_bytes(random()).to_string()
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("a test can do nothing without random numbers");
    bytes
}

/// A session of this user.
fn of(user: &UserId) -> SampleRecord {
    SampleRecord::new().user(user.clone())
}

/// A session with something in it.
fn with(name: &str) -> SampleRecord {
    SampleRecord::new().value(name, "true")
}
