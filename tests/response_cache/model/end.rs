//! The end of a run.

use std::{sync::atomic::Ordering, time::Duration};

use super::{
    driver::Driver,
    pending::Pending,
    reference::{Verdict, ensure},
    steps::{Ask, RESOURCES},
};

impl Driver {
    /// Everything that is under way comes to its end, by being woken, and the cache is as good as new.
    pub(super) fn end(&mut self) -> Verdict {
        let mut world = self.world.lock();
        world.calm = true;
        world.note("the origin releases everything".to_owned());
        world.gates.drain(..).for_each(|gate| gate.close());
        drop(world);
        while !self.pending.is_empty() {
            let woken = |pending: &Pending| pending.woken.0.load(Ordering::Acquire);
            match self.pending.iter().position(woken) {
                Some(which) => self.poll(which, usize::MAX)?,
                None => {
                    self.background(20);
                    let waits = !self.pending.iter().any(woken);
                    let request = self.pending[0].request.id;
                    ensure(!waits, || format!("r{request} waits and nobody wakes it"))?;
                }
            }
        }
        self.background(50);
        let left = self.layer.background().len();
        ensure(left == 0, || {
            format!("{left} tasks are left in the background")
        })?;
        for uri in 0..RESOURCES {
            self.ask(Ask::get(uri))?;
            ensure(self.pending.is_empty(), || {
                format!("/{uri} does not answer")
            })?;
        }
        // The store is swept.
        self.clock.advance(Duration::from_secs(1));
        self.background(5);
        let timers = self.clock.pending_timers();
        ensure(timers == 0, || format!("{timers} timers are left"))?;
        Ok(())
    }
}
