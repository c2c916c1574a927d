//! In builds without a store that several processes share: nobody else hears of what is invalidated.

use super::{Event, Held, Ledger, held::Adoption};
use crate::{clock::Moment, store::StoreError};

/// What a ledger knows of others; there are none.
pub(super) enum Remote {}

impl Remote {
    pub(super) fn heard(&self) -> u64 {
        match *self {}
    }

    pub(super) fn send(&self, _: &Event, _: Moment) {
        match *self {}
    }
}

impl Ledger {
    /// What something is that another process may have stored: there is no other one.
    #[expect(clippy::unused_self, reason = "the twin of one that asks others")]
    pub(crate) fn adopt(
        &self,
        _: &Held,
    ) -> impl Future<Output = Result<Adoption, StoreError>> + Send {
        std::future::ready(Ok(None))
    }
}
