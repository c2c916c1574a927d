//! A response cache as a tower layer.
mod background;
mod body;
mod cache_key;
mod cache_policy;
mod core;
mod entity_tag;
mod entry;
mod exchange;
mod fill;
mod flow;
mod inspect;
mod invalidate;
mod layer;
mod plan;
mod policy;
mod post_body;
mod refusal;
mod report;
mod resource;
mod serve;
mod service;
mod stats;

pub use self::{
    body::{RequestBody, ResponseBody},
    cache_key::CacheKey,
    cache_policy::CachePolicy,
    entity_tag::EntityTags,
    entry::CachedResponse,
    inspect::Inspection,
    layer::{InvalidName, ResponseCacheLayer},
    policy::{Rule, SetCookie, Trail},
    refusal::Refusal,
    report::Outcome,
    service::{ResponseCache, ResponseFuture},
    stats::Stats,
};
