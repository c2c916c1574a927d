//! Handlers that do what the path of the request says, one step after the other: `/set:a:1/login:u1/status:500`.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;
use tokio::sync::Semaphore;
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneService};
use tower_keep::{
    BoxError, PeerAddr, SessionLayer,
    session::{Session, SessionError, UserId},
};

use crate::support::{Answer, App, collected};

/// Where handlers wait, and how often they ran. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Script {
    gates: Arc<Mutex<HashMap<String, Arc<Gate>>>>,
    runs: Arc<AtomicUsize>,
}

struct Gate {
    arrived: Semaphore,
    open: Semaphore,
}

impl Script {
    /// An application of such handlers behind this layer.
    pub(crate) fn app(&self, layer: &SessionLayer) -> App {
        let service = layer.layer(self.handler());
        BoxCloneService::new(service.and_then(collected))
    }

    /// The handlers alone.
    pub(crate) fn handler<B: Send + 'static>(&self) -> Handler<B> {
        let script = self.clone();
        BoxCloneService::new(service_fn(move |request: Request<B>| {
            let script = script.clone();
            let session = Session::of(request.extensions()).expect("the layer is there");
            let path = request.uri().path().to_owned();
            async move { script.play(&path, session).await }
        }))
    }

    /// How many handlers have begun.
    pub(crate) fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// Waits until a handler has come to its step `wait:name`.
    pub(crate) async fn reached(&self, name: &str) {
        self.gate(name).arrived.acquire().await.unwrap().forget();
    }

    /// Lets one handler go on from there.
    pub(crate) fn open(&self, name: &str) {
        self.gate(name).open.add_permits(1);
    }

    /// Forgets who was let through without having come.
    pub(crate) fn drain(&self, name: &str) {
        let gate = self.gate(name);
        gate.open.forget_permits(usize::MAX >> 3);
        gate.arrived.forget_permits(usize::MAX >> 3);
    }

    /// What the step `wait:name` does.
    pub(crate) async fn wait(&self, name: &str) {
        let gate = self.gate(name);
        gate.arrived.add_permits(1);
        gate.open.acquire().await.unwrap().forget();
    }

    fn gate(&self, name: &str) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap();
        let closed = || {
            Arc::new(Gate {
                arrived: Semaphore::new(0),
                open: Semaphore::new(0),
            })
        };
        Arc::clone(gates.entry(name.to_owned()).or_insert_with(closed))
    }

    async fn play(&self, path: &str, session: Session) -> Result<Response<Full<Bytes>>, BoxError> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        let mut scene = Scene {
            script: self.clone(),
            session,
            said: Vec::new(),
            status: StatusCode::OK,
            headers: HeaderMap::new(),
        };
        for step in path.split('/').filter(|step| !step.is_empty()) {
            if step == "error" {
                return Err("the handler has failed".into());
            }
            let (may_fail, step) = match step.strip_prefix("may:") {
                Some(step) => (true, step),
                None => (false, step),
            };
            match scene.act(step).await {
                Ok(()) => {}
                Err(error) if may_fail => scene.said.push(kind(&error).to_owned()),
                Err(error) => {
                    scene.status = error.status();
                    scene.said.push(error.to_string());
                    break;
                }
            }
        }
        let mut response = Response::new(Full::from(scene.said.join(" ")));
        *response.status_mut() = scene.status;
        response.headers_mut().extend(scene.headers);
        Ok(response)
    }
}

/// An application whose handler gets the path and the session, with data of its own type.
pub(crate) fn typed_app<D, F, H>(layer: &SessionLayer, handler: H) -> App
where
    D: 'static,
    F: Future<Output = Result<String, SessionError>> + Send + 'static,
    H: Fn(String, Session<D>) -> F + Clone + Send + 'static,
{
    let service = service_fn(move |request: Request<String>| {
        let session = Session::of(request.extensions())
            .expect("the layer is there")
            .typed();
        let said = handler(request.uri().path().to_owned(), session);
        async move {
            let text = said.await.unwrap_or_else(|error| error.to_string());
            Ok::<_, BoxError>(Response::new(Full::<Bytes>::from(text)))
        }
    });
    BoxCloneService::new(layer.layer(service).and_then(collected))
}

pub(crate) type Handler<B> = BoxCloneService<Request<B>, Response<Full<Bytes>>, BoxError>;

/// One request.
struct Scene {
    script: Script,
    session: Session,
    said: Vec<String>,
    status: StatusCode,
    headers: HeaderMap,
}

impl Scene {
    async fn act(&mut self, step: &str) -> Result<(), SessionError> {
        let mut words = step.splitn(3, ':');
        let verb = words.next().unwrap_or_default();
        let (first, second) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let session = &self.session;
        match verb {
            "set" => session.insert(first, second).await,
            "add" => session.update(first, |n: &mut u32| *n += 1).await,
            "append" => {
                let more = second.to_owned();
                let update = move |text: &mut String| text.push_str(&more);
                session.update(first, update).await
            }
            "remove" => session.remove(first).await,
            "clear" => session.clear().await,
            "login" => session.login(user(first)).await,
            "rotate" => session.rotate().await,
            "logout" => session.destroy().await,
            "commit" => session.commit().await,
            "flash" => session.flash(first, second).await,
            "label" => session.label(Some(first)).await,
            "persist" => session.persist(true).await,
            "wait" => {
                self.script.wait(first).await;
                Ok(())
            }
            "status" => {
                self.status = first.parse().expect("a status");
                Ok(())
            }
            "header" => {
                let name = HeaderName::try_from(first).expect("a name");
                let value = HeaderValue::from_str(second).expect("a value");
                self.headers.append(name, value);
                Ok(())
            }
            _ => self.tell(verb, first).await,
        }
    }

    /// Steps that say something.
    async fn tell(&mut self, verb: &str, name: &str) -> Result<(), SessionError> {
        let session = &self.session;
        let shown = |value: Option<Value>| match value {
            None => "-".to_owned(),
            Some(Value::String(text)) => text,
            Some(value) => value.to_string(),
        };
        self.said.push(match verb {
            "get" => shown(session.get(name).await?),
            "take" => shown(session.take_flash(name).await?),
            "user" => match session.user().await? {
                Some(user) => user.name().to_owned(),
                None => "-".to_owned(),
            },
            "handle" => match session.info().await? {
                Some(info) => info.handle.to_string(),
                None => "-".to_owned(),
            },
            "say" => name.to_owned(),
            _ => panic!("there is no step {verb}"),
        });
        Ok(())
    }
}

/// `name` or `name@tenant`.
pub(crate) fn user(text: &str) -> UserId {
    match text.split_once('@') {
        Some((name, tenant)) => UserId::new(name).in_tenant(tenant),
        None => UserId::new(text),
    }
}

/// What an error says of itself, in a word.
pub(crate) fn kind(error: &SessionError) -> &'static str {
    let known = [
        (error.is_store(), "store"),
        (error.is_ended(), "ended"),
        (error.is_conflict(), "conflict"),
        (error.is_too_many(), "too-many"),
        (error.is_no_room(), "no-room"),
        (error.is_too_late(), "too-late"),
        (error.is_shared(), "shared"),
        (error.is_value(), "value"),
    ];
    let mut is = known.into_iter().filter(|(is, _)| *is);
    let (Some((_, name)), None) = (is.next(), is.next()) else {
        panic!("an error is one of its kinds: {error:?}");
    };
    name
}

/// An answer to a request with these fields, by nobody's browser.
pub(crate) async fn ask(app: &App, path: &str, fields: &[(&str, &str)]) -> Answer {
    ask_from(app, None, path, fields).await
}

/// The same from this address.
pub(crate) async fn ask_from(
    app: &App,
    peer: Option<[u8; 4]>,
    path: &str,
    fields: &[(&str, &str)],
) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let mut request = request.body(String::new()).unwrap();
    if let Some(ip) = peer {
        let peer = PeerAddr((ip, 50_000).into());
        request.extensions_mut().insert(peer);
    }
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// The `Cookie` field of who has this id.
pub(crate) fn cookie(id: &str) -> String {
    format!("__Host-id={id}")
}

/// A count among those that a layer tells by name.
pub(crate) fn count(counts: &[(&str, u64)], name: &str) -> u64 {
    let found = counts.iter().find(|(known, _)| *known == name);
    found.map_or(0, |(_, count)| *count)
}
