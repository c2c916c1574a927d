#![doc = include_str!("testing.md")]

mod clock;
mod counting_service;
#[cfg(feature = "response-cache")]
mod fake_journal;
#[cfg(feature = "session")]
mod fake_sessions;
#[cfg(feature = "response-cache")]
mod fake_store;
#[cfg(feature = "session")]
pub mod sessions;

pub use self::clock::ManualClock;
pub use self::counting_service::{CountingService, Origin, OriginFuture, origin};
#[cfg(feature = "session")]
pub use self::fake_sessions::{FakeRemoteSessions, SessionCall};
#[cfg(feature = "response-cache")]
pub use self::fake_store::FakeRemoteStore;
#[cfg(feature = "session")]
pub use crate::session::sample::SampleRecord;
