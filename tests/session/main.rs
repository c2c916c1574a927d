//! Sessions through the public interface.

mod basics;
mod support;
