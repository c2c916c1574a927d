//! Sessions, by the public interface alone.

mod basics;
mod store;
mod support;
