//! Splits `Cache-Control` into directives, aware of quoted strings and wary of broken ones.

use super::{super::list::trim, Argument};

/// One piece of the field value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member<'a> {
    /// `token [ "=" ( token / quoted-string ) ]`
    Directive(&'a [u8], Argument<'a>),
    /// A word of something that is no directive. Only what restricts a cache may be read into it,
    /// as its author may have meant it to.
    Stray(&'a [u8]),
}

/// Hands each piece of all lines to `visit`, in order.
///
/// A malformed member is handed over as its stray words and ends at the next comma. A quote where
/// none can begin, or one that never ends, makes it unknowable which commas count: everything
/// from there on, later lines included, is stray.
pub(super) fn scan<'a>(lines: impl Iterator<Item = &'a [u8]>, mut visit: impl FnMut(Member<'a>)) {
    let mut lost = false;
    for mut rest in lines {
        while !lost && !rest.is_empty() {
            let (member, after) = next_member(rest);
            match member {
                Next::Empty => {}
                Next::Directive(name, argument) => visit(Member::Directive(name, argument)),
                Next::Malformed(pieces) => {
                    for piece in pieces {
                        stray_words(piece, &mut visit);
                    }
                }
                Next::Lost => lost = true,
            }
            rest = if lost { rest } else { after };
        }
        stray_words(rest, &mut visit);
    }
}

enum Next<'a> {
    Empty,
    Directive(&'a [u8], Argument<'a>),
    /// What stands outside of quotes.
    Malformed([&'a [u8]; 2]),
    /// A stray quote: where this member ends cannot be told.
    Lost,
}

/// The first member of a non-empty line, and what follows its comma.
fn next_member(line: &[u8]) -> (Next<'_>, &[u8]) {
    let end = line
        .iter()
        .position(|byte| matches!(byte, b',' | b'=' | b'"'))
        .unwrap_or(line.len());
    if line[end..].starts_with(b"=\"") {
        return quoted_member(line, end);
    }
    let end = end_of_unquoted(line, end);
    let member = trim(&line[..end]);
    let next = if member.contains(&b'"') {
        Next::Lost
    } else {
        unquoted_member(member)
    };
    (next, line.get(end + 1..).unwrap_or_default())
}

/// The comma that ends a member outside of quoted strings, at or after `from`.
fn end_of_unquoted(line: &[u8], from: usize) -> usize {
    let comma = line[from..].iter().position(|byte| *byte == b',');
    comma.map_or(line.len(), |comma| from + comma)
}

/// A member whose argument begins with a quote, which stands after the `=` at `equals`.
fn quoted_member(line: &[u8], equals: usize) -> (Next<'_>, &[u8]) {
    let open = equals + 2;
    let Some(length) = quoted_length(&line[open..]) else {
        return (Next::Lost, line);
    };
    let close = open + length;
    let end = end_of_unquoted(line, close + 1);
    let after = line.get(end + 1..).unwrap_or_default();
    let (name, junk) = (
        line[..equals].trim_ascii_start(),
        trim(&line[close + 1..end]),
    );
    let next = if junk.contains(&b'"') {
        Next::Lost
    } else if junk.is_empty() && is_token(name) {
        Next::Directive(name, Argument::Quoted(&line[open..close]))
    } else {
        // What the quotes hold is data, whatever surrounds them.
        Next::Malformed([name, junk])
    };
    (next, after)
}

/// The length of a quoted string's content, up to the quote that ends it.
fn quoted_length(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })
}

fn unquoted_member(member: &[u8]) -> Next<'_> {
    let mut parts = member.splitn(2, |byte| *byte == b'=');
    let name = parts.next().unwrap_or_default();
    match parts.next() {
        _ if member.is_empty() => Next::Empty,
        _ if !is_token(name) => Next::Malformed([member, b""]),
        None => Next::Directive(name, Argument::Absent),
        Some(value) if value.is_empty() || is_token(value) => {
            Next::Directive(name, Argument::Token(value))
        }
        Some(_) => Next::Malformed([member, b""]),
    }
}

fn stray_words<'a>(text: &'a [u8], visit: &mut impl FnMut(Member<'a>)) {
    let words = text
        .split(|byte| !is_tchar(*byte))
        .filter(|word| !word.is_empty());
    for word in words {
        visit(Member::Stray(word));
    }
}

/// `token` (RFC 9110 5.6.2)
fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_tchar)
}

fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
