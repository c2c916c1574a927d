//! What limiters take: within the bound that they tell, and nothing for a request that they admit.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use stats_alloc::Region;
use tower::{Layer, Service, service_fn};
use tower_keep::{
    PeerAddr, RateLimitLayer, RateLimiter,
    rate_limit::{Limit, Limits, RateLimitHeaders},
};

use crate::{ALLOCATOR, KIB, MIB, allocated, alone, now};

const KEYS: u64 = 1_000_000;
const MINUTE: Duration = Duration::from_secs(60);

fn limits() -> [Limits; 3] {
    let bucket = |name: &str| Limit::token_bucket(10).per(MINUTE).name(name);
    let several = ["one", "two", "three"].map(|name| bucket(name).build().unwrap());
    let window = Limit::sliding_window(10).per(MINUTE).build().unwrap();
    [
        bucket("alone").build().unwrap().into(),
        window.into(),
        Limits::all(several).unwrap(),
    ]
}

#[test]
fn a_million_distinct_keys_stay_within_the_bound_of_the_limiter() {
    let _alone = alone();
    for (limits, keys) in limits().into_iter().zip([KEYS, KEYS / 5, KEYS / 5]) {
        let baseline = allocated();
        let limiter = RateLimiter::new(limits);
        let mut peak = 0;
        for key in 0..keys {
            drop(limiter.check(key).unwrap());
            if key % 64 == 0 {
                peak = peak.max(allocated() - baseline);
            }
        }
        let bound = limiter.memory_bound();
        let stats = limiter.stats();
        println!("{peak} at most, {bound} told, {stats:?}");
        // What does not depend on keys: the limits, their names and counters.
        assert!(peak <= bound + 64 * KIB, "{peak} of {bound}");
        assert!(stats.keys * 64 <= peak as u64, "they are remembered");
        assert!(stats.keys >= 99_000, "{}", stats.keys);
        drop((limiter, stats));
        assert!(allocated() <= baseline + KIB, "all of it comes back");
    }
}

#[test]
fn refused_keys_stay_within_the_bound_too() {
    let _alone = alone();
    let baseline = allocated();
    let limit = Limit::token_bucket(1).per(MINUTE).build().unwrap();
    let limiter = RateLimiter::new(limit).max_keys(10_000);
    for key in 0..KEYS / 20 {
        let _ = limiter.check(key);
        assert!(limiter.check_cost(key, 2).is_err());
    }
    let taken = allocated() - baseline;
    let sketch = MIB;
    let bound = limiter.memory_bound() + sketch;
    assert!(taken <= bound, "{taken} of {bound}");
}

async fn answer(_: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::default()))
}

fn ready_answer(_: Request<()>) -> Ready<Result<Response<Full<Bytes>>, Infallible>> {
    ready(Ok(Response::new(Full::default())))
}

/// The allocations of a hundred requests, those of the requests not counted. The fewest of some rounds: the harness
/// has a thread of its own, which may allocate meanwhile.
fn of_requests<S>(service: &mut S, last: impl Fn(u8) -> u8) -> usize
where
    S: Service<Request<()>, Error = Infallible>,
{
    let rounds = (0..ROUNDS).map(|_| of_a_round(service, &last));
    rounds.min().expect("there is more than one")
}

const ROUNDS: u8 = 5;

fn of_a_round<S>(service: &mut S, last: impl Fn(u8) -> u8) -> usize
where
    S: Service<Request<()>, Error = Infallible>,
{
    let mut count = 0;
    for n in 0..20 {
        let mut request = Request::new(());
        let peer = SocketAddr::from((Ipv4Addr::new(192, 0, 2, last(n)), 50_000));
        request.extensions_mut().insert(PeerAddr(peer));
        let region = Region::new(ALLOCATOR);
        drop(now(service.call(request)));
        let change = region.change();
        count += change.allocations + change.reallocations;
    }
    count
}

#[test]
fn the_admitted_path_for_addresses_allocates_nothing() {
    let _alone = alone();
    for limits in limits() {
        let limiter = RateLimiter::new(limits.clone());
        // A key takes its place with its first request, and a table grows with its keys.
        let layer = RateLimitLayer::new(limiter).headers(RateLimitHeaders::None);
        let mut service = layer.layer(service_fn(ready_answer));
        of_a_round(&mut service, |n| n);
        let limited = of_requests(&mut service, |n| n);
        let bare = of_requests(&mut service_fn(ready_answer), |n| n);
        assert_eq!(limited, bare, "{limits:?}");
        let admitted = layer.limiter().stats().admitted;
        assert_eq!(admitted, 120, "all of them");
        let mut service = layer.layer(service_fn(answer));
        assert_eq!(of_requests(&mut service, |n| n), bare);
    }
}
