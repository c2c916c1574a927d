//! Validating what was just served, behind the request that it answered (RFC 5861 3).

use std::{future::poll_fn, pin::pin, sync::Arc};

use http::{HeaderMap, HeaderName, Method, header, request::Parts};
use http_body::Body;

use super::collapse::{Part, known_vary, place};
use crate::{
    error::BoxError,
    flight::Place,
    header::connection,
    personal::Personal,
    response_cache::{
        answer::{looked::Looked, stale::Fallback},
        core::Core,
        flow::{self, Found, Inner},
        policy::{Rule, reuse::Reuse},
        request::{body::RequestBody, plan::Asked},
    },
};

/// Fields that a request for the whole, current representation does not have: conditions, ranges, and those
/// of a body.
const NOT_OF_A_REFRESH: [HeaderName; 13] = [
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_MATCH,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::RANGE,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
    HeaderName::from_static("content-digest"),
    header::EXPECT,
];

/// Starts a refresh of what was found, if that is to be served and refreshed and nobody is at it already.
pub(crate) fn start<S, Q, R>(
    core: &Arc<Core>,
    inner: &S,
    parts: &Parts,
    asked: &Asked,
    looked: &Looked,
) where
    S: Inner<Q, R>,
    Q: Body + Send + 'static,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    let (Reuse::Refresh, Some(entry)) = (looked.decision.verdict, &looked.entry) else {
        return;
    };
    let place = place(&asked.key, &entry.vary, &parts.headers);
    let looked = Looked::refreshing(Arc::clone(entry), looked.decision.reason);
    spawn(core, inner, parts, asked, looked, place);
}

/// Starts fetching the whole behind a request for a range that nothing stored answers, if that is wanted.
pub(crate) fn start_whole<S, Q, R>(
    core: &Arc<Core>,
    inner: &S,
    parts: &Parts,
    asked: &Asked,
    looked: &Looked,
) where
    S: Inner<Q, R>,
    Q: Body + Send + 'static,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    let facts = &asked.facts;
    let for_a_range = facts.method == Method::GET && parts.headers.contains_key(header::RANGE);
    if !for_a_range || !core.settings.whole_behind_ranges || facts.directives.no_store {
        return;
    }
    let reason = looked.decision.reason;
    let missing = reason.is_a_miss() || reason == Rule::PartMissing;
    let place = place(&asked.key, &known_vary(looked), &parts.headers);
    let now = core.settings.clock.now();
    if missing && core.uncacheable.reason(&place, facts, now).is_none() {
        spawn(core, inner, parts, asked, Looked::fetching(reason), place);
    }
}

/// Asks the inner service in the background, unless somebody is at it already.
fn spawn<S, Q, R>(
    core: &Arc<Core>,
    inner: &S,
    parts: &Parts,
    asked: &Asked,
    looked: Looked,
    place: Place,
) where
    S: Inner<Q, R>,
    Q: Body + Send + 'static,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    if !core.background.can_refresh() {
        return;
    }
    let Some(part) = Part::lead(core, place) else {
        return;
    };
    let mut asked = asked.clone();
    asked.facts.method = Method::GET;
    let parts = request(parts);
    let refresh = run(Arc::clone(core), inner.clone(), parts, asked, looked, part);
    core.background.refresh(refresh);
}

/// The request that asks for what the client got, as a whole: its URI, fields and extensions, without what
/// was meant for this answer only.
fn request(client: &Parts) -> Parts {
    let mut parts = client.clone();
    parts.method = Method::GET;
    remove_own(&mut parts.headers);
    // What is marked in this request says nothing about that of the client, but what was marked there before
    // holds here too.
    Personal::renew(&mut parts.extensions);
    parts
}

fn remove_own(headers: &mut HeaderMap) {
    connection::remove_hop_by_hop(headers);
    for name in NOT_OF_A_REFRESH {
        headers.remove(name);
    }
}

async fn run<S, Q, R>(
    core: Arc<Core>,
    inner: S,
    parts: Parts,
    asked: Asked,
    looked: Looked,
    part: Part,
) where
    S: Inner<Q, R>,
    Q: Body + Send + 'static,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    let fetched = flow::fetch(
        Arc::clone(&core),
        inner,
        parts,
        RequestBody::<Q>::empty(),
        asked,
        Found {
            looked,
            part: Some(part),
            fallback: Fallback::Always,
        },
    );
    let Ok(response) = fetched.await else {
        return;
    };
    // Read to its end, it is stored.
    let mut body = pin!(response.into_body());
    while let Some(Ok(_)) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {}
}
