//! What a limiter says on the wire: the fields of its responses, and its refusals.

pub(super) mod body;
pub(super) mod fields;
pub(super) mod grpc;
pub(super) mod refusal;
mod text;
