//! What the cache would do, and why.

mod explanation;

pub use self::explanation::{Explanation, Freshness, Verdict};

use std::{future::Future, time::Duration};

use http::{Request, Response, request::Parts};
use http_body::Body;

use super::{
    CachePolicy, ResponseCacheLayer,
    answer::{looked::Looked, stale},
    core::Core,
    fetch::{
        admission::{Admission, announced_length},
        exchange::target,
    },
    flow, inspect,
    policy::{
        Decision, Rule, Trail,
        freshness::ResponseFacts,
        reuse::{Candidate, Reuse},
        storable::Storing,
        vary::Vary,
    },
    request::{
        plan::{self, Aside, Asked},
        post_body,
    },
    stored::entry::Entry,
};
use crate::{clock::Moment, error::BoxError, personal::Personal, store::StoreError};

impl ResponseCacheLayer {
    /// What would become of this request now: whether what is stored would answer it, and by which rules.
    ///
    /// The same functions decide as for a request that is sent, but nothing comes of it: the inner service is
    /// not asked, nothing is stored, refreshed or counted. To the store it is a look-up like any other. What
    /// other requests do at the same time is left out: it waits for none of them. With
    /// [`shadow`](Self::shadow) it is what would become of it without.
    ///
    /// It takes the request, as its body may be part of the key ([`CacheKey::post_body`](super::CacheKey::post_body)).
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::Request;
    /// use http_body_util::Empty;
    /// use tower_keep::response_cache::{ResponseCacheLayer, Rule, Verdict};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let layer = ResponseCacheLayer::new();
    /// let request = Request::get("http://example.test/").body(Empty::<Bytes>::new())?;
    /// let explanation = layer.explain(request).await?;
    /// assert_eq!(explanation.verdict, Verdict::Fetch);
    /// assert_eq!(explanation.reason, Rule::NothingStored);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the store cannot be asked. The request itself would then go to the inner service.
    pub fn explain<B>(
        &self,
        request: Request<B>,
    ) -> impl Future<Output = Result<Explanation, StoreError>> + Send + use<'_, B>
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        let core = self.core();
        async move { of_request(core.at(&parts), &parts, body).await }
    }

    /// What would become of this response if it came now, as the answer to this request: whether it would be
    /// stored, for how long, and by which rules. What is stored already does not matter.
    ///
    /// A 304 is not stored as itself, whatever it confirms. What is known only at the end of the body is left
    /// out: that may break off, be longer than was announced, or turn out to be personal.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{Request, Response};
    /// use http_body_util::{Empty, Full};
    /// use tower_keep::response_cache::{ResponseCacheLayer, Rule, SetCookie, Verdict};
    ///
    /// # fn main() -> Result<(), http::Error> {
    /// let request = Request::get("http://example.test/").body(Empty::<Bytes>::new())?;
    /// let response = Response::builder()
    ///     .header("cache-control", "max-age=60")
    ///     .header("set-cookie", "theme=dark")
    ///     .body(Full::new(Bytes::from("hello")))?;
    ///
    /// let layer = ResponseCacheLayer::new();
    /// let explanation = layer.explain_response(&request, &response);
    /// assert_eq!(explanation.verdict, Verdict::DoNotStore);
    /// assert_eq!(explanation.reason, Rule::SetCookie);
    ///
    /// // The advice was to strip it.
    /// let layer = layer.set_cookie(SetCookie::Strip);
    /// let explanation = layer.explain_response(&request, &response);
    /// assert_eq!(explanation.verdict, Verdict::Store);
    /// assert_eq!(explanation.ttl(), Some(60));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn explain_response<B: Body, R: Body>(
        &self,
        request: &Request<B>,
        response: &Response<R>,
    ) -> Explanation {
        let (core, parts) = (self.core(), inspect::head(request));
        let core = core.at(&parts);
        let asked = match plan::plan(core, &parts, request.body()) {
            Ok(asked) => Ok(asked),
            Err(Aside::Pass(rule)) => Err(rule),
            // Which digest it is does not matter to what may be stored.
            Err(Aside::ReadBody(_)) => plan::keyed(core, &parts, Some(&[])),
        };
        match asked {
            Ok(asked) => of_response(core, &parts, &asked, response),
            Err(rule) => passed(rule),
        }
    }
}

/// The request passes the cache by.
fn passed(reason: Rule) -> Explanation {
    let mut trail = Trail::default();
    trail.note(reason);
    Explanation::new(Verdict::Pass, reason, trail)
}

async fn of_request<B>(core: &Core, parts: &Parts, body: B) -> Result<Explanation, StoreError>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let asked = match plan::plan(core, parts, &body) {
        Ok(asked) => Ok(asked),
        Err(Aside::Pass(rule)) => Err(rule),
        Err(Aside::ReadBody(limit)) => post_body::asked(core, parts, body, limit).await,
    };
    match asked {
        Ok(asked) => of_lookup(core, parts, asked).await,
        Err(rule) => Ok(passed(rule)),
    }
}

async fn of_lookup(
    core: &Core,
    parts: &Parts,
    mut asked: Asked,
) -> Result<Explanation, StoreError> {
    let looked = Looked::try_look(core, parts, &mut asked).await?;
    let Decision { reason, trail, .. } = looked.decision;
    let (verdict, reason) = if looked.served().is_some() {
        let refreshes = looked.decision.verdict == Reuse::Refresh;
        let verdict = if refreshes {
            Verdict::Refresh
        } else {
            Verdict::Serve
        };
        (verdict, reason)
    } else if asked.is_only_if_cached() {
        (Verdict::Refuse, Rule::OnlyIfCached)
    } else if confirms(core, &asked, &looked).await {
        (Verdict::Validate, reason)
    } else {
        (Verdict::Fetch, reason)
    };
    let now = core.settings.clock.now();
    let stored = looked.entry.as_ref();
    let asks = matches!(verdict, Verdict::Validate | Verdict::Fetch);
    Ok(Explanation {
        freshness: stored.and_then(|entry| of_entry(core, entry, now)),
        stale_if_error: asks && stale::allowed(core, &asked, &looked).is_some(),
        ..Explanation::new(verdict, reason, trail)
    })
}

fn of_entry(core: &Core, entry: &Entry, now: Moment) -> Option<Freshness> {
    let candidate = entry.candidate(&core.ledger, now).ok()?;
    Some(Freshness::of(&candidate, entry.over().duration_since(now)))
}

/// Whether the request would go to the inner service with validators of what is stored.
async fn confirms(core: &Core, asked: &Asked, looked: &Looked) -> bool {
    flow::may_validate(asked, looked) && flow::bases(core, asked, looked).await.can_be_confirmed()
}

fn of_response<R: Body>(
    core: &Core,
    parts: &Parts,
    asked: &Asked,
    response: &Response<R>,
) -> Explanation {
    let wall = core.settings.clock.unix_seconds();
    let policy = response.extensions().get::<CachePolicy>();
    let mut headers = response.headers().clone();
    Vary::add(&mut headers, policy.map_or(&[], |policy| &policy.said.vary));
    let facts = ResponseFacts::read(response.status(), &headers, &core.settings.rules, wall);
    let target = target(parts);
    let admission = Admission {
        core,
        request: &asked.facts,
        headers: &parts.headers,
        target: target.as_ref(),
        personal: Personal::get(&parts.extensions).is_some_and(Personal::is_marked),
        overtaken: false,
    };
    let tags = core.tags_of(&asked.key, &headers, policy);
    let length = announced_length(response);
    let decision = admission.decide(&facts, &headers, policy, length, &tags);
    let stored = decision.verdict.as_ref();
    let age = facts.initial_age(wall, Duration::ZERO);
    let verdict = match stored {
        Some(_) => Verdict::Store,
        None => Verdict::DoNotStore,
    };
    Explanation {
        freshness: stored.map(|Storing { terms, .. }| {
            Freshness::of(&Candidate::untouched(terms, age), terms.retention(age))
        }),
        ..Explanation::new(verdict, decision.reason, decision.trail)
    }
}
