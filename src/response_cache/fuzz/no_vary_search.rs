//! `No-Vary-Search`, and the queries that it makes equal.

use std::collections::{BTreeMap, BTreeSet};

use http::HeaderName;
use sfv::{BareItem, Dictionary, FieldType, ListEntry, Parser};

use super::{blocks, combined, field};
use crate::header::no_vary_search::{NoVarySearch, Params, normalise, parse};

const NAME: HeaderName = HeaderName::from_static("no-vary-search");

/// The input is the lines of the field, an empty line, and two queries, each on its line.
///
/// # Panics
///
/// If a property does not hold.
pub fn no_vary_search(data: &[u8]) {
    let blocks = blocks(data);
    let Some(headers) = field(&NAME, &blocks[0]) else {
        return;
    };
    let rule = parse(&headers);
    let value = combined(&blocks[0]);
    assert_eq!(rule, as_the_model_says(&value));
    let Some(rule) = rule else { return };
    written_anew(&value, &rule);
    let query = |n: usize| {
        let line = blocks.get(1).and_then(|queries| queries.get(n));
        std::str::from_utf8(line.copied().unwrap_or_default()).ok()
    };
    let (Some(one), Some(other)) = (query(0), query(1)) else {
        return;
    };
    let normal = normalise(one, &rule);
    assert_eq!(normalise(&normal, &rule), normal, "twice");
    let equal = normal == normalise(other, &rule);
    assert_eq!(equal, reading(one, &rule) == reading(other, &rule));
}

/// What the draft says of a Dictionary, step by step.
fn as_the_model_says(value: &[u8]) -> Option<NoVarySearch> {
    let members = Parser::new(value).parse::<Dictionary>().ok()?;
    let mut rule = NoVarySearch {
        key_order: false,
        params: Params::None,
    };
    if let Some(member) = members.get("key-order") {
        rule.key_order = flag(member)?;
    }
    if let Some(member) = members.get("params") {
        rule.params = match (flag(member), strings(member)) {
            (Some(true), _) => Params::All,
            (None, Some(names)) if !names.is_empty() => Params::Only(names),
            (None, None) => return None,
            _ => Params::None,
        };
    }
    if let Some(member) = members.get("except") {
        let names = strings(member)?;
        if rule.params != Params::All {
            return None;
        }
        rule.params = Params::Except(names);
    }
    (rule.key_order || rule.params != Params::None).then_some(rule)
}

fn flag(member: &ListEntry) -> Option<bool> {
    match member {
        ListEntry::Item(item) => item.bare_item.as_boolean(),
        ListEntry::InnerList(_) => None,
    }
}

fn strings(member: &ListEntry) -> Option<Vec<String>> {
    let ListEntry::InnerList(list) = member else {
        return None;
    };
    let decoded = |item: &BareItem| String::from_utf8(decode(item.as_string()?.as_str())).ok();
    let names = list.items.iter().map(|item| decoded(&item.bare_item));
    names.collect()
}

/// Written anew, the field says the same.
fn written_anew(value: &[u8], rule: &NoVarySearch) {
    let dictionary: Dictionary = Parser::new(value).parse().expect("it was accepted");
    let written = dictionary.serialize().expect("it has members");
    let headers = field(&NAME, &[written.as_bytes()]).expect("it is ASCII");
    assert_eq!(parse(&headers).as_ref(), Some(rule), "{written}");
}

type Bytes = Vec<u8>;
/// All parameters in their order, and where that does not matter the values of each name in theirs.
type Reading = (Vec<(Bytes, Bytes)>, BTreeMap<Bytes, Vec<Bytes>>);

/// What a server that heeds the rule can tell of a query.
fn reading(query: &str, rule: &NoVarySearch) -> Reading {
    let listed = |names: &[String], name: &Bytes| {
        let names: BTreeSet<_> = names.iter().map(|name| name.as_bytes().to_vec()).collect();
        names.contains(name)
    };
    let (mut in_order, mut by_name) = (Vec::new(), BTreeMap::<_, Vec<_>>::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name), decode(value));
        let matters = match &rule.params {
            Params::None => true,
            Params::All => false,
            Params::Only(names) => !listed(names, &name),
            Params::Except(names) => listed(names, &name),
        };
        match (matters, rule.key_order) {
            (false, _) => {}
            (true, true) => by_name.entry(name).or_default().push(value),
            (true, false) => in_order.push((name, value)),
        }
    }
    (in_order, by_name)
}

/// Undoes percent-encoding and `+` (WHATWG URL, 5.1).
fn decode(text: &str) -> Bytes {
    let text = text.as_bytes();
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let code = text.get(at + 1..at + 3).and_then(|digits| {
            let hex = digits.iter().all(u8::is_ascii_hexdigit);
            let digits = std::str::from_utf8(digits).ok().filter(|_| hex)?;
            u8::from_str_radix(digits, 16).ok()
        });
        match (text[at], code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                at += 2;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(byte),
        }
        at += 1;
    }
    bytes
}
