//! What is stored: how it lies there, how it is found, and how it is changed.

mod constant;
pub(super) mod departed;
pub(super) mod entity_tag;
pub(super) mod entry;
pub(super) mod head;
pub(super) mod parts;
pub(super) mod place;
pub(super) mod resource;
pub(super) mod search;
pub(super) mod select;
pub(super) mod tags;
pub(super) mod variants;
