//! Requests that need a session.

mod back;
mod judge;
mod layer;
mod redirect;
mod service;

pub use self::{layer::RequireSession, redirect::InvalidRedirect, service::SessionRequired};
