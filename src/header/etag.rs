//! Entity tags and `If-None-Match` (RFC 9110 8.8.3 and 13.1.2).

use http::{HeaderMap, HeaderValue, header};

use super::list::trim;

/// An entity tag as it stands in `ETag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntityTag<'a> {
    /// Whether it bears the `W/` mark.
    pub(crate) weak: bool,
    /// What is between the quotes.
    pub(crate) opaque: &'a [u8],
}

impl<'a> EntityTag<'a> {
    /// Reads one tag, without white space around it. The weakness mark is case-sensitive.
    pub(crate) fn parse(value: &'a [u8]) -> Option<Self> {
        let (weak, quoted) = match value.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, value),
        };
        let opaque = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        let valid = opaque
            .iter()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..));
        valid.then_some(Self { weak, opaque })
    }

    /// Both are strong and equal (RFC 9110 8.8.3.2).
    pub(crate) fn strong_eq(self, other: EntityTag<'_>) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Equal, weak or not (RFC 9110 8.8.3.2).
    pub(crate) fn weak_eq(self, other: EntityTag<'_>) -> bool {
        self.opaque == other.opaque
    }
}

/// Evaluates `If-None-Match` against a stored response with the `ETag` `current`.
///
/// `None` without the field. `Some(true)` if the condition holds: nothing matches, the whole
/// response is due. `Some(false)` if it does not: a 304 is due.
///
/// `*` matches whatever is stored, but only as the sole member. A tag without quotes, which is
/// none by RFC 9110, matches an equal stored one, so that clients of origins that send such tags
/// get their 304; any other malformed tag, and an empty field, match nothing.
pub(crate) fn if_none_match(headers: &HeaderMap, current: Option<&HeaderValue>) -> Option<bool> {
    if !headers.contains_key(header::IF_NONE_MATCH) {
        return None;
    }
    let current = current.map(|value| trim(value.as_bytes()));
    let lines = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .map(HeaderValue::as_bytes);
    let mut members = lines.flat_map(|rest| Members { rest }).peekable();
    let first = members.next();
    if first == Some(b"*") && members.peek().is_none() {
        return Some(false);
    }
    let matched = current.is_some_and(|current| {
        first
            .into_iter()
            .chain(members)
            .any(|member| matches(member, current))
    });
    Some(!matched)
}

/// Whether `If-None-Match` is `*`, which cannot be combined with tags (RFC 9110 13.1.2).
pub(crate) fn is_any(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut members = lines.flat_map(|line| Members {
        rest: line.as_bytes(),
    });
    members.next() == Some(b"*") && members.next().is_none()
}

fn matches(member: &[u8], current: &[u8]) -> bool {
    match (EntityTag::parse(member), EntityTag::parse(current)) {
        (Some(member), Some(current)) => member.weak_eq(current),
        (None, None) => member == current && !member.contains(&b'"'),
        _ => false,
    }
}

/// The non-empty members of one line; a comma within an opaque tag separates nothing.
struct Members<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let (member, rest) = split_member(self.rest);
            self.rest = rest;
            if !member.is_empty() {
                return Some(member);
            }
        }
        None
    }
}

fn split_member(line: &[u8]) -> (&[u8], &[u8]) {
    let line = trim(line);
    let tag = line.strip_prefix(b"W/").unwrap_or(line);
    let opaque = tag
        .strip_prefix(b"\"")
        .and_then(|tag| tag.iter().position(|byte| *byte == b'"'));
    // The mark, two quotes and what they hold, if it begins as a tag does.
    let tag_length = opaque.map_or(0, |length| line.len() - tag.len() + length + 2);
    let comma = line[tag_length..].iter().position(|byte| *byte == b',');
    let end = comma.map_or(line.len(), |comma| tag_length + comma);
    (trim(&line[..end]), line.get(end + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::IF_NONE_MATCH;
    use proptest::prelude::*;

    fn tag(value: &str) -> Option<EntityTag<'_>> {
        EntityTag::parse(value.as_bytes())
    }

    fn holds(lines: &[&'static str], current: Option<&'static str>) -> Option<bool> {
        let lines = lines
            .iter()
            .map(|line| (IF_NONE_MATCH, HeaderValue::from_static(line)));
        let current = current.map(HeaderValue::from_static);
        if_none_match(&lines.collect(), current.as_ref())
    }

    #[test]
    fn strong_and_weak_tags_are_read() {
        assert_eq!(
            tag("\"a,b\""),
            Some(EntityTag {
                weak: false,
                opaque: b"a,b"
            })
        );
        assert_eq!(
            tag("W/\"\""),
            Some(EntityTag {
                weak: true,
                opaque: b""
            })
        );
        assert!(EntityTag::parse(b"\"\xff!\"").is_some());
    }

    #[test]
    fn malformed_tags_are_refused() {
        for value in [
            "", "\"", "a", "*", "w/\"a\"", "W/a", "W/", "\"a b\"", "\"a\"b\"", " \"a\"",
        ] {
            assert_eq!(tag(value), None, "{value:?}");
        }
    }

    #[test]
    fn comparisons_are_those_of_the_table_in_the_rfc() {
        let table = [
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
        ];
        for (a, b, strong, weak) in table {
            let (a, b) = (tag(a).expect("a tag"), tag(b).expect("a tag"));
            assert_eq!((a.strong_eq(b), b.strong_eq(a)), (strong, strong));
            assert_eq!((a.weak_eq(b), b.weak_eq(a)), (weak, weak));
        }
    }

    #[test]
    fn without_the_field_there_is_no_condition() {
        assert_eq!(holds(&[], Some("\"a\"")), None);
    }

    #[test]
    fn an_empty_field_matches_nothing() {
        assert_eq!(holds(&[""], Some("\"a\"")), Some(true));
        assert_eq!(holds(&[" ,", ""], None), Some(true));
    }

    #[test]
    fn tags_compare_weakly() {
        assert_eq!(holds(&["\"a\""], Some("W/\"a\"")), Some(false));
        assert_eq!(holds(&["W/\"a\""], Some("\"a\"")), Some(false));
        assert_eq!(holds(&["\"b\""], Some("\"a\"")), Some(true));
        assert_eq!(holds(&["\"a\""], None), Some(true));
    }

    #[test]
    fn any_member_of_any_line_matches() {
        assert_eq!(holds(&["\"x\" , \"y\",,\"a\""], Some("\"a\"")), Some(false));
        assert_eq!(holds(&["\"x\"", ",W/\"a\""], Some("\"a\"")), Some(false));
        assert_eq!(holds(&["junk\"x\", \"a\""], Some("\"a\"")), Some(false));
    }

    #[test]
    fn commas_within_a_tag_separate_nothing() {
        assert_eq!(holds(&["\"x,y\", \"a,b\""], Some("\"a,b\"")), Some(false));
        assert_eq!(holds(&["\"x,a,y\""], Some("a")), Some(true));
    }

    #[test]
    fn an_asterisk_alone_matches_whatever_is_stored() {
        assert_eq!(holds(&["*"], None), Some(false));
        assert_eq!(holds(&[" * ,"], Some("\"a\"")), Some(false));
        assert_eq!(holds(&["\"*\""], Some("\"a\"")), Some(true));
        assert_eq!(holds(&["*, \"b\""], Some("\"a\"")), Some(true));
        assert_eq!(holds(&["*", "\"b\""], Some("\"a\"")), Some(true));
    }

    #[test]
    fn unquoted_tags_match_only_their_equals() {
        assert_eq!(holds(&["abc"], Some("abc")), Some(false));
        assert_eq!(holds(&["abc"], Some("\"abc\"")), Some(true));
        assert_eq!(holds(&["\"abc\""], Some("abc")), Some(true));
        assert_eq!(holds(&["W/abc"], Some("abc")), Some(true));
        assert_eq!(holds(&["\"abc"], Some("\"abc")), Some(true));
        assert_eq!(holds(&["w/\"abc\""], Some("w/\"abc\"")), Some(true));
    }

    proptest! {
        #[test]
        fn a_tag_in_any_list_is_found(
            before in "(\"[!#-~]{0,5}\" ?, ?){0,3}",
            opaque in "[!#-~]{0,8}",
            after in "( ?, ?W/\"[!#-~]{0,5}\"){0,3}",
        ) {
            let current = HeaderValue::try_from(format!("W/\"{opaque}\"")).expect("visible");
            let list = HeaderValue::try_from(format!("{before}\"{opaque}\"{after}")).expect("visible");
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, list)]);
            prop_assert_eq!(if_none_match(&headers, Some(&current)), Some(false));
        }

        #[test]
        fn arbitrary_values_do_not_panic(list: Vec<u8>, current: Vec<u8>) {
            let _ = EntityTag::parse(&list);
            if let (Ok(list), Ok(current)) =
                (HeaderValue::from_bytes(&list), HeaderValue::from_bytes(&current))
            {
                let headers = HeaderMap::from_iter([(IF_NONE_MATCH, list)]);
                let _ = if_none_match(&headers, Some(&current));
            }
        }
    }
}
