//! Cache directives of requests and responses (RFC 9111 5.2, RFC 5861, RFC 8246, RFC 9213).

mod request;
mod response;
mod scan;
mod targeted;

use std::borrow::Cow;

use http::HeaderName;

pub(crate) use request::{MaxStale, RequestDirectives};
pub(crate) use response::ResponseDirectives;

use super::{delta::parse_delta, list::trim};

/// What `no-cache` and `private` cover (RFC 9111 5.2.2.4 and 5.2.2.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fields {
    /// The directive is absent.
    #[default]
    No,
    /// The unqualified form: the whole response.
    All,
    /// The qualified form: these fields of the response.
    Named(Vec<HeaderName>),
}

impl Fields {
    /// Adds one more occurrence of the directive: the unqualified form beats, names unite.
    fn add(&mut self, more: Self) {
        match (&mut *self, more) {
            (_, Self::No) | (Self::All, _) => {}
            (Self::Named(names), Self::Named(more)) => {
                for name in more {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
            (_, more) => *self = more,
        }
    }

    /// Reads a list of field names. An empty or malformed one is taken as the unqualified form,
    /// since what its author wished to protect is unknown.
    fn from_list(list: &[u8]) -> Self {
        let names = list
            .split(|byte| *byte == b',')
            .map(trim)
            .filter(|name| !name.is_empty());
        match names
            .map(HeaderName::from_bytes)
            .collect::<Result<Vec<_>, _>>()
        {
            Ok(names) if !names.is_empty() => Self::Named(names),
            _ => Self::All,
        }
    }
}

/// The argument of a well-formed directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Argument<'a> {
    /// There is no `=`.
    Absent,
    /// `=token`, or nothing after the `=`.
    Token(&'a [u8]),
    /// `="quoted string"`: what is between the quotes, escapes included.
    Quoted(&'a [u8]),
}

impl<'a> Argument<'a> {
    /// The text of the argument. RFC 9111 5.2 asks to accept the token form and the quoted form
    /// of the same directive.
    fn text(self) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Absent => None,
            Self::Token(text) => Some(Cow::Borrowed(text)),
            Self::Quoted(text) if !text.contains(&b'\\') => Some(Cow::Borrowed(text)),
            Self::Quoted(text) => Some(Cow::Owned(unescape(text))),
        }
    }

    fn delta(self) -> Option<u64> {
        parse_delta(self.text()?)
    }

    fn fields(self) -> Fields {
        self.text()
            .map_or(Fields::All, |list| Fields::from_list(&list))
    }
}

/// Undoes `quoted-pair` (RFC 9110 5.6.4).
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut escaped = false;
    let keep = |byte: &u8| {
        escaped = *byte == b'\\' && !escaped;
        !escaped
    };
    text.iter().copied().filter(keep).collect()
}

/// Keeps the smaller of two limits; one that is absent limits nothing.
fn keep_least(limit: &mut Option<u64>, other: Option<u64>) {
    *limit = match (*limit, other) {
        (Some(limit), Some(other)) => Some(limit.min(other)),
        (limit, other) => limit.or(other),
    };
}

#[cfg(test)]
mod tests;
