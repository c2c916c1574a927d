//! Records for tests of stores.

use std::{sync::Arc, time::Duration};

use super::{
    record::{Device, Life, Record},
    user::UserId,
};

/// A [`Record`] for tests of a store. Without more words it is nobody's, empty, and never over.
///
/// ```
/// use tower_keep::{minutes, session::UserId, test_util::SampleRecord};
///
/// let record = SampleRecord::new().user("u1").idle(minutes(30)).value("cart", "[1,2]").record();
/// assert_eq!(record.user(), Some(&UserId::from("u1")));
/// ```
#[derive(Clone, Debug)]
pub struct SampleRecord(Record);

impl SampleRecord {
    /// Nobody's, empty, never over.
    #[must_use]
    pub fn new() -> Self {
        let life = Life {
            idle: None,
            absolute: None,
        };
        Self(Record::new(life, Device::default()))
    }

    /// Whose session it is.
    #[must_use]
    pub fn user(mut self, user: impl Into<UserId>) -> Self {
        self.0.user = Some(user.into());
        self
    }

    /// How long it lives without activity.
    #[must_use]
    pub fn idle(mut self, time: Duration) -> Self {
        self.0.life.idle = Some(time);
        self
    }

    /// How long it lives at all.
    #[must_use]
    pub fn absolute(mut self, time: Duration) -> Self {
        self.0.life.absolute = Some(time);
        self
    }

    /// With a value, as JSON.
    #[must_use]
    pub fn value(mut self, name: &str, json: &str) -> Self {
        self.0.values.set(&Arc::from(name), Arc::from(json));
        self
    }

    /// For as long as another one.
    #[cfg(test)]
    pub(crate) fn living_as(mut self, other: &Record) -> Self {
        self.0.life = other.life;
        self
    }

    /// What is to be stored.
    #[must_use]
    pub fn record(self) -> Record {
        self.0
    }
}

/// To change one that was loaded.
impl From<Record> for SampleRecord {
    fn from(record: Record) -> Self {
        Self(record)
    }
}

impl Record {
    /// Whether there is a value of that name.
    pub(crate) fn has_value(&self, name: &str) -> bool {
        self.values.get(name).is_some()
    }
}

impl Default for SampleRecord {
    fn default() -> Self {
        Self::new()
    }
}
