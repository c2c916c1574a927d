//! The counters' names as the `metrics` crate knows them; the docs of the cache list them.

use super::{
    COLLAPSED, FORWARDED, HITS, INVALIDATED, NOT_COLLAPSED, NOT_STORED, REFRESHED, REFUSED, Rule,
    SHADOWED, STORE_ERRORS, STORED, UNMET_TAGS, VALIDATED,
};
use crate::stats::Metric;

/// What the counter at an index of the table is called.
pub(super) fn metric(index: usize) -> Metric {
    let (metric, start) = match index {
        ..FORWARDED => (requests().label("outcome", "hit"), HITS),
        FORWARDED..NOT_STORED => (requests().label("outcome", "forwarded"), FORWARDED),
        NOT_STORED..STORED => (not_stored(), NOT_STORED),
        STORED..NOT_COLLAPSED => return of_no_rule(index),
        NOT_COLLAPSED..SHADOWED => (not_collapsed(), NOT_COLLAPSED),
        SHADOWED.. => (shadowed(), SHADOWED),
    };
    let rule = Rule::ALL.get(index - start);
    metric.label("reason", rule.map_or("", |rule| rule.name()))
}

fn requests() -> Metric {
    Metric::new(
        "tower_keep_response_cache_requests_total",
        "Requests answered from store, and those that were forwarded or refused.",
    )
}

fn not_stored() -> Metric {
    Metric::new(
        "tower_keep_response_cache_not_stored_total",
        "Responses that were not stored.",
    )
}

fn not_collapsed() -> Metric {
    Metric::new(
        "tower_keep_response_cache_not_collapsed_total",
        "Requests that did not wait for others, as the response cannot be shared.",
    )
}

fn shadowed() -> Metric {
    Metric::new(
        "tower_keep_response_cache_shadowed_total",
        "Requests that would have been answered from store, had the cache not been a shadow.",
    )
}

fn of_no_rule(index: usize) -> Metric {
    let (name, description) = match index {
        STORED => (
            "tower_keep_response_cache_stored_total",
            "Responses stored.",
        ),
        REFUSED => (
            "tower_keep_response_cache_refused_total",
            "Responses that the store refused for their weight.",
        ),
        STORE_ERRORS => (
            "tower_keep_response_cache_store_errors_total",
            "Times that the store failed.",
        ),
        VALIDATED => (
            "tower_keep_response_cache_validated_total",
            "Stored responses that the origin confirmed.",
        ),
        INVALIDATED => (
            "tower_keep_response_cache_invalidated_total",
            "Resources, tags, groups and patterns that were invalidated.",
        ),
        REFRESHED => (
            "tower_keep_response_cache_refreshed_total",
            "Refreshes in the background that came to an answer.",
        ),
        COLLAPSED => (
            "tower_keep_response_cache_collapsed_total",
            "Requests that were answered with what another one fetched.",
        ),
        UNMET_TAGS => (
            "tower_keep_response_cache_unmet_tags_total",
            "Tags and groups that were invalidated and that nothing stored carried.",
        ),
        _ => (
            "tower_keep_response_cache_shadow_differed_total",
            "Shadowed requests that were answered otherwise than what is stored would have.",
        ),
    };
    Metric::new(name, description)
}
