//! What a layer has counted.

use super::{
    error::SessionError,
    event::{Absence, Ending, SessionEventKind},
    transport::RefusedId,
};
use crate::stats::{Counters, Metric};

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
];
const LEN: usize = 22;
const DESTROYED: usize = 2;
const EXPIRED: usize = 6;
const REFUSED: usize = 7;
const FAILED: usize = 13;
const REPLAYED: usize = 19;
const TOO_LATE: usize = 20;
const UNTOUCHED: usize = 21;

/// The live counters, shared by the clones of a layer.
#[derive(Debug)]
pub(super) struct Counts {
    counters: Counters,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            counters: Counters::new(LEN, metric),
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
        _ => (
            "tower_keep_session_saves_total",
            "What happened when sessions were saved",
        ),
    };
    Metric::new(name, what).label("kind", NAMES[index])
}

impl Counts {
    pub(super) fn happened(&self, kind: SessionEventKind) {
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
                        Absence::NonePresented | Absence::Ended | Absence::Unknown => 0,
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

    /// Activity could not be written down.
    pub(super) fn untouched(&self) {
        self.counters.add(UNTOUCHED);
    }
}

/// What a layer has counted since it was made. What never happened is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// All counts by name.
    pub counted: Vec<(&'static str, u64)>,
}

impl Counts {
    pub(super) fn snapshot(&self) -> Stats {
        let counts = self.counters.snapshot();
        let counted = NAMES
            .into_iter()
            .zip(counts)
            .filter(|(_, count)| *count > 0);
        Stats {
            counted: counted.collect(),
        }
    }
}
