//! Applications with a guard between the session and the handler.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt, service_fn, util::BoxCloneService};
use tower_keep::{
    BoxError, SessionLayer,
    session::{ResponseBody, Session, SessionError, SessionRefusal},
};

use crate::support::{App, Browser, collected};

pub(crate) type Handler = BoxCloneService<Request<String>, Response<Full<Bytes>>, BoxError>;

async fn handle(path: &str, session: Option<Session>) -> Result<String, SessionError> {
    let Some(session) = session else {
        return Ok("handled".to_owned());
    };
    match path {
        "/count" => session.insert("count", &1).await?,
        "/login" => session.login("u1").await?,
        "/logout" => session.destroy().await?,
        "/token" => return Ok(session.csrf_token().await?.to_string()),
        _ => {
            if let Some(token) = path.strip_prefix("/verify/") {
                return Ok(session.verify_csrf_token(token).await?.to_string());
            }
        }
    }
    Ok("handled".to_owned())
}

pub(crate) fn handler() -> Handler {
    BoxCloneService::new(service_fn(|request: Request<String>| async move {
        let session: Option<Session> = Session::of(request.extensions());
        let handled = handle(request.uri().path(), session).await;
        Ok(Response::new(Full::from(handled.map_err(BoxError::from)?)))
    }))
}

/// An application whose paths below `/guarded` are behind the guard.
pub(crate) fn guarded<G>(layer: &SessionLayer, guard: &G) -> App
where
    G: Layer<Handler>,
    G::Service: Service<
            Request<String>,
            Response = Response<ResponseBody<Full<Bytes>>>,
            Error = BoxError,
            Future: Send,
        > + Clone
        + Send
        + 'static,
{
    let guarded: App = BoxCloneService::new(guard.layer(handler()).and_then(collected));
    let open: App = BoxCloneService::new(handler().and_then(collected));
    let service = service_fn(move |request: Request<String>| {
        let app = match request.uri().path().starts_with("/guarded") {
            true => guarded.clone(),
            false => open.clone(),
        };
        app.oneshot(request)
    });
    let service = service.map_response(|response: Response<Bytes>| response.map(Full::new));
    BoxCloneService::new(layer.layer(service).and_then(collected))
}

/// A request of this browser to a path behind the guard, with these fields.
pub(crate) async fn ask(
    app: &App,
    browser: &Browser,
    method: Method,
    path: &str,
    fields: &[(&str, &str)],
) -> Response<Bytes> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/guarded{path}"))
        .header(header::HOST, "a.example");
    if let Some(id) = browser.cookie() {
        request = request.header(header::COOKIE, format!("__Host-id={id}"));
    }
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let request = request.body(String::new()).unwrap();
    app.clone().oneshot(request).await.unwrap()
}

/// What came of a request: its status, and why.
pub(crate) fn outcome(response: &Response<Bytes>) -> (StatusCode, Option<SessionRefusal>) {
    (response.status(), response.extensions().get().copied())
}
