//! Connections that leave HTTP.

use std::{convert::Infallible, net::SocketAddr};

use axum::{
    Router,
    extract::ws::{Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    response::IntoResponse,
};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{connect_async, tungstenite};
use tower::{Layer, service_fn};
use tower_keep::{ResponseCacheLayer, minutes, response_cache::RequestBody};

use super::{Calls, get, http1, serve_axum, serve_hyper};

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(Message::Text(text))) = socket.recv().await {
        let answered = socket.send(Message::Text(text)).await;
        assert!(answered.is_ok());
    }
}

async fn assert_that_it_echoes(url: &str) {
    let (mut socket, response) = connect_async(url).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    for word in ["one", "two"] {
        let text = tungstenite::Message::text(word);
        socket.send(text.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), text);
    }
}

#[tokio::test]
async fn a_web_socket_is_opened_through_the_cache_each_time() {
    let open = |upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(echo) };
    let layer = ResponseCacheLayer::new().default_ttl(minutes(5));
    let app = Router::new()
        .route("/socket", axum::routing::get(open))
        .layer(layer);
    let address = serve_axum(app).await;
    for _ in 0..2 {
        assert_that_it_echoes(&format!("ws://{address}/socket")).await;
    }
}

/// One path for the page and its socket, as chats and GraphQL servers have it.
#[tokio::test]
async fn a_stored_page_does_not_stand_in_for_the_socket_at_the_same_path() {
    let calls = Calls::default();
    let counted = calls.clone();
    let both = move |upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>| async move {
        match upgrade {
            Ok(upgrade) => upgrade.on_upgrade(echo).into_response(),
            Err(_) => counted.page(),
        }
    };
    let app = Router::new()
        .route("/chat", axum::routing::get(both))
        .layer(ResponseCacheLayer::new());
    let address = serve_axum(app).await;

    get(&http1(), address, "/chat", &[]).await;
    assert_that_it_echoes(&format!("ws://{address}/chat")).await;
    assert!(get(&http1(), address, "/chat", &[]).await.is_hit());
}

/// Says "hello" in a protocol of its own, then sends back what it gets.
fn switch(mut request: Request<RequestBody<Incoming>>) -> Response<Full<Bytes>> {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut stream = TokioIo::new(upgrade.await.unwrap());
        stream.write_all(b"hello ").await.unwrap();
        let (mut from, mut to) = tokio::io::split(stream);
        tokio::io::copy(&mut from, &mut to).await.unwrap();
        to.shutdown().await.unwrap();
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "echo")
        .body(Full::default())
        .unwrap()
}

/// Sends bytes, then the end, and reads all there is to read.
async fn converse(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    heard
}

#[tokio::test]
async fn a_connection_of_hyper_switches_protocols_through_the_cache() {
    let origin = service_fn(async |request| Ok::<_, Infallible>(switch(request)));
    let layer = ResponseCacheLayer::new().default_ttl(minutes(5));
    let address = serve_hyper(layer.layer(origin)).await;
    let text = "GET / HTTP/1.1\r\nHost: origin.test\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nand bye";

    let heard = converse(address, text).await;
    let (head, rest) = heard.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("upgrade: echo"), "{head}");
    assert!(!head.contains("cache-status"), "{head}");
    assert_eq!(rest, "hello and bye");
}
