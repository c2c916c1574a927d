//! Invalidation: by whoever knows that something has changed, and by unsafe requests (RFC 9111 section 4.4, RFC
//! 9875).

mod kinds;
mod listeners;
mod on_the_way;
mod over_http;
mod resources;
mod sessions;
mod soft;
mod tags;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Full;
use tower_keep::{
    Principal,
    response_cache::{Outcome, Purge, Purger, ResponseCacheLayer, Rule, Stats},
};

use crate::{
    cases::Fields,
    support::{Asked, Cache, Got, Origin, request, respond},
};

/// What the origin says beside the body: the lines of these request fields, under these names.
const GIVEN: [(&str, &str); 4] = [
    ("x-tags", "cache-tag"),
    ("x-keys", "surrogate-key"),
    ("x-groups", "cache-groups"),
    ("x-vary", "vary"),
];

/// Fresh for a minute, with a validator, and with what the request's [`GIVEN`] fields say; the body is "new".
fn given(asked: &Asked) -> Response<Full<Bytes>> {
    let fields = [("cache-control", "max-age=60"), ("etag", "\"a\"")];
    let mut response = respond(StatusCode::OK, &fields, "new");
    for (asked_by, name) in GIVEN {
        for value in asked.headers().get_all(asked_by) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

/// A GET by the user of the pseudo-field `:user`, if there is one.
fn asking(fields: Fields<'_>) -> Request<Full<Bytes>> {
    let of_http = |(name, _): &&(&str, &str)| *name != ":user";
    let head: Vec<(&str, &str)> = fields.iter().filter(of_http).copied().collect();
    let mut asking = request("GET", &head);
    if let Some((_, user)) = fields.iter().find(|(name, _)| *name == ":user") {
        asking.extensions_mut().insert(Principal::user(*user));
    }
    asking
}

/// Stores what these requests ask for, and purges. Which of them then reach the origin: the same ones by a hard
/// purge and by a soft one, for this reason if it was a hard one.
async fn purged_with(
    set: impl Fn(ResponseCacheLayer) -> ResponseCacheLayer,
    purge: Purge,
    cause: Rule,
    asked: &[Fields<'_>],
) -> Vec<bool> {
    let hard = forwarded(&set, &purge, cause, asked).await;
    let soft = purge.clone().soft();
    let softly = forwarded(&set, &soft, Rule::SoftlyInvalidated, asked).await;
    assert_eq!(hard, softly, "{purge:?}: hard and soft");
    hard
}

async fn purged(purge: Purge, cause: Rule, asked: &[Fields<'_>]) -> Vec<bool> {
    purged_with(|layer| layer, purge, cause, asked).await
}

async fn forwarded(
    set: impl Fn(ResponseCacheLayer) -> ResponseCacheLayer,
    purge: &Purge,
    reason: Rule,
    asked: &[Fields<'_>],
) -> Vec<bool> {
    let cache = Cache::with(Origin::new(given), |layer| set(layer).outcome());
    for fields in asked {
        cache.send(asking(fields)).await;
    }
    for fields in asked {
        assert!(cache.send(asking(fields)).await.is_hit(), "{fields:?}");
    }
    let before = cache.layer.stats();
    cache.layer.purger().purge(purge);
    let mut forwarded = Vec::new();
    for fields in asked {
        let got = cache.send(asking(fields)).await;
        if !got.is_hit() {
            assert_tells(&got, reason, &format!("{purge:?}, {fields:?}"));
        }
        forwarded.push(!got.is_hit());
    }
    let count = forwarded.iter().filter(|forwarded| **forwarded).count();
    let counted = counted_as(reason);
    let of = |stats: &Stats| stats.forwarded.get(&counted).copied().unwrap_or_default();
    let told = of(&cache.layer.stats()) - of(&before);
    assert_eq!(told, count as u64, "{purge:?}: {:?}", cache.layer.stats());
    forwarded
}

/// What is made stale is counted with what is stale.
fn counted_as(reason: Rule) -> Rule {
    match reason {
        Rule::SoftlyInvalidated => Rule::Stale,
        reason => reason,
    }
}

/// That an answer says why the origin was asked, in its Cache-Status and to the application.
fn assert_tells(got: &Got, reason: Rule, case: &str) {
    let status = got.header("cache-status").unwrap();
    if reason == Rule::SoftlyInvalidated {
        assert!(status.contains("; fwd=stale"), "{case}: {status}");
    } else {
        let detail = format!("detail={}", reason.name());
        let told = status.contains("; fwd=uri-miss") && status.contains(&detail);
        assert!(told, "{case}: {status}");
    }
    let outcome: &Outcome = got.extensions.get().expect("it is wanted");
    assert!(outcome.trail.has(reason), "{case}: {outcome:?}");
    assert_eq!(outcome.reason, counted_as(reason), "{case}");
}

/// The same for URIs without more.
async fn purged_uris(purge: Purge, cause: Rule, uris: &[&str]) -> Vec<bool> {
    let asked: Vec<[(&str, &str); 1]> = uris.iter().map(|uri| [(":uri", *uri)]).collect();
    let asked: Vec<Fields<'_>> = asked.iter().map(|fields| &fields[..]).collect();
    purged(purge, cause, &asked).await
}

/// `http://origin.test/`, which requests are for that name no other resource.
fn here() -> Uri {
    Uri::from_static("http://origin.test/")
}

/// Makes what is stored of [`here`] stale.
fn soften(purger: &Purger) {
    purger.purge(&Purge::new().url(here()).soft());
}

/// What names a response of [`here`] with the tag `a` and the group `g`, in every way.
fn every_kind() -> [Purge; 7] {
    [
        Purge::new().url(here()),
        Purge::new().path("/"),
        Purge::new().tag("a"),
        Purge::new().group(here(), "g"),
        Purge::new().prefix("origin.test/"),
        Purge::new().glob("/*").unwrap(),
        Purge::new().all(),
    ]
}

/// The same, hard and soft.
fn every_purge() -> impl Iterator<Item = (bool, Purge)> {
    let both = |purge: Purge| [(false, purge.clone()), (true, purge.soft())];
    every_kind().into_iter().flat_map(both)
}
