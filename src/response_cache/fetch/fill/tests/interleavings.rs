//! Readers of one body on threads of their own, in as many orders as a scheduler can think of. See
//! `scripts/interleavings`.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use shuttle::{future::block_on, thread};

use super::{Bench, Got, Tap, system_without_runtime, what};
use crate::response_cache::{core::Core, fetch::fill::Reader};

/// Tries a test in many orders.
fn check(test: impl Fn() + Send + Sync + Copy + 'static) {
    shuttle::check_random(test, 2000);
    shuttle::check_pct(test, 500, 3);
}

/// Reads until the end, or until so many bytes have come. Returns what came, and the end.
fn read(mut reader: Reader, at_most: usize) -> (String, Got) {
    let mut all = String::new();
    while all.len() < at_most {
        let next = match block_on(poll_fn(|cx| reader.poll_frame(cx))) {
            None => return (all, Got::End),
            Some(Err(error)) => return (all, what(&error)),
            Some(Ok(frame)) => frame.into_data().expect("data"),
        };
        all += str::from_utf8(&next).expect("tests send text");
    }
    (all, Got::Nothing)
}

/// A bench with three readers of one body, of which the first has asked for it.
fn readers(bench: &Bench, tap: &Tap) -> [Reader; 3] {
    let body = bench.body(tap);
    let follower = || Reader::following(&body, None).expect("its start is there");
    [
        Reader::leading(Arc::clone(&body), None),
        follower(),
        follower(),
    ]
}

fn spawn(reader: Reader, at_most: usize) -> thread::JoinHandle<(String, Got)> {
    thread::spawn(move || read(reader, at_most))
}

fn pour(tap: &Tap, parts: &'static [&'static str], end: fn(&Tap)) -> thread::JoinHandle<()> {
    let tap = tap.clone();
    thread::spawn(move || {
        parts.iter().for_each(|part| tap.data(part));
        end(&tap);
    })
}

#[test]
fn all_readers_get_all_of_it() {
    check(|| {
        let (bench, tap) = (Bench::new(), Tap::default());
        let reading = readers(&bench, &tap).map(|reader| spawn(reader, usize::MAX));
        let pouring = pour(&tap, &["one ", "two ", "three"], Tap::end);
        for reading in reading {
            let got = reading.join().expect("it does not panic");
            assert_eq!(got, ("one two three".to_owned(), Got::End));
        }
        pouring.join().expect("it does not panic");
        assert_eq!(
            bench.stored_body().expect("it is complete"),
            "one two three"
        );
    });
}

#[test]
fn one_that_leaves_takes_nothing_along() {
    check(|| {
        let (bench, tap) = (Bench::new(), Tap::default());
        let [leaves, leaves_too, stays] = readers(&bench, &tap);
        let reading = [
            spawn(leaves, 0),
            spawn(leaves_too, 1),
            spawn(stays, usize::MAX),
        ];
        let pouring = pour(&tap, &["one ", "two"], Tap::end);
        let [_, _, stayed] = reading.map(|reading| reading.join().expect("it does not panic"));
        assert_eq!(stayed, ("one two".to_owned(), Got::End));
        pouring.join().expect("it does not panic");
        assert!(bench.stored().is_some());
    });
}

#[test]
fn an_error_is_for_who_asked_and_an_end_for_all() {
    check(|| {
        let (bench, tap) = (Bench::new(), Tap::default());
        let reading = readers(&bench, &tap).map(|reader| spawn(reader, usize::MAX));
        let pouring = pour(&tap, &["one"], |tap| tap.error("broken"));
        let ends = reading.map(|reading| reading.join().expect("it does not panic"));
        let end = |end| ("one".to_owned(), end);
        let own = Got::Error("broken".to_owned());
        assert_eq!(ends, [end(own), end(Got::Shared), end(Got::Shared)]);
        pouring.join().expect("it does not panic");
        assert!(bench.stored().is_none());
    });
}

#[test]
fn a_panic_of_the_body_is_for_one_and_an_end_for_the_others() {
    check(|| {
        let (bench, tap) = (Bench::new(), Tap::default());
        let reading = readers(&bench, &tap).map(|reader| {
            thread::spawn(move || catch_unwind(AssertUnwindSafe(|| read(reader, usize::MAX))).ok())
        });
        let pouring = pour(&tap, &["one"], Tap::panic);
        let ends = reading.map(|reading| reading.join().expect("it was caught"));
        let panicked = ends.iter().filter(|end| end.is_none()).count();
        assert_eq!(panicked, 1);
        for end in ends.into_iter().flatten() {
            assert_eq!(end, ("one".to_owned(), Got::Shared));
        }
        pouring.join().expect("it does not panic");
    });
}

fn narrow(core: &mut Core) {
    core.settings.max_body = 0;
    core.settings.collapsing.window.size = 3;
}

/// The clock stands still: whoever is not woken by another reader waits for ever.
#[test]
fn those_for_whom_the_window_is_full_go_on_with_the_slowest() {
    check(|| {
        let (bench, tap) = (Bench::with(narrow), Tap::default());
        let reading = readers(&bench, &tap).map(|reader| spawn(reader, usize::MAX));
        let pouring = pour(&tap, &["one ", "two ", "three"], Tap::end);
        for reading in reading {
            let got = reading.join().expect("it does not panic");
            assert_eq!(got, ("one two three".to_owned(), Got::End));
        }
        pouring.join().expect("it does not panic");
        assert!(bench.stored().is_none());
    });
}

#[test]
fn one_that_is_cut_off_is_the_only_one_that_misses_anything() {
    check(|| {
        let bench = Bench::with(|core| {
            narrow(core);
            system_without_runtime(core);
        });
        let tap = Tap::default();
        let reading = readers(&bench, &tap).map(|reader| spawn(reader, usize::MAX));
        let pouring = pour(&tap, &["one ", "two ", "three"], Tap::end);
        let ends = reading.map(|reading| reading.join().expect("it does not panic"));
        assert!(ends.iter().any(|(_, end)| *end == Got::End));
        for (got, end) in ends {
            match end {
                Got::End => assert_eq!(got, "one two three"),
                Got::Stalled => assert!("one two three".starts_with(&got)),
                other => panic!("{other:?}"),
            }
        }
        pouring.join().expect("it does not panic");
    });
}

#[test]
fn readers_may_come_as_long_as_its_start_is_there() {
    check(|| {
        let (bench, tap) = (Bench::new(), Tap::default());
        let body = bench.body(&tap);
        let first = Reader::leading(Arc::clone(&body), None);
        let first = spawn(first, usize::MAX);
        let pouring = pour(&tap, &["one ", "two"], Tap::end);
        let late = Arc::clone(&body);
        let late =
            thread::spawn(move || Reader::following(&late, None).ok().map(|one| read(one, 99)));
        let all = ("one two".to_owned(), Got::End);
        assert_eq!(
            late.join().expect("it does not panic"),
            Some(("one two".to_owned(), Got::End))
        );
        assert_eq!(first.join().expect("it does not panic"), all);
        pouring.join().expect("it does not panic");
    });
}
