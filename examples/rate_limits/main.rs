//! Limits of several kinds around an axum application. Run it, then try the lines that it prints:
//!
//! ```text
//! cargo run --example rate_limits [-- --listen 127.0.0.1:3000] [--trust PREFIX]..
//! ```
//!
//! In each answer `RateLimit-Policy` says which limits there are, and `RateLimit` what is left of them. Behind proxies,
//! `--trust 10.0.0.0/8` says which addresses they have; without it nobody is believed, and the client is whoever has
//! opened the connection.
//!
//! - `routes`: by address, in bytes, in a queue
//! - `plans`: by API key, each with the limits of its plan
//! - `login`: failed attempts, by address, by account and by both

mod login;
mod plans;
mod routes;
mod stats;

use std::{error::Error, io::Write as _, net::SocketAddr};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    middleware,
    routing::{get, post},
};
use tokio::net::TcpListener;
use tower_keep::{ClientIp, IpPrefix, PeerAddr, rate_limit::InvalidLimit};

use self::{plans::Plans, routes::Counted, stats::Watched};

/// Each route has limits of its own. A layer around all of them would count them together.
fn app(client: &ClientIp) -> Result<Router, InvalidLimit> {
    let pages = routes::pages(client)?;
    let upload = routes::upload(client)?;
    let queue = routes::queue(client)?;
    let plans = Plans::new(client)?;
    let api = plans.layer();
    let login = login::layer(client)?;
    let counted = routes::counted(client)?;
    let watched = Watched::default()
        .layer("pages", &pages)
        .layer("api", &api)
        .plan("api, pro", plans.pro())
        .layer("login", &login)
        .layer("upload", &upload)
        .layer("queue", &queue)
        .layer("counted", &counted);
    Ok(Router::new()
        .route("/", get(routes::hello).layer(pages))
        .route("/api", get(plans::api).layer(api))
        // What is added last is outermost: the account is found, and a length asked for, before the limit decides.
        .route(
            "/login",
            post(login::login)
                .layer(login)
                .layer(middleware::from_fn(login::find_account)),
        )
        .route(
            "/upload",
            post(routes::store)
                .layer(upload)
                .layer(middleware::from_fn(routes::require_length)),
        )
        .route("/queue", get(routes::hello).layer(queue))
        .nest("/counted", Counted::default().router(counted))
        .route("/stats", get(stats::stats).with_state(watched))
        .layer(middleware::map_request(known_peer)))
}

/// The feature `axum` makes this superfluous: the limits then find by themselves what axum's server knows.
async fn known_peer(ConnectInfo(peer): ConnectInfo<SocketAddr>, mut request: Request) -> Request {
    request.extensions_mut().insert(PeerAddr(peer));
    request
}

struct Options {
    listen: String,
    client: ClientIp,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut listen = "127.0.0.1:3000".to_owned();
        let mut client = ClientIp::default();
        while let Some(name) = arguments.next() {
            match (name.as_str(), arguments.next()) {
                ("--listen", Some(address)) => listen = address,
                ("--trust", Some(prefix)) => client = client.trust(prefix.parse::<IpPrefix>()?),
                _ => {
                    return Err(
                        "usage: rate_limits [--listen ADDRESS:PORT] [--trust PREFIX]..".into(),
                    );
                }
            }
        }
        Ok(Self { listen, client })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Options { listen, client } = Options::parse(std::env::args().skip(1))?;
    let app = app(&client)?;
    let listener = TcpListener::bind(&listen).await;
    let listener = listener.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    introduce(&format!("http://{}", listener.local_addr()?))?;
    // Without the peer's address, all clients would share one limit.
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).await?;
    Ok(())
}

fn introduce(url: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(
        out,
        "listening on {url}\n\nTry these, each until it is refused:\n"
    )?;
    for (line, says) in [
        (format!("-i {url}/"), "10 at once, one more each second"),
        (format!("-i {url}/api"), "5 at once, as a stranger"),
        (
            format!("-i {url}/api -H 'X-Api-Key: key-of-grace'"),
            "200 at once: she pays",
        ),
        (
            format!("-i {url}/login -d account=ada -d password=guess"),
            "5 failures; 'Ada ' is the same account",
        ),
        (
            format!("-i {url}/upload --data-binary @Cargo.lock"),
            "a megabyte at once, 64 KiB more each second",
        ),
        (format!("-i {url}/queue"), "two a second, the others wait"),
        (format!("{url}/stats"), "what was decided"),
    ] {
        writeln!(out, "  curl {line}   # {says}")?;
    }
    writeln!(out, "\n  wrk -d 3 {url}/counted; curl {url}/counted/count")?;
    out.flush()
}
