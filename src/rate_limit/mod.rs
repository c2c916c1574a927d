//! Rate limiting.

mod algorithm;
