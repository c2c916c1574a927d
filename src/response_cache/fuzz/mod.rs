//! What holds for anything that may be sent: properties, to which fuzzing looks for exceptions.
//!
//! Each function takes arbitrary bytes and panics if a property does not hold. The programs in `tests/fuzz/`
//! hand them what libFuzzer comes up with; the tests below hand them what is kept in `tests/fuzz/corpus/`.
//! The models that they compare with are written apart from the code under test, and for simplicity alone.

mod cache_control;
mod cache_status;
mod http_date;
mod key;
mod no_vary_search;
mod range;
mod targeted;
mod vary;

pub use self::{
    cache_control::cache_control, cache_status::cache_status, http_date::http_date, key::key,
    no_vary_search::no_vary_search, range::range, targeted::targeted, vary::vary,
};

use http::{HeaderMap, HeaderName, HeaderValue};

/// The lines of an input; the line feed at the end of a text file begins none.
fn lines(data: &[u8]) -> Vec<&[u8]> {
    let data = data.strip_suffix(b"\n").unwrap_or(data);
    data.split(|byte| *byte == b'\n').collect()
}

/// The groups of lines that an empty line separates.
fn blocks(data: &[u8]) -> Vec<Vec<&[u8]>> {
    let lines = lines(data);
    lines
        .split(|line| line.is_empty())
        .map(<[&[u8]]>::to_vec)
        .collect()
}

/// The same lines as those of one field. `None` if one of them cannot be a field value.
fn field(name: &HeaderName, lines: &[&[u8]]) -> Option<HeaderMap> {
    let value = |line: &&[u8]| Some((name.clone(), HeaderValue::from_bytes(line).ok()?));
    lines.iter().map(value).collect()
}

/// Lines of the form `name: value` as the fields of a message; what has another form is left out.
fn head(lines: &[&[u8]]) -> HeaderMap {
    let field = |line: &&[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        Some((name, value))
    };
    lines.iter().filter_map(field).collect()
}

/// Bytes as text, each byte one character, so that models can use what strings offer.
fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Without optional white space at both ends (RFC 9110 5.6.3).
fn bare(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// All lines of a field as one value, without the white space that belongs to none of them (RFC 9110 5.3, 5.5).
fn combined(lines: &[&[u8]]) -> Vec<u8> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let trimmed = lines.iter().map(|line| {
        let begin = line
            .iter()
            .position(|byte| !blank(byte))
            .unwrap_or(line.len());
        let end = line
            .iter()
            .rposition(|byte| !blank(byte))
            .map_or(begin, |last| last + 1);
        &line[begin..end]
    });
    trimmed.collect::<Vec<_>>().join(&b", "[..])
}

/// `token` (RFC 9110 5.6.2)
fn is_token(text: &str) -> bool {
    let tchar = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(tchar)
}

/// The parts between the commas that stand outside of quoted strings (RFC 9110 5.6.4), and whether the last
/// quoted string was closed.
fn split_unquoted(line: &str) -> (Vec<String>, bool) {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in line.chars() {
        if c == ',' && !quoted {
            parts.push(String::new());
            continue;
        }
        parts.last_mut().expect("it began with one").push(c);
        if escaped {
            escaped = false;
        } else if c == '"' {
            quoted = !quoted;
        } else if c == '\\' && quoted {
            escaped = true;
        }
    }
    (parts, !quoted)
}

#[cfg(test)]
mod replay;
