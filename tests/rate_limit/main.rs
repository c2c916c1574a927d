//! Rate limiting, through its public API.

mod adaptive;
mod whole;
