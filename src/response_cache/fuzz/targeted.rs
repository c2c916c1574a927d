//! Targeted fields such as `CDN-Cache-Control` (RFC 9213 2.1).

use std::collections::BTreeMap;

use http::HeaderName;
use sfv::{Dictionary, FieldType, ListEntry, Parser, Version};

use super::{bare, combined, field, lines, text};
use crate::header::cache_control::{Fields, ResponseDirectives};

const NAME: HeaderName = HeaderName::from_static("cdn-cache-control");
/// RFC 9111 1.2.2: what stands for all that is larger.
const MOST: u64 = 1 << 31;

/// The input is the lines of the field.
///
/// # Panics
///
/// If a property does not hold.
pub fn targeted(data: &[u8]) {
    let lines = lines(data);
    if field(&NAME, &lines).is_none() {
        return;
    }
    let directives = read(&lines);
    assert_eq!(read(&[&combined(&lines)]), directives, "in one line");
    if let Some(directives) = &directives {
        accepted(&lines, directives);
        written_anew(&combined(&lines), directives);
    }
    let members: Option<Vec<_>> = text(&lines.join(&b","[..]))
        .split(',')
        .map(|member| simple(bare(member)))
        .collect();
    if let Some(members) = members {
        let directives = directives.expect("each member is a valid one");
        as_the_model_says(&members.into_iter().collect(), &directives);
    }
}

fn read(lines: &[&[u8]]) -> Option<ResponseDirectives> {
    let headers = field(&NAME, lines).expect("parts of field values are such");
    ResponseDirectives::from_targeted(&headers, &NAME)
}

fn accepted(lines: &[&[u8]], directives: &ResponseDirectives) {
    for seconds in [
        directives.max_age,
        directives.s_maxage,
        directives.stale_while_revalidate,
        directives.stale_if_error,
    ] {
        assert!(seconds.is_none_or(|seconds| seconds <= MOST), "{seconds:?}");
    }
    let with = |more: &'static [u8]| read(&[lines, &[more]].concat());
    let unknown =
        b"unknown, another=\"no-store, max-age=0\";no-store, third=(private public);max-age=0";
    assert_eq!(with(unknown).as_ref(), Some(directives), "unknown keys");
    for malformed in [
        &b"=5"[..],
        b"a b",
        b"\"",
        b"Unknown",
        b"a=",
        b"a=(",
        b"a,",
        b"a=@5",
        b"\xe9",
    ] {
        assert_eq!(with(malformed), None, "{malformed:?}");
    }
    let last = with(b"max-age=7;x=8, no-store, private").expect("it is still valid");
    assert_eq!((last.max_age, last.no_store), (Some(7), true));
    assert_eq!(last.private, Fields::All);
    let last = with(b"no-store=?0, private=?0").expect("it is still valid");
    assert!(!last.no_store && last.private == Fields::No);
}

/// Written anew, with and without parameters, the field says the same.
fn written_anew(value: &[u8], directives: &ResponseDirectives) {
    let parser = Parser::new(value).with_version(Version::Rfc8941);
    let mut dictionary: Dictionary = parser.parse().expect("it was accepted");
    for _ in 0..2 {
        let written = dictionary.serialize().expect("it has members");
        assert_eq!(
            read(&[written.as_bytes()]).as_ref(),
            Some(directives),
            "{written}"
        );
        for entry in dictionary.values_mut() {
            match entry {
                ListEntry::Item(item) => item.params.clear(),
                ListEntry::InnerList(list) => list.params.clear(),
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Flag(bool),
    Number(u64),
    Text,
}

/// `key`, `key=?0`, `key=123` and `key="text"`; `None` for what a simple reading does not understand.
fn simple(member: &str) -> Option<(String, Value)> {
    let (key, value) = match member.split_once('=') {
        None => (member, Value::Flag(true)),
        Some((key, "?1")) => (key, Value::Flag(true)),
        Some((key, "?0")) => (key, Value::Flag(false)),
        Some((key, value)) => (key, number(value).or_else(|| plain_text(value))?),
    };
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(c);
    let valid = key.starts_with(|c: char| c.is_ascii_lowercase() || c == '*');
    (valid && key.chars().all(letter)).then(|| (key.to_owned(), value))
}

/// An Integer has 15 digits at most (RFC 8941 3.3.1).
fn number(value: &str) -> Option<Value> {
    let digits = (1..=15).contains(&value.len()) && value.chars().all(|c| c.is_ascii_digit());
    digits.then(|| Value::Number(value.parse().expect("15 digits fit")))
}

/// A String that could not be a list of field names.
fn plain_text(value: &str) -> Option<Value> {
    let text = value.strip_prefix('"')?.strip_suffix('"')?;
    text.chars().all(|c| c == ' ').then_some(Value::Text)
}

fn as_the_model_says(members: &BTreeMap<String, Value>, directives: &ResponseDirectives) {
    let get = |key: &str| members.get(key);
    let lifetime = |key| {
        get(key).map(|value| match value {
            Value::Number(seconds) => (*seconds).min(MOST),
            _ => 0,
        })
    };
    let window = |key| match get(key) {
        Some(Value::Number(seconds)) => Some((*seconds).min(MOST)),
        _ => None,
    };
    let restricts = |key| get(key).is_some_and(|value| *value != Value::Flag(false));
    let permits = |key| get(key) == Some(&Value::Flag(true));
    let covers = |key| {
        if restricts(key) {
            Fields::All
        } else {
            Fields::No
        }
    };
    let expected = ResponseDirectives {
        no_store: restricts("no-store"),
        public: permits("public"),
        must_revalidate: restricts("must-revalidate"),
        proxy_revalidate: restricts("proxy-revalidate"),
        must_understand: permits("must-understand"),
        immutable: permits("immutable"),
        no_cache: covers("no-cache"),
        private: covers("private"),
        max_age: lifetime("max-age"),
        s_maxage: lifetime("s-maxage"),
        stale_while_revalidate: window("stale-while-revalidate"),
        stale_if_error: window("stale-if-error"),
    };
    assert_eq!(*directives, expected);
}
