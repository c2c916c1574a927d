//! Requests that another site has made a browser send.

mod token;

pub use self::token::CsrfToken;
