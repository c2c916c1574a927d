//! The layers around clients that take only bodies of their own, over connections.

mod grpc;
mod http_client;

use std::{net::SocketAddr, time::Duration};

use tokio::net::TcpListener;
use tower_keep::retry::{Backoff, RetryLayer};

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// An address that nobody listens at.
async fn nobody() -> SocketAddr {
    listener().await.1
}

/// The defaults, without waits.
fn retries() -> RetryLayer {
    at_once(RetryLayer::new())
}

fn at_once<C: Clone>(layer: RetryLayer<C>) -> RetryLayer<C> {
    layer.backoff(Backoff::exponential().base(Duration::ZERO))
}
