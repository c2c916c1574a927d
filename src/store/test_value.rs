//! The value that the tests of stores put into them.

use std::{sync::Arc, time::Duration};

use super::{Change, Stored};
use crate::key::Key;

/// A value of any weight that takes no memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) key: Arc<[u8]>,
    pub(crate) weight: usize,
    pub(crate) number: u64,
}

impl Value {
    pub(crate) fn of(key: &str, weight: usize) -> (Key, Self) {
        let value = Self {
            key: key.as_bytes().into(),
            weight,
            number: 0,
        };
        (Key::new(key.as_bytes()), value)
    }
}

impl Stored for Value {
    fn key(&self) -> &[u8] {
        &self.key
    }

    fn weight(&self) -> usize {
        self.weight
    }
}

/// The change that puts this value whatever there is.
pub(crate) fn put(value: &Value) -> impl FnMut(Option<&Value>) -> Change<Value> + Send + use<> {
    let value = value.clone();
    move |_| Change::Put {
        value: value.clone(),
        retain: Duration::MAX,
    }
}

/// The change that adds one to the number of the value, starting from `value`.
pub(crate) fn increment(
    value: &Value,
) -> impl FnMut(Option<&Value>) -> Change<Value> + Send + use<> {
    let value = value.clone();
    move |current| {
        let mut value = current.unwrap_or(&value).clone();
        value.number += 1;
        Change::Put {
            value,
            retain: Duration::MAX,
        }
    }
}
