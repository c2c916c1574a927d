//! Requests and responses without their bodies, for rules that look at them.

mod request;
mod response;

pub use self::{request::RequestHead, response::ResponseHead};
