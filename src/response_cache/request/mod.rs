//! What a request asks for: what is to be done with it, and under which key.

pub(super) mod body;
pub(super) mod cache_key;
pub(super) mod plan;
pub(super) mod post_body;
mod query;
