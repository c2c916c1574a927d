//! The response cache, through its public interface.

mod coverage;
mod support;
