//! What only passes through takes no memory, however long it is.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderName, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tower_keep::{ResponseCacheLayer, response_cache::Rule};

use crate::{
    KIB, MIB, allocated, alone, now,
    origin::{Fields, cache, get, send},
};

/// The most that a response on its way may take.
const MOST: usize = 4 * MIB;

/// A body of so many frames, one like the other.
struct Frames {
    left: u64,
    frame: Bytes,
    announced: bool,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let left = self.left.checked_sub(1);
        Poll::Ready(left.map(|left| {
            self.left = left;
            Ok(Frame::data(self.frame.clone()))
        }))
    }

    fn size_hint(&self) -> SizeHint {
        match self.announced {
            true => SizeHint::with_exact(self.left * self.frame.len() as u64),
            false => SizeHint::default(),
        }
    }
}

/// A response of which at most `frames` are read.
struct Case {
    fields: Fields<'static>,
    frame: &'static [u8],
    /// How many there are; `u64::MAX` for one without end.
    frames: u64,
    read: u64,
    announced: bool,
    not_stored: Rule,
}

impl Case {
    fn response(&self) -> Response<Frames> {
        let body = Frames {
            left: self.frames,
            frame: Bytes::from_static(self.frame),
            announced: self.announced,
        };
        let mut response = Response::new(body);
        for (name, value) in self.fields {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            response.headers_mut().append(name, value.parse().unwrap());
        }
        response
    }
}

/// Reads the response through a cache, and tells the most that was allocated at any frame, and the time.
fn peak(case: &'static Case) -> (usize, Duration) {
    let layer = ResponseCacheLayer::new();
    let mut cache = cache(&layer, |_| case.response());
    let baseline = allocated();
    let start = Instant::now();
    let mut body = send(&mut cache, get("/", &[])).into_body();
    let (mut peak, mut read) = (0, 0);
    while read < case.read
        && let Some(frame) = now(body.frame())
    {
        assert_eq!(frame.unwrap().data_ref().unwrap().len(), case.frame.len());
        peak = peak.max(allocated().saturating_sub(baseline));
        read += 1;
    }
    assert_eq!(read, case.read, "frames");
    drop(body);
    let not_stored = layer.stats().not_stored;
    assert_eq!(
        not_stored.into_iter().collect::<Vec<_>>(),
        [(case.not_stored, 1)]
    );
    let left = allocated().saturating_sub(baseline);
    assert!(left < 16 * KIB, "{left} bytes are still held");
    (peak, start.elapsed())
}

fn passes(case: &'static Case) {
    let _alone = alone();
    let (peak, time) = peak(case);
    println!("at most {} KiB above the baseline, {time:?}", peak / KIB);
    assert!(peak <= MOST, "{peak} bytes");
}

static LARGE_FRAME: [u8; 256 * KIB] = [b'x'; 256 * KIB];
const GIBIBYTE: u64 = (1 << 30) / LARGE_FRAME.len() as u64;
const EVENT: &[u8] =
    b"event: tick\nid: 17\ndata: {\"price\": 4217, \"of\": \"shop\", \"at\": \"10:27:14\"}\n\n";

#[test]
fn a_download_of_a_gibibyte_that_could_be_stored_passes() {
    static CASE: Case = Case {
        fields: &[("cache-control", "max-age=60")],
        frame: &LARGE_FRAME,
        frames: GIBIBYTE,
        read: GIBIBYTE,
        announced: false,
        not_stored: Rule::TooLarge,
    };
    passes(&CASE);
}

#[test]
fn a_download_of_a_gibibyte_that_says_its_length_passes() {
    static CASE: Case = Case {
        fields: &[
            ("cache-control", "max-age=60"),
            ("content-length", "1073741824"),
        ],
        frame: &LARGE_FRAME,
        frames: GIBIBYTE,
        read: GIBIBYTE,
        announced: true,
        not_stored: Rule::TooLarge,
    };
    passes(&CASE);
}

#[test]
fn a_download_of_small_frames_passes() {
    static CASE: Case = Case {
        fields: &[("cache-control", "max-age=60")],
        frame: LARGE_FRAME.first_chunk::<{ 16 * KIB }>().unwrap(),
        frames: 16 * GIBIBYTE / 8,
        read: 16 * GIBIBYTE / 8,
        announced: false,
        not_stored: Rule::TooLarge,
    };
    passes(&CASE);
}

#[test]
fn events_without_end_pass() {
    static CASE: Case = Case {
        fields: &[
            ("content-type", "text/event-stream"),
            ("cache-control", "no-cache"),
        ],
        frame: EVENT,
        frames: u64::MAX,
        read: 10_000,
        announced: false,
        not_stored: Rule::NoUse,
    };
    passes(&CASE);
}

#[test]
fn events_without_end_that_claim_to_be_fresh_leave_nothing_behind() {
    static CASE: Case = Case {
        fields: &[
            ("content-type", "text/event-stream"),
            ("cache-control", "max-age=60"),
        ],
        frame: EVENT,
        frames: u64::MAX,
        read: 10_000,
        announced: false,
        not_stored: Rule::Incomplete,
    };
    passes(&CASE);
}

#[test]
fn a_stream_that_must_not_be_stored_takes_nothing() {
    static CASE: Case = Case {
        fields: &[("cache-control", "no-store")],
        frame: &LARGE_FRAME,
        frames: GIBIBYTE / 4,
        read: GIBIBYTE / 4,
        announced: false,
        not_stored: Rule::ResponseNoStore,
    };
    let _alone = alone();
    let (peak, _) = peak(&CASE);
    assert!(peak < 16 * KIB, "{peak} bytes");
}
