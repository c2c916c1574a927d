//! Drives requests by hand, one poll at a time, and checks what comes of them.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use http::response::Parts;
use http_body::Body;
use tower::{Layer, Service};
use tower_keep::{
    BoxError,
    response_cache::{ResponseBody, ResponseCache, ResponseCacheLayer},
    test_util::ManualClock,
};

use super::{
    check,
    origin::{Flow, Origin},
    pending::{Pending, Reading, Stage, http, read},
    reference::{Verdict, ensure, must_answer},
    respond::text,
    steps::{Act, Ask, Condition, RESOURCES, Step},
    world::{Request, Shared},
};
use crate::random::Woken;

/// The validators that a client was last given of a resource.
#[derive(Clone, Default)]
struct Known {
    tag: Option<String>,
    modified: Option<String>,
}

pub(super) struct Driver {
    pub(super) world: Shared,
    runtime: tokio::runtime::Runtime,
    pub(super) layer: ResponseCacheLayer,
    service: ResponseCache<Origin>,
    pub(super) clock: ManualClock,
    pub(super) pending: Vec<Pending>,
    known: HashMap<(u8, usize), Known>,
    floors: [u32; RESOURCES],
    /// One request after the other: then the reference also knows what has to be a hit.
    sequential: bool,
}

impl Driver {
    pub(super) fn new(world: Shared, sequential: bool) -> Self {
        let clock = ManualClock::new();
        let layer = ResponseCacheLayer::new().clock(clock.clock());
        Self {
            service: layer.layer(Origin(world.clone())),
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap(),
            world,
            layer,
            clock,
            pending: Vec::new(),
            known: HashMap::new(),
            floors: [0; RESOURCES],
            sequential,
        }
    }

    pub(super) fn step(&mut self, step: Step) -> Verdict {
        match step {
            Step::Ask(ask) => self.ask(ask)?,
            Step::With(act, ask) => self.ask_with(act, ask)?,
            Step::Begin(ask, polls) => {
                let which = self.begin(ask);
                self.poll(which, polls)?;
            }
            Step::Poll(which, polls) if !self.pending.is_empty() => {
                self.poll(which % self.pending.len(), polls)?;
            }
            Step::Drop(which) if !self.pending.is_empty() => {
                self.give_up(which % self.pending.len());
            }
            Step::Release(which) => {
                let mut world = self.world.lock();
                if !world.gates.is_empty() {
                    let which = which % world.gates.len();
                    world.gates.remove(which).close();
                }
            }
            Step::Tick(by) => {
                self.world.lock().now += by;
                self.clock.advance(Duration::from_millis(by));
            }
            Step::Background(turns) => self.background(turns),
            Step::Publish(uri, shape) => {
                let resource = &mut self.world.lock().resources[uri];
                resource.version += 1;
                resource.gone = false;
                resource.shape = shape.unwrap_or(resource.shape);
            }
            Step::Policy(uri, policy) => self.world.lock().resources[uri].policy = policy,
            Step::Next(uri, act) => self.world.lock().resources[uri].next.push_back(act),
            Step::Poll(..) | Step::Drop(_) => {}
        }
        Ok(())
    }

    /// What is not used of `act` is forgotten.
    fn ask_with(&mut self, act: Act, ask: Ask) -> Verdict {
        let waiting = |world: &Shared| world.lock().resources[ask.uri].next.len();
        let before = waiting(&self.world);
        self.world.lock().resources[ask.uri].next.push_front(act);
        let asked = self.ask(ask);
        if waiting(&self.world) > before {
            self.world.lock().resources[ask.uri].next.pop_front();
        }
        asked
    }

    pub(super) fn background(&self, turns: usize) {
        self.runtime.block_on(async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        });
    }

    pub(super) fn ask(&mut self, ask: Ask) -> Verdict {
        let which = self.begin(ask);
        let request = self.pending[which].request.clone();
        let expected = if self.sequential {
            let world = self.world.lock();
            must_answer(&world, &request, world.now).map(|exchange| exchange.id)
        } else {
            None
        };
        self.poll(which, usize::MAX)?;
        if self.sequential {
            self.background(20);
            ensure(self.pending.is_empty(), || {
                "a request waits for nobody".to_owned()
            })?;
        }
        let asked = self.world.lock().own(request.id).next().is_some();
        ensure(expected.is_none() || !asked, || {
            format!(
                "r{} could have been answered by x{}",
                request.id,
                expected.unwrap_or(0)
            )
        })
    }

    /// Sends a request, without polling it.
    fn begin(&mut self, ask: Ask) -> usize {
        let known = self
            .known
            .get(&(ask.client, ask.uri))
            .cloned()
            .unwrap_or_default();
        let mut world = self.world.lock();
        let is = |condition| ask.condition == Some(condition) && ask.verb.is_safe();
        let request = Request {
            id: world.requests.len(),
            ask,
            none_match: known.tag.clone().filter(|_| is(Condition::NoneMatch)),
            modified_since: known.modified.filter(|_| is(Condition::ModifiedSince)),
            if_range: known
                .tag
                .filter(|tag| is(Condition::Range) && !tag.starts_with('W')),
            began: world.now,
            began_event: world.event(),
            floor: self.floors[ask.uri],
        };
        world.requests.push(request.clone());
        let (id, began) = (request.id, request.began);
        world.note(format!(
            "r{id} {ask:?} at {began} ms, at least v{}",
            request.floor
        ));
        drop(world);
        let _in_runtime = self.runtime.enter();
        let future = self.service.call(http(&request));
        let woken = Woken(AtomicBool::new(true));
        self.pending.push(Pending {
            request,
            stage: Stage::Waiting(Box::new(future)),
            woken: Arc::new(woken),
        });
        self.pending.len() - 1
    }

    /// Polls a request as often as it goes, at most so many times.
    pub(super) fn poll(&mut self, which: usize, polls: usize) -> Verdict {
        for _ in 0..polls {
            let pending = &mut self.pending[which];
            let _in_runtime = self.runtime.enter();
            pending.woken.0.store(false, Ordering::Release);
            let waker = Waker::from(Arc::clone(&pending.woken));
            let mut context = Context::from_waker(&waker);
            let request = &pending.request;
            let done = match &mut pending.stage {
                Stage::Waiting(future) => match Pin::new(future.as_mut()).poll(&mut context) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Err(error)) => {
                        self.failed(which, &error)?;
                        true
                    }
                    Poll::Ready(Ok(response)) => {
                        let (parts, body) = response.into_parts();
                        self.answered(which, parts, body)?;
                        false
                    }
                },
                Stage::Reading(reading) => match reading.body.as_mut().poll_frame(&mut context) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(frame) => read(&self.world, request, reading, frame)?,
                },
            };
            if done {
                self.pending.remove(which);
                return Ok(());
            }
            self.pending[which].woken.0.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn failed(&mut self, which: usize, error: &BoxError) -> Verdict {
        let request = self.pending[which].request.clone();
        self.settle(&request, false);
        let mut world = self.world.lock();
        world.note(format!("    r{} fails: {error}", request.id));
        let own = world.own(request.id).any(|exchange| exchange.failed);
        ensure(own, || format!("r{} failed without the origin", request.id))
    }

    fn answered(&mut self, which: usize, parts: Parts, body: ResponseBody<Flow>) -> Verdict {
        let request = self.pending[which].request.clone();
        let mut world = self.world.lock();
        let status = text(&parts.headers, "cache-status");
        world.note(format!(
            "    r{} gets {} ({status})",
            request.id,
            parts.status.as_u16()
        ));
        let source = check::head(&world, &request, &parts)?;
        drop(world);
        if !request.ask.verb.is_safe()
            && (parts.status.is_success() || parts.status.is_redirection())
        {
            self.settle(&request, true);
        }
        if parts.status.is_success() {
            let field =
                |name| Some(text(&parts.headers, name).to_owned()).filter(|text| !text.is_empty());
            let known = Known {
                tag: field("etag"),
                modified: field("last-modified"),
            };
            self.known
                .insert((request.ask.client, request.ask.uri), known);
        }
        self.pending[which].stage = Stage::Reading(Box::new(Reading {
            parts,
            source,
            body: Box::pin(body),
            text: String::new(),
        }));
        Ok(())
    }

    /// What an unsafe request has changed counts from now on, for its own resource or for all that it named.
    fn settle(&mut self, request: &Request, all: bool) {
        let world = self.world.lock();
        let changed = world.own(request.id).flat_map(|exchange| &exchange.changed);
        for (uri, version) in changed.filter(|(uri, _)| all || *uri == request.ask.uri) {
            self.floors[*uri] = self.floors[*uri].max(*version);
        }
    }

    fn give_up(&mut self, which: usize) {
        let _in_runtime = self.runtime.enter();
        let Pending { request, stage, .. } = self.pending.remove(which);
        self.world
            .lock()
            .note(format!("    r{} is dropped", request.id));
        if matches!(stage, Stage::Waiting(_)) {
            self.settle(&request, false);
        }
        drop(stage);
    }
}
