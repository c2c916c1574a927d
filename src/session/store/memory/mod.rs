//! The store in this process's memory.

use crate::clock::Clock;

/// A bounded store in the memory of this process. Clones are the same store.
#[derive(Clone, Debug)]
pub struct MemorySessions {
    clock: Clock,
}

/// A capacity that cannot be met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a capacity of {capacity} bytes is too small for sessions: it takes at least {least} bytes"
)]
pub struct InvalidCapacity {
    capacity: usize,
    least: usize,
}

impl MemorySessions {
    /// stub
    #[must_use]
    pub fn new() -> Self {
        Self {
            clock: Clock::system(),
        }
    }
}
impl super::SessionStore for MemorySessions {
    async fn load(
        &self,
        _: &crate::session::SessionKey,
    ) -> Result<Option<super::Loaded>, crate::error::StoreError> {
        Ok(None)
    }
    async fn create(
        &self,
        _: &crate::session::SessionKey,
        _: super::Record,
        _: &super::Admission,
    ) -> Result<super::Created, crate::error::StoreError> {
        Ok(super::Created::Taken)
    }
    async fn swap(
        &self,
        _: &crate::session::SessionKey,
        _: u64,
        _: Option<super::Record>,
    ) -> Result<super::Swapped, crate::error::StoreError> {
        Ok(super::Swapped::Gone)
    }
    async fn touch(
        &self,
        _: &crate::session::SessionKey,
    ) -> Result<bool, crate::error::StoreError> {
        Ok(false)
    }
    async fn remove(
        &self,
        _: &crate::session::SessionKey,
    ) -> Result<Option<super::Loaded>, crate::error::StoreError> {
        Ok(None)
    }
    async fn sessions_of(
        &self,
        _: &super::UserId,
    ) -> Result<Vec<(crate::session::SessionKey, super::Loaded)>, crate::error::StoreError> {
        Ok(vec![])
    }
    async fn users(
        &self,
        _: &super::UsersAsked,
    ) -> Result<Vec<(super::UserId, super::Timestamp)>, crate::error::StoreError> {
        Ok(vec![])
    }
    async fn population(&self) -> Result<super::Population, crate::error::StoreError> {
        Ok(super::Population::default())
    }
}
