//! Invalidations that several processes share.

use std::fmt;

use futures_util::future::BoxFuture;

use super::{
    cell::Marked,
    event::{Event, Name},
};
use crate::store::StoreError;

pub(crate) type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Where all who share a remote store write down what they invalidate, in one order.
///
/// Positions are the server's: they begin at 1 and have no gaps, so who hears them knows when one was lost. Clocks of
/// the processes do not matter.
pub(crate) trait Journal: fmt::Debug + Send + Sync + 'static {
    /// Writes an event down. Returns its position. After an error nobody knows whether it stands there.
    fn append(&self, event: Event) -> Answer<'_, u64>;

    /// The position of the last event.
    fn position(&self) -> Answer<'_, u64>;

    /// What was written down after a position, in order, as soon as there is something.
    fn tail(&self, after: u64) -> Answer<'_, Vec<(u64, Event)>>;

    /// What happened after a position to any of these names, or to this place by a pattern. It is remembered for as
    /// long as anything can be stored.
    fn since(&self, position: u64, names: Vec<Name>, place: Vec<u8>) -> Answer<'_, Marked>;
}
