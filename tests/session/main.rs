//! Sessions, by the public interface alone.

mod basics;
mod stateless;
mod store;
mod support;
