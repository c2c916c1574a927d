//! What refusals of several layers have in common on the wire.

pub(crate) mod body;
pub(crate) mod grpc;
pub(crate) mod text;
