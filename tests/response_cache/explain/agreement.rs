//! What is explained before a random request is what the cache then does with it.
//!
//! `PROPTEST_RNG_SEED` repeats a run, `PROPTEST_CASES` makes it longer.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Mutex},
};

use http::{HeaderMap, StatusCode};
use proptest::{prelude::*, test_runner::TestRunner};
use tokio::runtime::Builder;
use tower_keep::{
    Personal,
    response_cache::{Explanation, Inspection, Outcome, Rule, Verdict},
};

use super::draw::{Ask, Case, Said, Setting, Step, case};
use crate::{
    stage::turns,
    support::{Cache, Got, Origin},
};

/// What the origin says next, and how often it was asked since.
struct Script {
    said: Said,
    now: u64,
    serial: String,
    calls: usize,
}

impl Script {
    /// To a request that is sent again, as the client has nothing.
    fn says(&self) -> Said {
        if self.calls > 1 && self.said.status == 304 {
            self.said.whole()
        } else {
            self.said.clone()
        }
    }
}

/// One case on its way.
struct Run {
    cache: Cache,
    script: Arc<Mutex<Option<Script>>>,
    elapsed: u64,
    /// Which of several stored responses is the newest is not always the one that came last.
    dated: bool,
    steps: usize,
    /// The body of a POST is part of its key.
    keys_bodies: bool,
}

/// The rules that were cited, and the verdicts.
#[derive(Default)]
struct Seen {
    verdicts: HashSet<Verdict>,
    reasons: BTreeSet<Rule>,
}

impl Seen {
    fn note(&mut self, explanations: &[&Explanation]) {
        for explanation in explanations {
            self.verdicts.insert(explanation.verdict);
            self.reasons.insert(explanation.reason);
        }
    }
}

type Checked = Result<(), TestCaseError>;

/// That both are the same.
macro_rules! same {
    ($what:literal, $explained:expr, $done:expr) => {
        prop_assert_eq!($explained, $done, "{}: explained, then done", $what)
    };
}

impl Run {
    fn new(case: &Case) -> Self {
        let script = Arc::<Mutex<Option<Script>>>::default();
        let asked = Arc::clone(&script);
        let origin = Origin::new(move |request| {
            let mut script = asked.lock().unwrap();
            let script = script.as_mut().unwrap();
            script.calls += 1;
            let said = script.says();
            let personal = Personal::get(request.extensions()).filter(|_| said.marks);
            if let Some(personal) = personal {
                personal.mark().expect("nobody has been given it");
            }
            said.response(script.now, &script.serial)
        });
        let set = |layer| {
            let settings = case.settings.iter();
            settings.fold(layer, |layer, setting| (setting.set)(layer))
        };
        let cache = Cache::with(origin, |layer| match layer.outcome() {
            layer if case.by_path => layer.path("/", set).unwrap(),
            layer => set(layer),
        });
        Self {
            cache,
            script,
            elapsed: 0,
            dated: false,
            steps: 0,
            keys_bodies: case.settings.iter().any(Setting::keys_bodies),
        }
    }

    async fn step(&mut self, step: &Step, seen: &Mutex<Seen>) -> Checked {
        let Step {
            after,
            purge,
            ask,
            said,
        } = step;
        self.elapsed += after;
        self.steps += 1;
        self.dated |= said.is_dated();
        self.cache.advance(*after);
        if let Some(purge) = purge {
            self.cache.layer.purger().purge(purge);
        }
        let serial = self.steps.to_string();
        let script = Script {
            said: said.clone(),
            now: self.elapsed,
            serial,
            calls: 0,
        };
        *self.script.lock().unwrap() = Some(script);
        let before = self.cache.layer.stats();
        let explained = self.cache.layer.explain(ask.request(false)).await.unwrap();
        let stored = self.stored(ask).await;
        let whole = self.explain_response(ask, &said.whole());
        let first = self.explain_response(ask, said);
        if ask.is("GET") && explained.verdict != Verdict::Pass {
            let found = explained.freshness.is_some() || explained.trail.has(Rule::PartMissing);
            same!("found", found, stored.is_some());
        }
        same!("no effect", before, self.cache.layer.stats());
        same!("no call", 0, self.calls());
        let got = self.cache.send(ask.request(false)).await;
        let response = if self.calls() > 1 { whole } else { first };
        seen.lock().unwrap().note(&[&explained, &response]);
        let was_stored = stored.is_some();
        self.compare(step, &explained, &response, &got)?;
        if self.is_accepted(said, &explained) {
            self.compare_stored(ask, said, &response, was_stored)
                .await?;
        }
        // What is purged is freed later, by this clock.
        turns().await;
        Ok(())
    }

    fn calls(&self) -> usize {
        self.script.lock().unwrap().as_ref().unwrap().calls
    }

    fn explain_response(&self, ask: &Ask, said: &Said) -> Explanation {
        let serial = self.steps.to_string();
        let response = said.response(self.elapsed, &serial);
        let request = ask.request(said.marks);
        self.cache.layer.explain_response(&request, &response)
    }

    async fn stored(&self, ask: &Ask) -> Option<Inspection> {
        self.cache.layer.inspect(&ask.request(false)).await.unwrap()
    }

    /// Whether the response that came was passed on, rather than used for what is stored or not at all.
    fn is_accepted(&self, said: &Said, explained: &Explanation) -> bool {
        let error = matches!(said.status, 500 | 502 | 503 | 504);
        let instead = error && explained.stale_if_error;
        let confirms = said.status == 304 && explained.verdict == Verdict::Validate;
        self.calls() > 0 && !instead && (!confirms || self.calls() > 1)
    }

    fn compare(
        &self,
        Step { ask, said, .. }: &Step,
        explained: &Explanation,
        response: &Explanation,
        got: &Got,
    ) -> Checked {
        let outcome = *got.extensions.get::<Outcome>().unwrap();
        let served = matches!(explained.verdict, Verdict::Serve | Verdict::Refresh);
        let asks = !served && explained.verdict != Verdict::Refuse;
        same!("from store", served, outcome.hit);
        same!("asks", asks, self.calls() > 0);
        if asks {
            self.compare_conditions(ask, explained)?;
        }
        if asks && !self.is_accepted(said, explained) {
            if explained.stale_if_error && said.status != 304 {
                let rules = explained.trail.iter().chain([Rule::StaleIfError]);
                same!(
                    "trail",
                    BTreeSet::from_iter(rules),
                    outcome.trail.iter().collect()
                );
                same!("reason", Rule::StaleIfError, outcome.reason);
                return Ok(());
            }
            same!("reason", explained.reason, outcome.reason);
            return Ok(());
        }
        same!("reason", explained.reason, outcome.reason);
        if explained.verdict == Verdict::Pass || !asks {
            same!("storing", None, outcome.storing);
            same!("trail", explained.trail, outcome.trail);
            let refused = got.status == StatusCode::GATEWAY_TIMEOUT;
            prop_assert!(refused || explained.verdict != Verdict::Refuse);
            same!("ttl", explained.ttl().filter(|_| served), ttl(&got.headers));
            return Ok(());
        }
        same!("storing", Some(response.reason), outcome.storing);
        let rules: BTreeSet<_> = explained
            .trail
            .iter()
            .chain(response.trail.iter())
            .collect();
        same!("trail", rules, outcome.trail.iter().collect());
        same!("ttl", response.ttl(), ttl(&got.headers));
        Ok(())
    }

    /// Whether the request got conditions on its way, as was said.
    fn compare_conditions(&self, ask: &Ask, explained: &Explanation) -> Checked {
        let sent = ask.request(false);
        let seen = self.cache.origin.seen();
        let seen = &seen[seen.len() - self.calls()].headers;
        let conditions = |headers: &HeaderMap| {
            let of = |name| headers.get_all(name).iter().cloned().collect::<Vec<_>>();
            (of("if-none-match"), of("if-modified-since"))
        };
        // The client may have sent the same.
        let has_own = ask.has("if-none-match") || ask.has("if-modified-since");
        let added = conditions(seen) != conditions(sent.headers());
        let validates = explained.verdict == Verdict::Validate;
        prop_assert!(validates || !added, "conditions are added: {seen:?}");
        prop_assert!(
            !validates || added || has_own,
            "no conditions are added: {seen:?}"
        );
        Ok(())
    }

    /// Whether the response is found in the store afterwards, as was said.
    async fn compare_stored(
        &self,
        ask: &Ask,
        said: &Said,
        response: &Explanation,
        was_stored: bool,
    ) -> Checked {
        let stored = self.stored(ask).await;
        let serial = self.steps.to_string();
        let is_this = |stored: &Inspection| stored.headers["x-serial"] == serial.as_str();
        if response.verdict != Verdict::Store {
            // A response to HEAD brings fields to what is stored (RFC 9111 4.3.5).
            let is_this = stored.as_ref().is_some_and(is_this) && !ask.is("HEAD");
            prop_assert!(!is_this, "it is stored");
            return Ok(());
        }
        // Parts are joined with what is there, and what a POST's body is part of the key of is not inspected.
        if self.dated || (said.status == 206 && was_stored) || (self.keys_bodies && ask.is("POST"))
        {
            return Ok(());
        }
        let Some(stored) = stored.filter(is_this) else {
            return Err(TestCaseError::fail("it is not stored"));
        };
        let freshness = response.freshness.unwrap();
        same!("age", freshness.age, stored.age);
        same!("lifetime", freshness.lifetime, stored.lifetime);
        same!("kept for", freshness.kept_for, stored.kept_for);
        let always = stored.always_validated;
        same!("validated", freshness.always_validated, always);
        Ok(())
    }
}

/// The `ttl` of Cache-Status.
fn ttl(headers: &HeaderMap) -> Option<i64> {
    let status = headers["cache-status"].to_str().unwrap();
    let (_, ttl) = status.split_once("ttl=")?;
    ttl.split(';').next()?.parse().ok()
}

#[test]
fn what_is_explained_is_what_is_done() {
    let default = ProptestConfig::default();
    let config = ProptestConfig {
        cases: default.cases.saturating_mul(8),
        failure_persistence: None,
        ..default
    };
    let runtime = Builder::new_current_thread().build().unwrap();
    let seen = Mutex::new(Seen::default());
    let outcome = TestRunner::new(config).run(&case(), |case| {
        runtime.block_on(async {
            let mut run = Run::new(&case);
            for step in &case.steps {
                run.step(step, &seen).await?;
            }
            Ok(())
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let Seen { verdicts, reasons } = seen.into_inner().unwrap();
    for verdict in [
        Verdict::Serve,
        Verdict::Refresh,
        Verdict::Validate,
        Verdict::Fetch,
        Verdict::Pass,
        Verdict::Refuse,
        Verdict::Store,
        Verdict::DoNotStore,
    ] {
        assert!(verdicts.contains(&verdict), "{verdict:?} was never drawn");
    }
    assert!(reasons.len() > 40, "few rules were drawn: {reasons:?}");
}
