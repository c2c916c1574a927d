//! What a layer has counted.

use std::ops::Range;

use super::{
    error::SessionError,
    event::{Absence, Ending, SessionEventKind},
    transport::RefusedId,
};
use crate::{
    clock::Moment,
    stats::{Counters, LastMinute, Metric},
};

/// What is counted, in the order of the table.
const NAMES: [&str; LEN] = [
    "created",
    "renewed",
    "logout",
    "device",
    "displaced",
    "other-client",
    "expired",
    "unknown",
    "malformed",
    "oversized",
    "repeated",
    "forged",
    "bound-to-another",
    "store",
    "ended-meanwhile",
    "conflict",
    "no-room",
    "too-many",
    "fault",
    "replayed",
    "too-late",
    "untouched",
    "cross-site",
    "without-token",
    "without-session",
    "not-permitted",
];
const LEN: usize = 26;
const DESTROYED: usize = 2;
const EXPIRED: usize = 6;
const REFUSED: usize = 7;
const FAILED: usize = 13;
const REPLAYED: usize = 19;
const TOO_LATE: usize = 20;
const UNTOUCHED: usize = 21;
const TURNED_AWAY: usize = 22;

/// Why a guard has not let a request pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnedAway {
    CrossSite,
    WithoutToken,
    WithoutSession,
    NotPermitted,
}

/// The live counters, shared by the clones of a layer.
#[derive(Debug)]
pub(super) struct Counts {
    counters: Counters,
    created: LastMinute,
    ended: LastMinute,
    unknown: LastMinute,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            counters: Counters::new(LEN, metric),
            created: LastMinute::default(),
            ended: LastMinute::default(),
            unknown: LastMinute::default(),
        }
    }
}

fn metric(index: usize) -> Metric {
    let (name, what) = match index {
        0 => ("tower_keep_sessions_created_total", "Sessions created"),
        1 => (
            "tower_keep_sessions_renewed_total",
            "Sessions that got another id",
        ),
        DESTROYED..=EXPIRED => ("tower_keep_sessions_ended_total", "Sessions ended, by how"),
        REFUSED..FAILED => (
            "tower_keep_session_ids_refused_total",
            "Ids that were presented and are none, by the reason",
        ),
        FAILED..REPLAYED => (
            "tower_keep_session_saves_failed_total",
            "Sessions that could not be saved, by the reason",
        ),
        TURNED_AWAY.. => (
            "tower_keep_session_requests_refused_total",
            "Requests that were turned away in front of their handlers, by the reason",
        ),
        _ => (
            "tower_keep_session_saves_total",
            "What happened when sessions were saved",
        ),
    };
    Metric::new(name, what).label("kind", NAMES[index])
}

impl Counts {
    pub(super) fn happened(&self, kind: SessionEventKind, now: Moment) {
        match kind {
            SessionEventKind::Created => self.created.add(now),
            SessionEventKind::Destroyed(_) | SessionEventKind::Expired => self.ended.add(now),
            SessionEventKind::Refused(Absence::Unknown) => self.unknown.add(now),
            SessionEventKind::Renewed | SessionEventKind::Refused(_) => {}
        }
        self.counters.add(match kind {
            SessionEventKind::Created => 0,
            SessionEventKind::Renewed => 1,
            SessionEventKind::Destroyed(why) => {
                DESTROYED
                    + match why {
                        Ending::Logout => 0,
                        Ending::Device => 1,
                        Ending::Displaced => 2,
                        Ending::OtherClient => 3,
                    }
            }
            SessionEventKind::Expired => EXPIRED,
            SessionEventKind::Refused(why) => {
                REFUSED
                    + match why {
                        Absence::NonePresented
                        | Absence::Ended
                        | Absence::Superseded
                        | Absence::Unknown => 0,
                        Absence::Refused(RefusedId::Malformed) => 1,
                        Absence::Refused(RefusedId::Oversized) => 2,
                        Absence::Refused(RefusedId::Repeated) => 3,
                        Absence::Refused(RefusedId::Forged) => 4,
                        Absence::OtherClient => 5,
                    }
            }
        });
    }

    pub(super) fn failed(&self, error: &SessionError) {
        self.counters.add(
            FAILED
                + if error.is_store() {
                    0
                } else if error.is_ended() {
                    1
                } else if error.is_conflict() {
                    2
                } else if error.is_no_room() {
                    3
                } else if error.is_too_many() {
                    4
                } else {
                    5
                },
        );
    }

    /// The changes of a request were made again, as another one was faster.
    pub(super) fn replayed(&self) {
        self.counters.add(REPLAYED);
    }

    /// A handler has written when the head of the response was on its way.
    pub(super) fn too_late(&self) {
        self.counters.add(TOO_LATE);
    }

    /// A request has not reached its handler.
    pub(super) fn turned_away(&self, why: TurnedAway) {
        self.counters.add(
            TURNED_AWAY
                + match why {
                    TurnedAway::CrossSite => 0,
                    TurnedAway::WithoutToken => 1,
                    TurnedAway::WithoutSession => 2,
                    TurnedAway::NotPermitted => 3,
                },
        );
    }

    /// Activity could not be written down.
    pub(super) fn untouched(&self) {
        self.counters.add(UNTOUCHED);
    }
}

/// What a layer has counted since it was made, all clones together. In the lists, what never happened is left out.
///
/// How many sessions there are at the moment is the store's to say:
/// [`Devices::population`](super::Devices::population).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Sessions created.
    pub created: u64,
    /// Sessions that got another id.
    pub renewed: u64,
    /// Sessions that have ended: `logout`, `device`, `displaced`, `other-client`, `expired`.
    pub ended: Vec<(&'static str, u64)>,
    /// Ids that were presented and are none: `unknown`, `malformed`, `oversized`, `repeated`, `forged`,
    /// `bound-to-another`.
    pub refused: Vec<(&'static str, u64)>,
    /// Requests whose session could not be loaded or saved: `store`, `ended-meanwhile`, `conflict`, `no-room`,
    /// `too-many`, `fault`.
    pub failed: Vec<(&'static str, u64)>,
    /// So often the changes of a request were made again, as another one was faster.
    pub replayed: u64,
    /// So often a handler was refused what it wrote when the head of the response was on its way.
    pub too_late: u64,
    /// So often activity could not be written down.
    pub untouched: u64,
    /// Requests that [`CsrfLayer`](super::CsrfLayer) and [`RequireSession`](super::RequireSession) have turned away:
    /// `cross-site`, `without-token`, `without-session`, `not-permitted`.
    pub turned_away: Vec<(&'static str, u64)>,
    /// Sessions created in the last minute.
    pub created_last_minute: u64,
    /// Sessions that have ended in the last minute.
    pub ended_last_minute: u64,
    /// Well-formed ids in the last minute that are nobody's. Many of them are a sign that somebody guesses.
    pub unknown_last_minute: u64,
}

impl Counts {
    pub(super) fn snapshot(&self, now: Moment) -> Stats {
        let counts = self.counters.snapshot();
        let named = |range: Range<usize>| {
            let counted = range.filter(|at| counts[*at] > 0);
            counted.map(|at| (NAMES[at], counts[at])).collect()
        };
        Stats {
            created: counts[0],
            renewed: counts[1],
            ended: named(DESTROYED..EXPIRED + 1),
            refused: named(REFUSED..FAILED),
            failed: named(FAILED..REPLAYED),
            replayed: counts[REPLAYED],
            too_late: counts[TOO_LATE],
            untouched: counts[UNTOUCHED],
            turned_away: named(TURNED_AWAY..LEN),
            created_last_minute: self.created.count(now),
            ended_last_minute: self.ended.count(now),
            unknown_last_minute: self.unknown.count(now),
        }
    }
}
