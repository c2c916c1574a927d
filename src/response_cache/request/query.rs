//! The part of a key that is made of a query.

use std::{borrow::Cow, sync::Arc};

use smallvec::SmallVec;

use crate::key::INLINE;

/// A key that is being written.
pub(super) type Buffer = SmallVec<[u8; INLINE]>;

/// What of a query is part of a key.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    pub(super) kept: Kept,
    /// Whether the order of differently named parameters does not matter.
    pub(super) sorted: bool,
}

/// Which parameters of a query are part of a key.
#[derive(Clone, Debug, Default)]
pub(super) enum Kept {
    #[default]
    All,
    Nothing,
    Only(Names),
    Without(Names),
}

#[derive(Clone, Debug)]
pub(super) struct Names(Arc<[String]>);

impl Query {
    pub(super) fn write(&self, query: Option<&str>, out: &mut Buffer) {
        let Some(query) = query else { return };
        if matches!(self.kept, Kept::All) && !self.sorted {
            out.push(b'?');
            out.extend_from_slice(query.as_bytes());
            return;
        }
        let mut kept: SmallVec<[&str; 16]> = match &self.kept {
            Kept::All => query.split('&').collect(),
            Kept::Nothing => return,
            Kept::Only(names) => query
                .split('&')
                .filter(|pair| pair.contains(';') || names.name(pair))
                .collect(),
            Kept::Without(names) => query
                .split('&')
                .filter(|pair| pair.contains(';') || !names.name(pair))
                .collect(),
        };
        let selected = matches!(self.kept, Kept::Only(_) | Kept::Without(_));
        if selected && kept.iter().all(|pair| pair.is_empty()) {
            return;
        }
        // What follows a `;` may be a parameter of any name: its place counts then.
        if self.sorted && !query.contains(';') {
            kept.sort_by_cached_key(|pair| decoded_name(pair));
        }
        for (index, pair) in kept.iter().enumerate() {
            out.push(if index == 0 { b'?' } else { b'&' });
            out.extend_from_slice(pair.as_bytes());
        }
    }
}

impl Names {
    pub(super) fn new<I>(names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Self(names.into_iter().map(Into::into).collect())
    }

    /// Whether a parameter, as it is written, has one of the names once decoded.
    fn name(&self, pair: &str) -> bool {
        let name = decoded_name(pair);
        self.0.iter().any(|known| match known.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == known.as_str(),
        })
    }
}

/// The name of a parameter as servers read it, whatever of it is encoded.
fn decoded_name(pair: &str) -> Cow<'_, str> {
    let name = pair.split_once('=').map_or(pair, |(name, _)| name);
    let decoded = form_urlencoded::parse(name.as_bytes()).next();
    decoded.map_or(Cow::Borrowed(""), |(name, _)| name)
}
