//! Requests that another site has made a browser send.

mod decision;
mod facts;
mod layer;
mod origin;
mod service;
mod token;

pub use self::{layer::CsrfLayer, origin::InvalidOrigin, service::Csrf, token::CsrfToken};
