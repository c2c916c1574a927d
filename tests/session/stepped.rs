//! A store every call of which takes steps, before and after it is carried out, and which fails where it is told to.

use std::{
    collections::HashMap,
    future::{Future, pending, poll_fn},
    sync::{Arc, Mutex},
    task::Poll,
};

use tower_keep::session::{
    Admission, Created, Loaded, MemorySessions, Population, Record, SessionKey, SessionStore,
    StoreError, Swapped, Timestamp, UserId, UsersAsked,
};

/// What a store is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    Load,
    Create,
    Swap,
    Touch,
    Remove,
    List,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Answered,
    /// It is not carried out.
    Failed,
    /// It is carried out, and nobody learns it.
    Lost,
    /// It never ends.
    Hanging,
}

type Script = Box<dyn FnMut(Call) -> Fate + Send>;

/// Clones are the same store.
#[derive(Clone)]
pub(crate) struct Stepped {
    memory: MemorySessions,
    script: Arc<Mutex<Script>>,
    counts: Arc<Mutex<HashMap<Call, usize>>>,
    written: Arc<Mutex<Vec<String>>>,
}

impl Stepped {
    pub(crate) fn new(memory: &MemorySessions) -> Self {
        Self {
            memory: memory.clone(),
            script: Arc::new(Mutex::new(Box::new(|_| Fate::Answered))),
            counts: Arc::default(),
            written: Arc::default(),
        }
    }

    /// Asks this what becomes of each call.
    pub(crate) fn script(&self, script: impl FnMut(Call) -> Fate + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// All calls are answered.
    pub(crate) fn heal(&self) {
        self.script(|_| Fate::Answered);
    }

    /// The next call of this kind has this fate, and then all are answered.
    pub(crate) fn once(&self, call: Call, fate: Fate) {
        let mut fate = Some(fate);
        self.script(move |asked| match asked == call {
            true => fate.take().unwrap_or(Fate::Answered),
            false => Fate::Answered,
        });
    }

    /// How many calls of this kind there were.
    pub(crate) fn count(&self, call: Call) -> usize {
        let counts = self.counts.lock().unwrap();
        counts.get(&call).copied().unwrap_or_default()
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> usize {
        self.counts.lock().unwrap().values().sum()
    }

    /// All that the store was ever given to keep.
    pub(crate) fn written(&self) -> Vec<String> {
        self.written.lock().unwrap().clone()
    }

    fn note(&self, key: &SessionKey, record: &Record) {
        let text = serde_json::to_string(&(key, record)).expect("a record can be written");
        self.written.lock().unwrap().push(text);
    }

    async fn call<T>(
        &self,
        call: Call,
        carried_out: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        *self.counts.lock().unwrap().entry(call).or_default() += 1;
        let fate = (self.script.lock().unwrap())(call);
        step().await;
        if fate == Fate::Failed {
            return Err(StoreError::unavailable("the script says so"));
        }
        let answer = carried_out.await;
        step().await;
        match fate {
            Fate::Lost => Err(StoreError::timeout()),
            Fate::Hanging => pending().await,
            Fate::Answered | Fate::Failed => answer,
        }
    }
}

/// Lets others go first. It takes two polls, as the first one may be followed by another one at once.
pub(crate) async fn step() {
    let mut steps = 0;
    poll_fn(|cx| {
        steps += 1;
        if steps > 2 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl SessionStore for Stepped {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.call(Call::Load, self.memory.load(key)).await
    }

    async fn create(
        &self,
        key: &SessionKey,
        record: Record,
        admission: &Admission,
    ) -> Result<Created, StoreError> {
        self.note(key, &record);
        let created = self.memory.create(key, record, admission);
        self.call(Call::Create, created).await
    }

    async fn swap(
        &self,
        key: &SessionKey,
        version: u64,
        record: Option<Arc<Record>>,
    ) -> Result<Swapped, StoreError> {
        if let Some(record) = &record {
            self.note(key, record);
        }
        let swapped = self.memory.swap(key, version, record);
        self.call(Call::Swap, swapped).await
    }

    async fn touch(&self, key: &SessionKey) -> Result<bool, StoreError> {
        self.call(Call::Touch, self.memory.touch(key)).await
    }

    async fn remove(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.call(Call::Remove, self.memory.remove(key)).await
    }

    async fn sessions_of(&self, user: &UserId) -> Result<Vec<(SessionKey, Loaded)>, StoreError> {
        let sessions = self.memory.sessions_of(user);
        self.call(Call::List, sessions).await
    }

    async fn users(&self, asked: &UsersAsked) -> Result<Vec<(UserId, Timestamp)>, StoreError> {
        self.call(Call::List, self.memory.users(asked)).await
    }

    async fn expired(&self, limit: usize) -> Result<Vec<(SessionKey, Arc<Record>)>, StoreError> {
        self.memory.expired(limit).await
    }

    async fn population(&self) -> Result<Population, StoreError> {
        self.memory.population().await
    }
}
