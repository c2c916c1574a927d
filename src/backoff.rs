//! How long to wait before another attempt.
