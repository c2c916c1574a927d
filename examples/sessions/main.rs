//! Users with sessions in an axum application. Run it, then open the address that it prints in a browser, or in two:
//!
//! ```text
//! cargo run --features axum,session --example sessions [-- --listen 127.0.0.1:3000]
//! ```
//!
//! Chromium and Firefox take a `Secure` cookie from a server on their own machine, as this one is. Safari does not: add
//! `--insecure-cookie` for it, and nowhere else.
//!
//! - `login`: log in and out, and a message that is shown once
//! - `devices`: where a user is logged in, and how to end that
//! - `counter`: many requests that change one session at the same time
//! - `form`: forms with a token, which another site does not know
//! - `page`: what all pages have

mod counter;
mod devices;
mod form;
mod login;
mod page;

use std::{error::Error, io::Write as _, net::SocketAddr, num::NonZeroU32};

use axum::{
    Router,
    routing::{get, post},
};
use tokio::net::TcpListener;
use tower_keep::{
    SessionLayer,
    session::{CsrfLayer, InvalidRedirect, RequestHead, RequireSession, SessionCookie},
};

/// A sixth login ends the session that has not been used for the longest time.
const MOST_SESSIONS: NonZeroU32 = NonZeroU32::new(5).expect("it is not zero");

/// The session layer is outermost: the others ask it who comes.
fn app(cookie: SessionCookie) -> Result<Router, InvalidRedirect> {
    let sessions = SessionLayer::new()
        .cookie(cookie)
        .max_per_user(MOST_SESSIONS);
    let users_pages = Router::new()
        .route("/devices", get(devices::page))
        .route("/devices/end", post(devices::end))
        .route("/devices/end-others", post(devices::end_others))
        .route("/logout-everywhere", post(devices::logout_everywhere))
        .route_layer(RequireSession::logged_in().redirect_to("/login")?)
        .with_state(sessions.devices());
    // A script has no use for a redirect: it gets 401.
    let users_calls = Router::new()
        .route("/click", post(counter::click))
        .route_layer(RequireSession::logged_in());
    Ok(Router::new()
        .route("/", get(login::home))
        .route("/login", get(login::page).post(login::login))
        .route("/logout", post(login::logout))
        .merge(users_pages)
        .merge(users_calls)
        .layer(
            CsrfLayer::new()
                .require_token()
                .token_in_body(has_token_in_form),
        )
        .layer(sessions))
}

/// What is not sent by a script is sent by a form, and read by [`form::Fields`].
fn has_token_in_form(head: &RequestHead<'_>) -> bool {
    head.uri().path() != "/click"
}

struct Options {
    listen: String,
    cookie: SessionCookie,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut listen = "127.0.0.1:3000".to_owned();
        let mut cookie = SessionCookie::new();
        while let Some(name) = arguments.next() {
            match name.as_str() {
                "--insecure-cookie" => cookie = cookie.danger_insecure()?,
                "--listen" => listen = arguments.next().ok_or("--listen wants an address")?,
                _ => {
                    return Err(
                        "usage: sessions [--listen ADDRESS:PORT] [--insecure-cookie]".into(),
                    );
                }
            }
        }
        Ok(Self { listen, cookie })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Options { listen, cookie } = Options::parse(std::env::args().skip(1))?;
    let app = app(cookie)?;
    let listener = TcpListener::bind(&listen).await;
    let listener = listener.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let mut out = std::io::stdout();
    writeln!(out, "listening on http://{}", listener.local_addr()?)?;
    writeln!(out, "any name will do, the password is {}", login::PASSWORD)?;
    out.flush()?;
    // Without the peer's address, the list of devices has none.
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).await?;
    Ok(())
}
