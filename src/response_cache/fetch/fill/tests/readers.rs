//! What readers of one body get, and when they are woken.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
};

use bytes::Bytes;

use super::{Bench, Got, Reading, Tap, data};
use crate::{
    flight::{Joined, Place, Role},
    response_cache::fetch::{
        fill::{Reader, growing::Growing},
        news::{Arriving, News},
    },
};

#[test]
fn all_readers_get_all_of_it_whoever_polls_and_whenever_they_come() {
    let (bench, tap) = (Bench::new(), Tap::default());
    let body = bench.body(&tap);
    let (mut leader, mut early) = (Reading::leader(&body), Reading::follower(&body));
    tap.data("one ");
    assert_eq!(early.next(), data("one "));
    tap.data("two ");
    assert_eq!(leader.next(), data("one "));
    assert_eq!(leader.next(), data("two "));
    let mut late = Reading::follower(&body);
    assert_eq!(late.all(), "one two ");
    tap.data("three");
    tap.end();
    assert_eq!(late.next(), data("three"));
    assert_eq!(late.next(), Got::End);
    assert_eq!(
        bench.stored_body().expect("it is complete"),
        "one two three"
    );
    assert_eq!((leader.next(), leader.next()), (data("three"), Got::End));
    assert_eq!(early.all(), "two three", "in one piece, as it is stored");
    assert_eq!(Reading::follower(&body).all(), "one two three");
}

#[test]
fn all_who_wait_are_woken_whoever_polled_last() {
    let (bench, tap) = (Bench::new(), Tap::default());
    let body = bench.body(&tap);
    let mut readers = [(); 3].map(|()| Reading::follower(&body));
    for reader in &mut readers {
        assert_eq!(reader.next(), Got::Nothing);
    }
    let [one, two, last] = readers;
    drop(last);
    tap.data("one");
    for mut reader in [one, two] {
        assert!(reader.is_woken());
        assert_eq!(reader.next(), data("one"));
        assert_eq!(reader.next(), Got::Nothing);
        drop(reader);
    }
}

#[test]
fn one_who_takes_a_chunk_wakes_those_who_wait_for_it() {
    let (bench, tap) = (Bench::new(), Tap::default());
    let body = bench.body(&tap);
    let (mut one, mut two) = (Reading::leader(&body), Reading::follower(&body));
    assert_eq!((one.next(), two.next()), (Got::Nothing, Got::Nothing));
    tap.data("one");
    assert!(one.is_woken() && two.is_woken());
    assert_eq!(two.next(), data("one"));
    assert_eq!(two.next(), Got::Nothing);
    assert_eq!(one.next(), data("one"));
    tap.data("two");
    assert!(two.is_woken());
    assert_eq!(one.next(), Got::Data("two".to_owned()));
}

#[test]
fn empty_frames_are_passed_over() {
    let (bench, tap) = (Bench::new(), Tap::default());
    let body = bench.body(&tap);
    let mut leader = Reading::leader(&body);
    for part in ["", "one", "", "", "two", ""] {
        tap.data(part);
    }
    tap.end();
    assert_eq!(leader.next(), data("one"));
    assert_eq!(leader.next(), data("two"));
    assert_eq!(leader.next(), Got::End);
    assert_eq!(Reading::follower(&body).all(), "onetwo");
}

#[test]
fn a_body_without_content_is_stored_too() {
    let (bench, tap) = (Bench::new(), Tap::of_length(0));
    tap.end();
    let body = bench.body(&tap);
    body.end_if_over();
    assert_eq!(tap.polls(), 0);
    assert_eq!(bench.stored_body().expect("nothing is missing"), "");
    let mut leader = Reading::leader(&body);
    assert!(leader.reader.is_end_stream());
    assert_eq!(leader.next(), Got::End);
    assert_eq!(leader.next(), Got::End);
}

/// Small parts of a large buffer are copied, but not the first: many bodies have but one.
#[test]
fn small_chunks_do_not_keep_the_buffer_that_they_came_in() {
    let (bench, tap) = (Bench::new(), Tap::default());
    let body = bench.body(&tap);
    let mut leader = Reading::leader(&body);
    let buffer = Bytes::from(vec![b'x'; 100_000]);
    tap.bytes(buffer.slice(..10));
    tap.bytes(buffer.slice(10..20));
    tap.bytes(buffer.slice(20..50_000));
    let is_shared = |reader: &mut Reader| {
        let polled = reader.poll_frame(&mut Context::from_waker(Waker::noop()));
        let std::task::Poll::Ready(Some(Ok(frame))) = polled else {
            panic!("there is a chunk");
        };
        let data = frame.into_data().expect("data");
        buffer.as_ptr_range().contains(&data.as_ptr())
    };
    let shared = [(); 3].map(|()| is_shared(&mut leader.reader));
    assert_eq!(shared, [true, false, true]);
}

#[test]
fn who_knows_the_length_says_what_is_left() {
    let (bench, tap) = (Bench::new(), Tap::of_length(6));
    let body = bench.body(&tap);
    let (mut one, two) = (Reading::leader(&body), Reading::follower(&body));
    tap.data("one");
    assert_eq!(one.next(), data("one"));
    assert_eq!(one.reader.size_hint().exact(), Some(3));
    assert_eq!(two.reader.size_hint().exact(), Some(6));
    tap.data("two");
    assert!(!one.reader.is_end_stream());
    tap.end();
    assert_eq!(one.next(), data("two"));
    assert!(one.reader.is_end_stream() && !two.reader.is_end_stream());
    assert_eq!(one.reader.size_hint().exact(), Some(0));
    let unknown = bench.body(&Tap::default());
    assert_eq!(Reading::leader(&unknown).reader.size_hint().exact(), None);
}

#[test]
fn a_place_that_was_left_is_taken_again() {
    let (bench, tap) = (Bench::new(), Tap::default());
    let body = bench.body(&tap);
    let mut leader = Reading::leader(&body);
    for _ in 0..3 {
        let mut follower = Reading::follower(&body);
        tap.data("a");
        assert_eq!(follower.next(), data("a"));
    }
    assert_eq!(leader.all(), "aaa");
}

fn flying(bench: &Bench, tap: &Tap) -> (Arc<Growing>, Arc<News>) {
    let plan = bench.plan();
    let arriving = Arriving::of(&plan);
    let body = bench.body_of(tap, plan);
    let news = Arc::new(News::Arriving(arriving, Arc::clone(&body)));
    (body, news)
}

fn land(bench: &Bench, body: &Growing, news: &Arc<News>) {
    let Joined::Lead(lead) = join(bench, Role::Any) else {
        panic!("nothing is in the air");
    };
    body.landed(lead.land(news, None).expect("it is for newcomers"));
}

fn landed(bench: &Bench, tap: &Tap) -> (Arc<Growing>, Arc<News>) {
    let (body, news) = flying(bench, tap);
    land(bench, &body, &news);
    (body, news)
}

fn join(bench: &Bench, role: Role) -> Joined<News> {
    let settings = &bench.core.settings;
    let place = Place {
        resource: super::key(),
        variant: None,
    };
    let limits = settings.collapsing.limits;
    let flights = &bench.core.flights;
    flights.join(place, role, limits, &settings.clock)
}

fn is_found(bench: &Bench) -> bool {
    matches!(join(bench, Role::Follower), Joined::Landed(_))
}

#[test]
fn newcomers_find_it_until_it_is_stored() {
    let (bench, tap) = (Bench::new(), Tap::default());
    let (body, _news) = landed(&bench, &tap);
    let mut leader = Reading::leader(&body);
    tap.data("one");
    assert_eq!(leader.next(), data("one"));
    assert!(is_found(&bench));
    tap.end();
    assert_eq!(leader.next(), Got::End);
    assert!(!is_found(&bench) && bench.stored().is_some());
}

#[test]
fn newcomers_find_it_no_more_once_it_fails_or_is_not_recorded() {
    let (bench, tap) = (
        Bench::with(|core| core.settings.max_body = 3),
        Tap::default(),
    );
    for fails in [true, false] {
        let (body, _news) = landed(&bench, &tap);
        let mut leader = Reading::leader(&body);
        assert!(is_found(&bench));
        if fails {
            tap.error("broken");
        } else {
            tap.data("too long");
        }
        leader.next();
        assert!(!is_found(&bench));
        assert!(Reader::following(&body, None).is_err());
    }
}

#[test]
fn what_was_over_before_it_landed_is_not_for_newcomers() {
    let (bench, tap) = (Bench::new(), Tap::default());
    let (body, news) = flying(&bench, &tap);
    tap.end();
    assert_eq!(Reading::follower(&body).next(), Got::End);
    land(&bench, &body, &news);
    assert!(!is_found(&bench));
}

/// Looks when it is dropped whether a reader could leave.
struct Probe {
    body: Arc<Growing>,
    could_leave: Arc<AtomicBool>,
}

impl Wake for Probe {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.could_leave
            .store(self.body.is_free(), Ordering::Relaxed);
    }
}

/// The last waker of a task may drop its future, and that may be a reader: a lock was held then.
#[test]
fn a_reader_may_leave_when_a_waker_is_dropped() {
    let (bench, tap) = (Bench::new(), Tap::default());
    let body = bench.body(&tap);
    let mut moved = Reading::follower(&body);
    let could_leave = Arc::<AtomicBool>::default();
    let waker = Waker::from(Arc::new(Probe {
        body: Arc::clone(&body),
        could_leave: Arc::clone(&could_leave),
    }));
    assert_eq!(super::poll(&mut moved.reader, &waker), Got::Nothing);
    drop(waker);
    assert_eq!(moved.next(), Got::Nothing);
    assert!(could_leave.load(Ordering::Relaxed));
}
