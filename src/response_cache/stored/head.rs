//! The head of a stored response, in memory of its exact size, and what that weighs.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::constant::constant;
use crate::header::cache_status;

/// What a [`Bytes`] allocates beside its bytes once it has been cloned: pointer, capacity and counter.
pub(crate) const BYTES: usize = 3 * size_of::<usize>();

/// Status and fields, in memory of their exact size.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

impl Head {
    /// A head with room for what every answer from store adds, Age and Cache-Status. A clone of a map has
    /// exactly its size, so adding to it would move all of it; filling what is there does not. The two stand
    /// before all others, where they are found without a search.
    pub(crate) fn with_room(&self) -> Self {
        let mut headers = HeaderMap::with_capacity(self.headers.keys_len() + 2);
        headers.insert(header::AGE, HeaderValue::from_static("0"));
        for line in self.headers.get_all(cache_status::NAME) {
            headers.append(cache_status::NAME, line.clone());
        }
        cache_status::reserve(&mut headers);
        for (name, value) in &self.headers {
            if *name != header::AGE && *name != cache_status::NAME {
                headers.append(name, value.clone());
            }
        }
        Self::compact(self.status, &headers)
    }

    /// The fields that were stored, without the room for others.
    pub(crate) fn plain(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        headers.remove(header::AGE);
        cache_status::release(&mut headers);
        headers
    }

    pub(crate) fn weight(&self) -> usize {
        weight_of(&self.headers)
    }

    /// Copies a head into one buffer of exact size: what came from a connection's read buffer would keep
    /// all of that alive. [Constants](constant) need no buffer.
    pub(crate) fn compact(status: StatusCode, headers: &HeaderMap) -> Self {
        let mut block = Vec::with_capacity(length_of_own(headers));
        own_values(headers).for_each(|value| block.extend_from_slice(value));
        let mut block = Bytes::from(block.into_boxed_slice());
        let mut compact = HeaderMap::with_capacity(headers.keys_len());
        for (name, value) in headers {
            let mut copy = match constant(value.as_bytes()) {
                Some(known) => HeaderValue::from_static(known),
                None => HeaderValue::from_maybe_shared(block.split_to(value.len()))
                    .expect("it was a header value before"),
            };
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

/// The values that are not constants.
fn own_values(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.values().map(HeaderValue::as_bytes);
    values.filter(|value| constant(value).is_none())
}

fn length_of_own(headers: &HeaderMap) -> usize {
    own_values(headers).map(<[u8]>::len).sum()
}

/// The same name in memory of its own.
fn own(name: &HeaderName) -> HeaderName {
    HeaderName::from_bytes(name.as_str().as_bytes()).expect("it was a header name before")
}

/// What a map of compacted fields allocates.
pub(crate) fn weight_of(headers: &HeaderMap) -> usize {
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
    let values = match length_of_own(headers) {
        0 => 0,
        length => length + BYTES,
    };
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
    HeaderName::from_bytes(name.as_str().as_bytes())
        .is_ok_and(|other| std::ptr::eq(other.as_str().as_ptr(), name.as_str().as_ptr()))
}
