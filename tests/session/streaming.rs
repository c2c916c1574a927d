//! What is written when the head of the response is on its way.

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tower::{Layer, ServiceExt, service_fn};
use tower_keep::{BoxError, SessionLayer, session::Session};

use crate::{
    script::{Script, cookie, kind},
    support::Browser,
};

/// A handler that looks at the session (or not), and whose body does what is asked for and tells of it.
async fn streamed(layer: &SessionLayer, id: &str, reads: bool, late: &'static str) -> String {
    let service = service_fn(move |request: Request<String>| async move {
        let session = Session::of(request.extensions()).unwrap();
        if reads {
            let _: Option<String> = session.get("a").await.unwrap();
        }
        let body = stream::once(async move {
            let done = match late {
                "get" => session.get::<String>("a").await.map(|_| ()),
                "set" => session.insert("a", "late").await,
                "update" => session.update("n", |n: &mut u32| *n += 1).await,
                "remove" => session.remove("a").await,
                "clear" => session.clear().await,
                "flash" => session.flash("a", "late").await,
                "login" => session.login("u2").await,
                "rotate" => session.rotate().await,
                "label" => session.label(Some("late")).await,
                _ => session.destroy().await,
            };
            let said = done.err().map_or("ok", |error| kind(&error));
            Ok::<_, BoxError>(Frame::data(Bytes::from(said)))
        });
        Ok::<_, BoxError>(Response::new(StreamBody::new(Box::pin(body))))
    });
    let request = Request::get("/").header("cookie", cookie(id));
    let response = layer
        .layer(service)
        .oneshot(request.body(String::new()).unwrap());
    let body = response.await.unwrap().into_body().collect().await.unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn late_writes_are_refused_loudly_and_change_nothing() {
    let layer = SessionLayer::new();
    let browser = Browser::new(&Script::default().app(&layer));
    browser.get("/set:a:1/login:u1").await;
    let id = browser.cookie().unwrap();
    let late = [
        "set", "update", "remove", "clear", "flash", "login", "rotate", "label",
    ];
    for (count, late) in (1..).zip(late) {
        assert_eq!(
            streamed(&layer, &id, true, late).await,
            "too-late",
            "{late}"
        );
        assert_eq!(layer.stats().too_late, count, "{late}");
    }
    let found = browser.get("/user/get:a/get:n/take:a").await.text;
    assert_eq!(found, "u1 1 - -");
}

#[tokio::test]
async fn what_was_read_before_can_be_read_while_the_body_streams() {
    let layer = SessionLayer::new();
    let browser = Browser::new(&Script::default().app(&layer));
    browser.get("/set:a:1").await;
    let id = browser.cookie().unwrap();
    assert_eq!(streamed(&layer, &id, true, "get").await, "ok");
    // Nobody has said that the response is personal, and its head is out.
    assert_eq!(streamed(&layer, &id, false, "get").await, "too-late");
    assert_eq!(streamed(&layer, &id, false, "set").await, "too-late");
    assert_eq!(browser.get("/get:a").await.text, "1");
}

/// Its id is dead, although the client cannot be told.
#[tokio::test]
async fn a_late_logout_is_carried_out() {
    let layer = SessionLayer::new();
    let browser = Browser::new(&Script::default().app(&layer));
    browser.get("/login:u1").await;
    let id = browser.cookie().unwrap();
    assert_eq!(streamed(&layer, &id, true, "destroy").await, "ok");
    assert_eq!(browser.get("/user").await.text, "-");
}

#[tokio::test]
async fn a_task_of_the_handler_that_comes_too_late_learns_it() {
    let layer = SessionLayer::new();
    let (send, receive) = tokio::sync::oneshot::channel();
    let send = std::sync::Arc::new(std::sync::Mutex::new(Some(send)));
    let service = service_fn(move |request: Request<String>| {
        let session = Session::of(request.extensions()).unwrap();
        let send = send.lock().unwrap().take().unwrap();
        async move {
            session.insert("a", "1").await.unwrap();
            let _ = send.send(session);
            Ok::<_, BoxError>(Response::new(String::new()))
        }
    });
    let request = Request::get("/").body(String::new()).unwrap();
    let response = layer.layer(service).oneshot(request).await.unwrap();
    assert!(response.headers().contains_key("set-cookie"));
    let session = receive.await.unwrap();
    assert!(session.insert("b", "2").await.unwrap_err().is_too_late());
    assert!(session.commit().await.is_ok(), "there is nothing to save");
    let value: Option<String> = session.get("a").await.unwrap();
    assert_eq!(value.as_deref(), Some("1"));
}
