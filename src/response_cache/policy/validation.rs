//! Validation: asking the origin, understanding its answer, and answering a client's own conditions
//! (RFC 9111 4.3).

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::header::{
    connection, date,
    etag::{self, EntityTag},
};

/// Adds the validators of what is stored to a request (RFC 9111 4.3.1).
///
/// The entity tags of the selected response and of the resource's other variants go into If-None-Match beside
/// the client's own. A date tells no variant from another, so If-Modified-Since is that of the selected response
/// alone, unless the client sent conditions of its own, which keep their meaning.
pub(crate) fn add_conditions<'a>(
    request: &mut HeaderMap,
    selected: Option<&'a HeaderMap>,
    others: impl Iterator<Item = &'a HeaderMap>,
) {
    let client_asked = has_conditions(request);
    let tags = selected.into_iter().chain(others);
    for tag in tags.filter_map(|stored| stored.get(header::ETAG)) {
        let known = request
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .any(|value| value == tag);
        if !known && !etag::is_any(request) {
            request.append(header::IF_NONE_MATCH, tag.clone());
        }
    }
    let modified = selected.and_then(|stored| stored.get(header::LAST_MODIFIED));
    if let (Some(modified), false) = (modified, client_asked) {
        request.insert(header::IF_MODIFIED_SINCE, modified.clone());
    }
}

/// Whether the client sent conditions of its own that a 304 can answer.
pub(crate) fn has_conditions(request: &HeaderMap) -> bool {
    request.contains_key(header::IF_NONE_MATCH) || request.contains_key(header::IF_MODIFIED_SINCE)
}

/// Whether a stored response can be validated at all.
pub(crate) fn has_validator(stored: &HeaderMap) -> bool {
    has_tag(stored) || stored.contains_key(header::LAST_MODIFIED)
}

/// Whether a stored response has an entity tag.
pub(crate) fn has_tag(stored: &HeaderMap) -> bool {
    stored.contains_key(header::ETAG)
}

/// Whether a stored response can be told from all others of its resource.
pub(crate) fn has_strong_tag(stored: &HeaderMap) -> bool {
    let tag = stored
        .get(header::ETAG)
        .and_then(|tag| EntityTag::parse(tag.as_bytes()));
    tag.is_some_and(|tag| !tag.weak)
}

/// Whether both have the same strong tag (RFC 9110 8.8.3.2).
pub(crate) fn same_strong_tag(one: &HeaderMap, other: &HeaderMap) -> bool {
    let tag = |headers: &'_ HeaderMap| {
        let value = headers.get(header::ETAG).cloned();
        value.filter(|value| EntityTag::parse(value.as_bytes()).is_some_and(|tag| !tag.weak))
    };
    tag(one).is_some_and(|one| Some(one) == tag(other))
}

/// Whether a client's own conditions, if any, speak of nothing but this stored response.
pub(crate) fn asks_only_about(request: &HeaderMap, stored: &HeaderMap) -> bool {
    let names = |condition, validator| {
        request
            .get_all(condition)
            .iter()
            .all(|value| stored.get(&validator) == Some(value))
    };
    names(header::IF_NONE_MATCH, header::ETAG)
        && names(header::IF_MODIFIED_SINCE, header::LAST_MODIFIED)
}

/// RFC 9111 4.3.2: whether a client's own conditions say that it has what is stored, so that a 304 will do.
///
/// If-None-Match beats If-Modified-Since, which is compared with Last-Modified or else with Date.
/// If-Match and If-Unmodified-Since are the origin's business.
pub(crate) fn client_has(
    request: &HeaderMap,
    status: StatusCode,
    stored: &HeaderMap,
    now: i64,
) -> bool {
    if !status.is_success() {
        return false;
    }
    if let Some(changed) = etag::if_none_match(request, stored.get(header::ETAG)) {
        return !changed;
    }
    let Ok(Some(since)) = date::single(request, &header::IF_MODIFIED_SINCE, now) else {
        return false;
    };
    let date_of = |name| date::single(stored, &name, now).ok().flatten();
    date_of(header::LAST_MODIFIED)
        .or_else(|| date_of(header::DATE))
        .is_some_and(|modified| modified <= since)
}

/// RFC 9111 4.3.4: whether a 304 speaks of this stored response.
///
/// `alone` says that the stored response is the only one that was asked about and that the client had no
/// conditions of its own: then a 304 without validators means it.
pub(crate) fn confirms(update: &HeaderMap, stored: &HeaderMap, alone: bool) -> bool {
    if let Some(tag) = update.get(header::ETAG) {
        return stored
            .get(header::ETAG)
            .is_some_and(|known| same_tag(tag, known));
    }
    match update.get(header::LAST_MODIFIED) {
        Some(modified) => {
            stored.get(header::LAST_MODIFIED) == Some(modified) || (alone && has_only_tag(stored))
        }
        None => alone,
    }
}

/// RFC 9111 4.3.4: whether a 304 speaks of this variant, which was not selected: only a strong tag says so, as
/// a weak one may be that of several variants (RFC 9110 8.8.3).
pub(crate) fn confirms_variant(update: &HeaderMap, stored: &HeaderMap) -> bool {
    let tag = |headers: &HeaderMap| headers.get(header::ETAG).cloned();
    let tags = tag(update).zip(tag(stored));
    tags.is_some_and(|(update, stored)| {
        let parsed = EntityTag::parse(update.as_bytes()).zip(EntityTag::parse(stored.as_bytes()));
        parsed.is_some_and(|(update, stored)| update.strong_eq(stored))
    })
}

/// A strong tag confirms only itself; a weak one confirms what matches it weakly (RFC 9111 4.3.4).
fn same_tag(update: &HeaderValue, known: &HeaderValue) -> bool {
    let parsed = EntityTag::parse(update.as_bytes()).zip(EntityTag::parse(known.as_bytes()));
    parsed.map_or(update == known, |(update, known)| {
        if update.weak {
            update.weak_eq(known)
        } else {
            update.strong_eq(known)
        }
    })
}

fn has_only_tag(stored: &HeaderMap) -> bool {
    stored.contains_key(header::ETAG) && !stored.contains_key(header::LAST_MODIFIED)
}

/// Fields that describe the stored content, which a 304 leaves as it is. Those of a 304 may speak of its own
/// empty content (RFC 9530 2).
const OF_THE_CONTENT: [HeaderName; 5] = [
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("content-digest"),
];

/// RFC 9111 3.2: the stored fields, those of the update replacing and adding to them, all lines of each.
///
/// What describes the stored content stays, and so do hop-by-hop fields' absence.
pub(crate) fn freshened(stored: &HeaderMap, update: &HeaderMap) -> HeaderMap {
    let mut update = update.clone();
    connection::remove_hop_by_hop(&mut update);
    for name in OF_THE_CONTENT {
        update.remove(name);
    }
    let mut merged = stored.clone();
    for name in update.keys() {
        merged.remove(name);
    }
    // A stored Age belongs to the response that it came with.
    merged.remove(header::AGE);
    merged.extend(update);
    merged
}

/// RFC 9111 4.3.5: whether the head of a 200 to HEAD contradicts a stored response to GET.
pub(crate) fn head_contradicts(head: &HeaderMap, stored: &HeaderMap, stored_length: usize) -> bool {
    let differs = |name: &HeaderName| {
        head.get(name)
            .is_some_and(|value| stored.get(name) != Some(value))
    };
    let length = head
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    differs(&header::ETAG)
        || differs(&header::LAST_MODIFIED)
        || length.is_some_and(|length| length != stored_length)
}

#[cfg(test)]
mod tests;
