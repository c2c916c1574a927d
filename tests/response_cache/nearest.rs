//! Settings, three ways, and the nearest wins: the handler's policy over the response's fields, over the settings
//! of the route (a clone of the layer, or a rule for its path), over those of the layer.

use http::{HeaderName, StatusCode};
use tower_keep::{
    response_cache::{CachePolicy, ResponseCacheLayer},
    seconds,
};

use super::{
    stage::{Act, Show, response},
    support::{Cache, Origin, respond},
};
use crate::probe::Frames;

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    Layer,
    Route,
    Field,
    Policy,
}

use Who::{Field, Layer, Nobody, Policy, Route};

/// In which order the values stand, so that the nearest is neither always the longest nor always the shortest.
const ORDERS: [[Who; 4]; 2] = [[Layer, Route, Field, Policy], [Policy, Field, Route, Layer]];

/// How much further apart two values are, in seconds.
const STEP: u64 = 10;

/// What everybody says in one run, each something else.
#[derive(Clone, Copy, Debug)]
struct Said {
    who: &'static [Who],
    order: [Who; 4],
}

impl Said {
    /// The value of one of them, if that says something: 10, 20, 30 or 40.
    fn by(&self, who: Who) -> Option<u64> {
        let place = self.order.iter().position(|known| *known == who)?;
        self.who.contains(&who).then(|| STEP * (place as u64 + 1))
    }

    /// Who says something that lasts for so many steps.
    fn at(&self, steps: usize) -> Who {
        steps
            .checked_sub(1)
            .map_or(Nobody, |place| self.order[place])
    }
}

/// How the settings of a route are given.
#[derive(Clone, Copy, Debug)]
enum By {
    Clone,
    Rule,
}

type Set = fn(ResponseCacheLayer, u64) -> ResponseCacheLayer;

/// One setting, as each of them can give it.
struct Setting {
    set: Set,
    /// Cache-Control, with a place for the number; nothing if no field says it.
    field: Option<&'static str>,
    /// Cache-Control in any case.
    always: &'static str,
    policy: fn(CachePolicy, u64) -> CachePolicy,
}

impl Setting {
    fn control(&self, said: Said) -> String {
        let own = said.by(Field).zip(self.field);
        let own = own.map(|(value, name)| format!("{name}={value}"));
        [
            Some(self.always.to_owned()).filter(|text| !text.is_empty()),
            own,
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
    }

    fn answer(&self, said: Said) -> Act {
        let control = self.control(said);
        let fields = [("cache-control", control.as_str()), ("etag", "\"a\"")];
        let fields = if control.is_empty() {
            &fields[1..]
        } else {
            &fields
        };
        let mut response = response(200, fields, Frames::of(&["page"]));
        if let Some(value) = said.by(Policy) {
            let policy = (self.policy)(CachePolicy::new(), value);
            response.extensions_mut().insert(policy);
        }
        Act::Answer(response)
    }

    /// A cache with one response, stored now, and an origin that fails from now on.
    async fn stored(&self, said: Said, by: By) -> Show {
        let apply = |layer, who| match said.by(who) {
            Some(value) => (self.set)(layer, value),
            None => layer,
        };
        let acts = vec![self.answer(said), Act::Fail];
        let show = Show::with(acts, |layer| {
            let layer = apply(layer.no_heuristic(), Layer);
            match by {
                By::Clone => apply(layer, Route),
                By::Rule => layer
                    .path("/", |route| apply(route, Route))
                    .expect("one rule"),
            }
        });
        show.get(&[]).await;
        show
    }

    /// Whose word counts: `lasts` says for a number of seconds whether a response is still good for something
    /// then.
    async fn winner(&self, said: Said, by: By, lasts: Lasts) -> Who {
        let mut steps = 0;
        for seconds in [5, 15, 25, 35, 45] {
            let show = self.stored(said, by).await;
            if !lasts.holds(&show, seconds).await {
                break;
            }
            steps += 1;
        }
        if steps == 5 { Nobody } else { said.at(steps) }
    }
}

/// What a response is good for.
#[derive(Clone, Copy)]
enum Lasts {
    /// It is served.
    Hit,
    /// It is served past the hundred seconds of its freshness.
    StaleHit,
    /// The same in the place of a failure.
    InsteadOfError,
    /// It is validated, past the hundred seconds of its freshness.
    Validated,
}

impl Lasts {
    async fn holds(self, show: &Show, seconds: u64) -> bool {
        let past = if matches!(self, Self::Hit) { 0 } else { 100 };
        show.advance(past + seconds);
        let got = show.try_send(super::support::request("GET", &[])).await;
        match self {
            Self::Hit | Self::StaleHit => got.is_ok_and(|got| got.is_hit()),
            Self::InsteadOfError => got.is_ok(),
            Self::Validated => show.origin.last().headers.contains_key("if-none-match"),
        }
    }
}

/// All combinations of those who say something, and who wins.
const ROWS: [(&[Who], Who); 16] = [
    (&[], Nobody),
    (&[Layer], Layer),
    (&[Route], Route),
    (&[Layer, Route], Route),
    (&[Field], Field),
    (&[Layer, Field], Field),
    (&[Route, Field], Field),
    (&[Layer, Route, Field], Field),
    (&[Policy], Policy),
    (&[Layer, Policy], Policy),
    (&[Route, Policy], Policy),
    (&[Layer, Route, Policy], Policy),
    (&[Field, Policy], Policy),
    (&[Layer, Field, Policy], Policy),
    (&[Route, Field, Policy], Policy),
    (&[Layer, Route, Field, Policy], Policy),
];

async fn nearest_wins(setting: Setting, lasts: Lasts) {
    for (who, winner) in ROWS {
        if setting.field.is_none() && who.contains(&Field) {
            continue;
        }
        for order in ORDERS {
            for by in [By::Clone, By::Rule] {
                let said = Said { who, order };
                let found = setting.winner(said, by, lasts).await;
                assert_eq!(found, winner, "{by:?} {said:?}");
            }
        }
    }
}

#[tokio::test]
async fn of_lifetimes_the_nearest_counts() {
    let setting = Setting {
        set: |layer, value| layer.default_ttl(seconds(value)),
        field: Some("max-age"),
        always: "",
        policy: |policy, value| policy.ttl(seconds(value)),
    };
    nearest_wins(setting, Lasts::Hit).await;
}

#[tokio::test]
async fn of_windows_for_revalidation_the_nearest_counts() {
    let setting = Setting {
        set: |layer, value| layer.stale_while_revalidate(seconds(value)),
        field: Some("stale-while-revalidate"),
        always: "max-age=100",
        policy: |policy, value| policy.stale_while_revalidate(seconds(value)),
    };
    nearest_wins(setting, Lasts::StaleHit).await;
}

#[tokio::test]
async fn of_windows_for_errors_the_nearest_counts() {
    let setting = Setting {
        set: |layer, value| layer.stale_if_error(seconds(value)),
        field: Some("stale-if-error"),
        always: "max-age=100",
        policy: |policy, value| policy.stale_if_error(seconds(value)),
    };
    nearest_wins(setting, Lasts::InsteadOfError).await;
}

#[tokio::test]
async fn of_times_to_keep_it_the_nearest_counts() {
    let setting = Setting {
        set: |layer, value| layer.keep(seconds(value)),
        field: None,
        always: "max-age=100",
        policy: |policy, value| policy.keep(seconds(value)),
    };
    nearest_wins(setting, Lasts::Validated).await;
}

/// Zero is a word too: it takes back what those further off say.
#[tokio::test]
async fn the_nearer_takes_back_what_the_further_says() {
    let minute = seconds(60);
    let with = |layer: ResponseCacheLayer| layer.default_ttl(minute).stale_while_revalidate(minute);
    let off =
        |layer: ResponseCacheLayer| layer.default_ttl(None).stale_while_revalidate(seconds(0));
    let rule = |layer: ResponseCacheLayer| layer.path("/", off).expect("one rule");
    let policy = CachePolicy::new()
        .ttl(seconds(0))
        .stale_while_revalidate(seconds(0));
    let fields: &[_] = &[("cache-control", "max-age=0, stale-while-revalidate=0")];
    type Case<'a> = (
        &'a dyn Fn(ResponseCacheLayer) -> ResponseCacheLayer,
        &'a [(&'a str, &'a str)],
        CachePolicy,
        bool,
    );
    let cases: [Case<'_>; 5] = [
        (&with, &[], CachePolicy::new(), true),
        (&|layer| off(with(layer)), &[], CachePolicy::new(), false),
        (&|layer| rule(with(layer)), &[], CachePolicy::new(), false),
        (&with, fields, CachePolicy::new(), false),
        (&with, &[], policy, false),
    ];
    for (index, (set, fields, policy, hit)) in cases.into_iter().enumerate() {
        let answer = || {
            let mut response = response(200, fields, Frames::of(&["page"]));
            response.extensions_mut().insert(policy.clone());
            Act::Answer(response)
        };
        let show = Show::with(vec![answer(), answer(), answer()], set);
        show.get(&[]).await;
        assert_eq!(show.get(&[]).await.is_hit(), hit, "fresh in case {index}");
        show.advance(70);
        assert_eq!(show.get(&[]).await.is_hit(), hit, "stale in case {index}");
        show.quiet().await;
    }
}

/// An origin whose responses say so.
fn saying(control: Option<&str>, policy: Option<&CachePolicy>) -> Origin {
    let (control, policy) = (control.map(str::to_owned), policy.cloned());
    Origin::new(move |_| {
        let fields = control
            .iter()
            .map(|value| ("cache-control", value.as_str()));
        let fields: Vec<_> = fields.collect();
        let mut response = respond(StatusCode::OK, &fields, "page");
        if let Some(policy) = &policy {
            response.extensions_mut().insert(policy.clone());
        }
        response
    })
}

/// To be stored takes somebody who says how long and nobody who forbids it, however near or far.
#[tokio::test]
async fn whoever_forbids_to_store_wins() {
    let ttl = CachePolicy::new().ttl(seconds(60));
    let forbid = ttl.clone().do_not_store();
    // Fields, policy, and whether it is stored without a default and with one.
    let rows: [(Option<&str>, Option<&CachePolicy>, bool, bool); 15] = [
        (None, None, false, true),
        (None, Some(&ttl), true, true),
        (None, Some(&forbid), false, false),
        (Some("max-age=60"), None, true, true),
        (Some("max-age=60"), Some(&ttl), true, true),
        (Some("max-age=60"), Some(&forbid), false, false),
        (Some("max-age=0"), None, false, false),
        (Some("max-age=0"), Some(&ttl), true, true),
        (Some("max-age=0"), Some(&forbid), false, false),
        (Some("no-store"), None, false, false),
        (Some("no-store"), Some(&ttl), false, false),
        (Some("no-store"), Some(&forbid), false, false),
        (Some("private"), None, false, false),
        (Some("private"), Some(&ttl), false, false),
        (Some("private"), Some(&forbid), false, false),
    ];
    let default: Set = |layer, _| layer.default_ttl(seconds(60));
    let by_rule: Set = |layer, _| {
        layer
            .path("/", |route| route.default_ttl(seconds(60)))
            .expect("one rule")
    };
    let none: Set = |layer, _| layer;
    for (control, policy, without, with) in rows {
        for (set, expected) in [(none, without), (default, with), (by_rule, with)] {
            let origin = saying(control, policy);
            let cache = Cache::with(origin, |layer| set(layer, 60));
            cache.get(&[]).await;
            assert_eq!(
                cache.get(&[]).await.is_hit(),
                expected,
                "{control:?} {policy:?}"
            );
        }
    }
}

/// What a response depends on is what anybody says that it depends on: the key of layer or route, its Vary, its
/// handler.
#[tokio::test]
async fn what_a_response_depends_on_adds_up() {
    use tower_keep::response_cache::CacheKey;
    let name = |name| HeaderName::from_static(name);
    for bits in 0..8_u8 {
        let says = [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0];
        let origin = Origin::new(move |_| {
            let fields: &[_] = &[("cache-control", "max-age=60"), ("vary", "x-field")];
            let mut response = respond(StatusCode::OK, &fields[..1 + usize::from(says[1])], "page");
            if says[2] {
                let policy = CachePolicy::new().vary([name("x-policy")]);
                response.extensions_mut().insert(policy);
            }
            response
        });
        let cache = Cache::with(origin, |layer| {
            let key = CacheKey::new().header(name("x-route"));
            layer
                .path("/", |route| if says[0] { route.key(key) } else { route })
                .expect("one rule")
        });
        cache.get(&[]).await;
        for (index, field) in ["x-route", "x-field", "x-policy"].into_iter().enumerate() {
            let hit = cache.get(&[(field, "other")]).await.is_hit();
            assert_eq!(hit, !says[index], "{says:?} {field}");
        }
        assert!(cache.get(&[("x-nobody", "other")]).await.is_hit());
    }
}
