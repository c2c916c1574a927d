//! What RFC 9111 allows, worked out naively from the log of all that the origin has said. Times are
//! milliseconds.

use super::{
    resource::{Policy, Varies},
    steps::{Ask, Verb},
    world::{BodyState, Exchange, Request, Said, World},
};

pub(super) type Verdict = Result<(), String>;

/// An error with this text unless it holds.
pub(super) fn ensure(holds: bool, complaint: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(complaint()) }
}

/// How long a response says that it is fresh, or is taken to be (RFC 9111 4.2.1, 4.2.2).
pub(super) fn lifetime(said: &Said) -> u64 {
    let explicit = said.policy.s_maxage.or(said.policy.max_age);
    let heuristic = || {
        said.modified()
            .map_or(0, |before| (said.date + before) / 10)
    };
    1000 * explicit.unwrap_or_else(heuristic)
}

/// Whether a response itself lets a shared cache give it to anybody (RFC 9111 3, 3.5).
fn is_open(said: &Said) -> bool {
    let Policy {
        max_age, s_maxage, ..
    } = said.policy;
    let guessed = said.modified().is_some();
    max_age.is_some() || s_maxage.is_some() || (said.policy.public && !guessed)
}

/// RFC 9111 3.5.
fn allows_authorized(policy: Policy) -> bool {
    policy.public || policy.s_maxage.is_some() || policy.must_revalidate
}

/// RFC 9111 3: whether the response of an exchange may be stored, or update what is stored.
pub(super) fn storable(exchange: &Exchange, said: &Said) -> Verdict {
    let Policy {
        no_store,
        private,
        marks,
        set_cookie,
        ..
    } = said.policy;
    let Ask {
        auth,
        cookie,
        directives,
        verb,
        ..
    } = exchange.ask;
    let no = |what: &str| Err(format!("{what} must not be stored"));
    if no_store || directives.no_store {
        return no("no-store");
    }
    if private || marks || set_cookie {
        return no("what is one client's");
    }
    if said.shape.varies == Varies::Any {
        return no("Vary: *");
    }
    if auth && !(allows_authorized(said.policy) && is_open(said)) {
        return no("the response to Authorization");
    }
    if cookie && !is_open(said) {
        return no("the response to Cookie that does not say how long it is fresh");
    }
    match (verb, said.status) {
        (Verb::Get | Verb::Head, 200 | 206 | 304 | 404) => Ok(()),
        (Verb::PostShow, 200) if is_open(said) => Ok(()),
        (verb, status) => no(&format!("{status} to {verb:?}")),
    }
}

/// Whether what was stored may be given to a request, as far as client and variant go.
pub(super) fn fits(exchange: &Exchange, said: &Said, request: &Request) -> Verdict {
    let Ask {
        uri,
        auth,
        cookie,
        lang,
        ..
    } = request.ask;
    ensure(exchange.ask.uri == uri, || {
        "it is another resource's".to_owned()
    })?;
    let variant = said.shape.varies == Varies::No || exchange.ask.lang == lang;
    ensure(variant, || "it is another variant".to_owned())?;
    let authorized = !auth || (allows_authorized(said.policy) && is_open(said));
    ensure(authorized, || {
        "it is not for requests with Authorization".to_owned()
    })?;
    let open = !cookie || is_open(said);
    ensure(open, || "it is not for requests with Cookie".to_owned())
}

/// RFC 9111 4.2.3.
pub(super) fn age(world: &World, exchange: &Exchange, now: u64) -> u64 {
    let said = exchange.said.as_ref().expect("it was answered");
    let (answered, _) = exchange.answered.expect("it was answered");
    // One that is sent again without conditions counts from the first time.
    let again = world.exchanges.iter().filter(|other| {
        (other.request, other.background) == (exchange.request, exchange.background)
    });
    let sent = again.map(|other| other.sent).min().unwrap_or(exchange.sent);
    let apparent = 1000 * (answered / 1000 - said.date);
    let corrected = 1000 * said.policy.age.unwrap_or(0) + (answered - sent);
    apparent.max(corrected) + (now - answered)
}

/// RFC 9111 4.2.4, 5.2: whether a response of this age may answer the request without being validated for it.
/// `fault` is whether the origin has failed since the request began.
pub(super) fn usable(said: &Said, request: &Request, age: u64, fault: bool) -> Verdict {
    let Policy {
        no_cache,
        must_revalidate,
        s_maxage,
        swr,
        sie,
        immutable,
        ..
    } = said.policy;
    let asks = request.ask.directives;
    let lifetime = lifetime(said);
    let fresh = age < lifetime;
    let staleness = age.saturating_sub(lifetime);
    let never_stale = must_revalidate || s_maxage.is_some();
    let within = |window: Option<u64>| window.is_some_and(|window| staleness < 1000 * window);
    ensure(!no_cache, || "it says no-cache".to_owned())?;
    ensure(!asks.no_cache, || "the request says no-cache".to_owned())?;
    if fault && !never_stale && (within(sie) || within(asks.stale_if_error)) {
        return Ok(());
    }
    let young = asks.max_age.is_none_or(|max| age <= 1000 * max) || (immutable && fresh);
    ensure(young, || {
        format!("it is older ({age} ms) than the request's max-age")
    })?;
    let left = lifetime.saturating_sub(age);
    let lasts = asks.min_fresh.is_none_or(|min| left >= 1000 * min);
    ensure(lasts, || {
        format!("it is fresh for {left} ms, less than min-fresh")
    })?;
    let wanted = asks.max_stale.is_some_and(|max| staleness <= 1000 * max);
    ensure(fresh || (!never_stale && (within(swr) || wanted)), || {
        format!("it is {age} ms old, fresh for {lifetime} ms, and nothing permits to serve it")
    })
}

/// In which event what an exchange brought was stored, or changed what is stored.
fn stored(exchange: &Exchange) -> Option<usize> {
    match (exchange.body, exchange.said.as_ref()?.status) {
        (BodyState::Complete(event), 200 | 404) if exchange.ask.verb == Verb::Get => Some(event),
        (_, 304) if !exchange.conditional => Some(exchange.answered?.1),
        (_, 200) if exchange.ask.verb == Verb::Head => Some(exchange.answered?.1),
        _ => None,
    }
}

/// RFC 9111 4, 4.3.5: whether nothing newer was known for the request than the response of `exchange`. What was
/// asked for later is newer if its content is.
pub(super) fn newest(
    world: &World,
    exchange: &Exchange,
    said: &Said,
    request: &Request,
) -> Verdict {
    let newer = world.exchanges.iter().find(|other| {
        let Some((event, known)) = stored(other).zip(other.said.as_ref()) else {
            return false;
        };
        let later = other.sent_event > exchange.sent_event && known.version > said.version;
        // RFC 9111 4.1: of responses that vary in different ways the one with the later Date is chosen.
        let alike = known.shape.varies == said.shape.varies || known.date > said.date;
        let could = alike && fits(other, known, request).is_ok() && storable(other, known).is_ok();
        let replaces = match other.ask.verb {
            // It contradicts what was stored when it began.
            Verb::Head => {
                let asked = &world.requests[other.request];
                let before = stored(exchange).is_some_and(|at| at < asked.began_event);
                let selected = fits(exchange, said, asked).is_ok();
                known.status == 200 && said.status != 404 && before && selected
            }
            _ => usable(known, request, age(world, other, world.now), false).is_ok(),
        };
        later && event < request.began_event && could && replaces
    });
    newer.map_or(Ok(()), |newer| Err(format!("x{} was newer", newer.id)))
}

/// The exchange whose response a cache that forgets nothing answers from, without asking the origin. For runs
/// with one request after the other. `None` also where a cache may do this or that.
pub(super) fn must_answer<'a>(
    world: &'a World,
    request: &Request,
    now: u64,
) -> Option<&'a Exchange> {
    let ask = request.ask;
    if !ask.verb.is_safe() || ask.directives.control().is_some() {
        return None;
    }
    let mut varies = None;
    for exchange in world.exchanges.iter().rev() {
        if exchange.changed.iter().any(|(uri, _)| *uri == ask.uri) {
            return None;
        }
        if exchange.ask.uri != ask.uri {
            continue;
        }
        let said = exchange.said.as_ref()?;
        let complete = matches!(exchange.body, BodyState::Complete(_));
        let kept = match said.status {
            200 | 404 => complete && !said.breaks,
            304 => !exchange.conditional,
            _ => false,
        };
        if !kept || exchange.ask.verb != Verb::Get {
            return None;
        }
        storable(exchange, said).ok()?;
        if *varies.get_or_insert(said.shape.varies) != said.shape.varies {
            return None;
        }
        if said.shape.varies == Varies::Language && exchange.ask.lang != ask.lang {
            continue;
        }
        fits(exchange, said, request).ok()?;
        let age = age(world, exchange, now);
        let fresh = age < lifetime(said) && usable(said, request, age, false).is_ok();
        return fresh.then_some(exchange);
    }
    None
}
