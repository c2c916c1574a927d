//! Vary: which stored response was selected by fields like these (RFC 9111 4.1).

use http::{HeaderMap, HeaderName, HeaderValue, header};
use smallvec::SmallVec;

use super::rule::Rule;
use crate::header::list;

/// The normalised values of the selecting header fields of a request, in one buffer.
pub(crate) type Selecting = SmallVec<[u8; 128]>;

/// The field names of a response's Vary, sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Vary(Box<[HeaderName]>);

impl Vary {
    /// Reads all lines of Vary.
    ///
    /// A member that is no field name can match nothing, as `*` cannot (RFC 9110 12.5.5).
    pub(crate) fn read(headers: &HeaderMap, max: usize) -> Result<Self, Rule> {
        let mut names = Vec::new();
        for member in list::members(headers, &header::VARY) {
            names.push(HeaderName::from_bytes(member).map_err(|_| Rule::VaryAny)?);
            if member == b"*" {
                return Err(Rule::VaryAny);
            }
        }
        names.sort_by(|one, two| one.as_str().cmp(two.as_str()));
        names.dedup();
        if names.len() > max {
            return Err(Rule::VaryTooLong);
        }
        Ok(Self(names.into_boxed_slice()))
    }

    /// Adds those of the names to the Vary of a response that it does not have yet, on a line of their own.
    pub(crate) fn add(headers: &mut HeaderMap, names: &[HeaderName]) {
        let has = |name: &[u8]| {
            list::members(headers, &header::VARY).any(|member| member.eq_ignore_ascii_case(name))
        };
        let missing = |name: &&HeaderName| !has(name.as_str().as_bytes());
        let missing: Vec<&str> = names.iter().filter(missing).map(AsRef::as_ref).collect();
        // `*` says more than any name.
        if missing.is_empty() || has(b"*") {
            return;
        }
        let line = HeaderValue::from_str(&missing.join(", ")).expect("names are visible ASCII");
        headers.append(header::VARY, line);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names.
    pub(crate) fn names(&self) -> &[HeaderName] {
        &self.0
    }

    /// What a request says in the fields named here. Two requests select the same response if these
    /// bytes are equal.
    ///
    /// All lines of a field count as one list; white space around commas does not count, an absent field
    /// differs from an empty one.
    pub(crate) fn selecting(&self, headers: &HeaderMap) -> Selecting {
        let mut out = Selecting::new();
        for name in &self.0 {
            let mut present = false;
            for value in headers.get_all(name) {
                out.push(if present { b',' } else { b'=' });
                normalise(name, value, &mut out);
                present = true;
            }
            // No field value can hold a line feed.
            out.push(b'\n');
        }
        out
    }
}

/// Appends one line without the white space around its commas, quoted strings left as they are. Languages
/// and codings are compared without regard to case (RFC 9110 8.4.1, RFC 4647 2.1).
fn normalise(name: &HeaderName, value: &HeaderValue, out: &mut Selecting) {
    let fold = *name == header::ACCEPT_LANGUAGE || *name == header::ACCEPT_ENCODING;
    let (mut quoted, mut escaped, mut at_start) = (false, false, true);
    // Copied at once and then closed up in its place.
    let start = out.len();
    out.extend_from_slice(value.as_bytes());
    let line = &mut out[start..];
    let mut end = 0;
    for from in 0..line.len() {
        let byte = line[from];
        if !quoted && at_start && is_blank(byte) {
            continue;
        }
        if !quoted && byte == b',' {
            end = without_blanks(&line[..end]);
        }
        at_start = !quoted && byte == b',';
        match byte {
            b'"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && byte == b'\\' && !escaped;
        line[end] = if fold {
            byte.to_ascii_lowercase()
        } else {
            byte
        };
        end += 1;
    }
    if !quoted {
        end = without_blanks(&line[..end]);
    }
    out.truncate(start + end);
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The length of a line without the blanks at its end.
fn without_blanks(line: &[u8]) -> usize {
    let last = line.iter().rposition(|byte| !is_blank(*byte));
    last.map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vary(lines: &[&'static str]) -> Result<Vary, Rule> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::VARY, HeaderValue::from_static(line));
        }
        Vary::read(&headers, 4)
    }

    fn same(vary_on: &'static str, one: &[&'static str], two: &[&'static str]) -> bool {
        let vary = vary(&[vary_on]).expect("a Vary that can be kept");
        let of = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(vary.names()[0].clone(), HeaderValue::from_static(line));
            }
            vary.selecting(&headers)
        };
        of(one) == of(two)
    }

    #[test]
    fn names_of_all_lines_count_once_whatever_their_case() {
        let vary = vary(&["Foo, bar", "FOO,,baz "]).expect("three names");
        assert_eq!(vary.names(), ["bar", "baz", "foo"]);
        assert!(!vary.is_empty() && Vary::default().is_empty());
    }

    #[test]
    fn a_star_anywhere_never_matches() {
        for lines in [
            &["*"][..],
            &["*, foo"],
            &["foo, *"],
            &["foo", "*"],
            &["foo", "*, bar"],
            &[", *"],
        ] {
            assert_eq!(vary(lines), Err(Rule::VaryAny), "{lines:?}");
        }
    }

    #[test]
    fn a_member_that_is_no_name_never_matches() {
        assert_eq!(vary(&["foo bar"]), Err(Rule::VaryAny));
    }

    #[test]
    fn more_names_than_are_kept_are_refused() {
        assert!(vary(&["a, b, c, d"]).is_ok());
        assert_eq!(vary(&["a, b, c, d, e"]), Err(Rule::VaryTooLong));
    }

    #[test]
    fn only_names_that_are_missing_are_added() {
        let added = |lines: &[&'static str], names: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::VARY, HeaderValue::from_static(line));
            }
            let names: Vec<_> = names
                .iter()
                .map(|name| HeaderName::from_static(name))
                .collect();
            Vary::add(&mut headers, &names);
            let lines = headers.get_all(header::VARY).iter();
            lines
                .map(|line| line.to_str().expect("ASCII").to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(added(&[], &["a", "b"]), ["a, b"]);
        assert_eq!(added(&["B, c"], &["a", "b"]), ["B, c", "a"]);
        assert_eq!(added(&["a", "b"], &["b", "a"]), ["a", "b"]);
        assert_eq!(added(&["a, *"], &["b"]), ["a, *"]);
        assert_eq!(added(&[], &[]), Vec::<String>::new());
    }

    #[test]
    fn absent_matches_only_absent() {
        assert!(same("foo", &[], &[]));
        assert!(!same("foo", &[], &[""]));
        assert!(!same("foo", &["1"], &[]));
    }

    #[test]
    fn lines_combine_and_white_space_around_commas_does_not_count() {
        assert!(same("foo", &["1", "2"], &["1, 2"]));
        assert!(same("foo", &["1 ,\t2 "], &[" 1,2"]));
        assert!(!same("foo", &["1 2"], &["12"]));
        assert!(!same("foo", &["1,2"], &["2,1"]));
    }

    #[test]
    fn quoted_strings_are_left_alone() {
        assert!(!same("foo", &[r#""a, b""#], &[r#""a,b""#]));
        assert!(!same("foo", &[r#""a\", b""#], &[r#""a\",b""#]));
        assert!(same("foo", &[r#""a\"", b"#], &[r#""a\"",b"#]));
        // Wherever they begin.
        for (one, two) in [
            (r#"p="a, b""#, r#"p="a,b""#),
            (r#"pq="a, b""#, r#"pq="a,b""#),
            (r#"p, "", q="a, b""#, r#"p, "", q="a,b""#),
            (r#"\"a, b""#, r#"\"a,b""#),
        ] {
            assert!(!same("foo", &[one], &[two]), "{one}");
        }
    }

    #[test]
    fn case_counts_save_in_languages_and_codings() {
        assert!(!same("foo", &["A"], &["a"]));
        assert!(same("accept-language", &["en-GB"], &["EN-gb"]));
        assert!(same("accept-encoding", &["GZIP"], &["gzip"]));
    }

    #[test]
    fn values_of_neighbouring_fields_do_not_run_together() {
        let vary = vary(&["a, b"]).expect("two names");
        let mut one = HeaderMap::new();
        one.insert("a", HeaderValue::from_static("x"));
        let mut two = HeaderMap::new();
        two.insert("b", HeaderValue::from_static("x"));
        assert_ne!(vary.selecting(&one), vary.selecting(&two));
    }
}
