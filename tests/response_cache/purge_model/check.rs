//! Whether an answer may be given after what was invalidated.

use http::response::Parts;

use super::{
    names::Names,
    origin::text,
    steps::Place,
    world::{Exchange, Purge, Request, Said, World},
};

pub(super) type Verdict = Result<(), String>;

pub(super) fn ensure(holds: bool, complaint: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(complaint()) }
}

/// How a request came by its answer, as Cache-Status has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// From store, with so many seconds of freshness left.
    Hit(i64),
    /// From store, as the origin failed.
    InsteadOfError,
    /// Another request asked for it, or looked for it, with so many seconds of freshness left.
    Collapsed(i64),
    Forwarded,
}

impl Way {
    fn of(parts: &Parts) -> Self {
        let status = text(&parts.headers, "cache-status");
        let mut members = status.split("; ");
        let ttl = members.find_map(|member| member.strip_prefix("ttl="));
        let ttl = ttl.map_or(0, |ttl| ttl.parse().unwrap());
        if status.contains("; hit") {
            Self::Hit(ttl)
        } else if status.contains("detail=stale-if-error") {
            Self::InsteadOfError
        } else if status.contains("; collapsed") {
            Self::Collapsed(ttl)
        } else {
            Self::Forwarded
        }
    }
}

pub(super) fn is_fresh_hit(parts: &Parts) -> bool {
    matches!(Way::of(parts), Way::Hit(1..))
}

/// The exchanges that an answer was made of: the one that its content came with, and those that confirmed it.
fn chain(parts: &Parts) -> Vec<usize> {
    let number = |name: &str| name.strip_prefix("x-from-")?.parse().ok();
    let names = parts.headers.keys().map(http::HeaderName::as_str);
    let mut chain: Vec<usize> = names.filter_map(number).collect();
    chain.sort_unstable();
    chain
}

fn said(exchange: &Exchange) -> Result<&Said, String> {
    let said = exchange.said.as_ref();
    said.ok_or_else(|| format!("x{} was not answered yet", exchange.id))
}

/// The head of an answer, at the moment when it came. Returns the exchange whose content it has.
pub(super) fn head(
    world: &World,
    request: &Request,
    parts: &Parts,
) -> Result<Option<usize>, String> {
    let Ok(last) = text(&parts.headers, "x-last").parse::<usize>() else {
        return Ok(None);
    };
    let chain = chain(parts);
    let exchange = &world.exchanges[last];
    let content = said(exchange)?.content;
    ensure(chain.contains(&last) && chain.contains(&content), || {
        format!("x{last} comes with {chain:?}")
    })?;
    ensure(exchange.ask.path == request.ask.path, || {
        "it is of another path".to_owned()
    })?;
    let about = |complaint| {
        let id = request.id;
        format!(
            "r{id} got x{last} of {chain:?}, {:?}: {complaint}",
            Way::of(parts)
        )
    };
    after_purges(world, request, parts, &chain, exchange).map_err(about)?;
    not_brought_back(world, &chain).map_err(about)?;
    Ok(Some(content))
}

fn names(world: &World, chain: &[usize]) -> Result<Names, String> {
    chain.iter().try_fold(Names::default(), |names, id| {
        Ok(names.and(said(&world.exchanges[*id])?.names))
    })
}

/// Whether a purge was there for a request, which came by its answer like this.
fn reaches(world: &World, purge: &Purge, request: &Request, way: Way) -> bool {
    let before = |event: Option<usize>| event.is_some_and(|event| event < request.began);
    let here = purge.instance == request.ask.instance || matches!(world.place, Place::Memory(_));
    before(Some(purge.done))
        && (here
            || match way {
                // What is read is judged by what was written down before.
                Way::Hit(_) | Way::InsteadOfError => before(purge.written),
                Way::Collapsed(_) | Way::Forwarded => before(purge.heard),
            })
}

fn after_purges(
    world: &World,
    request: &Request,
    parts: &Parts,
    chain: &[usize],
    last: &Exchange,
) -> Verdict {
    let (names, way) = (names(world, chain)?, Way::of(parts));
    let meets = |purge: &&Purge| {
        purge.names.meets(names) && last.began < purge.from && reaches(world, purge, request, way)
    };
    let met: Vec<&Purge> = world.purges.iter().filter(meets).collect();
    let hard = met.iter().find(|purge| !purge.soft);
    ensure(hard.is_none(), || "it was purged before".to_owned())?;
    let Some(since) = met.iter().map(|purge| purge.at).min() else {
        return Ok(());
    };
    let [_, while_revalidate, if_error] = said(last)?.answer.times;
    let window = match way {
        Way::Hit(..=0) | Way::Collapsed(..=0) => while_revalidate,
        Way::InsteadOfError => if_error,
        Way::Hit(_) | Way::Collapsed(_) | Way::Forwarded => 0,
    };
    let stale = world.now - since;
    ensure(stale < window * 1000, || {
        format!("it was softly purged {stale} ms ago")
    })
}

/// What was purged before the answer came that would have confirmed it stays away.
fn not_brought_back(world: &World, chain: &[usize]) -> Verdict {
    for (place, ids) in chain.windows(2).enumerate() {
        let names = names(world, &chain[..=place])?;
        let (base, by) = (&world.exchanges[ids[0]], &world.exchanges[ids[1]]);
        let answered = by.answered.unwrap_or(0);
        let while_asked = |purge: &&Purge| {
            let here = purge.instance == by.ask.instance || matches!(world.place, Place::Memory(_));
            !purge.soft && here && base.began < purge.from && purge.done < answered
        };
        let purged = world.purges.iter().filter(while_asked);
        let mut purged = purged.filter(|purge| purge.names.meets(names));
        ensure(purged.next().is_none(), || {
            format!("x{} confirmed what was purged", by.id)
        })?;
    }
    Ok(())
}
