//! Sessions through the public interface.

mod basics;
mod stateless;
mod support;
