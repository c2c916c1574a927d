//! `No-Vary-Search` (draft-ietf-httpbis-no-vary-search): parameters of a query that do not matter.

use http::{HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use super::list;

const NO_VARY_SEARCH: HeaderName = HeaderName::from_static("no-vary-search");
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// How queries that lead to the same response may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoVarySearch {
    /// The order of parameters with different names does not matter.
    pub(crate) key_order: bool,
    /// The parameters that do not matter.
    pub(crate) params: Params,
}

/// The parameters of a query that do not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Params {
    /// None: every parameter matters.
    None,
    /// All.
    All,
    /// Those with these names.
    Only(Vec<String>),
    /// All but those with these names.
    Except(Vec<String>),
}

impl NoVarySearch {
    /// The memory that it holds beside its own size, in bytes.
    pub(crate) fn weight(&self) -> usize {
        match &self.params {
            Params::None | Params::All => 0,
            Params::Only(names) | Params::Except(names) => {
                names.capacity() * size_of::<String>()
                    + names.iter().map(String::capacity).sum::<usize>()
            }
        }
    }
}

impl Params {
    fn ignores(&self, name: &[u8]) -> bool {
        let listed = |names: &[String]| names.iter().any(|listed| listed.as_bytes() == name);
        match self {
            Self::None => false,
            Self::All => true,
            Self::Only(names) => listed(names),
            Self::Except(names) => !listed(names),
        }
    }
}

/// Reads the field, strictly.
///
/// `None` means that queries must be equal to the byte. It stands for an absent field, for one
/// with any fault, and for one that loosens nothing. Unknown keys are ignored.
pub(crate) fn parse(headers: &HeaderMap) -> Option<NoVarySearch> {
    let value = list::combined(headers, &NO_VARY_SEARCH)?;
    let members = Parser::new(&value).parse::<Dictionary>().ok()?;
    let key_order = members.get("key-order").map_or(Some(false), boolean)?;
    let params = members.get("params").map_or(Some(Params::None), params)?;
    let params = match (params, members.get("except")) {
        (params, None) => params,
        (Params::All, Some(except)) => Params::Except(names(except)?),
        // Exceptions make sense only from `params` as a whole.
        (_, Some(_)) => return None,
    };
    let rule = NoVarySearch { key_order, params };
    let exact = !rule.key_order && rule.params == Params::None;
    (!exact).then_some(rule)
}

fn boolean(entry: &ListEntry) -> Option<bool> {
    match entry {
        ListEntry::Item(item) => item.bare_item.as_boolean(),
        ListEntry::InnerList(_) => None,
    }
}

fn params(entry: &ListEntry) -> Option<Params> {
    match entry {
        ListEntry::Item(_) => {
            boolean(entry).map(|all| if all { Params::All } else { Params::None })
        }
        ListEntry::InnerList(_) => {
            let names = names(entry)?;
            Some(if names.is_empty() {
                Params::None
            } else {
                Params::Only(names)
            })
        }
    }
}

/// A list of names, each encoded as in a query, since a structured String is ASCII.
fn names(entry: &ListEntry) -> Option<Vec<String>> {
    let ListEntry::InnerList(list) = entry else {
        return None;
    };
    let name = |item: &BareItem| {
        let encoded = item.as_string()?;
        String::from_utf8(decode(encoded.as_str().as_bytes())).ok()
    };
    list.items
        .iter()
        .map(|item| name(&item.bare_item))
        .collect()
}

/// Brings a query, without its `?`, into the form that all queries equal to it under `rule` share.
///
/// The query is read as `application/x-www-form-urlencoded` (WHATWG URL, 5.1) and written anew
/// with one encoding for everything, so that unequal queries stay unequal. Bytes that are no UTF-8
/// are kept apart rather than replaced: an origin may tell them apart.
pub(crate) fn normalise(query: &str, rule: &NoVarySearch) -> String {
    let mut pairs: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name.as_bytes()), decode(value.as_bytes())))
        .filter(|(name, _)| !rule.params.ignores(name))
        .collect();
    if rule.key_order {
        // Stable: values of the same name keep their order, which means something.
        pairs.sort_by(|(name, _), (other, _)| name.cmp(other));
    }
    let mut normal = String::with_capacity(query.len());
    for (name, value) in &pairs {
        if !normal.is_empty() {
            normal.push('&');
        }
        encode(&mut normal, name);
        normal.push('=');
        encode(&mut normal, value);
    }
    normal
}

/// Undoes percent-encoding and `+`; a `%` without two digits stands for itself.
fn decode(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'+', _) => (b' ', after),
            (b'%', [high, low, after @ ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (b'%', &rest[1..]),
            },
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    bytes
}

fn hex_digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

fn encode(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            let digit = |nibble: u8| char::from(HEX[usize::from(nibble)]);
            out.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
}

#[cfg(test)]
mod tests;
