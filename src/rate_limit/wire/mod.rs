//! What a limiter says on the wire: the fields of its responses, and its refusals.

pub(super) mod fields;
pub(super) mod refusal;
