//! Rate limiting.

