//! What a request has presented, once it is looked at.

use std::fmt;

use crate::session::id::SessionId;

/// What a browser keeps of a cookie's name and value together, in bytes (6265bis, section 5.7). Nothing longer is
/// looked at, wherever it came in.
pub(crate) const MOST: usize = 4096;

/// What a request has presented.
pub(crate) enum Presented {
    Nothing,
    Id(SessionId),
    Refused(RefusedId),
}

/// Why what a client has presented is no id. It is as if it had presented nothing: what it came with is never adopted.
///
/// ```
/// use tower_keep::session::RefusedId;
///
/// assert_eq!(RefusedId::Forged.to_string(), "forged");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusedId {
    /// It does not have the form of an id.
    Malformed,
    /// It is longer than anything that a browser keeps.
    Oversized,
    /// There are several, and be they equal: who added one to the other?
    Repeated,
    /// It has the form of something signed or encrypted, but none of the keys made it.
    Forged,
}

impl RefusedId {
    /// One word, as for the label of a metric: `malformed`, `oversized`, `repeated`, `forged`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Oversized => "oversized",
            Self::Repeated => "repeated",
            Self::Forged => "forged",
        }
    }
}

/// Shows [the word](RefusedId::as_str).
impl fmt::Display for RefusedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

pub(super) fn id(text: &[u8]) -> Presented {
    SessionId::parse(text).map_or(Presented::Refused(RefusedId::Malformed), Presented::Id)
}

/// What `open` finds in a value that is as long as what it has made.
pub(super) fn opened(
    value: &[u8],
    length: usize,
    open: impl FnOnce(&str) -> Option<String>,
) -> Presented {
    match str::from_utf8(value) {
        Ok(text) if text.len() == length => open(text)
            .map_or(Presented::Refused(RefusedId::Forged), |text| {
                id(text.as_bytes())
            }),
        _ => Presented::Refused(RefusedId::Malformed),
    }
}

/// The only line of a field.
pub(super) fn in_field<'a>(mut lines: impl Iterator<Item = &'a [u8]>) -> Presented {
    match (lines.next(), lines.next()) {
        (None, _) => Presented::Nothing,
        (Some(line), None) => sized(line),
        (Some(_), Some(_)) => Presented::Refused(RefusedId::Repeated),
    }
}

/// The token of the only line of `Authorization` (RFC 9110, section 11.6.2), if there is one: another scheme is somebody
/// else's.
pub(super) fn as_bearer<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Presented {
    let (mut token, mut count) = (None, 0);
    for line in lines {
        token = token.or(bearer(line));
        count += 1;
    }
    match token {
        None => Presented::Nothing,
        Some(token) if count == 1 => sized(token),
        Some(_) => Presented::Refused(RefusedId::Repeated),
    }
}

/// What follows the name of the scheme, in letters of any case, and a space or more (RFC 9110, section 11.4).
fn bearer(line: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = line.trim_ascii().split_at_checked(6)?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"Bearer");
    let ends = token.is_empty() || token.starts_with(b" ");
    (is_bearer && ends).then(|| token.trim_ascii_start())
}

fn sized(text: &[u8]) -> Presented {
    if text.len() > MOST {
        return Presented::Refused(RefusedId::Oversized);
    }
    id(text)
}
