//! Circuit breaking, through the public API.
