//! Which failures pass by themselves.
