//! Keys (RFC 9110 7.1, RFC 9112 3.2): what makes two requests one.

use std::{borrow::Cow, collections::BTreeMap};

use http::{HeaderMap, HeaderName, Request, header, request::Parts};

use super::{blocks, head, text};
use crate::{
    key::{Key, TargetUri, hosts},
    response_cache::{
        policy::Rule,
        request::cache_key::{CacheKey, Extra},
    },
};

const TENANT: HeaderName = HeaderName::from_static("x-tenant");

/// The input is two requests with an empty line between: the URI of each, and its header fields.
///
/// # Panics
///
/// If a property does not hold.
pub fn key(data: &[u8]) {
    let blocks = blocks(data);
    let request = |n: usize| request(blocks.get(n)?);
    let (Some(one), Some(other)) = (request(0), request(1)) else {
        return;
    };
    for request in [&one, &other] {
        one_request(request);
    }
    let Some((one, other)) = named(&one).zip(named(&other)) else {
        return;
    };
    // Each key, and what of a request it must tell apart.
    let wholly = |asked: &Asked| asked.clone();
    tells_apart(&CacheKey::new(), &one, &other, |asked| Asked {
        scheme: None,
        tenant: Vec::new(),
        session: Vec::new(),
        ..wholly(asked)
    });
    let all = CacheKey::new().scheme().header(TENANT).cookie("sid");
    tells_apart(&all, &one, &other, wholly);
    tells_apart(&CacheKey::new().ignore_query(), &one, &other, |asked| {
        (asked.authority.clone(), asked.path.clone())
    });
    let chosen = CacheKey::new().ignore_parameters(["a*"]).sort_parameters();
    tells_apart(&chosen, &one, &other, |asked| {
        (asked.authority.clone(), asked.path.clone(), by_name(asked))
    });
}

fn request(lines: &[&[u8]]) -> Option<(String, Parts)> {
    let (uri, fields) = lines.split_first()?;
    let uri = std::str::from_utf8(uri).ok()?;
    let (mut parts, ()) = Request::get(uri).body(()).ok()?.into_parts();
    parts.headers = head(fields);
    Some((uri.to_owned(), parts))
}

fn key_of(key: &CacheKey, parts: &Parts) -> Option<Key> {
    match key.of(parts, &parts.uri, &Extra::default()) {
        Ok(keyed) => Some(keyed.key),
        Err(rule) => {
            assert_eq!(rule, Rule::AmbiguousHost);
            None
        }
    }
}

/// What a request asks for, as its text says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    scheme: Option<String>,
    authority: String,
    path: String,
    query: Option<String>,
    tenant: Vec<String>,
    session: Vec<String>,
}

/// The parts of a request, and what it asks for unless it names its host in two ways.
fn named((uri, parts): &(String, Parts)) -> Option<(&Parts, Asked)> {
    let values = |name: &HeaderName| -> Vec<String> {
        let values = parts.headers.get_all(name).iter();
        values.map(|value| text(value.as_bytes())).collect()
    };
    let uri = uri.split('#').next().unwrap_or_default();
    let (scheme, rest) = match uri.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => (Some(scheme), rest),
        _ => (None, uri),
    };
    let absolute = scheme.is_some() || !(uri == "*" || uri.starts_with('/'));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(if absolute { end } else { 0 });
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    let named = absolute.then(|| authority.to_ascii_lowercase());
    let mut hosts = values(&header::HOST).into_iter();
    let authority = match (named, hosts.next().map(|host| host.to_ascii_lowercase())) {
        (Some(named), Some(host)) if named != host => return None,
        (named, host) => named.or(host).unwrap_or_default(),
    };
    let asked = Asked {
        scheme: scheme.map(str::to_ascii_lowercase),
        authority,
        path: if path.is_empty() { "/" } else { path }.to_owned(),
        query,
        tenant: values(&TENANT),
        session: session(&values(&header::COOKIE)),
    };
    hosts.next().is_none().then_some((parts, asked))
}

/// The values of the cookie `sid`.
fn session(lines: &[String]) -> Vec<String> {
    let cookies = lines.iter().flat_map(|line| line.split(';'));
    let own = cookies.filter_map(|cookie| cookie.split_once('='));
    let blank = |c: char| c.is_ascii_whitespace();
    own.filter(|(name, _)| name.trim_matches(blank) == "sid")
        .map(|(_, value)| value.trim_matches(blank).to_owned())
        .collect()
}

/// Two requests share a key only if they are the same in all that it must tell apart; and do, if they are.
fn tells_apart<T: PartialEq + std::fmt::Debug>(
    key: &CacheKey,
    one: &(&Parts, Asked),
    other: &(&Parts, Asked),
    what: impl Fn(&Asked) -> T,
) {
    let keys = [one, other].map(|(parts, _)| key_of(key, parts).expect("the host is named once"));
    let (first, second) = (what(&one.1), what(&other.1));
    if keys[0] == keys[1] {
        assert_eq!(first, second, "one key for two things");
        assert_eq!(keys[0].as_bytes(), keys[1].as_bytes());
        assert_eq!(keys[0].fingerprint(), keys[1].fingerprint());
    } else {
        assert_ne!(first, second, "two keys for one thing");
    }
}

/// The parameters that do not begin with an `a`: of each name in their order, or, where a `;` makes names
/// unknowable, all in theirs.
fn by_name(asked: &Asked) -> BTreeMap<String, Vec<String>> {
    let query = asked.query.as_deref().unwrap_or_default();
    let mut kept = BTreeMap::<_, Vec<_>>::new();
    for pair in query.split('&') {
        let name = pair.split('=').next().unwrap_or_default();
        let decoded = form_urlencoded::parse(name.as_bytes()).next();
        let name = decoded.map_or(Cow::Borrowed(""), |(name, _)| name);
        if pair.contains(';') || !name.starts_with('a') {
            let name = if query.contains(';') { "" } else { &name };
            kept.entry(name.to_owned())
                .or_default()
                .push(pair.to_owned());
        }
    }
    // Empty parameters alone are none.
    if kept.values().flatten().all(String::is_empty) {
        kept.clear();
    }
    kept
}

fn one_request(request: &(String, Parts)) {
    let parts = &request.1;
    let key = key_of(&CacheKey::new(), parts);
    assert_eq!(key.is_some(), named(request).is_some(), "one host");
    let target = TargetUri::of(&parts.uri, &parts.headers).ok();
    assert_eq!(key.is_some(), target.is_some());
    let (Some(key), Some(target)) = (key, target) else {
        return;
    };
    // What is no host (RFC 3986 3.2.2) has a key all the same, but it has no origin; nor has `*`.
    let has_origin = is_authority(target.authority()) && target.path_and_query() != "*";
    for reference in parts.headers.get_all(header::LOCATION) {
        let resolved = target.resolve(reference.as_bytes());
        if let Some(resolved) = resolved.filter(|_| has_origin) {
            resolves(&target, reference.as_bytes(), &resolved);
        }
    }
    if target.authority().is_ascii() {
        target_finds_the_key(parts, &target, &key);
    }
    reads_only_what_it_names(parts);
}

/// An unsafe request finds what it changes by one of the spellings of its host, and by the target itself.
fn target_finds_the_key(parts: &Parts, target: &TargetUri, key: &Key) {
    let authority = target.authority().as_bytes();
    assert!(hosts(&parts.uri, &parts.headers).contains(&authority.to_vec()));
    let Some(uri) = target.to_uri() else { return };
    let extra = Extra {
        host: Some(authority),
        ..Extra::default()
    };
    let again = CacheKey::new().of(parts, &uri, &extra);
    assert_eq!(again.map(|keyed| keyed.key), Ok(key.clone()));
}

fn is_authority(text: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@[]%".contains(c);
    text.chars().all(part)
}

fn resolves(target: &TargetUri, reference: &[u8], resolved: &TargetUri) {
    assert!(resolved.path_and_query().starts_with('/'), "{resolved:?}");
    if reference.starts_with(b"/") && !reference.starts_with(b"//") {
        assert!(resolved.same_origin(target), "{resolved:?}");
    }
    if reference.starts_with(b"//") {
        let host = text(&reference[2..]).to_ascii_lowercase();
        let end = host.find(['/', '?', '#']).unwrap_or(host.len());
        let port = |host: &str| {
            host.trim_end_matches(":80")
                .trim_end_matches(":443")
                .to_owned()
        };
        let same = port(&host[..end]) == port(target.authority());
        assert!(same || !resolved.same_origin(target), "{resolved:?}");
    }
}

/// No field but Host has a say in the key, whatever it claims of the host or the path.
fn reads_only_what_it_names(parts: &Parts) {
    let key = |parts: &Parts| key_of(&CacheKey::new(), parts);
    let mut other = parts.clone();
    let hosts: Vec<_> = parts
        .headers
        .get_all(header::HOST)
        .iter()
        .cloned()
        .collect();
    other.headers = HeaderMap::new();
    for host in hosts {
        other.headers.append(header::HOST, host);
    }
    assert_eq!(key(&other), key(parts));
    for name in [
        "x-forwarded-host",
        "x-original-url",
        "forwarded",
        "x-host",
        "x-rewrite-url",
    ] {
        other
            .headers
            .insert(name, http::HeaderValue::from_static("evil"));
    }
    assert_eq!(key(&other), key(parts));
}
