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
        record: Option<Record>,
    ) -> Result<Swapped, StoreError> {
        let record = record.as_ref().map(written).transpose()?;
        self.call(SessionCall::Swap, Some(key), async |server| {
            server.swap(key, version, record).await
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
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::{duration::seconds, session::sample::SampleRecord, test_util::ManualClock};

    const KEY: SessionKey = SessionKey::from_bytes([7; 32]);

    fn store() -> (FakeRemoteSessions, ManualClock) {
        let time = ManualClock::new();
        (FakeRemoteSessions::new(time.clock()), time)
    }

    async fn create(store: &FakeRemoteSessions) -> Result<Created, StoreError> {
        let record = SampleRecord::new().value("cart", "[1]").record();
        store.create(&KEY, record, &Admission::default()).await
    }

    fn is_there(store: &FakeRemoteSessions) -> bool {
        let loaded = store.behind().load(&KEY).now_or_never();
        loaded.unwrap().unwrap().is_some()
    }

    #[tokio::test]
    async fn two_connections_see_the_same_sessions_and_count_together() {
        let (store, _) = store();
        let other = store.clone();
        create(&store).await.unwrap();
        assert!(other.load_now(&KEY).is_none(), "it has to be asked");
        assert!(other.load(&KEY).await.unwrap().is_some());
        assert_eq!(store.calls(SessionCall::Create), 1);
        assert_eq!(store.calls(SessionCall::Load), 1);
        assert_eq!((store.calls(SessionCall::Swap), store.all_calls()), (0, 2));
    }

    #[test]
    fn a_call_takes_place_in_the_middle_of_its_way() {
        let (store, time) = store();
        let store = store.latency(seconds(2));
        let mut call = Box::pin(create(&store));
        assert!((&mut call).now_or_never().is_none());
        time.advance(seconds(1) - Duration::from_millis(1));
        assert!((&mut call).now_or_never().is_none() && !is_there(&store));
        time.advance(Duration::from_millis(1));
        assert!((&mut call).now_or_never().is_none() && is_there(&store));
        time.advance(seconds(1));
        assert!(call.now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn it_fails_as_often_as_it_is_told() {
        let (store, _) = store();
        store.fail_next(2);
        assert!(create(&store).await.unwrap_err().is_unavailable());
        assert!(store.population().await.is_err());
        assert!(!is_there(&store), "nothing was stored");
        assert!(store.population().await.is_ok());
        store.fail_all(true);
        assert!(create(&store).await.is_err() && create(&store).await.is_err());
        store.fail_all(false);
        assert!(create(&store).await.is_ok());
    }

    #[tokio::test]
    async fn a_lost_answer_is_a_timeout_of_a_change_that_took_place() {
        let (store, _) = store();
        store.lose_answers(true);
        assert!(create(&store).await.unwrap_err().is_timeout());
        assert!(store.load(&KEY).await.unwrap().is_some());
        assert!(store.touch(&KEY).await.unwrap_err().is_timeout());
        assert!(store.remove(&KEY).await.unwrap_err().is_timeout());
        assert!(!is_there(&store));
    }

    #[tokio::test]
    async fn what_is_held_goes_on_when_it_is_let() {
        let (store, _) = store();
        store.hold(SessionCall::Create, true);
        let mut held = Box::pin(create(&store));
        assert!((&mut held).now_or_never().is_none());
        assert!(store.load(&KEY).await.unwrap().is_none());
        store.hold(SessionCall::Create, false);
        assert!(held.await.is_ok());
        store.hang(true);
        let mut load = Box::pin(store.load(&KEY));
        assert!((&mut load).now_or_never().is_none());
        store.hang(false);
        assert!(load.await.unwrap().is_some());
    }

    #[tokio::test]
    async fn somebody_may_come_in_between() {
        let (store, _) = store();
        create(&store).await.unwrap();
        let behind = store.behind().clone();
        store.on_call(move |call, key| {
            if let (SessionCall::Touch, Some(key)) = (call, key) {
                behind.remove(key).now_or_never();
            }
        });
        assert!(!store.touch(&KEY).await.unwrap(), "removed before that");
    }

    #[tokio::test]
    async fn all_that_it_keeps_is_in_the_dump() {
        let (store, time) = store();
        let record = SampleRecord::new()
            .user("u1")
            .idle(seconds(1))
            .value("cart", "[1]");
        let nobody = Admission::default();
        store.create(&KEY, record.record(), &nobody).await.unwrap();
        for over in [false, true] {
            let dump = store.dump();
            let has = |bytes: &[u8]| dump.windows(bytes.len()).any(|part| part == bytes);
            assert!(
                has(KEY.as_bytes()) && has(b"cart") && has(b"[1]") && has(b"u1"),
                "{over}"
            );
            time.advance(seconds(1));
            assert!(
                !store.touch(&KEY).await.unwrap(),
                "it is over, and not told of"
            );
        }
        store.expired(1).await.unwrap();
        assert!(store.dump().is_empty());
    }
}
