//! The names beside its URI that a response gives itself: tags, and cache groups.

use http::{HeaderMap, HeaderName};
use sfv::{BareItem, ListEntry, Parser};
use smallvec::SmallVec;

use super::place::Place;
use crate::{header::list, ledger::Name, response_cache::policy::Rule};

/// Tags between commas.
const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");
/// Tags between spaces.
const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");
/// RFC 9875 2: groups, as a List of Strings.
const CACHE_GROUPS: HeaderName = HeaderName::from_static("cache-groups");
/// RFC 9875 3.
const CACHE_GROUP_INVALIDATION: HeaderName = HeaderName::from_static("cache-group-invalidation");

/// The longest tag that is kept, in bytes.
const MAX_LENGTH: usize = 1024;

/// The tags and groups of a response.
#[derive(Debug, Default)]
pub(crate) struct Tags(SmallVec<[Name; 4]>);

impl Tags {
    /// What a response says in its fields and the handler in `more`. `origin` is where its groups belong.
    pub(crate) fn read<'a>(
        headers: &'a HeaderMap,
        more: impl Iterator<Item = &'a str>,
        origin: impl FnOnce() -> Place,
        max: usize,
    ) -> Result<Self, Rule> {
        let mut tags = Self::default();
        let spaced = headers.get_all(SURROGATE_KEY).iter();
        let spaced = spaced.flat_map(|line| line.as_bytes().split(u8::is_ascii_whitespace));
        let all = list::members(headers, &CACHE_TAG)
            .chain(spaced)
            .chain(more.map(str::as_bytes));
        for tag in all.filter(|tag| !tag.is_empty()) {
            tags.add(Name::tag(tag), tag.len(), max)?;
        }
        if headers.contains_key(CACHE_GROUPS) {
            let origin = origin();
            for group in groups(headers, &CACHE_GROUPS) {
                let name = Name::group(origin.origin(), group.as_bytes());
                tags.add(name, group.len(), max)?;
            }
        }
        Ok(tags)
    }

    fn add(&mut self, name: Name, length: usize, max: usize) -> Result<(), Rule> {
        if self.0.contains(&name) {
            return Ok(());
        }
        if self.0.len() == max || length > MAX_LENGTH {
            return Err(Rule::TooManyTags);
        }
        self.0.push(name);
        Ok(())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = Name> {
        self.0.iter().copied()
    }
}

/// Removes the fields that are meant for caches like this one.
pub(crate) fn strip(headers: &mut HeaderMap) {
    headers.remove(CACHE_TAG);
    headers.remove(SURROGATE_KEY);
}

/// The groups that a response to an unsafe request invalidates (RFC 9875 3).
pub(crate) fn invalidated_groups(headers: &HeaderMap) -> Vec<String> {
    groups(headers, &CACHE_GROUP_INVALIDATION)
}

/// The members of a List of Strings; what is no list has none (RFC 9651 4.2), and other members mean nothing.
fn groups(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let Some(value) = list::combined(headers, name) else {
        return Vec::new();
    };
    let Ok(list) = Parser::new(&*value).parse::<sfv::List>() else {
        return Vec::new();
    };
    let string = |entry: ListEntry| match entry {
        ListEntry::Item(item) => match item.bare_item {
            BareItem::String(string) => Some(string.as_str().to_owned()),
            _ => None,
        },
        ListEntry::InnerList(_) => None,
    };
    list.into_iter().filter_map(string).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::key::Key;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        lines.iter().map(line).collect()
    }

    fn read(lines: &[(&'static str, &'static str)], more: &[&str]) -> Result<Vec<Name>, Rule> {
        let origin = || Place::of(&Key::new(b"\na.example\n/"), false);
        let tags = Tags::read(&headers(lines), more.iter().copied(), origin, 4)?;
        Ok(tags.names().collect())
    }

    #[test]
    fn tags_come_from_all_lines_of_both_fields_and_the_handler() {
        let lines = [
            ("cache-tag", "a, b"),
            ("surrogate-key", "b  c"),
            ("cache-tag", ",d,"),
        ];
        let names = [b"a", b"b", b"d", b"c"].map(|tag| Name::tag(tag));
        assert_eq!(read(&lines, &["a"]).unwrap(), names);
        assert_eq!(read(&[], &[]).unwrap(), []);
    }

    #[test]
    fn groups_are_those_of_their_origin() {
        let names = read(&[("cache-groups", r#""a", "A";x=1, b, 7, ("c")"#)], &[]).unwrap();
        let group = |name: &[u8]| Name::group(b"a.example", name);
        assert_eq!(names, [group(b"a"), group(b"A")]);
        assert_ne!(group(b"a"), Name::group(b"b.example", b"a"));
        assert_ne!(group(b"a"), Name::tag(b"a"));
    }

    #[test]
    fn what_is_no_list_of_strings_names_nothing() {
        for value in [r#""a"#, r#""a", "#, r#""a" "b""#, "\"\t\""] {
            assert_eq!(
                read(&[("cache-groups", value)], &[]).unwrap(),
                [],
                "{value}"
            );
        }
    }

    #[test]
    fn one_tag_too_many_or_too_long_is_refused_and_none_is_dropped() {
        assert!(read(&[("cache-tag", "a,b,c,d,a")], &[]).is_ok());
        let refused = [
            read(&[("cache-tag", "a,b,c,d,e")], &[]),
            read(&[("cache-tag", "a,b,c,d"), ("cache-groups", r#""e""#)], &[]),
            read(&[], &[&"x".repeat(MAX_LENGTH + 1)]),
        ];
        for refused in refused {
            assert_eq!(refused, Err(Rule::TooManyTags));
        }
    }
}
