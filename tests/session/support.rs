//! Handlers, and a browser that keeps its cookies.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneService};
use tower_keep::{
    BoxError, SessionLayer,
    session::{Session, SessionError},
};

pub(crate) type App = BoxCloneService<Request<String>, Response<Bytes>, BoxError>;

/// An application whose handler gets the path and the session.
pub(crate) fn app<F, H>(layer: &SessionLayer, handler: H) -> App
where
    H: Fn(String, Session) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<String, SessionError>> + Send + 'static,
{
    let service = service_fn(move |request: Request<String>| {
        let session = Session::of(request.extensions()).expect("the layer is there");
        let answer = handler(request.uri().path().to_owned(), session);
        async move {
            Ok::<_, BoxError>(match answer.await {
                Ok(text) => Response::new(Full::<Bytes>::from(text)),
                Err(error) => {
                    let mut response = Response::new(Full::from(error.to_string()));
                    *response.status_mut() = error.status();
                    response
                }
            })
        }
    });
    BoxCloneService::new(layer.layer(service).and_then(collected))
}

/// A response with all of its body.
pub(crate) async fn collected<B>(response: Response<B>) -> Result<Response<Bytes>, BoxError>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(Into::into)?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

/// What a response has come to.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        let lines = self.headers.get_all(header::SET_COOKIE).iter();
        lines.map(|line| line.to_str().unwrap()).collect()
    }
}

/// Keeps cookies, and sends them along. Clones are tabs of one browser.
#[derive(Clone)]
pub(crate) struct Browser {
    app: App,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Browser {
    pub(crate) fn new(app: &App) -> Self {
        Self {
            app: app.clone(),
            cookies: Arc::default(),
        }
    }

    /// Another browser that has been told the same cookies.
    pub(crate) fn stolen(&self) -> Self {
        Self {
            app: self.app.clone(),
            cookies: Arc::new(Mutex::new(self.cookies.lock().unwrap().clone())),
        }
    }

    pub(crate) fn cookie(&self) -> Option<String> {
        self.cookies.lock().unwrap().get("__Host-id").cloned()
    }

    pub(crate) fn set_cookie(&self, value: &str) {
        let mut cookies = self.cookies.lock().unwrap();
        cookies.insert("__Host-id".to_owned(), value.to_owned());
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let response = self.send(path).await.unwrap();
        self.keep(response)
    }

    /// A request on its way, whose answer is not kept yet.
    pub(crate) fn send(
        &self,
        path: &str,
    ) -> impl Future<Output = Result<Response<Bytes>, BoxError>> + Send + 'static {
        let mut request = Request::get(path);
        let cookies: Vec<String> = {
            let cookies = self.cookies.lock().unwrap();
            let pairs = cookies.iter();
            pairs
                .map(|(name, value)| format!("{name}={value}"))
                .collect()
        };
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        self.app
            .clone()
            .oneshot(request.body(String::new()).unwrap())
    }

    pub(crate) fn keep(&self, response: Response<Bytes>) -> Answer {
        let (parts, body) = response.into_parts();
        for line in parts.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie::Cookie::parse(line.to_str().unwrap()).unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            match cookie.max_age() {
                Some(age) if age.is_zero() => cookies.remove(cookie.name()),
                _ => cookies.insert(cookie.name().to_owned(), cookie.value().to_owned()),
            };
        }
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}
