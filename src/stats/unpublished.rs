//! What stands in for counters of the `metrics` crate without its feature: nothing, at no cost.

use std::borrow::Cow;

/// What a counter would be called.
pub(crate) struct Metric;

impl Metric {
    pub(crate) fn new(_: &'static str, _: &'static str) -> Self {
        Self
    }

    pub(crate) fn label(self, _: &'static str, _: impl Into<Cow<'static, str>>) -> Self {
        self
    }
}

/// Counters that nobody reads.
#[derive(Debug)]
pub(crate) struct Published;

impl Published {
    pub(crate) fn new(_: usize, _: impl Fn(usize) -> Metric + Send + Sync + 'static) -> Self {
        Self
    }

    #[inline]
    #[expect(clippy::unused_self, reason = "with the feature it is used")]
    pub(crate) fn add(&self, _: usize) {}
}
