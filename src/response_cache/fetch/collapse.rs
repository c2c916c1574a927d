//! Many requests for the same thing at the same time: one goes to the inner service, the others wait for it.

use std::{ops::ControlFlow, sync::Arc};

use http::{HeaderMap, Method, Response, header, request::Parts};

use super::{
    fill::Lost,
    news::{Asking, News, Received},
};
use crate::{
    flight::{Failure, Joined, Lead, Place, Role, Turn},
    key::Key,
    response_cache::{
        answer::{
            body::ResponseBody,
            looked::Looked,
            refusal::Refusal,
            report::Report,
            stale::{self, Failed, Fallback},
        },
        core::Core,
        policy::{Rule, reuse::Reuse, validation, vary::Vary},
        request::plan::Asked,
        stored::variants::variant_key,
    },
};

/// How often a request may find that what it waited for was not for it. It then goes to the inner service.
const ROUNDS: usize = 8;

/// A request's part among those for the same thing.
pub(crate) struct Part {
    pub(crate) place: Place,
    /// Others wait for it.
    pub(crate) lead: Option<Lead<News>>,
    /// Whether they are to share its response. They go by themselves, two and two, where one before it could not
    /// be kept for them.
    pub(crate) shares: bool,
    /// Somebody led before it.
    pub(crate) inherited: bool,
}

impl Part {
    /// Nobody waits for it.
    fn alone(place: Place) -> Self {
        Self {
            place,
            lead: None,
            shares: true,
            inherited: false,
        }
    }

    /// The lead to a place, if nobody has it.
    pub(crate) fn lead(core: &Core, place: Place) -> Option<Self> {
        match join(core, &place, Role::Leader) {
            Joined::Lead(lead) => Some(Self {
                place,
                lead: Some(lead),
                shares: true,
                inherited: false,
            }),
            Joined::Follow(_) | Joined::Landed(_) | Joined::Alone => None,
        }
    }
}

/// What a request is to do.
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the usual one, and taken apart at once"
)]
pub(crate) enum Collapsed<B> {
    /// To ask the inner service.
    Fetch(Looked, Option<Part>),
    /// To take what is stored by now.
    Stored(Looked),
    /// Nothing: here is the answer.
    Answer(Response<ResponseBody<B>>),
}

/// What is asked for: a resource, and the variant of it if it is known to vary.
pub(crate) fn place(resource: &Key, vary: &Vary, headers: &HeaderMap) -> Place {
    let variant = (!vary.is_empty()).then(|| variant_key(resource, vary, &vary.selecting(headers)));
    Place {
        resource: resource.clone(),
        variant,
    }
}

fn join(core: &Core, place: &Place, role: Role) -> Joined<News> {
    let settings = &core.settings;
    let limits = settings.collapsing.limits;
    core.flights
        .join(place.clone(), role, limits, &settings.clock)
}

/// What had happened when a request came.
#[derive(Clone, Copy)]
pub(crate) struct Before {
    /// How many flights had ended when the store was asked.
    pub(crate) flights: u64,
    /// Up to which position things had been invalidated.
    pub(crate) invalidated: u64,
}

/// Waits for another request for the same thing, if there is one.
pub(crate) async fn collapse<B>(
    core: &Core,
    parts: &Parts,
    asked: &mut Asked,
    looked: Looked,
    before: Before,
) -> Collapsed<B> {
    let Some(role) = role(core, parts, asked, &looked) else {
        return Collapsed::Fetch(looked, None);
    };
    let mut luck = Luck {
        vary: known_vary(&looked),
        since: before.invalidated,
        losses: 0,
        shares: true,
        inherits: false,
    };
    for _ in 0..ROUNDS {
        let place = place(&asked.key, &luck.vary, &parts.headers);
        let now = core.settings.clock.now();
        if let Some(reason) = core.uncacheable.reason(&place, &asked.facts, now) {
            core.stats.not_collapsed(reason);
            return Collapsed::Fetch(looked, Some(Part::alone(place)));
        }
        let joined = join(core, &place, role);
        luck.inherits = matches!(joined, Joined::Follow(_));
        let turn = match joined {
            Joined::Lead(lead) if lead.generation() == before.flights => {
                return Collapsed::Fetch(looked, Some(luck.leads(place, lead)));
            }
            Joined::Lead(lead) => Turn::Lead(lead),
            Joined::Landed(news) => Turn::Landed(news),
            Joined::Alone => Turn::Alone,
            Joined::Follow(follower) => follower.await,
        };
        let news = match turn {
            Turn::Landed(news) => news,
            Turn::Lead(lead) => {
                return look_again(core, parts, asked, luck.leads(place, lead)).await;
            }
            Turn::Failed(failure) => return failed(core, parts, asked, &looked, failure),
            Turn::Alone => return Collapsed::Fetch(looked, Some(Part::alone(place))),
        };
        match luck.try_with(&news, core, parts, asked, &looked) {
            ControlFlow::Continue(()) => {}
            ControlFlow::Break(Some(answer)) => return Collapsed::Answer(answer),
            ControlFlow::Break(None) => {
                return Collapsed::Fetch(looked, Some(Part::alone(place)));
            }
        }
        if luck.losses == core.settings.collapsing.limits.leaders {
            return failed(core, parts, asked, &looked, Failure::Failed);
        }
    }
    Collapsed::Fetch(looked, None)
}

/// What a request has found out while it waited for others.
struct Luck {
    /// By which fields the resource varies.
    vary: Vary,
    /// See [`Asking::since`].
    since: u64,
    /// How many responses broke off before it could read them.
    losses: u32,
    /// Whether what came could be kept for it.
    shares: bool,
    /// Whether it has waited for others last: it leads if they passed the lead on.
    inherits: bool,
}

impl Luck {
    fn leads(&self, place: Place, lead: Lead<News>) -> Part {
        Part {
            place,
            lead: Some(lead),
            shares: self.shares,
            inherited: self.inherits,
        }
    }

    /// Takes what another request brought. It breaks with the answer, or with none if it is to ask for itself.
    fn try_with<B>(
        &mut self,
        news: &Arc<News>,
        core: &Core,
        parts: &Parts,
        asked: &Asked,
        looked: &Looked,
    ) -> ControlFlow<Option<Response<ResponseBody<B>>>> {
        let asking = Asking {
            core,
            parts,
            asked,
            looked,
            since: self.since,
        };
        match news.receive(&asking) {
            Received::Answer(response) => return ControlFlow::Break(Some(response)),
            Received::Nothing => return ControlFlow::Break(None),
            // Whoever comes from now on is led by somebody else: by the first one who finds this out.
            Received::Overtaken => core.flights.close_landed(&asked.key, news),
            Received::OtherVariant(vary) => self.vary = vary,
            Received::Lost(Lost::GivenUp) => self.shares = false,
            Received::Lost(Lost::Failed) => self.losses += 1,
        }
        ControlFlow::Continue(())
    }
}

/// How a request takes part, if it does.
fn role(core: &Core, parts: &Parts, asked: &Asked, looked: &Looked) -> Option<Role> {
    let rules = &core.settings.rules;
    let says = &asked.facts.directives;
    let for_itself = !asked.may_be_answered()
        || says.no_store
        // What comes is a part (RFC 9110 14), of no use to others.
        || parts.headers.contains_key(header::RANGE);
    if for_itself || !core.settings.collapsing.on {
        return None;
    }
    let validates = looked.decision.verdict == Reuse::Validate;
    // A HEAD brings no content, and what the client has already will not be sent again.
    let conditional = validation::has_conditions(&parts.headers) && !validates;
    Some(if asked.facts.method == Method::HEAD || conditional {
        Role::Follower
    } else if rules.request_directives && says.no_cache {
        Role::Leader
    } else {
        Role::Any
    })
}

/// By which fields the resource was known to vary when it was looked up.
pub(crate) fn known_vary(looked: &Looked) -> Vary {
    let newest = looked.others.as_ref().and_then(|others| others.list.last());
    let listed = newest.map(|variant| &variant.vary);
    let own = || looked.entry.as_ref().map(|entry| &entry.vary);
    listed.or_else(own).cloned().unwrap_or_default()
}

/// Looks whether what is wanted has been stored since the last look. If so it is for the others, too.
async fn look_again<B>(
    core: &Core,
    parts: &Parts,
    asked: &mut Asked,
    mut part: Part,
) -> Collapsed<B> {
    let looked = Looked::look(core, parts, asked).await;
    let Some(entry) = looked.served() else {
        return Collapsed::Fetch(looked, Some(part));
    };
    if let Some(lead) = part.lead.take() {
        let selecting = entry.vary.selecting(&parts.headers);
        lead.deliver(&Arc::new(News::Validated(Arc::clone(entry), selecting)));
    }
    Collapsed::Stored(looked)
}

fn failed<B>(
    core: &Core,
    parts: &Parts,
    asked: &Asked,
    looked: &Looked,
    failure: Failure,
) -> Collapsed<B> {
    let origin = Failed {
        status: None,
        collapsed: true,
    };
    let allowed = Fallback::IfAllowed;
    let stale = stale::instead(core, asked, &parts.headers, looked, origin, allowed);
    Collapsed::Answer(stale.unwrap_or_else(|| {
        let (rule, refusal) = match failure {
            Failure::Failed => (Rule::CollapsedFailed, Refusal::OriginFailed),
            Failure::TimedOut => (Rule::CollapsedTimedOut, Refusal::OriginTimedOut),
        };
        let report = Report::refused(rule, looked.decision.trail).collapsing(true);
        refusal.response(core, &report)
    }))
}
