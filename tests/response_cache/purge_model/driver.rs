//! Drives the instances and their clients by hand, and checks what comes of it.

use std::{sync::atomic::Ordering, time::Duration};

use tower::Layer;
use tower_keep::{
    response_cache::{CachedResponse, ResponseCache, ResponseCacheLayer},
    store::MemoryStore,
    test_util::{FakeRemoteStore, ManualClock},
};

use super::{
    check::Verdict,
    client::Client,
    origin::{Origin, pass},
    steps::{Act, Fault, Place, Purging, Step},
    world::Shared,
};

/// How long the instances wait before they ask a journal again that failed.
const RETRY: u64 = 200;

/// How long a round trip to the store takes at most.
const ROUND: u64 = 10;

/// More turns than what is in the background needs to get as far as it can.
const TURNS: usize = 16;

pub(super) struct Driver {
    pub(super) world: Shared,
    pub(super) runtime: tokio::runtime::Runtime,
    pub(super) layers: Vec<ResponseCacheLayer>,
    pub(super) services: Vec<ResponseCache<Origin>>,
    pub(super) store: Option<FakeRemoteStore<CachedResponse>>,
    clock: ManualClock,
    pub(super) clients: Vec<Client>,
    /// How many answers were fresh and from store.
    pub(super) hits: usize,
    failing: bool,
    held: bool,
}

impl Driver {
    pub(super) fn new(world: Shared, place: Place) -> Self {
        let clock = ManualClock::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let in_runtime = runtime.enter();
        let remote = match place {
            Place::Memory(_) => None,
            Place::Remote(latency) => {
                let latency = Duration::from_millis(latency);
                Some(FakeRemoteStore::new(clock.clock()).latency(latency))
            }
        };
        let memory = MemoryStore::new();
        let layer = |_| match &remote {
            Some(remote) => ResponseCacheLayer::with_store(remote.clone()),
            None => ResponseCacheLayer::with_store(memory.clone()),
        };
        let layers = (0..place.instances()).map(layer);
        let layers: Vec<_> = layers.map(|layer| layer.clock(clock.clock())).collect();
        drop(in_runtime);
        let service = |layer: &ResponseCacheLayer| layer.layer(Origin(world.clone()));
        let driver = Self {
            services: layers.iter().map(service).collect(),
            world,
            runtime,
            layers,
            store: remote,
            clock,
            clients: Vec::new(),
            hits: 0,
            failing: false,
            held: false,
        };
        driver.settle();
        driver
    }

    pub(super) fn step(&mut self, step: &Step) -> Verdict {
        self.act(step.act)?;
        if step.lazy { Ok(()) } else { self.go_on() }
    }

    fn act(&mut self, act: Act) -> Verdict {
        match act {
            Act::Ask(ask) => return self.ask(ask),
            Act::Answer(newest, answer) => {
                let mut world = self.world.lock();
                let waiting = world.waiting();
                let chosen = if newest {
                    waiting.last()
                } else {
                    waiting.first()
                };
                if let Some(id) = chosen {
                    world.answer(*id, answer);
                }
            }
            Act::Pass(which, passing) => {
                let mut world = self.world.lock();
                let open = world.bodies();
                if !open.is_empty() {
                    let id = open[which % open.len()];
                    world.note(&format!("    body of x{id}: {passing:?}"));
                    pass(&mut world.exchanges[id], passing);
                }
            }
            Act::Drop(which) if !self.clients.is_empty() => {
                self.give_up(which % self.clients.len());
            }
            Act::Drop(_) => {}
            Act::Purge(purging) => self.purge(&purging),
            Act::Tick(by) => self.tick(by),
            Act::Rest => return self.rest(),
            Act::Fault(fault) => self.fault(fault),
        }
        Ok(())
    }

    fn tick(&self, by: u64) {
        self.world.lock().now += by;
        self.clock.advance(Duration::from_millis(by));
    }

    /// The background goes as far as it can.
    pub(super) fn settle(&self) {
        self.runtime.block_on(async {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
        });
        self.world.lock().settled(self.failing, self.held);
    }

    /// All who can go on do so.
    pub(super) fn go_on(&mut self) -> Verdict {
        loop {
            self.settle();
            let woken = |client: &Client| client.woken.0.load(Ordering::Acquire);
            let Some(which) = self.clients.iter().position(woken) else {
                return Ok(());
            };
            self.poll(which)?;
        }
    }

    /// The store does what it was asked for.
    pub(super) fn rest(&mut self) -> Verdict {
        for _ in 0..16 {
            self.go_on()?;
            if self.store.is_none() || self.clock.pending_timers() == 0 {
                return Ok(());
            }
            self.tick(ROUND);
        }
        self.go_on()
    }

    pub(super) fn purge(&self, purging: &Purging) {
        let lost = purging.lost && !self.failing;
        let store = self.store.as_ref().filter(|_| lost);
        if store.is_some() {
            // What was invalidated before is told.
            self.settle();
        }
        store.inspect(|store| store.lose_events(1));
        let instance = purging.instance % self.layers.len();
        let purge = purging.target.purge();
        let purge = if purging.soft { purge.soft() } else { purge };
        let in_runtime = self.runtime.enter();
        self.layers[instance].purger().purge(&purge);
        drop(in_runtime);
        let mut world = self.world.lock();
        world.note(&format!("{purging:?}"));
        world.purged(purging, instance, store.is_some());
        drop(world);
        if let Some(store) = store {
            self.settle();
            store.lose_events(0);
        }
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        let Some(store) = self.store.clone() else {
            return;
        };
        self.world.lock().note(&format!("{fault:?}"));
        match fault {
            Fault::HoldEvents(hold) => {
                // What came before is heard.
                self.settle();
                self.held = hold;
                store.hold_events(hold);
            }
            Fault::SwapEvents(swap) => store.swap_events(swap),
            Fault::FailEvents(fail) => {
                self.settle();
                self.failing = fail;
                store.fail_events(fail);
                if !fail {
                    // Those who wait to ask again do so.
                    self.tick(RETRY);
                    self.settle();
                }
            }
            Fault::FailNext(calls) => store.fail_next(calls),
            Fault::LoseAnswers(lose) => store.lose_answers(lose),
        }
    }
}
