//! What tests of a service with these layers need: a clock moved by hand, a remote store that is slow and
//! fails when told, and a service that counts its calls.
//!
//! ```
//! use std::time::Duration;
//! use tower_keep::test_util::ManualClock;
//!
//! let time = ManualClock::new();
//! let clock = time.clock(); // hand this to the layer
//! let start = clock.now();
//! time.advance(Duration::from_secs(60));
//! assert_eq!(clock.now().duration_since(start), Duration::from_secs(60));
//! ```

mod clock;
mod counting_service;
#[cfg(feature = "response-cache")]
mod fake_store;

pub use self::clock::ManualClock;
pub use self::counting_service::{CountingService, Origin, OriginFuture, origin};
#[cfg(feature = "response-cache")]
pub use self::fake_store::FakeRemoteStore;
