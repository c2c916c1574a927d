//! The end of a run: nothing hangs, and the cache is as good as new.

use super::{
    check::{Verdict, ensure},
    driver::Driver,
    names::PATHS,
    origin::pass,
    steps::{Answer, Ask, Fault, Kind, Passing, Purging, Target, Verb},
};

/// How the origin answers at the end.
const CALM: Answer = Answer {
    kind: Kind::Confirm,
    tags: 0,
    group: false,
    varies: true,
    times: [3600, 0, 0],
    whole: true,
};

impl Driver {
    pub(super) fn end(&mut self) -> Verdict {
        self.heal();
        self.finish()?;
        // Who hears this knows whether anything was lost before.
        self.purge_unrelated()?;
        for instance in 0..self.layers.len() {
            for (path, name) in PATHS.iter().enumerate() {
                self.get(Verb::Get, instance, path)?;
                // Fresh for an hour from here.
                self.get(Verb::Validate, instance, path)?;
                ensure(self.get(Verb::Get, instance, path)?, || {
                    format!("{name} is not stored any more at {instance}")
                })?;
                self.purge_unrelated()?;
                ensure(self.get(Verb::Get, instance, path)?, || {
                    format!("what does not concern it makes {name} disappear")
                })?;
            }
        }
        Ok(())
    }

    fn heal(&mut self) {
        self.world.lock().note("the end begins");
        self.fault(Fault::FailEvents(false));
        self.fault(Fault::HoldEvents(false));
        self.fault(Fault::SwapEvents(false));
        self.fault(Fault::FailNext(0));
        self.fault(Fault::LoseAnswers(false));
    }

    /// All who wait get what they wait for.
    fn finish(&mut self) -> Verdict {
        self.world.lock().calm = Some(CALM);
        for _ in 0..8 {
            let mut world = self.world.lock();
            for id in world.waiting() {
                world.answer(id, CALM);
            }
            for id in world.bodies() {
                pass(&mut world.exchanges[id], Passing::End);
            }
            drop(world);
            self.rest()?;
        }
        let waits = self.clients.first().map(|client| client.request.id);
        ensure(waits.is_none(), || format!("{waits:?} waits forever"))?;
        let tasks: usize = self
            .layers
            .iter()
            .map(|layer| layer.background().len())
            .sum();
        ensure(tasks == 0, || format!("{tasks} tasks are left"))
    }

    fn purge_unrelated(&mut self) -> Verdict {
        for instance in 0..self.layers.len() {
            self.purge(&Purging {
                instance,
                target: Target::Unrelated,
                soft: false,
                lost: false,
            });
        }
        self.rest()
    }

    /// Whether it is a fresh hit.
    fn get(&mut self, verb: Verb, instance: usize, path: usize) -> Result<bool, String> {
        let ask = Ask {
            verb,
            instance,
            path,
            lang: "en",
        };
        let hits = self.hits;
        self.ask(ask)?;
        self.rest()?;
        ensure(self.clients.is_empty(), || {
            format!("{} does not answer", PATHS[path])
        })?;
        Ok(self.hits > hits)
    }
}
