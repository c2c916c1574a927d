//! The variants of a resource, and where they lie.

use http::HeaderMap;
use smallvec::SmallVec;

use super::{
    entry::{ARC, Entry},
    head::weight_of_name,
};
use crate::{
    clock::Moment,
    key::Key,
    ledger::Began,
    response_cache::policy::vary::{Selecting, Vary},
};

/// The list of a resource's variants.
#[derive(Clone, Debug)]
pub(crate) struct Variants {
    pub(crate) key: Box<[u8]>,
    /// The newest last.
    pub(crate) list: Vec<Variant>,
    /// When the newest response was asked for that was there when the resource did not vary yet.
    pub(crate) since: Option<Began>,
}

/// One variant: for which requests it was selected, and where it lies, which follows from that.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    pub(crate) vary: Vary,
    pub(crate) key: Key,
    /// Where in the key the values of the selecting fields begin.
    selecting: usize,
    pub(crate) date: i64,
    pub(crate) over: Moment,
}

impl Variant {
    /// The variant of a resource that this entry is for requests with these values of the selecting fields.
    pub(crate) fn new(resource: &Key, entry: &Entry, selecting: &Selecting) -> Self {
        let key = variant_key(resource, &entry.vary, selecting);
        Self {
            vary: entry.vary.clone(),
            // The values stand at its end.
            selecting: key.as_bytes().len() - selecting.len(),
            key,
            date: entry.date,
            over: entry.over(),
        }
    }

    /// What a request says in the selecting fields if it selects this.
    fn selecting(&self) -> &[u8] {
        &self.key.as_bytes()[self.selecting..]
    }
}

/// The key of a variant of a resource: after a byte that no other key begins with, the resource's key, the names
/// of the selecting fields and their values. It says all that tells variants apart, so one that was stored again
/// lies where the old one lay, whoever stored it.
pub(crate) fn variant_key(resource: &Key, vary: &Vary, selecting: &[u8]) -> Key {
    let resource = resource.as_bytes();
    let mut bytes = SmallVec::with_capacity(16 + resource.len() + selecting.len());
    bytes.push(0);
    bytes.extend_from_slice(&(resource.len() as u64).to_be_bytes());
    bytes.extend_from_slice(resource);
    for name in vary.names() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.push(b'\n');
    }
    bytes.push(b'\n');
    bytes.extend_from_slice(selecting);
    bytes.shrink_to_fit();
    Key::from_buffer(bytes)
}

impl Variants {
    /// RFC 9111 4.1: of the variants that these fields select the one with the newest Date, by its place.
    pub(crate) fn select(&self, headers: &HeaderMap) -> Option<usize> {
        let mut vary = &self.list.first()?.vary;
        let mut values = vary.selecting(headers);
        let mut best: Option<(usize, i64)> = None;
        for (place, variant) in self.list.iter().enumerate() {
            // Most resources vary on one list of fields: read the request's values once for it.
            if *vary != variant.vary {
                vary = &variant.vary;
                values = vary.selecting(headers);
            }
            let selected = values.as_slice() == variant.selecting();
            if selected && best.is_none_or(|(_, date)| variant.date >= date) {
                best = Some((place, variant.date));
            }
        }
        best.map(|(place, _)| place)
    }

    /// When the last of them is past all use.
    pub(crate) fn over(&self) -> Moment {
        self.list
            .iter()
            .map(|variant| variant.over)
            .max()
            .unwrap_or(Moment::from_nanos(0))
    }

    pub(super) fn weight(&self) -> usize {
        let variants: usize = self
            .list
            .iter()
            .map(|variant| {
                let names = variant.vary.names();
                size_of::<Variant>()
                    + variant.key.heap()
                    + size_of_val(names)
                    + names.iter().map(weight_of_name).sum::<usize>()
            })
            .sum();
        ARC + size_of::<Self>() + self.key.len() + variants
    }
}
