//! `Vary`, and what it selects by (RFC 9110 12.5.5, RFC 9111 4.1).

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{bare, blocks, field, head, is_token, split_unquoted, text};
use crate::response_cache::policy::{Rule, vary::Vary};

const MOST_NAMES: usize = 4;

/// The input is the lines of `Vary`, then the fields of two requests; an empty line before each.
///
/// # Panics
///
/// If a property does not hold.
pub fn vary(data: &[u8]) {
    let blocks = blocks(data);
    let Some(headers) = field(&header::VARY, &blocks[0]) else {
        return;
    };
    let Some(vary) = as_named(&headers, &blocks[0]) else {
        return;
    };
    let request = |n: usize| head(blocks.get(n).map_or(&[][..], Vec::as_slice));
    let (one, other) = (request(1), request(2));
    selects_alike(&vary, &one, &other);
    for name in vary.names() {
        absent_is_like_nothing_else(&vary, &one, name);
        white_space_does_not_count(&vary, &one, name);
    }
}

/// What the lines name, if all can be kept, as a naive reading does.
fn as_named(headers: &HeaderMap, lines: &[&[u8]]) -> Option<Vary> {
    let joined = text(&lines.join(&b","[..])).to_ascii_lowercase();
    let members = joined.split(',').map(bare).filter(|name| !name.is_empty());
    let names: BTreeSet<_> = members.collect();
    let read = Vary::read(headers, MOST_NAMES);
    if names.contains("*") || !names.iter().all(|name| is_token(name)) {
        assert_eq!(read, Err(Rule::VaryAny));
        return None;
    }
    if names.len() > MOST_NAMES {
        assert_eq!(read, Err(Rule::VaryTooLong));
        return None;
    }
    let vary = read.expect("all of them are names, and few");
    let kept: Vec<_> = vary.names().iter().map(HeaderName::as_str).collect();
    assert_eq!(kept, names.into_iter().collect::<Vec<_>>());
    assert_eq!(vary.is_empty(), kept.is_empty());
    Some(vary)
}

fn selects_alike(vary: &Vary, one: &HeaderMap, other: &HeaderMap) {
    let same = vary.selecting(one) == vary.selecting(other);
    let said = |request: &HeaderMap| -> Vec<_> {
        let names = vary.names().iter();
        names.map(|name| said(request, name)).collect()
    };
    let (one, other) = (said(one), said(other));
    let closed = |said: &Option<Said>| said.as_ref().is_none_or(|said| said.closed);
    if one.iter().chain(&other).all(closed) {
        assert_eq!(same, one == other, "{one:?} {other:?}");
    } else if same {
        // Where a quoted string never ends, white space may count or not, but nothing else is lost.
        let visible = |all: &[Option<Said>]| -> Vec<_> {
            let one = |said: &Said| said.members.join(",").replace([' ', '\t'], "");
            all.iter().map(|said| said.as_ref().map(one)).collect()
        };
        assert_eq!(visible(&one), visible(&other));
    }
}

/// The members of a field that are told apart, and whether all quoted strings in it end.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    members: Vec<String>,
    closed: bool,
}

fn said(request: &HeaderMap, name: &HeaderName) -> Option<Said> {
    let mut said = Said {
        members: Vec::new(),
        closed: true,
    };
    for line in request.get_all(name) {
        let (members, closed) = split_unquoted(&text(line.as_bytes()));
        let folded = |member: &String| match name.as_str() {
            "accept-language" | "accept-encoding" => bare(member).to_ascii_lowercase(),
            _ => bare(member).to_owned(),
        };
        said.members.extend(members.iter().map(folded));
        said.closed &= closed;
    }
    request.contains_key(name).then_some(said)
}

fn absent_is_like_nothing_else(vary: &Vary, request: &HeaderMap, name: &HeaderName) {
    let mut without = request.clone();
    without.remove(name);
    let absent = vary.selecting(&without);
    let present = request.contains_key(name);
    assert_eq!(absent == vary.selecting(request), !present);
    without.insert(name, HeaderValue::from_static(""));
    assert_ne!(absent, vary.selecting(&without), "empty");
}

/// Neither around the commas of a list, nor whether they are commas or new lines.
fn white_space_does_not_count(vary: &Vary, request: &HeaderMap, name: &HeaderName) {
    let lines = request.get_all(name).iter();
    let lines: Vec<_> = lines
        .map(|line| split_unquoted(&text(line.as_bytes())))
        .collect();
    if lines.is_empty() || !lines.iter().all(|(_, closed)| *closed) {
        return;
    }
    let members = lines.into_iter().flat_map(|(members, _)| members);
    let members: Vec<_> = members.map(|member| format!("\t {member} ")).collect();
    let bytes = |value: &str| -> Vec<u8> {
        let latin1 = value.chars().map(|c| u8::try_from(u32::from(c)));
        latin1.map(|byte| byte.expect("they were bytes")).collect()
    };
    let value =
        |text: &str| HeaderValue::from_bytes(&bytes(text)).expect("nothing was added but blanks");
    let as_sent = vary.selecting(request);
    let mut other = request.clone();
    other.insert(name, value(&members.join(",")));
    assert_eq!(vary.selecting(&other), as_sent, "in one line");
    other.remove(name);
    for member in &members {
        other.append(name, value(member));
    }
    assert_eq!(vary.selecting(&other), as_sent, "each on its own line");
}
