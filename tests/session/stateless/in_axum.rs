//! As an argument of handlers.

use axum::{Router, body::Body, routing::get};

use super::*;

async fn visit(session: CookieSession) -> Result<String, CookieSessionError> {
    let visits = session.get::<u32>("visits")?.unwrap_or_default() + 1;
    session.insert("visits", &visits)?;
    Ok(visits.to_string())
}

async fn answer(app: Router, cookie: Option<&str>) -> Response<Bytes> {
    let mut request = Request::get("/");
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await;
    collected(response.unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_handler_takes_the_session_as_an_argument() {
    let app = Router::new().route("/", get(visit));
    let app = app.layer(CookieSessionLayer::new(keys(1)));
    let first = answer(app.clone(), None).await;
    let cookie = first.headers()[header::SET_COOKIE].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(answer(app, Some(cookie)).await.body(), "2");
}

#[tokio::test]
async fn without_the_layer_it_is_an_error_unless_it_is_optional() {
    let optional = |session: Option<CookieSession>| async move { session.is_some().to_string() };
    let app = Router::new().route("/", get(optional));
    assert_eq!(answer(app, None).await.body(), "false");

    let app = Router::new().route("/", get(visit));
    assert_eq!(answer(app, None).await.status(), 500);
}

#[tokio::test]
async fn an_error_is_an_answer_that_nobody_stores() {
    let wrong = |session: CookieSession| async move {
        session.insert("visits", "none")?;
        session
            .get::<u32>("visits")
            .map(|visits| format!("{visits:?}"))
    };
    let app = Router::new().route("/", get(wrong));
    let app = app.layer(CookieSessionLayer::new(keys(1)));
    let answer = answer(app, None).await;
    assert_eq!(answer.status(), 500);
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
}
