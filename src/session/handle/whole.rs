//! One value of the application's own type.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Session,
    content::{to_json, to_update},
};
use crate::session::{
    change::{Change, Place},
    error::SessionError,
};

/// # The typed whole
///
/// For every type `D` that can be read and written, which [`Named`](super::Named) cannot.
impl<D> Session<D>
where
    D: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// The data, decoded at most once in a request; None if there is none.
    ///
    /// # Errors
    /// As of the [type](Session#errors), and [`is_value`](SessionError::is_value) if it is of another type.
    pub async fn get(&self) -> Result<Option<Arc<D>>, SessionError> {
        let mut state = self.exchange.loaded().await?;
        let (record, decoded) = state.reading();
        match record.and_then(|record| record.whole.as_ref()) {
            Some(json) => decoded.decode_as(json, Arc::clone, Arc::new).map(Some),
            None => Ok(None),
        }
    }

    /// Changes the data, beginning with the default where there is none. If another request changes the session at
    /// the same time, the closure is called again with what that one has left: none of the changes is lost.
    ///
    /// # Errors
    /// As of the [type](Session#errors), and [`is_value`](SessionError::is_value) if what is there is of another type, or
    /// cannot be written as JSON; nothing is changed then.
    pub async fn update(
        &self,
        update: impl FnMut(&mut D) + Send + 'static,
    ) -> Result<(), SessionError>
    where
        D: Default,
    {
        let update = to_update(update);
        let change = Change::Update(Place::Whole, update);
        self.exchange.record(change).await
    }

    /// Sets the data, whatever is there: what others change at the same time is lost, or this is. The last writer wins.
    ///
    /// # Errors
    /// As of the [type](Session#errors), and [`is_value`](SessionError::is_value) if it cannot be written as JSON.
    pub async fn replace(&self, data: &D) -> Result<(), SessionError> {
        let json = to_json(data)?;
        self.exchange.record(Change::Set(Place::Whole, json)).await
    }
}
