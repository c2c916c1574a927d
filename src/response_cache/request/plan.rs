//! What is to be done with a request, as far as its head tells.

use http::{HeaderName, Method, header, request::Parts};
use http_body::Body;

use super::cache_key::Extra;
use crate::{
    header::{
        asked::{AskedFields, Field},
        cache_control::RequestDirectives,
        list, target,
    },
    key::{self, Key},
    personal::Personal,
    response_cache::{
        core::Core,
        policy::{Rule, invalidation, request::RequestFacts},
    },
};

/// Why a request is not looked up as it is.
pub(crate) enum Aside {
    /// It passes; its response is not stored.
    Pass(Rule),
    /// It may be once its body has been read: a digest of at most so many bytes is part of the key.
    ReadBody(usize),
}

impl From<Rule> for Aside {
    fn from(rule: Rule) -> Self {
        Self::Pass(rule)
    }
}

/// A request that the cache has to do with.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) key: Key,
    pub(crate) facts: RequestFacts,
    /// A GET without conditions and ranges: a stored response answers it as a whole.
    pub(crate) for_whole: bool,
}

/// The request as the cache has to do with it: it may be answered from store, and its response may be stored.
pub(crate) fn plan<B: Body>(core: &Core, parts: &Parts, body: &B) -> Result<Asked, Aside> {
    let post_body = core.settings.key.post_body;
    let fields = AskedFields::read(&parts.headers);
    match &parts.method {
        _ if fields.has(Field::Connection) && names_own_fields(parts) => {
            Err(Aside::Pass(Rule::ConnectionFields))
        }
        _ if fields.has(Field::Upgrade) && wants_upgrade(parts) => Err(Aside::Pass(Rule::Upgrade)),
        &Method::GET | &Method::HEAD if has_body(body) => Err(Aside::Pass(Rule::RequestBody)),
        &Method::GET | &Method::HEAD => keyed_by(core, parts, &fields, None),
        &Method::POST => match post_body {
            Some(limit) if body.size_hint().lower() > limit as u64 => {
                Err(Aside::Pass(Rule::TooLarge))
            }
            Some(limit) => Err(Aside::ReadBody(limit)),
            None => keyed_by(core, parts, &fields, None),
        },
        _ => Err(Aside::Pass(Rule::Method)),
    }
}

/// The request with its key, `digest` being that of its body where that is part of it.
pub(crate) fn keyed(core: &Core, parts: &Parts, digest: Option<&[u8]>) -> Result<Asked, Rule> {
    keyed_by(core, parts, &AskedFields::read(&parts.headers), digest)
}

/// An error is what the caller makes of a rule: the request, once made, is large and is not moved about.
fn keyed_by<E: From<Rule>>(
    core: &Core,
    parts: &Parts,
    fields: &AskedFields<'_>,
    digest: Option<&[u8]>,
) -> Result<Asked, E> {
    let uri = effective_uri(parts);
    let host = key::authority_of(uri, fields.hosts).map_err(|_| Rule::AmbiguousHost)?;
    let extra = Extra {
        digest,
        host: Some(host),
        ..Extra::default()
    };
    let keyed = core.key_of(parts, uri, extra)?;
    let (headers, extensions) = (&parts.headers, &parts.extensions);
    let directives = if fields.has(Field::Directives) {
        RequestDirectives::from_headers(headers, core.settings.rules.pragma)
    } else {
        RequestDirectives::default()
    };
    let facts = RequestFacts {
        method: parts.method.clone(),
        directives,
        authorization: fields.has(Field::Authorization),
        unkeyed_cookie: fields.has(Field::Cookie) && core.has_unkeyed_cookie(headers, extensions),
        personal: Personal::get(extensions).is_some_and(Personal::is_marked),
        user_in_key: keyed.user_in_key,
        body_in_key: digest.is_some(),
    };
    Ok(Asked {
        key: keyed.key,
        facts,
        for_whole: parts.method == Method::GET && !fields.has(Field::Part),
    })
}

impl Asked {
    /// Whether what is stored may answer. A POST is answered from store only by its body's digest.
    pub(crate) fn may_be_answered(&self) -> bool {
        self.facts.method != Method::POST || self.facts.body_in_key
    }

    /// Whether the request is refused rather than forwarded where nothing stored answers it
    /// (RFC 9111 5.2.1.7).
    pub(crate) fn is_only_if_cached(&self) -> bool {
        self.facts.directives.only_if_cached && self.may_be_answered()
    }

    /// Whether what answers may be refreshed by a GET without a body: not what was found by a body.
    pub(crate) fn may_be_refreshed(&self) -> bool {
        !self.facts.body_in_key
    }

    /// Whether the request may change its target.
    pub(crate) fn is_unsafe(&self) -> bool {
        invalidation::is_unsafe(&self.facts.method) && !self.facts.body_in_key
    }
}

/// The URI that the client asked for.
pub(crate) fn effective_uri(parts: &Parts) -> &http::Uri {
    target::effective_uri(&parts.uri, &parts.extensions)
}

/// Whether a body may come with the request: it does unless the body says that it is empty. Fields tell less,
/// as a client may add them later.
fn has_body<B: Body>(body: &B) -> bool {
    !body.is_end_stream() && body.size_hint().exact() != Some(0)
}

/// Whether Connection names fields that the request has. A response to what is left of the request once a
/// proxy has dropped them would be stored as the response to the whole of it.
fn names_own_fields(parts: &Parts) -> bool {
    const HARMLESS: [&[u8]; 5] = [
        b"close",
        b"keep-alive",
        b"upgrade",
        b"te",
        b"http2-settings",
    ];
    let named = list::members(&parts.headers, &header::CONNECTION);
    let fields = named.filter(|name| {
        !HARMLESS
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    });
    fields
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .any(|name| parts.headers.contains_key(name))
}

/// Whether the client wants to leave HTTP (RFC 9110 7.8). To HTTP/2 does not count: who offers that is as
/// well served by a stored response.
fn wants_upgrade(parts: &Parts) -> bool {
    list::members(&parts.headers, &header::UPGRADE)
        .any(|protocol| !protocol.eq_ignore_ascii_case(b"h2c"))
        && list::members(&parts.headers, &header::CONNECTION)
            .any(|name| name.eq_ignore_ascii_case(b"upgrade"))
}
