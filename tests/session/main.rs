//! Sessions, by the public interface alone.

mod store;
