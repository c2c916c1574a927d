//! Whom a server knows the client by.

use std::net::{Ipv4Addr, SocketAddr};

use axum::{Router, extract::Request, routing};
use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tower_keep::ClientIp;

/// Says whom it takes the client for.
async fn client(request: Request) -> String {
    let client = ClientIp::default().of(request.extensions(), request.headers());
    client.map_or("nobody".to_owned(), |client| client.to_string())
}

/// What the server at this address answers.
async fn ask(address: SocketAddr) -> String {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<&'static [u8]>>();
    let uri = format!("http://{address}/").parse().unwrap();
    let body = client.get(uri).await.unwrap().into_body();
    let body = body.collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn the_peer_of_an_axum_server_is_the_client() {
    let app = Router::new().route("/", routing::get(client));
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    assert_eq!(ask(address).await, "127.0.0.1");
}
