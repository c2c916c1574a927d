//! What the compiler has to agree with: bounds that applications rely on.

use std::{error::Error, future::Future};

use bytes::Bytes;
use http::Request;
use http_body::Body;
use http_body_util::Full;
use tower::{
    Layer, Service,
    util::{BoxCloneService, BoxCloneSyncService},
};
use tower_keep::response_cache::{
    RequestBody, ResponseBody, ResponseCache, ResponseCacheLayer, ResponseFuture,
};

use super::super::support::{Cache, Origin, request, respond};

fn send_sync<T: Send + Sync + 'static>() {}

fn send<T: Send + 'static>() {}

fn cloned<T: Clone>() {}

/// For every service, not for one: the body of a generic function is checked for all of them.
fn the_service_is_what_the_inner_one_is<S: Clone + Send + Sync + 'static>() {
    send_sync::<ResponseCache<S>>();
    cloned::<ResponseCache<S>>();
}

fn a_service_that_is_not_sync_is_enough<S: Clone + Send + 'static>() {
    send::<ResponseCache<S>>();
    cloned::<ResponseCache<S>>();
}

fn bodies_and_futures_are_send<B: Send + 'static, E: Send + 'static>() {
    send::<RequestBody<B>>();
    send::<ResponseBody<B>>();
    send::<ResponseFuture<B, E>>();
}

/// hyper's client wants the request's body so.
fn bodies_are_unpin_where_theirs_are<B: Unpin>() {
    fn unpin<T: Unpin>() {}
    unpin::<RequestBody<B>>();
    unpin::<ResponseBody<B>>();
}

fn bodies_are_bodies_of_bytes<B>()
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn body<T: Body<Data = Bytes, Error = Box<dyn Error + Send + Sync>>>() {}
    body::<RequestBody<B>>();
    body::<ResponseBody<B>>();
}

fn is_send(future: impl Future + Send + 'static) -> impl Future + Send + 'static {
    future
}

#[tokio::test]
async fn services_futures_and_bodies_are_send_and_cloned_as_servers_want_them() {
    the_service_is_what_the_inner_one_is::<Origin>();
    a_service_that_is_not_sync_is_enough::<Origin>();
    bodies_and_futures_are_send::<Full<Bytes>, std::io::Error>();
    bodies_are_unpin_where_theirs_are::<Full<Bytes>>();
    bodies_are_bodies_of_bytes::<Full<Bytes>>();
    send_sync::<ResponseCacheLayer>();
    cloned::<ResponseCacheLayer>();

    let cache = Cache::new(Origin::with(&[("cache-control", "max-age=60")]));
    let mut service = cache.service.clone();
    tokio::spawn(async move {
        is_send(service.call(request("GET", &[]))).await;
    })
    .await
    .unwrap();
    assert_eq!(cache.origin.calls(), 1);
}

/// The type of the request's body that the inner service sees.
type Inner = Request<RequestBody<Full<Bytes>>>;

#[tokio::test]
async fn boxed_services_are_wrapped_and_boxed_again() {
    let origin = Origin::new(|_| respond(http::StatusCode::OK, &[], ""));
    let boxed = BoxCloneService::<Inner, _, _>::new(origin.clone());
    let boxed = BoxCloneService::new(ResponseCacheLayer::new().layer(boxed));
    super::answer(boxed, request("GET", &[])).await;

    let boxed = BoxCloneSyncService::<Inner, _, _>::new(origin.clone());
    let boxed = BoxCloneSyncService::new(ResponseCacheLayer::new().layer(boxed));
    super::answer(boxed, request("GET", &[])).await;
    assert_eq!(origin.calls(), 2);
}
