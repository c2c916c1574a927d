//! Sessions, by the public interface alone.

mod basics;
mod csrf;
mod guarded;
mod require;
mod stateless;
mod store;
mod support;
