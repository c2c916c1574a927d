//! The head of a stored response, in memory of its exact size, and what that weighs.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use smallvec::SmallVec;

use super::constant::constant;
use crate::header::cache_status;

/// What a [`Bytes`] allocates beside its bytes once it has been cloned: pointer, capacity and counter.
pub(crate) const BYTES: usize = 3 * size_of::<usize>();

/// Status and fields of a stored response, in memory of their exact size.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    weight: usize,
}

impl Head {
    /// A head in one buffer of exact size, as what came from a connection's read buffer would keep all of that
    /// alive; with room for what every answer from store adds, Age and Cache-Status. A clone of a map has exactly
    /// its size, so adding to it would move all of it; filling what is there does not. The two stand before all
    /// others, where they are found without a search. A stored Age, and what `is_left_out`, stay behind.
    pub(crate) fn stored(
        status: StatusCode,
        headers: &HeaderMap,
        is_left_out: impl Fn(&HeaderName) -> bool,
    ) -> Self {
        let kept_status = !is_left_out(&cache_status::NAME);
        let of_caches = || {
            let lines = headers.get_all(cache_status::NAME).iter();
            lines.filter(move |_| kept_status)
        };
        let is_other = |name: &HeaderName| {
            *name != header::AGE && *name != cache_status::NAME && !is_left_out(name)
        };
        let others = || headers.iter().filter(|(name, _)| is_other(name));
        let mut copier = Copier::of(|| of_caches().chain(others().map(|(_, value)| value)));
        let length = copier.block.len();
        // What is left out of it is seldom more than a field or two.
        let mut fields = HeaderMap::with_capacity(headers.keys_len() + 2);
        fields.insert(header::AGE, HeaderValue::from_static("0"));
        for line in of_caches() {
            fields.append(cache_status::NAME, copier.copy(line));
        }
        cache_status::reserve(&mut fields);
        for (name, value) in others() {
            fields.append(own(name), copier.copy(value));
        }
        // A clone has room for what is there and no more.
        let headers = fields.clone();
        let weight = weight_with(&headers, length);
        Self {
            status,
            headers,
            weight,
        }
    }

    /// A head as it is.
    pub(crate) fn plain(status: StatusCode, headers: HeaderMap) -> Self {
        Self {
            status,
            weight: weight_of(&headers),
            headers,
        }
    }

    /// The fields that were stored, without the room for others.
    pub(crate) fn fields(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        headers.remove(header::AGE);
        cache_status::release(&mut headers);
        headers
    }

    pub(crate) fn weight(&self) -> usize {
        self.weight
    }
}

/// Copies fields into one buffer of exact size. [Constants](constant) need no buffer.
pub(crate) fn compact(headers: &HeaderMap) -> HeaderMap {
    let mut copier = Copier::of(|| headers.values());
    let mut fields = HeaderMap::with_capacity(headers.keys_len());
    for (name, value) in headers {
        fields.append(own(name), copier.copy(value));
    }
    // A clone has room for what is there and no more.
    fields.clone()
}

/// The values that are being copied.
struct Copier {
    /// Those that are constants.
    constants: SmallVec<[Option<&'static str>; 16]>,
    next: usize,
    /// The others, one after the other.
    block: Bytes,
}

impl Copier {
    /// A copier of these values, in this order.
    fn of<'a, I>(values: impl Fn() -> I) -> Self
    where
        I: Iterator<Item = &'a HeaderValue>,
    {
        let constants: SmallVec<[_; 16]> =
            values().map(|value| constant(value.as_bytes())).collect();
        let own = || {
            values()
                .zip(&constants)
                .filter(|(_, known)| known.is_none())
        };
        let mut block = Vec::with_capacity(own().map(|(value, _)| value.len()).sum());
        own().for_each(|(value, _)| block.extend_from_slice(value.as_bytes()));
        Self {
            constants,
            next: 0,
            block: Bytes::from(block.into_boxed_slice()),
        }
    }

    /// The next value.
    fn copy(&mut self, value: &HeaderValue) -> HeaderValue {
        let known = self.constants.get(self.next).copied().flatten();
        self.next += 1;
        let mut copy = match known {
            Some(known) => HeaderValue::from_static(known),
            None => HeaderValue::from_maybe_shared(self.block.split_to(value.len()))
                .expect("it was a header value before"),
        };
        copy.set_sensitive(value.is_sensitive());
        copy
    }
}

/// Names that most responses have. They are constants, which is known without reading them.
const COMMON: [HeaderName; 18] = [
    header::CACHE_CONTROL,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::DATE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::EXPIRES,
    header::VARY,
    header::AGE,
    header::SERVER,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
    header::ACCEPT_RANGES,
    header::LOCATION,
    header::LINK,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::STRICT_TRANSPORT_SECURITY,
];

/// The same name in memory of its own.
fn own(name: &HeaderName) -> HeaderName {
    if COMMON.contains(name) {
        return name.clone();
    }
    HeaderName::from_bytes(name.as_str().as_bytes()).expect("it was a header name before")
}

/// What a map of compacted fields allocates.
pub(crate) fn weight_of(headers: &HeaderMap) -> usize {
    let values = headers.values().map(HeaderValue::as_bytes);
    let own = values.filter(|value| constant(value).is_none());
    weight_with(headers, own.map(<[u8]>::len).sum())
}

/// The same if so many bytes of values are not constants.
fn weight_with(headers: &HeaderMap, own: usize) -> usize {
    /// An index and a hash, two bytes each.
    const SLOT: usize = 4;
    /// A hash and the links to further lines, beside name and value.
    const FIELD: usize =
        size_of::<HeaderName>() + size_of::<HeaderValue>() + 4 * size_of::<usize>();
    /// The links to the lines before and after, beside the value.
    const FURTHER_LINE: usize = size_of::<HeaderValue>() + 4 * size_of::<usize>();
    if headers.is_empty() {
        return 0;
    }
    let further_lines = headers.len() - headers.keys_len();
    let values = if own == 0 { 0 } else { own + BYTES };
    // The table of slots is a power of two, of which the map fills three quarters.
    headers.capacity().next_power_of_two() * SLOT
        + headers.keys_len() * FIELD
        + further_lines * FURTHER_LINE
        + values
        + headers.keys().map(weight_of_name).sum::<usize>()
}

/// Names that the `http` crate does not know lie in buffers of their own.
pub(crate) fn weight_of_name(name: &HeaderName) -> usize {
    if is_standard(name) {
        0
    } else {
        name.as_str().len() + BYTES
    }
}

/// Whether the `http` crate keeps the name as a constant.
fn is_standard(name: &HeaderName) -> bool {
    // A constant is never allocated, so two of its strings are the same one.
    let is_same = |other: HeaderName| std::ptr::eq(other.as_str().as_ptr(), name.as_str().as_ptr());
    COMMON.contains(name) || HeaderName::from_bytes(name.as_str().as_bytes()).is_ok_and(is_same)
}
