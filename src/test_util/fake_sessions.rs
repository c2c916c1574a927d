use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    clock::Clock,
    session::{
        Admission, Created, Loaded, MemorySessions, Population, Record, SessionKey, SessionStore,
        StoreError, Swapped, Timestamp, UserId, UsersAsked,
    },
};

/// A remote store of sessions that is as slow as it is told and fails when it is told. Clones are connections to the
/// same server: two instances of an application see the same sessions.
///
/// [`SessionStore::load_now`] never has an answer. Each call is on its way to the server for half of the
/// [latency](Self::latency), is carried out there, and its answer is on its way back for the other half; a call that is
/// dropped in between has taken place or not, accordingly. Records are written down and read again, as a server makes
/// it necessary.
///
/// ```
/// use tower_keep::{
///     session::{SessionKey, SessionStore},
///     test_util::{FakeRemoteSessions, ManualClock, SessionCall},
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tower_keep::session::StoreError> {
/// let store = FakeRemoteSessions::new(ManualClock::new().clock());
/// let key = SessionKey::from_bytes([7; 32]);
///
/// store.fail_next(1);
/// assert!(store.load(&key).await.unwrap_err().is_unavailable());
/// assert!(store.load(&key).await?.is_none());
/// assert_eq!(store.calls(SessionCall::Load), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct FakeRemoteSessions {
    server: Arc<Server>,
    clock: Clock,
}

/// What a [`FakeRemoteSessions`] is asked to do: the method of [`SessionStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionCall {
    /// [`SessionStore::load`]
    Load,
    /// [`SessionStore::create`]
    Create,
    /// [`SessionStore::swap`]
    Swap,
    /// [`SessionStore::touch`]
    Touch,
    /// [`SessionStore::remove`]
    Remove,
    /// [`SessionStore::sessions_of`]
    SessionsOf,
    /// [`SessionStore::users`]
    Users,
    /// [`SessionStore::expired`]
    Expired,
    /// [`SessionStore::population`]
    Population,
}

/// So many kinds of calls there are.
const CALLS: usize = 9;

impl SessionCall {
    fn changes(self) -> bool {
        matches!(self, Self::Create | Self::Swap | Self::Touch | Self::Remove)
    }
}

type OnCall = Arc<dyn Fn(SessionCall, Option<&SessionKey>) + Send + Sync>;

struct Server {
    sessions: MemorySessions,
    state: Mutex<State>,
    held: watch::Sender<Held>,
    calls: [AtomicUsize; CALLS],
}

#[derive(Default)]
struct State {
    latency: Duration,
    fail_next: usize,
    fail_all: bool,
    lose_answers: bool,
    on_call: Option<OnCall>,
}

/// What the server does not get to.
#[derive(Default)]
struct Held {
    all: bool,
    kinds: HashSet<SessionCall>,
}

impl FakeRemoteSessions {
    /// An empty store that answers at once.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self::over(MemorySessions::new(), clock)
    }

    /// A server which keeps no more than this empty store does.
    #[must_use]
    pub fn over(sessions: MemorySessions, clock: Clock) -> Self {
        let server = Server {
            sessions: sessions.clock(clock.clone()),
            state: Mutex::default(),
            held: watch::Sender::default(),
            calls: Default::default(),
        };
        Self {
            server: Arc::new(server),
            clock,
        }
    }

    /// How long it takes on the clock until a call is answered, for all clones.
    #[must_use]
    pub fn latency(self, latency: Duration) -> Self {
        self.state().latency = latency;
        self
    }

    /// The next `calls` calls do nothing and fail as [unavailable](StoreError::is_unavailable), after the latency.
    pub fn fail_next(&self, calls: usize) {
        self.state().fail_next = calls;
    }

    /// Whether all calls fail, as with [`Self::fail_next`].
    pub fn fail_all(&self, fail: bool) {
        self.state().fail_all = fail;
    }

    /// Whether the server gets to nothing that arrives, until this is taken back.
    pub fn hang(&self, hang: bool) {
        self.server.held.send_modify(|held| held.all = hang);
    }

    /// Whether the server gets to no call of this kind that arrives, until this is taken back.
    pub fn hold(&self, call: SessionCall, hold: bool) {
        self.server.held.send_modify(|held| {
            if hold {
                held.kinds.insert(call);
            } else {
                held.kinds.remove(&call);
            }
        });
    }

    /// Whether changes that are carried out are answered with a [timeout](StoreError::is_timeout) all the same, as when
    /// the connection breaks after the command has arrived.
    pub fn lose_answers(&self, lose: bool) {
        self.state().lose_answers = lose;
    }

    /// Calls `act` whenever the server gets to a call, before it is carried out. To be another client that comes in
    /// between, it may use [`behind`](Self::behind).
    pub fn on_call(&self, act: impl Fn(SessionCall, Option<&SessionKey>) + Send + Sync + 'static) {
        self.state().on_call = Some(Arc::new(act));
    }

    /// What the server keeps, without the way to it: its calls are ready at once and do not fail.
    #[must_use]
    pub fn behind(&self) -> &MemorySessions {
        &self.server.sessions
    }

    /// How often the server was called like that, whether or not it has answered.
    #[must_use]
    pub fn calls(&self, call: SessionCall) -> usize {
        self.server.calls[call as usize].load(Ordering::SeqCst)
    }

    /// How often the server was called.
    #[must_use]
    pub fn all_calls(&self) -> usize {
        let calls = self.server.calls.iter();
        calls.map(|calls| calls.load(Ordering::SeqCst)).sum()
    }

    /// All that the server keeps, as whoever steals it reads it: the bytes of each key, and the record as JSON.
    ///
    /// # Panics
    /// If a record cannot be written down, which would be an error of this crate.
    #[must_use]
    pub fn dump(&self) -> Vec<u8> {
        let mut dump = Vec::new();
        for (key, record) in self.server.sessions.all() {
            dump.extend_from_slice(key.as_bytes());
            dump.extend(
                serde_json::to_vec(&*record).expect("a record has nothing but texts and numbers"),
            );
            dump.push(b'\n');
        }
        dump
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.server.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits as long as half of the way takes.
    async fn travel(&self) {
        let time = self.state().latency / 2;
        if !time.is_zero() {
            self.clock.sleep(time).await;
        }
    }

    /// A call's way to the server and back, which does `act` unless it fails.
    async fn call<T>(
        &self,
        call: SessionCall,
        key: Option<&SessionKey>,
        act: impl AsyncFnOnce(&MemorySessions) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.server.calls[call as usize].fetch_add(1, Ordering::SeqCst);
        let fails = self.state().is_failing();
        self.travel().await;
        let mut held = self.server.held.subscribe();
        held.wait_for(|held| !held.all && !held.kinds.contains(&call))
            .await
            .expect("the sender lives in `self`");
        if fails {
            self.travel().await;
            return Err(StoreError::unavailable("the fake store was told to fail"));
        }
        let on_call = self.state().on_call.clone();
        if let Some(on_call) = on_call {
            on_call(call, key);
        }
        let done = act(&self.server.sessions).await;
        self.travel().await;
        if call.changes() && self.state().lose_answers {
            return Err(StoreError::timeout());
        }
        done
    }
}

impl State {
    fn is_failing(&mut self) -> bool {
        let next = self.fail_next > 0;
        self.fail_next = self.fail_next.saturating_sub(1);
        self.fail_all || next
    }
}

/// The record as it comes out of what it is written down as.
fn written(record: &Record) -> Result<Record, StoreError> {
    let json = serde_json::to_vec(record).map_err(StoreError::unavailable)?;
    serde_json::from_slice(&json).map_err(StoreError::unavailable)
}

impl SessionStore for FakeRemoteSessions {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.call(SessionCall::Load, Some(key), async |server| {
            server.load(key).await
        })
        .await
    }

    async fn create(
        &self,
        key: &SessionKey,
        record: Record,
        admission: &Admission,
    ) -> Result<Created, StoreError> {
        let record = written(&record)?;
        self.call(SessionCall::Create, Some(key), async |server| {
            server.create(key, record, admission).await
        })
        .await
    }

    async fn swap(
        &self,
        key: &SessionKey,
        version: u64,
        record: Option<Arc<Record>>,
    ) -> Result<Swapped, StoreError> {
        let record = record.as_deref().map(written).transpose()?;
        self.call(SessionCall::Swap, Some(key), async |server| {
            server.swap(key, version, record.map(Arc::new)).await
        })
        .await
    }

    async fn touch(&self, key: &SessionKey) -> Result<bool, StoreError> {
        self.call(SessionCall::Touch, Some(key), async |server| {
            server.touch(key).await
        })
        .await
    }

    async fn remove(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.call(SessionCall::Remove, Some(key), async |server| {
            server.remove(key).await
        })
        .await
    }

    async fn sessions_of(&self, user: &UserId) -> Result<Vec<(SessionKey, Loaded)>, StoreError> {
        self.call(SessionCall::SessionsOf, None, async |server| {
            server.sessions_of(user).await
        })
        .await
    }

    async fn users(&self, asked: &UsersAsked) -> Result<Vec<(UserId, Timestamp)>, StoreError> {
        self.call(SessionCall::Users, None, async |server| {
            server.users(asked).await
        })
        .await
    }

    async fn expired(&self, limit: usize) -> Result<Vec<(SessionKey, Arc<Record>)>, StoreError> {
        self.call(SessionCall::Expired, None, async |server| {
            server.expired(limit).await
        })
        .await
    }

    async fn population(&self) -> Result<Population, StoreError> {
        self.call(SessionCall::Population, None, async |server| {
            server.population().await
        })
        .await
    }
}

/// Shows nothing of what is kept.
impl fmt::Debug for FakeRemoteSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeRemoteSessions").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
