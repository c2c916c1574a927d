//! The core of a circuit breaker.
