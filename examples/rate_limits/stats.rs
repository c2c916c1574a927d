//! What the limits have decided so far. Whoever reaches this example may read it.

use std::fmt::Write as _;

use axum::extract::State;
use tower_keep::{
    RateLimitLayer, RateLimiter,
    rate_limit::{Limits, Stats},
};

/// The limits of the application, by what they are for.
#[derive(Clone, Default)]
pub(crate) struct Watched(Vec<(&'static str, Source)>);

#[derive(Clone)]
enum Source {
    Limiter(RateLimiter),
    Plan(Limits),
}

impl Source {
    fn stats(&self) -> Stats {
        match self {
            Self::Limiter(limiter) => limiter.stats(),
            Self::Plan(limits) => limits.stats(),
        }
    }
}

impl Watched {
    /// All subjects of a layer. Handles and layers share what they count.
    pub(crate) fn layer(mut self, name: &'static str, layer: &RateLimitLayer) -> Self {
        let limiters = layer.limiters().cloned().map(Source::Limiter);
        self.0.extend(limiters.map(|limiter| (name, limiter)));
        self
    }

    pub(crate) fn plan(mut self, name: &'static str, limits: &Limits) -> Self {
        self.0.push((name, Source::Plan(limits.clone())));
        self
    }
}

pub(crate) async fn stats(State(Watched(sources)): State<Watched>) -> String {
    let mut text = String::new();
    for (name, source) in &sources {
        tell(&mut text, name, &source.stats());
    }
    text
}

fn tell(text: &mut String, name: &str, stats: &Stats) {
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{name}: admitted {}, delayed {}",
        stats.admitted, stats.delayed
    );
    for limit in &stats.limits {
        let _ = writeln!(text, "  refused by {}: {}", limit.name, limit.refused);
    }
    for key in &stats.top_refused {
        let _ = writeln!(text, "  refused to {}: {}", key.label, key.count);
    }
}
