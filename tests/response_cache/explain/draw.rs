//! Random settings, requests and responses.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Request, Response, StatusCode, header};
use http_body_util::Full;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
};
use tower_keep::{
    CachePolicy, Personal, Principal,
    response_cache::{CacheKey, Collapsing, EntityTags, Purge, ResponseCacheLayer, SetCookie},
};

use crate::{
    cases::date,
    support::{request, respond},
};

type Field = (&'static str, &'static str);

/// What a request may say, each of it once.
const ASKED: &[Field] = &[
    ("accept", "one"),
    ("authorization", "someone"),
    ("cache-control", "max-age=0"),
    ("cache-control", "max-age=30"),
    ("cache-control", "max-stale"),
    ("cache-control", "max-stale=20"),
    ("cache-control", "min-fresh=30"),
    ("cache-control", "no-cache"),
    ("cache-control", "no-store"),
    ("cache-control", "only-if-cached"),
    ("cache-control", "stale-if-error=100"),
    ("connection", "accept"),
    ("connection", "upgrade"),
    ("cookie", "session=1"),
    ("cookie", "theme=dark"),
    ("host", "other.test"),
    ("if-modified-since", "Wed, 31 Dec 2025 00:00:00 GMT"),
    ("if-none-match", "\"a\""),
    ("if-none-match", "\"c\""),
    ("pragma", "no-cache"),
    ("range", "bytes=0-1"),
    ("range", "bytes=90-"),
    ("upgrade", "websocket"),
];

/// What a response may say, without its dates.
const SAID: &[Field] = &[
    ("age", "20"),
    ("cache-tag", "a"),
    ("cache-control", "immutable"),
    ("cache-control", "max-age=0"),
    ("cache-control", "must-revalidate"),
    ("cache-control", "must-understand"),
    ("cache-control", "no-cache"),
    ("cache-control", "no-cache=\"x-a\""),
    ("cache-control", "no-store"),
    ("cache-control", "private"),
    ("cache-control", "private=\"set-cookie\""),
    ("cache-control", "proxy-revalidate"),
    ("cache-control", "public"),
    ("cache-control", "s-maxage=40"),
    ("cache-control", "stale-if-error=60"),
    ("cache-control", "stale-while-revalidate=60"),
    ("cdn-cache-control", "max-age=90"),
    ("cdn-cache-control", "no-store"),
    ("content-location", "http://origin.test/?a=1"),
    ("etag", "W/\"b\""),
    ("expires", "0"),
    ("last-modified", "Wed, 31 Dec 2025 00:00:00 GMT"),
    ("no-vary-search", "key-order"),
    ("set-cookie", "session=2"),
    ("surrogate-key", "a b"),
    ("vary", "*"),
    ("vary", "accept"),
    ("x-a", "1"),
];

/// Beside 200 and 304.
const STATUSES: &[u16] = &[
    203, 204, 206, 301, 302, 303, 404, 412, 416, 418, 500, 503, 504,
];

/// Sets one thing.
#[derive(Clone, Copy)]
pub(super) struct Setting {
    name: &'static str,
    pub(super) set: fn(ResponseCacheLayer) -> ResponseCacheLayer,
}

impl Setting {
    pub(super) fn keys_bodies(&self) -> bool {
        self.name.contains("post_body")
    }
}

impl std::fmt::Debug for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! settings {
    ($($method:ident($($value:expr),*);)+) => {
        &[$(Setting {
            name: stringify!($method($($value),*)),
            set: |layer| layer.$method($($value),*),
        }),+]
    };
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const SETTINGS: &[Setting] = settings! {
    collapsing(Collapsing::off());
    danger_ignore_cookies();
    default_ttl(seconds(50));
    default_ttl_for(StatusCode::SEE_OTHER, seconds(50));
    early_refresh(100);
    entity_tags(EntityTags::Weak);
    ignore_pragma();
    ignore_request_directives();
    keep(seconds(0));
    key(CacheKey::new().cookie("session"));
    key(CacheKey::new().post_body(4));
    key(CacheKey::new().user());
    key(CacheKey::new().with("none", |parts| parts.headers.contains_key("accept").then(String::new)));
    max_body(4);
    max_tags(1);
    no_heuristic();
    no_vary_search();
    private();
    set_cookie(SetCookie::Store);
    set_cookie(SetCookie::Strip);
    stale_despite_s_maxage();
    stale_if_error(seconds(70));
    stale_while_revalidate(seconds(70));
    targeted_fields([HeaderName::from_static("x-a")]);
};

/// A request that is asked.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    method: &'static str,
    query: &'static str,
    fields: Vec<Field>,
    body: usize,
    user: bool,
    personal: bool,
}

impl Ask {
    /// `marked` by whoever answers it, too.
    pub(super) fn request(&self, marked: bool) -> Request<Full<Bytes>> {
        let mut request = request(self.method, &self.fields);
        let uri = format!("http://origin.test/{}", self.query);
        *request.uri_mut() = uri.parse().unwrap();
        *request.body_mut() = vec![b'q'; self.body].into();
        let extensions = request.extensions_mut();
        if self.user {
            extensions.insert(Principal::user("someone"));
        }
        if self.personal || marked {
            Personal::of(extensions).mark().unwrap();
        }
        request
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| *known == name)
    }

    pub(super) fn is(&self, method: &str) -> bool {
        self.method == method
    }
}

/// A response that is given.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) status: u16,
    fields: Vec<Field>,
    tagged: bool,
    max_age: Option<&'static str>,
    /// Seconds before the response.
    dated: Option<i64>,
    /// Seconds after it.
    expires: Option<i64>,
    body: usize,
    policy: Option<CachePolicy>,
    /// The request is marked as personal by whoever answers it.
    pub(super) marks: bool,
}

impl Said {
    /// The response, so many seconds after the clock began to run.
    pub(super) fn response(&self, now: u64, serial: &str) -> Response<Full<Bytes>> {
        let now = i64::try_from(now).unwrap();
        let expires = self.expires.map(|after| date(now + after));
        let dated = self.dated.map(|before| date(now - before));
        let mut fields = self.fields.clone();
        fields.extend(self.max_age.map(|control| ("cache-control", control)));
        fields.extend(self.tagged.then_some(("etag", "\"a\"")));
        fields.extend((self.status == 206).then_some(("content-range", "bytes 0-1/6")));
        let mut fields: Vec<(&str, &str)> = fields;
        fields.extend(expires.as_deref().map(|expires| ("expires", expires)));
        fields.extend(dated.as_deref().map(|dated| ("date", dated)));
        fields.push(("x-serial", serial));
        let length = match self.status {
            206 => 2,
            204 | 304 => 0,
            _ => self.body,
        };
        let status = StatusCode::from_u16(self.status).unwrap();
        let mut response = respond(status, &fields, &"r".repeat(length));
        response.extensions_mut().extend(self.extensions());
        response
    }

    fn extensions(&self) -> http::Extensions {
        let mut extensions = http::Extensions::new();
        if let Some(policy) = &self.policy {
            extensions.insert(policy.clone());
        }
        extensions
    }

    /// The same as a whole, for a client that has nothing.
    pub(super) fn whole(&self) -> Self {
        Self {
            status: 200,
            ..self.clone()
        }
    }

    pub(super) fn is_dated(&self) -> bool {
        self.dated.is_some()
    }
}

/// What happens after so many seconds.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) after: u64,
    /// What is purged then.
    pub(super) purge: Option<Purge>,
    pub(super) ask: Ask,
    pub(super) said: Said,
}

#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) settings: Vec<Setting>,
    /// The settings are those of a path.
    pub(super) by_path: bool,
    pub(super) steps: Vec<Step>,
}

fn few(fields: &'static [Field], most: usize) -> impl Strategy<Value = Vec<Field>> {
    prop_oneof![
        1 => Just(Vec::new()),
        3 => subsequence(fields, 0..=most),
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    let method = prop_oneof![
        8 => Just("GET"),
        2 => Just("HEAD"),
        2 => Just("POST"),
        1 => select(&["PUT", "QUERY"][..]),
    ];
    let query = prop_oneof![3 => Just("?a=1"), 1 => Just("?a=2")];
    let body = prop_oneof![12 => Just(0usize), 1 => Just(2), 1 => Just(6)];
    (
        method,
        query,
        few(ASKED, 2),
        body,
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.05),
    )
        .prop_map(|(method, query, fields, body, user, personal)| Ask {
            method,
            query,
            fields,
            body,
            user,
            personal,
        })
}

fn policy() -> impl Strategy<Value = CachePolicy> {
    prop_oneof![
        Just(CachePolicy::new()),
        Just(CachePolicy::new().ttl(seconds(35))),
        Just(CachePolicy::new().do_not_store()),
        Just(CachePolicy::new().vary([header::ACCEPT])),
        Just(CachePolicy::new().tags(["a", "b"])),
        Just(
            CachePolicy::new()
                .keep(seconds(20))
                .stale_while_revalidate(seconds(30))
        ),
    ]
}

fn said() -> impl Strategy<Value = Said> {
    let status = prop_oneof![5 => Just(200u16), 1 => Just(304), 3 => select(STATUSES)];
    (
        status,
        few(SAID, 3),
        any::<bool>(),
        option::of(select(&["max-age=25", "max-age=100"][..])),
        option::weighted(0.1, 1..60i64),
        option::weighted(0.1, -10..60i64),
        0..8usize,
        option::weighted(0.1, policy()),
        prop::bool::weighted(0.05),
    )
        .prop_map(
            |(status, fields, tagged, max_age, dated, expires, body, policy, marks)| Said {
                status,
                fields,
                tagged,
                max_age,
                dated,
                expires,
                body,
                policy,
                marks,
            },
        )
}

fn purge() -> impl Strategy<Value = Purge> {
    let what = prop_oneof![
        2 => Just(Purge::new().tag("a")),
        2 => Just(Purge::new().url("http://origin.test/?a=1".parse().unwrap())),
        1 => Just(Purge::new().prefix("/")),
        1 => Just(Purge::new().all()),
    ];
    (what, any::<bool>()).prop_map(|(what, soft)| if soft { what.soft() } else { what })
}

pub(super) fn case() -> impl Strategy<Value = Case> {
    let after = prop_oneof![2 => Just(0u64), 3 => 1..120u64, 1 => 1..8000u64];
    let purge = option::weighted(0.15, purge());
    let step = (after, purge, ask(), said()).prop_map(|(after, purge, mut ask, said)| {
        // Else hardly any part would be one that was asked for.
        if said.status == 206 && said.tagged {
            ask.fields = vec![("range", "bytes=0-1")];
        }
        Step {
            after,
            purge,
            ask,
            said,
        }
    });
    let settings = prop_oneof![
        1 => Just(Vec::new()),
        2 => subsequence(SETTINGS, 0..=4),
    ];
    let by_path = prop::bool::weighted(0.2);
    (settings, by_path, vec(step, 1..=4)).prop_map(|(settings, by_path, mut steps)| {
        let by_search = |setting: &Setting| setting.name.starts_with("no_vary_search");
        if settings.iter().any(by_search) {
            // Else hardly any would be known when the next request comes.
            let said = steps.iter_mut().map(|step| &mut step.said.fields);
            said.for_each(|fields| fields.push(("no-vary-search", "params")));
        }
        Case {
            settings,
            by_path,
            steps,
        }
    })
}
