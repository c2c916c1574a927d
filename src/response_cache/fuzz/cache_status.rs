//! `Cache-Status` (RFC 9211): what other caches said stays, and ours is a valid member after it.

use http::{HeaderMap, HeaderName};
use sfv::{BareItem, Item, List, ListEntry, Parser};

use super::{combined, field, lines};
use crate::header::cache_status::{CacheName, CacheStatus, Fwd, add, release, reserve};

const NAME: HeaderName = HeaderName::from_static("cache-status");
/// The largest Integer (RFC 8941 3.3.1).
const LARGEST: i64 = 999_999_999_999_999;

/// The input is a text, which is the name of a cache and the key of an entry, in a line; then the lines of others.
///
/// # Panics
///
/// If a property does not hold.
pub fn cache_status(data: &[u8]) {
    let lines = lines(data);
    let Some(others) = field(&NAME, &lines[1..]) else {
        return;
    };
    let text = String::from_utf8_lossy(lines[0]);
    let name = name(&text).unwrap_or_else(CacheName::product);
    for status in statuses(&text) {
        let mut headers = others.clone();
        add(status.value(&name), &mut headers);
        added(&others, &headers, &status);
        into_room(&others, &headers, &status, &name);
    }
}

/// The name, if it is one, and a check that it is written as such.
fn name(text: &str) -> Option<CacheName> {
    let valid = !text.is_empty() && text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    let name = CacheName::new(text).ok();
    assert_eq!(name.is_some(), valid);
    let mut headers = HeaderMap::new();
    add(CacheStatus::default().value(name.as_ref()?), &mut headers);
    let member = item(headers[NAME].as_bytes());
    let written = match &member.bare_item {
        BareItem::Token(name) => name.as_str(),
        BareItem::String(name) => name.as_str(),
        other => panic!("neither a Token nor a String, but {other:?}"),
    };
    assert_eq!(written, text);
    name
}

fn statuses(text: &str) -> [CacheStatus; 3] {
    let number = i64::try_from(text.len()).expect("inputs are short");
    [
        CacheStatus::default(),
        CacheStatus {
            hit: true,
            ttl: Some(i64::MAX / (number + 1)),
            key: Some(text.to_owned()),
            ..CacheStatus::default()
        },
        CacheStatus {
            fwd: Some(Fwd::Stale),
            fwd_status: Some(304),
            ttl: Some(-number),
            stored: true,
            collapsed: true,
            key: Some(text.to_owned()),
            detail: Some("two \"words\""),
            ..CacheStatus::default()
        },
    ]
}

fn item(value: &[u8]) -> Item {
    Parser::new(value)
        .parse()
        .expect("a member of its own is an Item")
}

fn lines_of(headers: &HeaderMap) -> Vec<&[u8]> {
    let lines = headers.get_all(NAME).iter();
    lines.map(http::HeaderValue::as_bytes).collect()
}

/// The lines that say something; an empty one at the end is room for ours.
fn said(others: &HeaderMap) -> Vec<&[u8]> {
    let mut lines = lines_of(others);
    lines.pop_if(|line| combined(&[line]).is_empty());
    lines
}

fn added(others: &HeaderMap, headers: &HeaderMap, status: &CacheStatus) {
    let after = lines_of(headers);
    let (own, rest) = after.split_last().expect("a line was written");
    assert_eq!(rest, said(others));
    says(&item(own), status);
    let list = |lines: &[&[u8]]| Parser::new(&combined(lines)).parse::<List>().ok();
    if let Some(before) = list(&lines_of(others)) {
        let after = list(&after).expect("a List with one more member is a List");
        let (own, rest) = after.split_last().expect("a member was added");
        assert_eq!(rest, before);
        assert!(matches!(own, ListEntry::Item(_)), "{own:?}");
    }
}

fn says(own: &Item, status: &CacheStatus) {
    let get = |key: &str| own.params.get(key);
    let integer = |key| get(key).and_then(BareItem::as_integer).map(i64::from);
    let set = |key| get(key).and_then(BareItem::as_boolean) == Some(true);
    assert_eq!(set("hit"), status.hit);
    assert_eq!(set("stored"), status.stored);
    assert_eq!(set("collapsed"), status.collapsed);
    assert_eq!(get("fwd").is_some(), status.fwd.is_some());
    assert_eq!(integer("fwd-status"), status.fwd_status.map(i64::from));
    let ttl = status.ttl.map(|ttl| ttl.clamp(-LARGEST, LARGEST));
    assert_eq!(integer("ttl"), ttl);
    let key = get("key").and_then(BareItem::as_string);
    let encoded = status.key.as_deref().map(encoded);
    assert_eq!(key.map(sfv::StringRef::as_str), encoded.as_deref());
    assert_eq!(get("detail").is_some(), status.detail.is_some());
}

/// What a String cannot hold, percent-encoded.
fn encoded(key: &str) -> String {
    let one = |byte| match byte {
        b' '..=b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    key.bytes().map(one).collect()
}

/// Room is filled with the same, and leaves no trace if it is not.
fn into_room(others: &HeaderMap, written: &HeaderMap, status: &CacheStatus, name: &CacheName) {
    let mut headers = others.clone();
    reserve(&mut headers);
    let mut released = headers.clone();
    release(&mut released);
    assert_eq!(lines_of(&released), said(others));
    add(status.value(name), &mut headers);
    assert_eq!(lines_of(&headers), lines_of(written));
}
