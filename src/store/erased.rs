use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;

use super::{Change, Lookup, Store, StoreError, Stored, Updated};
use crate::{key::Key, ledger::Ledger};

type ErasedChange<'a, V> = &'a mut (dyn FnMut(Option<&V>) -> Change<V> + Send);

/// A [`Store`] whose type is erased. Clones are the same store.
///
/// The synchronous sides cost one virtual call; only where a store has to wait is a future boxed.
pub(crate) struct BoxStore<V>(Arc<dyn ErasedStore<V>>);

impl<V: Stored> BoxStore<V> {
    pub(crate) fn new(store: impl Store<V>) -> Self {
        Self(Arc::new(store))
    }
}

impl<V> Clone for BoxStore<V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V> fmt::Debug for BoxStore<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxStore").finish_non_exhaustive()
    }
}

impl<V: Stored> Store<V> for BoxStore<V> {
    fn max_entry(&self) -> usize {
        self.0.max_entry()
    }

    fn ledger(&self) -> Ledger {
        self.0.ledger()
    }

    fn sweep(&self, is_dead: &mut dyn FnMut(&V) -> bool) -> usize {
        self.0.sweep(is_dead)
    }

    fn lookup(&self, key: &Key) -> Lookup<V> {
        self.0.lookup(key)
    }

    async fn get(&self, key: &Key) -> Result<Option<V>, StoreError> {
        self.0.get(key).await
    }

    fn update_now<F>(&self, key: &Key, mut change: F) -> Option<Result<Updated, StoreError>>
    where
        F: FnMut(Option<&V>) -> Change<V> + Send,
    {
        self.0.update_now(key, &mut change)
    }

    async fn update<F>(&self, key: &Key, mut change: F) -> Result<Updated, StoreError>
    where
        F: FnMut(Option<&V>) -> Change<V> + Send,
    {
        match self.0.update_now(key, &mut change) {
            Some(done) => done,
            None => self.0.update(key, &mut change).await,
        }
    }
}

/// The object-safe twin of [`Store`].
trait ErasedStore<V>: Send + Sync {
    fn max_entry(&self) -> usize;

    fn ledger(&self) -> Ledger;

    fn sweep(&self, is_dead: &mut dyn FnMut(&V) -> bool) -> usize;

    fn lookup(&self, key: &Key) -> Lookup<V>;

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<V>, StoreError>>;

    fn update_now(
        &self,
        key: &Key,
        change: ErasedChange<'_, V>,
    ) -> Option<Result<Updated, StoreError>>;

    fn update<'a>(
        &'a self,
        key: &'a Key,
        change: ErasedChange<'a, V>,
    ) -> BoxFuture<'a, Result<Updated, StoreError>>;
}

impl<V: Stored, S: Store<V>> ErasedStore<V> for S {
    fn max_entry(&self) -> usize {
        Store::max_entry(self)
    }

    fn ledger(&self) -> Ledger {
        Store::ledger(self)
    }

    fn sweep(&self, is_dead: &mut dyn FnMut(&V) -> bool) -> usize {
        Store::sweep(self, is_dead)
    }

    fn lookup(&self, key: &Key) -> Lookup<V> {
        Store::lookup(self, key)
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<V>, StoreError>> {
        Box::pin(Store::get(self, key))
    }

    fn update_now(
        &self,
        key: &Key,
        change: ErasedChange<'_, V>,
    ) -> Option<Result<Updated, StoreError>> {
        Store::update_now(self, key, change)
    }

    fn update<'a>(
        &'a self,
        key: &'a Key,
        change: ErasedChange<'a, V>,
    ) -> BoxFuture<'a, Result<Updated, StoreError>> {
        Box::pin(Store::update(self, key, change))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use crate::{
        store::{
            BoxStore, Change, Lookup, MemoryStore, Store, Updated,
            test_value::{Value, put},
        },
        test_util::{FakeRemoteStore, ManualClock},
    };

    #[test]
    fn memory_behind_the_erasure_answers_and_writes_without_waiting() {
        let memory = MemoryStore::new();
        let (key, value) = Value::of("a", 300);
        let store = BoxStore::new(memory.clone());
        assert_eq!(store.lookup(&key), Lookup::Absent);
        let written = store.update(&key, put(&value)).now_or_never();
        assert_eq!(written.unwrap().unwrap(), Updated::Stored);
        assert_eq!(memory.lookup(&key), Lookup::Found(value));
        let removed = store.update_now(&key, |_| Change::Remove);
        assert_eq!(removed.unwrap().unwrap(), Updated::Removed);
        assert_eq!(store.get(&key).now_or_never().unwrap().unwrap(), None);
    }

    #[tokio::test]
    async fn a_remote_store_behind_the_erasure_is_waited_for() {
        let time = ManualClock::new();
        let remote = FakeRemoteStore::new(time.clock()).latency(Duration::from_secs(1));
        let store = BoxStore::new(remote.clone());
        let (key, value) = Value::of("a", 300);
        assert_eq!(store.lookup(&key), Lookup::Remote);
        assert!(store.update_now(&key, put(&value)).is_none());
        let mut update = Box::pin(store.update(&key, put(&value)));
        assert!((&mut update).now_or_never().is_none());
        time.advance(Duration::from_secs(1));
        assert!((&mut update).now_or_never().is_none());
        time.advance(Duration::from_secs(1));
        assert_eq!(update.await.unwrap(), Updated::Stored);
        assert_eq!(remote.updates(), 1);
    }
}
