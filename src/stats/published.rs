//! Counters of the `metrics` crate.

use std::{borrow::Cow, fmt, sync::OnceLock};

use metrics::{Counter, Label};

/// What a counter is called.
pub(crate) struct Metric {
    name: &'static str,
    description: &'static str,
    labels: Vec<Label>,
}

impl Metric {
    /// A counter with this name, and a sentence on what it counts.
    pub(crate) fn new(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            description,
            labels: Vec::new(),
        }
    }

    /// With a label: many counters have the same name.
    pub(crate) fn label(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.labels.push(Label::new(name, value.into()));
        self
    }

    fn counter(self) -> Counter {
        metrics::describe_counter!(self.name, metrics::Unit::Count, self.description);
        metrics::counter!(self.name, self.labels)
    }
}

/// A table of counters that go to whichever recorder is installed when each of them first counts. The handle that
/// the recorder gives is kept, so that a count does not look it up.
pub(crate) struct Published {
    counters: Box<[OnceLock<Counter>]>,
    metric: Box<dyn Fn(usize) -> Metric + Send + Sync>,
}

impl Published {
    /// So many counters; `metric` says what each one is called.
    pub(crate) fn new(
        len: usize,
        metric: impl Fn(usize) -> Metric + Send + Sync + 'static,
    ) -> Self {
        Self {
            counters: (0..len).map(|_| OnceLock::new()).collect(),
            metric: Box::new(metric),
        }
    }

    /// Adds one. An index beyond the table counts nothing.
    pub(crate) fn add(&self, index: usize) {
        if let Some(counter) = self.counters.get(index) {
            let resolve = || (self.metric)(index).counter();
            counter.get_or_init(resolve).increment(1);
        }
    }
}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Published").finish_non_exhaustive()
    }
}
