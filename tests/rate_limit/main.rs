//! Rate limiting, through its public API.
