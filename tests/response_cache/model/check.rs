//! Whether an answer is one that the reference allows.

use http::{HeaderMap, StatusCode, response::Parts};
use tower_keep::response_cache::Refusal;

use super::{
    origin::part,
    reference::{Verdict, age, ensure, fits, newest, storable, usable},
    respond::{date, sent, text},
    steps::{Ask, Condition, Verb},
    world::{BEGINNING, BodyState, Exchange, Request, Said, World},
};

/// What an answer was made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    /// The exchange that the content came with, where there is content.
    content: Option<usize>,
    status: StatusCode,
}

fn number(text: &str) -> Option<usize> {
    text.trim().parse().ok()
}

fn serial(headers: &HeaderMap) -> Option<usize> {
    let lines = headers.get_all("cache-control").iter();
    let mut members = lines.flat_map(|line| line.to_str().unwrap().split(','));
    members.find_map(|member| number(member.trim().strip_prefix("serial=")?))
}

fn said(exchange: &Exchange) -> Result<&Said, String> {
    let said = exchange.said.as_ref();
    said.ok_or_else(|| format!("x{} was not answered yet", exchange.id))
}

/// Whether the origin has failed for this resource since the request began.
fn fault(world: &World, request: &Request) -> bool {
    world.exchanges.iter().any(|exchange| {
        let status = exchange.said.as_ref().map(|said| said.status);
        let failed = exchange.failed || matches!(status, Some(500 | 502 | 503 | 504));
        let meanwhile = |(_, event)| event > request.began_event;
        failed && exchange.ask.uri == request.ask.uri && exchange.answered.is_some_and(meanwhile)
    })
}

/// The head of an answer, at the moment when it came.
pub(super) fn head(world: &World, request: &Request, parts: &Parts) -> Result<Source, String> {
    asked_rightly(world, request, parts)?;
    let content = number(text(&parts.headers, "x-content"));
    let status = parts.status;
    let source = Source { content, status };
    if let Some(refusal) = parts.extensions.get::<Refusal>() {
        return refused(world, request, *refusal).map(|()| source);
    }
    let Some(serial) = serial(&parts.headers) else {
        return unsatisfied(world, request, parts).map(|()| source);
    };
    let exchange = &world.exchanges[serial];
    let said = said(exchange)?;
    let own = exchange.request == request.id && !exchange.background;
    let other = content.filter(|content| *content != serial);
    if !own {
        reused(world, request, exchange)?;
    }
    if own && other.is_none() {
        passed(said, parts)?;
    } else {
        is_as_old(world, exchange, parts)?;
    }
    if let Some(content) = other {
        confirmed(request, &world.exchanges[content], said)?;
    }
    if status == StatusCode::NOT_MODIFIED {
        not_modified(request, said)?;
    }
    let floor = request.floor;
    ensure(said.version >= floor || said.status >= 500, || {
        let version = said.version;
        format!("v{version} is older than v{floor} that a finished request made")
    })?;
    Ok(source)
}

/// Whether the origin was asked only where that was allowed and is told.
fn asked_rightly(world: &World, request: &Request, parts: &Parts) -> Verdict {
    let status = text(&parts.headers, "cache-status");
    let hit = status.starts_with("tower-keep; hit");
    let asked = world.own(request.id).next().is_some();
    ensure(!(hit && asked), || {
        format!("the origin was asked for a hit: {status}")
    })?;
    let only_if_cached = request.ask.directives.only_if_cached && request.ask.verb.is_safe();
    ensure(!(only_if_cached && asked), || {
        "the origin was asked for only-if-cached".to_owned()
    })
}

/// Whether the origin's own response was left as it is.
fn passed(said: &Said, parts: &Parts) -> Verdict {
    // What is stored may have the content to a 304.
    if said.status == 304 {
        return Ok(());
    }
    let age = said.policy.age.map_or(String::new(), |age| age.to_string());
    let same = parts.status == said.status && text(&parts.headers, "age") == age;
    ensure(same, || format!("{} became {}", said.status, parts.status))
}

/// Whether a response that another request brought may answer this one.
fn reused(world: &World, request: &Request, exchange: &Exchange) -> Verdict {
    let id = exchange.id;
    let said = said(exchange)?;
    let about = |complaint| format!("x{id} answered r{}: {complaint}", request.id);
    ensure(request.ask.verb.is_safe(), || {
        about("an unsafe request".to_owned())
    })?;
    storable(exchange, said).map_err(about)?;
    fits(exchange, said, request).map_err(about)?;
    let age = age(world, exchange, world.now);
    usable(said, request, age, fault(world, request)).map_err(about)?;
    newest(world, exchange, said, request).map_err(about)?;
    let dead = |event| event < request.began_event;
    let broken =
        matches!(exchange.body, BodyState::Short(event) | BodyState::Broken(event) if dead(event));
    ensure(!broken, || about("its body was not complete".to_owned()))
}

/// RFC 9111 5.1.
fn is_as_old(world: &World, exchange: &Exchange, parts: &Parts) -> Verdict {
    let age = age(world, exchange, world.now) / 1000;
    let told = text(&parts.headers, "age");
    ensure(number(told).is_some_and(|told| told as u64 == age), || {
        format!("x{} is {age} s old, Age says {told:?}", exchange.id)
    })
}

/// Whether stored content may be given with the head of a later response.
fn confirmed(request: &Request, content: &Exchange, by: &Said) -> Verdict {
    let old = said(content)?;
    let about = |complaint| format!("the content of x{}: {complaint}", content.id);
    storable(content, old).map_err(about)?;
    ensure(content.ask.uri == request.ask.uri, || {
        about("another resource's".to_owned())
    })?;
    let same = (old.version, old.lang, old.client) == (by.version, by.lang, by.client);
    ensure(same, || {
        about(format!(
            "v{} {:?}, but v{} {:?} was confirmed",
            old.version, old.lang, by.version, by.lang
        ))
    })
}

fn not_modified(request: &Request, said: &Said) -> Verdict {
    let bare = |tag: String| tag.trim_start_matches("W/").to_owned();
    let tag = said.tag(request.ask.uri).map(bare);
    let has = match (&request.none_match, &request.modified_since) {
        (Some(known), _) => tag == Some(bare(known.clone())),
        (None, Some(known)) => {
            let since = said
                .modified()
                .map_or(BEGINNING + said.date, |before| BEGINNING - before);
            let known = httpdate::parse_http_date(known).unwrap();
            httpdate::parse_http_date(&date(since)).unwrap() <= known
        }
        (None, None) => false,
    };
    ensure(has, || {
        format!("304 v{} for a client that has something else", said.version)
    })
}

fn refused(world: &World, request: &Request, refusal: Refusal) -> Verdict {
    let waited = world.exchanges.iter().any(|exchange| {
        let late = |(at, _): (u64, usize)| at >= exchange.sent + 30_000;
        exchange.ask.uri == request.ask.uri
            && world.now >= exchange.sent + 30_000
            && exchange.answered.is_none_or(late)
    });
    let right = match refusal {
        Refusal::OnlyIfCached => request.ask.directives.only_if_cached,
        Refusal::OriginFailed => fault(world, request),
        Refusal::OriginTimedOut => waited || world.now >= request.began + 90_000,
        _ => false,
    };
    ensure(right, || format!("{refusal:?} without a reason"))
}

/// A 416 of the cache has no serial: there has to be a response that it may speak of.
fn unsatisfied(world: &World, request: &Request, parts: &Parts) -> Verdict {
    let about = text(&parts.headers, "content-range");
    let known = world.exchanges.iter().any(|exchange| {
        exchange.said.as_ref().is_some_and(|said| {
            let length = said.content.len();
            about == format!("bytes */{length}")
                && said.version >= request.floor
                && storable(exchange, said).is_ok()
                && request
                    .ask
                    .range
                    .is_some_and(|range| part(range, length).is_none())
        })
    });
    ensure(
        known && parts.status == StatusCode::RANGE_NOT_SATISFIABLE,
        || format!("{} comes from nowhere", parts.status),
    )
}

/// The body of an answer, at its end, or as far as it came before its error.
pub(super) fn body(
    world: &World,
    request: &Request,
    source: Source,
    parts: &Parts,
    body: &str,
    error: Option<&str>,
) -> Verdict {
    let Ask { verb, client, .. } = request.ask;
    let empty = verb == Verb::Head || matches!(source.status.as_u16(), 304 | 416);
    let refused = parts.extensions.get::<Refusal>().is_some();
    if empty || refused {
        let bare = body.is_empty() && error.is_none();
        return ensure(bare, || format!("a body where there is none: {body:?}"));
    }
    let content = source.content.or_else(|| serial(&parts.headers));
    let exchange = &world.exchanges[content.expect("a response of the origin has a serial")];
    let said = said(exchange)?;
    let theirs = said.client.is_none_or(|owner| owner == client);
    ensure(theirs, || {
        format!("c{client} got what is for c{:?}: {body:?}", said.client)
    })?;
    let whole = match source.status.as_u16() {
        206 => ranged(request, parts, said)?,
        _ if exchange.id == content.unwrap_or(0) && said.status == 206 => said.content.as_str(),
        _ => sent(said),
    };
    let right = match (exchange.body, error) {
        (BodyState::Short(_), _) | (BodyState::Broken(_), Some(_)) => {
            whole.starts_with(body) && body.len() < whole.len()
        }
        (_, None) => body == whole,
        (_, Some(error)) => return Err(format!("a body broke off that did not: {error}")),
    };
    ensure(right, || {
        format!(
            "x{} has {whole:?}, r{} got {body:?}",
            exchange.id, request.id
        )
    })
}

/// The part that the request asks for.
fn ranged<'a>(request: &Request, parts: &Parts, said: &'a Said) -> Result<&'a str, String> {
    let length = said.content.len();
    let asked = request.ask.range.and_then(|range| part(range, length));
    let Some((first, last)) = asked.filter(|_| request.ask.verb == Verb::Get) else {
        return Err("a part that nobody asked for".to_owned());
    };
    let told = text(&parts.headers, "content-range");
    let range = format!("bytes {first}-{last}/{length}");
    ensure(told == range, || format!("{told:?} instead of {range:?}"))?;
    let current = request.if_range.is_none() || request.if_range == said.tag(request.ask.uri);
    let conditional = request.ask.condition == Some(Condition::Range);
    ensure(current || !conditional, || {
        "a part of something else than If-Range says".to_owned()
    })?;
    Ok(&said.content[first..=last])
}
