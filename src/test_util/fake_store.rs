use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Handle, sync::watch};

use super::fake_journal::FakeJournal;
use crate::{
    clock::Clock,
    key::Key,
    ledger::Ledger,
    store::{Change, Lookup, Store, StoreError, Stored, Updated},
};

/// A remote store that is as slow as it is told and fails when it is told. Clones are connections to the
/// same server: two instances of a service see the same data.
///
/// [`Store::lookup`] always answers [`Lookup::Remote`]. [`Store::get`] takes one round trip; [`Store::update`]
/// takes one to read and one to write what the closure wants, if nobody else has written meanwhile, and
/// begins anew otherwise.
pub struct FakeRemoteStore<V> {
    server: Arc<Server<V>>,
    clock: Clock,
}

struct Server<V> {
    state: Mutex<State<V>>,
    hanging: watch::Sender<bool>,
    gets: AtomicUsize,
    updates: AtomicUsize,
    retries: AtomicUsize,
    journal: Arc<FakeJournal>,
}

struct State<V> {
    slots: HashMap<Vec<u8>, Slot<V>>,
    latency: Duration,
    fail_next: usize,
    fail_all: bool,
    lose_answers: bool,
}

/// What stands under a key. A key that nobody has written has version 0; the slot of a removed value stays,
/// so that a version never comes back.
struct Slot<V> {
    version: u64,
    value: Option<V>,
}

impl<V: Stored> FakeRemoteStore<V> {
    /// An empty store that answers at once.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let state = State {
            slots: HashMap::new(),
            latency: Duration::ZERO,
            fail_next: 0,
            fail_all: false,
            lose_answers: false,
        };
        let server = Server {
            state: Mutex::new(state),
            hanging: watch::Sender::new(false),
            gets: AtomicUsize::new(0),
            updates: AtomicUsize::new(0),
            retries: AtomicUsize::new(0),
            journal: FakeJournal::new(clock.clone()),
        };
        Self {
            server: Arc::new(server),
            clock,
        }
    }

    /// How long a round trip takes on the clock, for all clones.
    #[must_use]
    pub fn latency(self, latency: Duration) -> Self {
        self.state().latency = latency;
        self
    }

    /// The next `calls` calls do nothing and fail as [unavailable](StoreError::is_unavailable), after one
    /// round trip.
    pub fn fail_next(&self, calls: usize) {
        self.state().fail_next = calls;
    }

    /// Whether all calls fail, as with [`Self::fail_next`].
    pub fn fail_all(&self, fail: bool) {
        self.state().fail_all = fail;
    }

    /// Whether the server is silent: every round trip that ends from now on ends when this is taken back.
    pub fn hang(&self, hang: bool) {
        self.server.hanging.send_replace(hang);
    }

    /// Whether updates that are carried out are answered with a [timeout](StoreError::is_timeout) all the
    /// same, as when the connection breaks after the command has arrived.
    pub fn lose_answers(&self, lose: bool) {
        self.state().lose_answers = lose;
    }

    /// Whether nobody hears of what others invalidate until this is taken back, as when a connection hangs. What is
    /// read from the store is judged by what has been written down there all the same.
    pub fn hold_events(&self, hold: bool) {
        self.server.journal.hold(hold);
    }

    /// Nobody hears of the next `events` that are invalidated.
    pub fn lose_events(&self, events: usize) {
        self.server.journal.lose_next(events);
    }

    /// Whether what is heard at once is heard in the wrong order.
    pub fn swap_events(&self, swap: bool) {
        self.server.journal.swap(swap);
    }

    /// Whether nothing can be written down or heard: who invalidates something keeps it until it can be.
    pub fn fail_events(&self, fail: bool) {
        self.server.journal.fail_all(fail);
    }

    /// How often [`Store::get`] was called.
    #[must_use]
    pub fn gets(&self) -> usize {
        self.server.gets.load(Ordering::SeqCst)
    }

    /// How often [`Store::update`] was called.
    #[must_use]
    pub fn updates(&self) -> usize {
        self.server.updates.load(Ordering::SeqCst)
    }

    /// How often an update began anew because somebody else had written meanwhile.
    #[must_use]
    pub fn retries(&self) -> usize {
        self.server.retries.load(Ordering::SeqCst)
    }

    fn state(&self) -> MutexGuard<'_, State<V>> {
        self.server
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits as long as an answer takes.
    async fn round_trip(&self) {
        let latency = self.state().latency;
        if !latency.is_zero() {
            self.clock.sleep(latency).await;
        }
        let mut hanging = self.server.hanging.subscribe();
        hanging
            .wait_for(|hanging| !hanging)
            .await
            .expect("the sender lives in `self`");
    }

    /// Counts a call, and whether it is to fail.
    async fn begin(&self, calls: &AtomicUsize) -> Result<(), StoreError> {
        calls.fetch_add(1, Ordering::SeqCst);
        if !self.state().is_failing() {
            return Ok(());
        }
        self.round_trip().await;
        Err(StoreError::unavailable("the fake store was told to fail"))
    }

    async fn read(&self, key: &Key) -> (u64, Option<V>) {
        self.round_trip().await;
        let state = self.state();
        let slot = state.slots.get(key.as_bytes());
        slot.map_or((0, None), |slot| (slot.version, slot.value.clone()))
    }

    /// Carries the change out if the version is still this one.
    async fn write(&self, key: &Key, version: u64, value: Option<V>) -> bool {
        self.round_trip().await;
        let mut state = self.state();
        let slot = state.slots.entry(key.as_bytes().to_vec()).or_default();
        if slot.version != version {
            return false;
        }
        *slot = Slot {
            version: version + 1,
            value,
        };
        true
    }

    fn answer(&self, updated: Updated) -> Result<Updated, StoreError> {
        if self.state().lose_answers {
            return Err(StoreError::timeout());
        }
        Ok(updated)
    }
}

impl<V> State<V> {
    fn is_failing(&mut self) -> bool {
        let next = self.fail_next > 0;
        self.fail_next = self.fail_next.saturating_sub(1);
        self.fail_all || next
    }
}

impl<V: Stored> Store<V> for FakeRemoteStore<V> {
    fn ledger(&self) -> Ledger {
        let journal = Arc::clone(&self.server.journal);
        let (ledger, following) = Ledger::following(journal, self.clock.clone());
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(following);
        }
        ledger
    }

    fn lookup(&self, _: &Key) -> Lookup<V> {
        Lookup::Remote
    }

    async fn get(&self, key: &Key) -> Result<Option<V>, StoreError> {
        self.begin(&self.server.gets).await?;
        Ok(self.read(key).await.1)
    }

    async fn update<F>(&self, key: &Key, mut change: F) -> Result<Updated, StoreError>
    where
        F: FnMut(Option<&V>) -> Change<V> + Send,
    {
        self.begin(&self.server.updates).await?;
        loop {
            let (version, current) = self.read(key).await;
            let (updated, value) = match change(current.as_ref()) {
                Change::Put { value, .. } => (Updated::Stored, Some(value)),
                Change::Remove if current.is_some() => (Updated::Removed, None),
                Change::Keep | Change::Remove => return self.answer(Updated::Kept),
            };
            if self.write(key, version, value).await {
                return self.answer(updated);
            }
            self.server.retries.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl<V> Clone for FakeRemoteStore<V> {
    fn clone(&self) -> Self {
        Self {
            server: Arc::clone(&self.server),
            clock: self.clock.clone(),
        }
    }
}

impl<V> Default for Slot<V> {
    fn default() -> Self {
        Self {
            version: 0,
            value: None,
        }
    }
}

impl<V> fmt::Debug for FakeRemoteStore<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeRemoteStore").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::join_all};

    use super::*;
    use crate::{
        store::test_value::{Value, increment, put},
        test_util::ManualClock,
    };

    const SECOND: Duration = Duration::from_secs(1);

    fn store() -> (FakeRemoteStore<Value>, Key, Value) {
        let (key, value) = Value::of("a", 300);
        (FakeRemoteStore::new(Clock::system()), key, value)
    }

    #[tokio::test]
    async fn two_connections_see_the_same_data_and_count_together() {
        let (store, key, value) = store();
        let other = store.clone();
        assert_eq!(store.lookup(&key), Lookup::Remote);
        assert_eq!(other.get(&key).await.unwrap(), None);
        assert_eq!(
            store.update(&key, put(&value)).await.unwrap(),
            Updated::Stored
        );
        assert_eq!(other.get(&key).await.unwrap(), Some(value));
        assert_eq!(
            other.update(&key, |_| Change::Remove).await.unwrap(),
            Updated::Removed
        );
        assert_eq!(
            store.update(&key, |_| Change::Remove).await.unwrap(),
            Updated::Kept
        );
        assert_eq!((store.gets(), store.updates()), (2, 3));
    }

    #[test]
    fn a_round_trip_takes_the_latency() {
        let time = ManualClock::new();
        let (key, _) = Value::of("a", 300);
        let store = FakeRemoteStore::<Value>::new(time.clock()).latency(SECOND);
        let mut get = Box::pin(store.get(&key));
        assert!((&mut get).now_or_never().is_none());
        time.advance(SECOND / 2);
        assert!((&mut get).now_or_never().is_none());
        time.advance(SECOND / 2);
        assert_eq!(get.now_or_never().unwrap().unwrap(), None);
        assert_eq!(time.pending_timers(), 0);
    }

    #[tokio::test]
    async fn it_fails_as_often_as_it_is_told() {
        let (store, key, value) = store();
        store.fail_next(2);
        assert!(store.get(&key).await.unwrap_err().is_unavailable());
        assert!(store.update(&key, put(&value)).await.is_err());
        assert_eq!(store.get(&key).await.unwrap(), None, "nothing was stored");
        store.fail_all(true);
        assert!(store.get(&key).await.is_err());
        assert!(store.get(&key).await.is_err());
        store.fail_all(false);
        assert!(store.get(&key).await.is_ok());
    }

    #[tokio::test]
    async fn a_lost_answer_is_a_timeout_of_an_update_that_took_place() {
        let (store, key, value) = store();
        store.lose_answers(true);
        assert!(
            store
                .update(&key, put(&value))
                .await
                .unwrap_err()
                .is_timeout()
        );
        assert_eq!(store.get(&key).await.unwrap(), Some(value));
    }

    #[tokio::test]
    async fn a_hanging_call_goes_on_when_it_is_let() {
        let (store, key, _) = store();
        store.hang(true);
        let mut get = Box::pin(store.get(&key));
        assert!((&mut get).now_or_never().is_none());
        store.hang(false);
        assert_eq!(get.await.unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_update_begins_anew_when_another_was_faster_and_none_is_lost() {
        let (key, value) = Value::of("a", 300);
        let store = FakeRemoteStore::new(Clock::tokio()).latency(SECOND);
        let updates = (0..5).map(|_| store.update(&key, increment(&value)));
        assert!(join_all(updates).await.iter().all(Result::is_ok));
        assert_eq!(store.get(&key).await.unwrap().unwrap().number, 5);
        assert_eq!(store.retries(), 4 + 3 + 2 + 1);
    }
}
