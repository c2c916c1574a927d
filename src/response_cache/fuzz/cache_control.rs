//! `Cache-Control` of requests and responses (RFC 9111 5.2).

use std::{collections::BTreeSet, fmt::Debug};

use http::{HeaderName, header};

use super::{bare, field, is_token, lines, split_unquoted, text};
use crate::header::cache_control::{Fields, MaxStale, RequestDirectives, ResponseDirectives};

/// RFC 9111 1.2.2: what stands for all that is larger.
const MOST: u64 = 1 << 31;

/// The input is the lines of the field.
///
/// # Panics
///
/// If a property does not hold.
pub fn cache_control(data: &[u8]) {
    let lines = lines(data);
    if field(&header::CACHE_CONTROL, &lines).is_none() {
        return;
    }
    any_reading(&lines, response);
    any_reading(&lines, request);
    numbers_saturate(&response(&lines));
    restrictions_add_up(&lines);
    permissions_are_said(&lines);
    quotes_leak_nothing(&lines.concat());
    let members: Option<Vec<_>> = lines.iter().map(|line| members(line)).collect();
    if let Some(members) = members.map(|lines| lines.concat()) {
        as_the_model_says(&members, &response(&lines), &request(&lines));
        let twice = [&lines[..], &lines].concat();
        assert_eq!(response(&twice), response(&lines), "said twice");
        assert_eq!(request(&twice), request(&lines), "said twice");
    }
}

fn response(lines: &[&[u8]]) -> ResponseDirectives {
    ResponseDirectives::from_lines(lines.iter().copied())
}

fn request(lines: &[&[u8]]) -> RequestDirectives {
    let headers = field(&header::CACHE_CONTROL, lines).expect("parts of field values are such");
    RequestDirectives::from_headers(&headers, true)
}

/// What holds for whatever is read from the lines.
fn any_reading<T: PartialEq + Debug>(lines: &[&[u8]], read: impl Fn(&[&[u8]]) -> T) {
    let as_sent = read(lines);
    for other_case in [<[u8]>::to_ascii_lowercase, <[u8]>::to_ascii_uppercase] {
        let other: Vec<_> = lines.iter().map(|line| other_case(line)).collect();
        let other: Vec<_> = other.iter().map(Vec::as_slice).collect();
        assert_eq!(read(&other), as_sent, "letter case");
    }
    let unknown: &[u8] = br#"unknown, another="no-store, max-age=0, \", private, public", third=5"#;
    assert_eq!(
        read(&[&[unknown], lines].concat()),
        as_sent,
        "after unknown"
    );
    let bare_words: &[u8] = b"unknown, another=5";
    assert_eq!(
        read(&[lines, &[bare_words]].concat()),
        as_sent,
        "before unknown"
    );
    let mut one = [unknown, lines[0]].join(&b", "[..]);
    let first = [&[&one[..]], &lines[1..]].concat();
    assert_eq!(read(&first), as_sent, "after unknown in a line");
    // A quoted string that a line leaves open ends in none of the others.
    if lines.iter().all(|line| closes_its_quotes(line)) {
        one = lines.join(&b","[..]);
        assert_eq!(read(&[&one]), as_sent, "in one line");
    }
}

fn closes_its_quotes(line: &[u8]) -> bool {
    let quotes = line.iter().filter(|byte| **byte == b'"').count();
    quotes % 2 == 0 && !line.contains(&b'\\')
}

fn numbers_saturate(directives: &ResponseDirectives) {
    for seconds in [
        directives.max_age,
        directives.s_maxage,
        directives.stale_while_revalidate,
        directives.stale_if_error,
    ] {
        assert!(seconds.is_none_or(|seconds| seconds <= MOST), "{seconds:?}");
    }
}

/// A line that restricts counts after anything.
fn restrictions_add_up(lines: &[&[u8]]) {
    let more: &[u8] = b"no-store, private, no-cache, max-age=1, s-maxage=1";
    let sum = response(&[lines, &[more]].concat());
    assert!(sum.no_store, "{sum:?}");
    assert_eq!((sum.private, sum.no_cache), (Fields::All, Fields::All));
    assert!(sum.max_age <= Some(1) && sum.s_maxage <= Some(1));
    let sum = request(&[lines, &[more]].concat());
    assert!(sum.no_store && sum.no_cache && sum.max_age <= Some(1));
}

/// What permits something stands in a member that is well-formed itself, whatever is around it.
fn permissions_are_said(lines: &[&[u8]]) {
    let parts = lines.iter().flat_map(|line| split_unquoted(&text(line)).0);
    let said: Vec<_> = parts.filter_map(|part| member(bare(&part))).collect();
    let number = |name: &str, seconds: Option<u64>| {
        let number =
            |(known, argument): &Member| known == name && delta(argument.as_deref()) == seconds;
        assert!(
            seconds.unwrap_or(0) == 0 || said.iter().any(number),
            "{name}={seconds:?}"
        );
    };
    let flag = |name: &str, set: bool| {
        assert!(
            !set || said.iter().any(|(known, _)| known == name),
            "{name}"
        );
    };
    let response = response(lines);
    number("max-age", response.max_age);
    number("s-maxage", response.s_maxage);
    number("stale-while-revalidate", response.stale_while_revalidate);
    number("stale-if-error", response.stale_if_error);
    flag("public", response.public);
    flag("immutable", response.immutable);
    flag("must-understand", response.must_understand);
    flag("must-revalidate", response.must_revalidate);
    flag("proxy-revalidate", response.proxy_revalidate);
    let request = request(lines);
    number("max-age", request.max_age);
    number("stale-if-error", request.stale_if_error);
    flag("max-stale", request.max_stale.is_some());
}

/// What a quoted string holds is data. In one that never ends it is taken for nothing that permits.
fn quotes_leak_nothing(data: &[u8]) {
    let escaped: Vec<u8> = data
        .iter()
        .flat_map(|byte| match byte {
            b'"' | b'\\' => vec![b'\\', *byte],
            _ => vec![*byte],
        })
        .collect();
    let closed = [&b"unknown=\""[..], &escaped, b"\""].concat();
    assert_eq!(response(&[&closed]), ResponseDirectives::default());
    assert_eq!(request(&[&closed]), RequestDirectives::default());
    let open = response(&[&[&b"unknown=\""[..], &escaped].concat()]);
    assert!(!open.public && !open.immutable && !open.must_understand);
    assert!(!open.must_revalidate && !open.proxy_revalidate, "{open:?}");
    assert!(open.max_age.unwrap_or(0) == 0 && open.s_maxage.unwrap_or(0) == 0);
    assert_eq!(
        (open.stale_while_revalidate, open.stale_if_error),
        (None, None)
    );
}

type Member = (String, Option<String>);

/// The directives of a line that keeps to the grammar, names in lower case; `None` for any other.
fn members(line: &[u8]) -> Option<Vec<Member>> {
    let (parts, closed) = split_unquoted(&text(line));
    let parts = parts.iter().map(|part| bare(part));
    let members = parts.filter(|part| !part.is_empty()).map(member);
    closed.then(|| members.collect())?
}

fn member(part: &str) -> Option<Member> {
    let (name, argument) = match part.split_once('=') {
        Some((name, argument)) => (name, Some(argument)),
        None => (part, None),
    };
    let argument = match argument {
        Some(token) if is_token(token) => Some(token.to_owned()),
        Some(quoted) => Some(unquoted(quoted)?),
        None => None,
    };
    is_token(name).then(|| (name.to_ascii_lowercase(), argument))
}

/// What a quoted string says, if the text is one.
fn unquoted(text: &str) -> Option<String> {
    let mut chars = text.strip_prefix('"')?.chars();
    let mut said = String::new();
    loop {
        match chars.next()? {
            '"' => return chars.as_str().is_empty().then_some(said),
            '\\' => said.push(chars.next()?),
            c => said.push(c),
        }
    }
}

fn as_the_model_says(
    members: &[Member],
    response: &ResponseDirectives,
    request: &RequestDirectives,
) {
    let named = |name: &'static str| members.iter().filter(move |member| member.0 == name);
    let has = |name| named(name).next().is_some();
    let seconds = |name, unreadable: Option<u64>| {
        named(name).filter_map(move |(_, argument)| delta(argument.as_deref()).or(unreadable))
    };
    assert_eq!(response.no_store, has("no-store"));
    assert_eq!(response.must_revalidate, has("must-revalidate"));
    assert_eq!(response.proxy_revalidate, has("proxy-revalidate"));
    assert_eq!(response.max_age, seconds("max-age", Some(0)).min());
    assert_eq!(response.s_maxage, seconds("s-maxage", Some(0)).min());
    let window = seconds("stale-while-revalidate", None).min();
    assert_eq!(response.stale_while_revalidate, window);
    assert_eq!(
        response.stale_if_error,
        seconds("stale-if-error", None).min()
    );
    let alone = |name| named(name).any(|(_, argument)| argument.is_none());
    assert_eq!(response.public, alone("public"));
    assert_eq!(response.immutable, alone("immutable"));
    assert_eq!(response.must_understand, alone("must-understand"));
    assert_eq!(listed(&response.no_cache), fields(named("no-cache")));
    assert_eq!(listed(&response.private), fields(named("private")));

    assert_eq!(request.no_store, has("no-store"));
    assert_eq!(request.no_cache, has("no-cache"));
    assert_eq!(request.only_if_cached, has("only-if-cached"));
    assert_eq!(request.max_age, seconds("max-age", Some(0)).min());
    assert_eq!(request.min_fresh, seconds("min-fresh", Some(MOST)).max());
    assert_eq!(
        request.stale_if_error,
        seconds("stale-if-error", None).min()
    );
    let any = alone("max-stale").then_some(MaxStale::Any);
    let limited = seconds("max-stale", None).min().map(MaxStale::Seconds);
    assert_eq!(request.max_stale, limited.or(any));
}

fn delta(argument: Option<&str>) -> Option<u64> {
    let digits = argument.filter(|text| text.chars().all(|c| c.is_ascii_digit()))?;
    let most = u128::from(MOST);
    let seconds = digits.parse().unwrap_or(most).min(most);
    (!digits.is_empty()).then(|| u64::try_from(seconds).expect("it is at most 2^31"))
}

/// The names that directives are qualified with; an empty set is the unqualified form, `None` is no directive.
fn fields<'a>(members: impl Iterator<Item = &'a Member>) -> Option<BTreeSet<String>> {
    let mut all = None;
    for (_, argument) in members {
        let list = argument.as_deref().unwrap_or_default();
        let names = list.split(',').map(bare).filter(|name| !name.is_empty());
        let names: BTreeSet<_> = names.map(str::to_ascii_lowercase).collect();
        if names.is_empty() || !names.iter().all(|name| is_token(name)) {
            return Some(BTreeSet::new());
        }
        all.get_or_insert_with(BTreeSet::new).extend(names);
    }
    all
}

fn listed(fields: &Fields) -> Option<BTreeSet<String>> {
    let name = |name: &HeaderName| name.as_str().to_owned();
    match fields {
        Fields::No => None,
        Fields::All => Some(BTreeSet::new()),
        Fields::Named(names) => Some(names.iter().map(name).collect()),
    }
}
