//! What is drawn.

use proptest::{collection::vec, prelude::*};

use crate::stepped::Fate;

/// What requests do beside writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// New ids.
    Merging,
    /// New ids; and the session ends, by a logout or from another device.
    Ending,
    /// Others log in as the same user, who may have three sessions.
    LoggingIn,
}

/// What a part of a request ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    Commit,
    Rotate,
    RotateAndCommit,
    Logout,
}

/// Adds so often to the count, sets a value, and goes on.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) adds: usize,
    pub(super) then: Then,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The next request is sent, with the cookie that the browser has then.
    Send,
    Poll(usize),
    Drop(usize),
    /// All devices of the user are ended.
    EndAll,
    /// Another browser logs in.
    LogIn,
}

#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) mode: Mode,
    pub(super) requests: Vec<Vec<Part>>,
    pub(super) steps: Vec<Step>,
    pub(super) fates: Vec<Fate>,
}

impl Case {
    pub(super) fn fails(&self) -> bool {
        self.fates.iter().any(|fate| *fate != Fate::Answered)
    }

    pub(super) fn of_two_writers() -> Self {
        let part = |then| Part { adds: 2, then };
        Self {
            mode: Mode::Merging,
            requests: vec![vec![part(Then::Nothing)], vec![part(Then::Commit)]],
            steps: vec![Step::Send, Step::Send],
            fates: Vec::new(),
        }
    }
}

pub(super) fn cases(mode: Mode, fails: bool) -> impl Strategy<Value = Case> {
    let requests = vec(vec(part(mode), 1..4), 1..5);
    let fates = vec(fate(), if fails { 0..24 } else { 0..1 });
    (requests, vec(step(mode), 0..120), fates).prop_map(move |(requests, steps, fates)| {
        let fates = if fails { fates } else { Vec::new() };
        Case {
            mode,
            requests,
            steps,
            fates,
        }
    })
}

fn part(mode: Mode) -> impl Strategy<Value = Part> {
    let end = u32::from(mode == Mode::Ending);
    let then = prop_oneof![
        4 => Just(Then::Nothing),
        3 => Just(Then::Commit),
        1 => Just(Then::Rotate),
        1 => Just(Then::RotateAndCommit),
        end => Just(Then::Logout),
    ];
    (0..3_usize, then).prop_map(|(adds, then)| Part { adds, then })
}

fn step(mode: Mode) -> impl Strategy<Value = Step> {
    let end = u32::from(mode == Mode::Ending);
    let log_in = 2 * u32::from(mode == Mode::LoggingIn);
    prop_oneof![
        4 => Just(Step::Send),
        40 => any::<usize>().prop_map(Step::Poll),
        1 => any::<usize>().prop_map(Step::Drop),
        end => Just(Step::EndAll),
        log_in => Just(Step::LogIn),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Answered),
        1 => Just(Fate::Failed),
        2 => Just(Fate::Lost),
    ]
}
