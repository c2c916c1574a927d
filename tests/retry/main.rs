//! Retries, through the public API.
