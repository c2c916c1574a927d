//! Being told of invalidations.

use std::{
    future::{pending, ready},
    sync::{Arc, Mutex},
};

use http::StatusCode;
use tower_keep::{
    ResponseCacheLayer,
    ledger::{Effect, Pattern, Subject},
    response_cache::{Missed, Purge, Purged},
};

use super::{asking, given, here};
use crate::{
    stage::turns,
    support::{Cache, Origin, request, respond},
};

/// How many are kept for who is slow.
const KEPT: u64 = 1024;

#[tokio::test]
async fn all_invalidations_are_told_in_their_order_those_of_requests_included() {
    let origin = Origin::new(|asked| match asked.method().as_str() {
        "DELETE" => respond(StatusCode::NOT_FOUND, &[], ""),
        "POST" => respond(StatusCode::SEE_OTHER, &[("location", "/x")], ""),
        _ => given(asked),
    });
    let cache = Cache::new(origin);
    let purger = cache.layer.clone().purger();
    purger.tag("before");
    let mut purges = purger.subscribe();
    let mut clone = cache.layer.purger().subscribe();
    let first = purger.tag("a");
    cache.send(asking(&[])).await;
    cache.send(request("DELETE", &[])).await;
    cache.send(request("POST", &[])).await;
    let groups = Purge::new().group(here(), "g").prefix("/p").soft();
    let last = purger.purge(&groups);
    for purges in [&mut purges, &mut clone] {
        let mut next = async || purges.next().await.unwrap().unwrap();
        let told = next().await;
        assert_eq!(told.subjects, [Subject::Tag("a".into())]);
        assert_eq!((told.effect, told.by_request), (Effect::Hard, false));
        assert_eq!(told.receipt, first);

        let told = next().await;
        assert!(told.by_request && told.effect == Effect::Hard, "{told:?}");
        assert!(
            matches!(
                &*told.subjects,
                [Subject::Resource(_), Subject::Resource(_)]
            ),
            "the target and what Location names: {told:?}"
        );
        assert!(first.position < told.receipt.position && told.receipt.position < last.position);

        let told = next().await;
        assert_eq!((told.effect, told.by_request), (Effect::Soft, false));
        assert_eq!(told.receipt, last);
        let [Subject::Group { name, .. }, Subject::Pattern(pattern)] = &*told.subjects else {
            panic!("{told:?}");
        };
        assert_eq!((&**name, pattern), ("g", &Pattern::prefix("/p")));
    }
}

#[tokio::test]
async fn who_is_slow_is_told_how_many_were_missed_and_goes_on() {
    let layer = ResponseCacheLayer::new();
    let purger = layer.purger();
    let (mut slow, mut fast) = (purger.subscribe(), purger.subscribe());
    let mut receipts = Vec::new();
    for number in 0..KEPT + 7 {
        receipts.push(purger.tag(number.to_string()));
        assert!(fast.next().await.unwrap().is_some());
    }
    assert_eq!(slow.next().await.unwrap_err(), Missed(7));
    for receipt in &receipts[7..] {
        assert_eq!(slow.next().await.unwrap().unwrap().receipt, *receipt);
    }
}

#[tokio::test]
async fn it_ends_with_the_cache() {
    let layer = ResponseCacheLayer::new();
    let purger = layer.purger();
    let mut purges = purger.subscribe();
    purger.all();
    drop((layer, purger));
    assert!(purges.next().await.unwrap().is_some(), "what is left");
    assert!(purges.next().await.unwrap().is_none());
}

type Told = Arc<Mutex<Vec<u64>>>;

/// What a listener writes down.
fn note(told: &Told, purged: &Result<Arc<Purged>, Missed>) -> u64 {
    let position = purged.as_ref().unwrap().receipt.position;
    told.lock().unwrap().push(position);
    position
}

#[tokio::test]
async fn a_listener_that_panics_is_told_of_the_next() {
    let cache = Cache::new(Origin::new(given));
    let purger = cache.layer.purger();
    let told = Told::default();
    let noted = Arc::clone(&told);
    let mut count = 0;
    purger.listen(move |purged| {
        note(&noted, &purged);
        count += 1;
        assert!(count != 1, "as the test wants, at once");
        let count = count;
        async move { assert!(count != 2, "as the test wants, later") }
    });
    let mut receipts = Vec::new();
    for _ in 0..4 {
        receipts.push(purger.all().position);
        turns().await;
    }
    assert_eq!(*told.lock().unwrap(), receipts);
    cache.send(asking(&[])).await;
    cache.send(request("PUT", &[])).await;
    turns().await;
    assert_eq!(told.lock().unwrap().len(), 5, "an unsafe request");
}

#[tokio::test]
async fn a_listener_that_hangs_holds_up_nobody_and_is_called_by_one_at_a_time() {
    let layer = ResponseCacheLayer::new();
    let purger = layer.purger();
    let (hung, told) = (Told::default(), Told::default());
    let noted = Arc::clone(&hung);
    purger.listen(move |purged| {
        note(&noted, &purged);
        pending()
    });
    let noted = Arc::clone(&told);
    purger.listen(move |purged| {
        note(&noted, &purged);
        ready(())
    });
    for _ in 0..3 {
        purger.all();
    }
    turns().await;
    assert_eq!(hung.lock().unwrap().len(), 1);
    assert_eq!(told.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn listeners_end_with_the_shutdown() {
    let layer = ResponseCacheLayer::new();
    let purger = layer.purger();
    let told = Told::default();
    for hangs in [false, true] {
        let noted = Arc::clone(&told);
        purger.listen(move |purged| {
            note(&noted, &purged);
            async move {
                if hangs {
                    pending::<()>().await;
                }
            }
        });
    }
    purger.all();
    turns().await;
    assert_eq!(told.lock().unwrap().len(), 2);
    layer.background().shutdown().await;
    purger.all();
    turns().await;
    assert_eq!(told.lock().unwrap().len(), 2);
    assert_eq!(Arc::strong_count(&told), 1, "they are gone");
    purger.listen(|_| async { panic!("it is too late") });
    purger.all();
    turns().await;
    assert!(layer.background().is_empty());
}
