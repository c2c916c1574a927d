//! The clients, polled by hand.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::response::Parts;
use http_body::{Body, Frame};
use http_body_util::Full;
use tower::Service;
use tower_keep::{
    BoxError,
    response_cache::{ResponseBody, ResponseFuture},
};

use super::{
    check::{self, Verdict, ensure},
    driver::Driver,
    names::uri,
    origin::{Flow, text},
    steps::{Ask, Verb},
    world::{Request, Shared},
};
use crate::random::Woken;

enum Stage {
    Waiting(Box<ResponseFuture<Flow, BoxError>>),
    Reading(Box<Reading>),
}

struct Reading {
    body: Pin<Box<ResponseBody<Flow>>>,
    content: Option<usize>,
    text: String,
}

pub(super) struct Client {
    pub(super) request: Request,
    stage: Stage,
    pub(super) woken: Arc<Woken>,
}

impl Driver {
    /// Sends a request, as far as it goes at once.
    pub(super) fn ask(&mut self, mut ask: Ask) -> Verdict {
        ask.instance %= self.services.len();
        let request = self.world.lock().ask(ask);
        let in_runtime = self.runtime.enter();
        let future = self.services[ask.instance].call(http(&request));
        drop(in_runtime);
        self.clients.push(Client {
            request,
            stage: Stage::Waiting(Box::new(future)),
            woken: Arc::default(),
        });
        self.poll(self.clients.len() - 1)
    }

    /// Polls a client as often as it goes.
    pub(super) fn poll(&mut self, which: usize) -> Verdict {
        loop {
            let Self {
                clients,
                runtime,
                world,
                hits,
                ..
            } = self;
            let client = &mut clients[which];
            let _in_runtime = runtime.enter();
            client.woken.0.store(false, Ordering::Release);
            let waker = Waker::from(Arc::clone(&client.woken));
            let mut context = Context::from_waker(&waker);
            let done = match &mut client.stage {
                Stage::Waiting(future) => match Pin::new(future.as_mut()).poll(&mut context) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Err(error)) => {
                        failed(world, &client.request, &error);
                        true
                    }
                    Poll::Ready(Ok(response)) => {
                        let (parts, body) = response.into_parts();
                        *hits += usize::from(check::is_fresh_hit(&parts));
                        let content = answered(world, &client.request, &parts)?;
                        client.stage = Stage::Reading(Box::new(Reading {
                            body: Box::pin(body),
                            content,
                            text: String::new(),
                        }));
                        false
                    }
                },
                Stage::Reading(reading) => match reading.body.as_mut().poll_frame(&mut context) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(frame) => reading.read(frame)?,
                },
            };
            if done {
                clients.remove(which);
                return Ok(());
            }
        }
    }

    pub(super) fn give_up(&mut self, which: usize) {
        let client = self.clients.remove(which);
        let id = client.request.id;
        let reads = matches!(client.stage, Stage::Reading(_));
        self.world.lock().note(&format!("    r{id} is dropped"));
        let in_runtime = self.runtime.enter();
        drop(client);
        drop(in_runtime);
        if !reads && !self.world.lock().requests[id].ask.verb.is_safe() {
            // It may have been carried out.
            self.world.lock().written(id);
        }
    }
}

impl Reading {
    /// `true` once the body has ended.
    fn read(&mut self, frame: Option<Result<Frame<Bytes>, BoxError>>) -> Result<bool, String> {
        match frame {
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                self.text.push_str(std::str::from_utf8(&data).unwrap());
                Ok(false)
            }
            Some(Err(_)) => Ok(true),
            None => self.whole().map(|()| true),
        }
    }

    /// The content is that of the exchange which it says it is of.
    fn whole(&self) -> Verdict {
        let Some(content) = self.content else {
            return Ok(());
        };
        let id = content.to_string();
        let right = self
            .text
            .split_whitespace()
            .all(|word| word == id || word == "end");
        ensure(right && self.text.ends_with(" end"), || {
            format!("x{content} has the content {:?}", self.text)
        })
    }
}

fn failed(world: &Shared, request: &Request, error: &BoxError) {
    let mut world = world.lock();
    world.note(&format!("    r{} fails: {error}", request.id));
    if !request.ask.verb.is_safe() {
        world.written(request.id);
    }
}

fn answered(world: &Shared, request: &Request, parts: &Parts) -> Result<Option<usize>, String> {
    let mut world = world.lock();
    let status = text(&parts.headers, "cache-status");
    let code = parts.status.as_u16();
    world.note(&format!("    r{} gets {code} ({status})", request.id));
    if !request.ask.verb.is_safe() {
        world.written(request.id);
    }
    check::head(&world, request, parts)
}

/// The request as the cache gets it.
fn http(request: &Request) -> http::Request<Full<Bytes>> {
    let Request { ask, id, .. } = request;
    let mut http = http::Request::builder()
        .method(ask.verb.name())
        .uri(uri(ask.path))
        .header("x-request", *id)
        .header("accept-language", ask.lang);
    if ask.verb == Verb::Validate {
        http = http.header("cache-control", "no-cache");
    }
    http.body(Full::default()).unwrap()
}
