//! What is stored: a response, or the list of a resource's variants.

use std::{
    mem::size_of,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use smallvec::SmallVec;

use super::{
    policy::{
        storable::Terms,
        vary::{Selecting, Vary},
    },
    search::SearchRule,
};
use crate::{clock::Moment, key::Key, store::Stored};

/// The allocations that an `Arc` adds to its value: two counters.
const ARC: usize = 2 * size_of::<usize>();

/// What a [`Bytes`] allocates beside its bytes once it has been cloned.
const BYTES: usize = 4 * size_of::<usize>();

/// What a response cache keeps in its [`Store`](crate::store::Store): a response, or the variants of a
/// resource. Opaque; cheap to clone.
#[derive(Clone, Debug)]
pub struct CachedResponse(pub(super) Kept);

#[derive(Clone, Debug)]
pub(super) enum Kept {
    /// The only response of a resource, or one of its variants under a key of its own.
    Response(Arc<Entry>),
    /// The variants of a resource that varies.
    Variants(Arc<Variants>),
    /// What a path says about its query.
    Search(Arc<SearchRule>),
}

impl Stored for CachedResponse {
    fn key(&self) -> &[u8] {
        match &self.0 {
            Kept::Response(entry) => &entry.key,
            Kept::Variants(variants) => &variants.key,
            Kept::Search(rule) => &rule.key,
        }
    }

    fn weight(&self) -> usize {
        match &self.0 {
            Kept::Response(entry) => entry.weight(),
            Kept::Variants(variants) => variants.weight(),
            Kept::Search(rule) => ARC + rule.weight(),
        }
    }
}

/// A stored response.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Box<[u8]>,
    /// Tells this entry from any other of this process: what a later change of it compares.
    pub(super) id: u64,
    pub(super) head: Head,
    pub(super) body: Bytes,
    pub(super) trailers: Option<Box<HeaderMap>>,
    pub(super) terms: Terms,
    pub(super) vary: Vary,
    /// The Date (RFC 9110 6.6.1), in Unix seconds.
    pub(super) date: i64,
    /// When the request for it (or for its validation) went out: of two responses the later one is newer.
    pub(super) requested: Moment,
    pub(super) arrived: Moment,
    /// RFC 9111 4.2.3: the age that it had when it arrived.
    pub(super) initial_age: Duration,
    /// RFC 9111 4.3.5: a response to HEAD contradicted it.
    pub(super) contradicted: bool,
}

/// Status and fields, in memory of their exact size.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

impl Entry {
    /// RFC 9111 4.2.3.
    pub(super) fn age(&self, now: Moment) -> Duration {
        self.initial_age
            .saturating_add(now.duration_since(self.arrived))
    }

    /// How long after its arrival it is of any use.
    pub(super) fn retention(&self) -> Duration {
        self.terms
            .lifetime
            .saturating_sub(self.initial_age)
            .saturating_add(self.terms.keep)
    }

    /// When it is past all use.
    pub(super) fn over(&self) -> Moment {
        self.arrived + self.retention()
    }

    /// Whether it is past all use.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        now > self.over()
    }

    fn weight(&self) -> usize {
        let body = if self.body.is_empty() {
            0
        } else {
            self.body.len() + BYTES
        };
        let trailers = self
            .trailers
            .as_deref()
            .map_or(0, |trailers| size_of::<HeaderMap>() + weight_of(trailers));
        ARC + size_of::<Self>()
            + self.key.len()
            + weight_of(&self.head.headers)
            + body
            + trailers
            + size_of_val(self.vary.names())
    }
}

/// A process-wide number, never given twice.
pub(super) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The list of a resource's variants.
#[derive(Clone, Debug)]
pub(super) struct Variants {
    pub(super) key: Box<[u8]>,
    /// The newest last.
    pub(super) list: Vec<Variant>,
}

/// One variant: for which requests it was selected. Where it lies follows from that.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    pub(super) vary: Vary,
    pub(super) selecting: Box<[u8]>,
    pub(super) date: i64,
    pub(super) over: Moment,
}

impl Variant {
    /// Whether both are selected by the same requests.
    pub(super) fn same_selection(&self, other: &Self) -> bool {
        self.vary == other.vary && self.selecting == other.selecting
    }

    /// The key of this variant of a resource: after a byte that no other key begins with, the resource's key,
    /// the names of the selecting fields and their values. It says all that tells variants apart, so one that
    /// was stored again lies where the old one lay, whoever stored it.
    pub(super) fn key(&self, resource: &[u8]) -> Key {
        let mut bytes = SmallVec::with_capacity(16 + resource.len() + self.selecting.len());
        bytes.push(0);
        bytes.extend_from_slice(&(resource.len() as u64).to_be_bytes());
        bytes.extend_from_slice(resource);
        for name in self.vary.names() {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.push(b'\n');
        }
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.selecting);
        Key::from_buffer(bytes)
    }
}

impl Variants {
    /// RFC 9111 4.1: of the variants that these fields select the one with the newest Date.
    pub(super) fn select(&self, headers: &HeaderMap) -> Option<&Variant> {
        let mut known: Option<(&Vary, Selecting)> = None;
        let mut best: Option<&Variant> = None;
        for variant in &self.list {
            // Most resources vary on one list of fields: read the request's values once for it.
            if known
                .as_ref()
                .is_none_or(|(vary, _)| *vary != &variant.vary)
            {
                known = Some((&variant.vary, variant.vary.selecting(headers)));
            }
            let selected = known
                .as_ref()
                .is_some_and(|(_, values)| values.as_slice() == &*variant.selecting);
            if selected && best.is_none_or(|best| variant.date >= best.date) {
                best = Some(variant);
            }
        }
        best
    }

    /// When the last of them is past all use.
    pub(super) fn over(&self) -> Moment {
        self.list
            .iter()
            .map(|variant| variant.over)
            .max()
            .unwrap_or(Moment::from_nanos(0))
    }

    fn weight(&self) -> usize {
        let variants: usize = self
            .list
            .iter()
            .map(|variant| {
                size_of::<Variant>() + variant.selecting.len() + size_of_val(variant.vary.names())
            })
            .sum();
        ARC + size_of::<Self>() + self.key.len() + variants
    }
}

impl Head {
    /// Copies a head into one buffer of exact size: what came from a connection's read buffer would keep
    /// all of that alive.
    pub(super) fn compact(status: StatusCode, headers: &HeaderMap) -> Self {
        let mut block = Vec::with_capacity(headers.values().map(HeaderValue::len).sum());
        headers
            .values()
            .for_each(|value| block.extend_from_slice(value.as_bytes()));
        let mut block = Bytes::from(block.into_boxed_slice());
        let mut compact = HeaderMap::with_capacity(headers.keys_len());
        for (name, value) in headers {
            let bytes = block.split_to(value.len());
            let mut copy =
                HeaderValue::from_maybe_shared(bytes).expect("it was a header value before");
            copy.set_sensitive(value.is_sensitive());
            compact.append(own(name), copy);
        }
        // A clone has room for what is there and no more.
        Self {
            status,
            headers: compact.clone(),
        }
    }
}

/// The same name in memory of its own.
fn own(name: &HeaderName) -> HeaderName {
    HeaderName::from_bytes(name.as_str().as_bytes()).expect("it was a header name before")
}

/// What a map of compacted fields allocates.
fn weight_of(headers: &HeaderMap) -> usize {
    /// A hash and the links of a field with several lines, beside name and value.
    const LINKS: usize = 4 * size_of::<usize>();
    if headers.is_empty() {
        return 0;
    }
    let slots = (headers.keys_len() * 4 / 3 + 1).next_power_of_two() * 4;
    let fields = headers.len() * (size_of::<HeaderName>() + size_of::<HeaderValue>() + LINKS);
    let values: usize = headers.values().map(HeaderValue::len).sum();
    // Names that the `http` crate does not know lie in buffers of their own.
    let names: usize = headers
        .keys()
        .filter(|name| !is_standard(name))
        .map(|name| name.as_str().len() + BYTES)
        .sum();
    slots + fields + values + BYTES + names
}

/// Whether the `http` crate keeps the name as a constant.
fn is_standard(name: &HeaderName) -> bool {
    // A constant is never allocated, so two of its strings are the same one.
    HeaderName::from_bytes(name.as_str().as_bytes())
        .is_ok_and(|other| std::ptr::eq(other.as_str().as_ptr(), name.as_str().as_ptr()))
}
