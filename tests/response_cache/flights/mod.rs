//! Requests for the same thing at the same time: one asks, the others share (RFC 9111 section 4, RFC 9211
//! section 2.6).

mod budget;
mod cancellation;
pub(crate) mod clients;
mod failures;
mod herds;
mod leaving;
mod limits;
mod once;
pub(crate) mod origin;
mod overtaken;
mod permits;
mod personal;
mod readers;
mod requests;
mod stale;
mod streaming;
mod timeouts;
mod uncacheable;
mod variants;
