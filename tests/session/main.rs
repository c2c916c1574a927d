//! Sessions through the public interface.

mod basics;
mod csrf;
mod guarded;
mod require;
mod support;
