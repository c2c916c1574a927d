//! Responses that were asked for before an invalidation and arrive after it (RFC 9111, section 4.4).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::StatusCode;
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::support::{Asked, Cache, Origin, request, respond};

/// Fresh for a minute; varies on `Accept` if told so. The body counts.
fn origin(varies: bool) -> Origin {
    let count = Arc::new(AtomicUsize::new(0));
    Origin::new(move |_: &Asked| {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        let mut fields = vec![("cache-control", "max-age=60")];
        if varies {
            fields.push(("vary", "accept"));
        }
        respond(StatusCode::OK, &fields, &number.to_string())
    })
}

/// A GET whose head has arrived and whose body has not been read.
async fn begun(cache: &Cache, accept: &str) -> impl Future<Output = ()> {
    let get = request("GET", &[("accept", accept)]);
    let response = cache.service.clone().oneshot(get).await.unwrap();
    async move {
        response.into_body().collect().await.unwrap();
    }
}

#[tokio::test]
async fn a_response_that_a_write_overtakes_is_not_stored() {
    for varies in [false, true] {
        let cache = Cache::new(origin(varies));
        let reading = begun(&cache, "a").await;
        cache.send(request("PUT", &[])).await;
        reading.await;
        assert!(!cache.get(&[("accept", "a")]).await.is_hit(), "{varies}");
        assert!(
            cache.get(&[("accept", "a")]).await.is_hit(),
            "what came after it is stored"
        );
    }
}

#[tokio::test]
async fn nor_is_it_once_newer_responses_stand_in_its_place() {
    let cache = Cache::new(origin(true));
    let reading = begun(&cache, "a").await;
    cache.send(request("PUT", &[])).await;
    cache.get(&[("accept", "b")]).await;
    reading.await;
    assert!(cache.get(&[("accept", "b")]).await.is_hit());
    assert!(!cache.get(&[("accept", "a")]).await.is_hit());
}

#[tokio::test]
async fn the_response_to_the_write_itself_is_stored_if_nothing_overlaps_it() {
    let origin = Origin::new(|request: &Asked| {
        let fields = [("cache-control", "max-age=60"), ("content-location", "/")];
        respond(StatusCode::OK, &fields, request.method().as_str())
    });
    for before in [false, true] {
        let cache = Cache::new(origin.clone());
        let reading = match before {
            true => Some(begun(&cache, "a").await),
            false => None,
        };
        cache.send(request("POST", &[])).await;
        if let Some(reading) = reading {
            reading.await;
        }
        // What was answered before the write began is older than what the write came to.
        let got = cache.get(&[]).await;
        assert_eq!((got.is_hit(), &*got.body), (true, "POST"));
    }
}
