//! `Cache-Status` (RFC 9211).

use std::sync::{Arc, OnceLock};

use http::{HeaderMap, HeaderName, HeaderValue, header::Entry};
use smallvec::SmallVec;

use super::{list::trim, number};

/// The field's name.
pub(crate) const NAME: HeaderName = HeaderName::from_static("cache-status");
/// The largest Integer of structured fields (RFC 9651 3.3.1).
const MAX_INTEGER: i64 = 999_999_999_999_999;
/// Enough for most members.
const ROOM: usize = 96;
/// The name of this crate.
const PRODUCT: &str = "tower-keep";
/// Hits with fewer seconds left than this, an hour and more, are written once per process.
const TABULATED: usize = 4096;

/// What [`PRODUCT`] says about hits, by the seconds left. A static value is cloned without counting references
/// to it. Each is made when it is first needed and never freed: 24 bytes at most for each number.
static HITS: [OnceLock<HeaderValue>; TABULATED] = [const { OnceLock::new() }; TABULATED];

/// The name under which a cache speaks in `Cache-Status`, validated once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CacheName {
    text: Arc<str>,
    /// Whether it is that of this crate.
    is_product: bool,
}

/// A name that Cache-Status cannot carry (RFC 9211 2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a cache must be visible ASCII characters and spaces, at least one")]
pub struct InvalidName(());

impl CacheName {
    /// The name of this crate.
    pub(crate) fn product() -> Self {
        Self {
            text: PRODUCT.into(),
            is_product: true,
        }
    }

    /// Takes a host name or the name of a product; it is written as a Token where it is one, and
    /// as a String otherwise.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] if it is empty or has control or non-ASCII characters.
    pub(crate) fn new(name: &str) -> Result<Self, InvalidName> {
        let printable = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if name.is_empty() || !printable {
            return Err(InvalidName(()));
        }
        let mut text = Text::default();
        push_token_or_string(&mut text, name);
        Ok(Self {
            text: String::from_utf8_lossy(&text.0).into(),
            is_product: name == PRODUCT,
        })
    }
}

/// Why a request went to the origin (RFC 9211 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fwd {
    /// The cache is configured not to handle the request.
    Bypass,
    /// The method requires it.
    Method,
    /// Nothing is stored under the URI.
    UriMiss,
    /// Nothing stored under the URI fits the selecting header fields.
    VaryMiss,
    /// Nothing suitable could be found; which of the two misses it is, is unknown.
    Miss,
    /// A directive of the request forbids using what is stored.
    Request,
    /// What is stored is stale.
    Stale,
    /// Parts are stored, and others are asked for.
    Partial,
}

impl Fwd {
    fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Miss => "miss",
            Self::Request => "request",
            Self::Stale => "stale",
            Self::Partial => "partial",
        }
    }
}

/// A member in the making: most fit on the stack.
#[derive(Default)]
struct Text(SmallVec<[u8; ROOM]>);

impl Text {
    fn push_str(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }
}

/// Makes room for a member in fields that will be cloned: an empty line after those that came.
///
/// If the last of them is empty, it is the room: an empty member would make the whole List malformed
/// (RFC 9651 4.2.1).
pub(crate) fn reserve(headers: &mut HeaderMap) {
    if room(headers).is_none() {
        headers.append(NAME, HeaderValue::from_static(""));
    }
}

/// Takes the room away that was [reserved](reserve), if it was not used.
pub(crate) fn release(headers: &mut HeaderMap) {
    if room(headers).is_none() {
        return;
    }
    let mut lines: Vec<_> = headers.get_all(NAME).iter().cloned().collect();
    lines.pop();
    headers.remove(NAME);
    headers.extend(lines.into_iter().map(|line| (NAME, line)));
}

fn room(headers: &mut HeaderMap) -> Option<&mut HeaderValue> {
    // Looking for the last of several lines takes longer than for the only one.
    let only = headers.get_all(NAME).iter().nth(1).is_none();
    let last = if only {
        headers.get_mut(NAME)
    } else {
        match headers.entry(NAME) {
            Entry::Occupied(lines) => lines.into_iter().next_back(),
            Entry::Vacant(_) => None,
        }
    };
    last.filter(|line| trim(line.as_bytes()).is_empty())
}

/// Adds the member of this cache after those of the caches nearer to the origin: into the room that was
/// [reserved](reserve) for it, if there is such.
pub(crate) fn add(value: HeaderValue, headers: &mut HeaderMap) {
    // Where a stored head has it, unless caches nearer to the origin had something to say.
    let mut fields = headers.iter_mut().skip(1);
    if let Some((name, room)) = fields.next()
        && *name == NAME
        && room.is_empty()
        && fields.next().is_none_or(|(name, _)| *name != NAME)
    {
        *room = value;
        return;
    }
    match room(headers) {
        Some(room) => *room = value,
        None => {
            headers.append(NAME, value);
        }
    }
}

/// What a cache says about a hit with so many seconds left, where that lies ready.
pub(crate) fn of_a_hit(name: &CacheName, ttl: i64) -> Option<HeaderValue> {
    let place = usize::try_from(ttl).ok().filter(|_| name.is_product)?;
    let value = || {
        let member = CacheStatus {
            hit: true,
            ttl: Some(ttl),
            ..CacheStatus::default()
        };
        let text = member.member(name).0.into_boxed_slice();
        let text = std::str::from_utf8(Box::leak(text)).expect("a member is ASCII");
        HeaderValue::from_static(text)
    };
    Some(HITS.get(place)?.get_or_init(value).clone())
}

/// How one cache handled one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheStatus {
    /// Answered from store; excludes `fwd`, which is then not written.
    pub(crate) hit: bool,
    /// Went to the origin, and why.
    pub(crate) fwd: Option<Fwd>,
    /// The status that the origin answered with.
    pub(crate) fwd_status: Option<u16>,
    /// Seconds of freshness left; negative when stale.
    pub(crate) ttl: Option<i64>,
    /// Whether the response was stored.
    pub(crate) stored: bool,
    /// Whether the request shared another one's way to the origin.
    pub(crate) collapsed: bool,
    /// The key of the entry; what ASCII cannot show is percent-encoded.
    pub(crate) key: Option<String>,
    /// A word or sentence of this crate's own.
    pub(crate) detail: Option<&'static str>,
}

impl CacheStatus {
    /// The member for this cache.
    pub(crate) fn value(&self, name: &CacheName) -> HeaderValue {
        HeaderValue::from_bytes(self.member(name).0.as_slice())
            .expect("names are validated, texts escaped, the rest is ASCII of this module")
    }

    fn member(&self, name: &CacheName) -> Text {
        let mut out = Text::default();
        out.push_str(&name.text);
        match self.fwd {
            _ if self.hit => out.push_str("; hit"),
            Some(fwd) => {
                out.push_str("; fwd=");
                out.push_str(fwd.as_str());
            }
            None => {}
        }
        push_integer(&mut out, "; fwd-status=", self.fwd_status.map(i64::from));
        push_integer(&mut out, "; ttl=", self.ttl);
        if self.stored {
            out.push_str("; stored");
        }
        if self.collapsed {
            out.push_str("; collapsed");
        }
        if let Some(key) = &self.key {
            out.push_str("; key=");
            push_string(&mut out, key);
        }
        if let Some(detail) = self.detail {
            out.push_str("; detail=");
            push_token_or_string(&mut out, detail);
        }
        out
    }
}

fn push_integer(out: &mut Text, parameter: &str, value: Option<i64>) {
    if let Some(value) = value {
        out.push_str(parameter);
        let value = value.clamp(-MAX_INTEGER, MAX_INTEGER);
        if value < 0 {
            out.push_str("-");
        }
        out.push_str(number::Digits::of(value.unsigned_abs()).as_str());
    }
}

fn push_token_or_string(out: &mut Text, text: &str) {
    if is_token(text) {
        out.push_str(text);
    } else {
        push_string(out, text);
    }
}

/// Writes a String (RFC 9651 4.1.6); other than visible ASCII is percent-encoded.
fn push_string(out: &mut Text, text: &str) {
    out.0.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.0.extend([b'\\', byte]),
            b' '..=b'~' => out.0.push(byte),
            _ => {
                let digit = |half: u8| b"0123456789ABCDEF"[usize::from(half)];
                out.0.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    out.0.push(b'"');
}

/// A Token (RFC 9651 3.3.4).
fn is_token(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '*')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sfv::{BareItem, List, ListEntry, Parser};

    fn member(status: &CacheStatus, cache: &str) -> String {
        String::from_utf8(status.member(&name(cache)).0.to_vec()).expect("a member is ASCII")
    }

    const FWD: [Fwd; 8] = [
        Fwd::Bypass,
        Fwd::Method,
        Fwd::UriMiss,
        Fwd::VaryMiss,
        Fwd::Miss,
        Fwd::Request,
        Fwd::Stale,
        Fwd::Partial,
    ];

    fn name(name: &str) -> CacheName {
        CacheName::new(name).expect("a valid name")
    }

    #[test]
    fn a_hit_names_the_cache_and_the_time_left() {
        let status = CacheStatus {
            hit: true,
            ttl: Some(376),
            ..CacheStatus::default()
        };
        assert_eq!(
            member(&status, "ExampleCache"),
            "ExampleCache; hit; ttl=376"
        );
    }

    #[test]
    fn a_forwarded_request_says_why_and_what_became_of_it() {
        let status = CacheStatus {
            fwd: Some(Fwd::Stale),
            fwd_status: Some(304),
            ttl: Some(-5),
            stored: true,
            collapsed: true,
            key: Some("GET \"/é\\\n\"".to_owned()),
            detail: Some("two words"),
            ..CacheStatus::default()
        };
        assert_eq!(
            member(&status, "cache.example:80/a"),
            r#"cache.example:80/a; fwd=stale; fwd-status=304; ttl=-5; stored; collapsed; key="GET \"/%C3%A9\\%0A\""; detail="two words""#,
        );
    }

    #[test]
    fn a_hit_is_not_forwarded() {
        let status = CacheStatus {
            hit: true,
            fwd: Some(Fwd::Miss),
            ..CacheStatus::default()
        };
        assert_eq!(member(&status, "a"), "a; hit");
    }

    #[test]
    fn members_of_caches_nearer_to_the_origin_come_first_and_stay() {
        let origin = HeaderValue::from_static("Origin; hit");
        let mut headers = HeaderMap::from_iter([(NAME, origin)]);
        let status = CacheStatus {
            fwd: Some(Fwd::UriMiss),
            ..CacheStatus::default()
        };
        add(status.value(&name("a b")), &mut headers);
        let lines: Vec<_> = headers.get_all(NAME).iter().collect();
        assert_eq!(lines, ["Origin; hit", "\"a b\"; fwd=uri-miss"]);
    }

    #[test]
    fn what_lies_ready_about_hits_reads_as_it_is_written_otherwise() {
        let product = CacheName::product();
        assert_eq!(CacheName::new(PRODUCT), Ok(product.clone()));
        for ttl in (0..3).chain([9, 10, 3599, 4095]) {
            let status = CacheStatus {
                hit: true,
                ttl: Some(ttl),
                ..CacheStatus::default()
            };
            let written = Some(status.value(&product));
            assert_eq!(of_a_hit(&product, ttl), written);
            assert_eq!(of_a_hit(&product, ttl), written, "once more");
            assert_eq!(of_a_hit(&name("another"), ttl), None);
        }
        assert_eq!(of_a_hit(&product, 4096), None);
        assert_eq!(of_a_hit(&product, -1), None);
    }

    #[test]
    fn names_that_cannot_be_written_are_refused() {
        for invalid in ["", "caf\u{e9}", "a\n", "\u{7f}"] {
            assert_eq!(CacheName::new(invalid), Err(InvalidName(())), "{invalid:?}");
        }
        assert_eq!(&*name("1a").text, "\"1a\"");
        assert_eq!(&*name("a\"b").text, "\"a\\\"b\"");
    }

    fn parameters(value: &HeaderValue) -> Vec<(String, BareItem)> {
        let list: List = Parser::new(value.as_bytes())
            .parse()
            .expect("a structured List");
        let [ListEntry::Item(item)] = &list[..] else {
            panic!("one Item, not {list:?}");
        };
        item.params
            .iter()
            .map(|(key, value)| (key.to_string(), value.clone()))
            .collect()
    }

    #[test]
    fn room_is_filled_after_the_lines_that_came_or_released_without_a_trace() {
        for came in [
            &[][..],
            &["Far; hit"],
            &["Far; hit", "Near; fwd=miss"],
            &["", "Far; hit"],
        ] {
            let lines = |headers: &HeaderMap| -> Vec<String> {
                let lines = headers.get_all(NAME).iter();
                lines
                    .map(|line| line.to_str().expect("ASCII").to_owned())
                    .collect()
            };
            let mut headers = HeaderMap::new();
            headers.insert(http::header::AGE, HeaderValue::from_static("0"));
            for line in came {
                headers.append(NAME, HeaderValue::from_static(line));
            }
            reserve(&mut headers);
            let mut released = headers.clone();
            release(&mut released);
            assert_eq!(lines(&released), came);
            release(&mut released);
            assert_eq!(lines(&released), came, "there is no room any more");
            let status = CacheStatus {
                hit: true,
                ..CacheStatus::default()
            };
            add(status.value(&name("Own")), &mut headers);
            assert_eq!(lines(&headers), [came, &["Own; hit"]].concat());
        }
    }

    #[test]
    fn an_empty_line_of_another_cache_does_not_make_the_list_malformed() {
        for empty in ["", " \t"] {
            let status = CacheStatus {
                hit: true,
                ..CacheStatus::default()
            };
            let came = HeaderMap::from_iter([(NAME, HeaderValue::from_static(empty))]);
            let (mut direct, mut reserved) = (came.clone(), came);
            add(status.value(&name("Own")), &mut direct);
            reserve(&mut reserved);
            add(status.value(&name("Own")), &mut reserved);
            for headers in [direct, reserved] {
                let lines: Vec<_> = headers.get_all(NAME).iter().collect();
                assert_eq!(lines, ["Own; hit"], "{empty:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_member_is_a_structured_item_with_all_that_was_put_in(
            cache in "[ -~]{1,20}",
            hit: bool,
            fwd in proptest::option::of(proptest::sample::select(&FWD[..])),
            fwd_status: Option<u16>,
            ttl: Option<i64>,
            stored: bool,
            collapsed: bool,
            key: Option<String>,
            detail in proptest::option::of(proptest::sample::select(vec!["", "word", "\"\\ \u{e9}"])),
        ) {
            let status = CacheStatus { hit, fwd, fwd_status, ttl, stored, collapsed, key, detail };
            let mut headers = HeaderMap::new();
            add(status.value(&name(&cache)), &mut headers);
            let written = parameters(&headers[NAME]);
            let has = |wanted: &str| written.iter().any(|(key, _)| key == wanted);
            prop_assert_eq!(has("hit"), hit);
            prop_assert_eq!(has("fwd"), !hit && fwd.is_some());
            prop_assert_eq!(has("fwd-status"), fwd_status.is_some());
            prop_assert_eq!(has("ttl"), ttl.is_some());
            prop_assert_eq!(has("stored"), stored);
            prop_assert_eq!(has("collapsed"), collapsed);
            prop_assert_eq!(has("key"), status.key.is_some());
            prop_assert_eq!(has("detail"), detail.is_some());
        }
    }
}
