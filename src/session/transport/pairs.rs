//! A cookie among those of a request.

/// What a request has of one name.
pub(crate) enum Found<'a> {
    Nothing,
    One(&'a [u8]),
    /// Which one was meant cannot be told: a subdomain or a script may have added one (6265bis, section 8.6).
    Several,
}

/// The value of the cookie `name` in the lines of `Cookie`, of which HTTP/2 may make several (RFC 9113, section 8.2.3).
///
/// Cut as browsers put it together (6265bis, section 5.8.3): at each `;`, whatever quotes there are, and a name is what
/// is before the first `=`. It has to be `name` byte by byte: a parser that trims more, or ignores case, would find the
/// cookies that a prefix is to keep out.
pub(super) fn find<'a>(lines: impl Iterator<Item = &'a [u8]>, name: &str) -> Found<'a> {
    let mut found = Found::Nothing;
    for line in lines {
        for pair in line.split(|byte| *byte == b';') {
            if let Some(value) = value(pair, name.as_bytes()) {
                found = match found {
                    Found::Nothing => Found::One(value),
                    Found::One(_) | Found::Several => Found::Several,
                };
            }
        }
    }
    found
}

fn value<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = pair.trim_ascii().strip_prefix(name)?;
    rest.strip_prefix(b"=")
}
