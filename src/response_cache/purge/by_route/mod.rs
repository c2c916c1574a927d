//! Invalidating by what requests do, so that handlers need no cache code: [`InvalidateLayer`].

mod layer;
mod rule;
mod service;
mod template;

pub use self::{
    layer::{InvalidRule, InvalidateLayer, InvalidateStats},
    rule::InvalidateRule,
    service::{Invalidate, InvalidateFuture},
};
