//! What is in the cookie.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::session::{record::Life, time::Timestamp, values::Values};

/// The values, and the times that they expire by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) created: Timestamp,
    /// When the session was last used.
    pub(super) seen: Timestamp,
    pub(super) values: Values,
}

/// As it is written: short names, and values as the JSON that they are.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    c: u64,
    s: u64,
    #[serde(borrow)]
    v: BTreeMap<Arc<str>, &'a RawValue>,
}

impl Content {
    /// That of a new session.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            created: now,
            seen: now,
            values: Values::default(),
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let written: Written<'_> = serde_json::from_str(text).ok()?;
        let mut values = Values::default();
        for (name, json) in &written.v {
            values.set(name, json.get().into());
        }
        Some(Self {
            created: Timestamp::from_millis(written.c),
            seen: Timestamp::from_millis(written.s),
            values,
        })
    }

    pub(super) fn to_text(&self) -> String {
        let value = |name| {
            let json = self.values.get(name)?;
            let json = serde_json::from_str(json).expect("values are JSON");
            Some((Arc::from(name), json))
        };
        let written = Written {
            c: self.created.as_millis(),
            s: self.seen.as_millis(),
            v: self.values.names().filter_map(value).collect(),
        };
        serde_json::to_string(&written).expect("names are texts, and values are JSON")
    }

    /// How long it will live if it is not used after `now`; zero if it has ended. [`Duration::MAX`] if there is no limit.
    pub(super) fn left(&self, life: Life, now: Timestamp) -> Duration {
        let idle = life.idle.map(|idle| self.seen + idle);
        let absolute = life.absolute.map(|time| self.created + time);
        let ends = idle.into_iter().chain(absolute).min();
        ends.map_or(Duration::MAX, |ends| ends.since(now))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::duration::{days, minutes};

    const LIFE: Life = Life {
        idle: Some(minutes(30)),
        absolute: Some(minutes(60)),
    };

    fn at(minute: u64) -> Timestamp {
        Timestamp::from_millis(0) + minutes(minute)
    }

    #[test]
    fn it_ends_after_the_idle_time_or_the_absolute_one_whichever_is_first() {
        let mut content = Content::new(at(0));
        assert_eq!(content.left(LIFE, at(0)), minutes(30));
        assert_eq!(content.left(LIFE, at(29)), minutes(1));
        assert_eq!(content.left(LIFE, at(30)), Duration::ZERO);
        content.seen = at(29);
        assert_eq!(content.left(LIFE, at(30)), minutes(29));
        content.seen = at(45);
        assert_eq!(content.left(LIFE, at(45)), minutes(15));
        assert_eq!(content.left(LIFE, at(60)), Duration::ZERO);
        assert_eq!(content.left(LIFE, at(61)), Duration::ZERO);
        let no_limit = Life {
            idle: None,
            absolute: None,
        };
        assert_eq!(content.left(no_limit, at(0) + days(9_999)), Duration::MAX);
    }

    #[test]
    fn what_is_not_written_so_is_none() {
        for text in [
            "",
            "null",
            r#"{"c":1,"s":1}"#,
            r#"{"c":-1,"s":1,"v":{}}"#,
            r#"{"c":1,"s":1,"v":{"a":}}"#,
            r#"{"c":1,"s":1,"v":{}} "x""#,
        ] {
            assert_eq!(Content::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            values in prop::collection::btree_map(any::<String>(), any::<(String, u8)>(), 0..4),
            created: u64,
            seen: u64,
        ) {
            let mut content = Content::new(Timestamp::from_millis(created));
            content.seen = Timestamp::from_millis(seen);
            for (name, value) in &values {
                let json = serde_json::to_string(value).unwrap();
                content.values.set(&name.as_str().into(), json.into());
            }
            prop_assert_eq!(Content::parse(&content.to_text()), Some(content));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = Content::parse(&text);
        }
    }
}
