//! Values under names.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use super::{Named, Session};
use crate::session::{
    change::{Change, Place, Update},
    error::SessionError,
    exchange::Exchange,
};

/// # Values
impl Session<Named> {
    /// The value under this name, decoded at most once in a request; None if there is none.
    ///
    /// # Errors
    /// As of the [type](Session#errors), and [`is_value`](SessionError::is_value) if it is of another type.
    pub async fn get<T>(&self, name: &str) -> Result<Option<T>, SessionError>
    where
        T: DeserializeOwned + Clone + Send + Sync + 'static,
    {
        self.exchange.read(Place::Named(name)).await
    }

    /// Sets the value under this name, whatever is there. The last one to set it wins; others who set other names at the
    /// same time win too.
    ///
    /// # Errors
    /// As of the [type](Session#errors), and [`is_value`](SessionError::is_value) if it cannot be written as JSON.
    pub async fn insert<T>(&self, name: &str, value: &T) -> Result<(), SessionError>
    where
        T: Serialize + Sync + ?Sized,
    {
        let json = to_json(value)?;
        let place = Place::Named(name.into());
        self.exchange.record(Change::Set(place, json)).await
    }

    /// Removes the value under this name.
    ///
    /// # Errors
    /// As of the [type](Session#errors).
    pub async fn remove(&self, name: &str) -> Result<(), SessionError> {
        let place = Place::Named(name.into());
        self.exchange.record(Change::Remove(place)).await
    }

    /// Changes the value under this name, beginning with the default where there is none. If another request changes
    /// the session at the same time, the closure is called again with what that one has left: none of the changes is
    /// lost.
    ///
    /// # Errors
    /// As of the [type](Session#errors), and [`is_value`](SessionError::is_value) if what is there is of another type, or
    /// cannot be written as JSON; nothing is changed then.
    pub async fn update<T>(
        &self,
        name: &str,
        update: impl FnMut(&mut T) + Send + 'static,
    ) -> Result<(), SessionError>
    where
        T: Default + Serialize + DeserializeOwned,
    {
        let place = Place::Named(name.into());
        let update = to_update(update);
        self.exchange.record(Change::Update(place, update)).await
    }

    /// Keeps a value that is [read once](Self::take_flash): a message for the page that a redirect leads to.
    ///
    /// # Errors
    /// As of [`insert`](Self::insert).
    pub async fn flash<T>(&self, name: &str, value: &T) -> Result<(), SessionError>
    where
        T: Serialize + Sync + ?Sized,
    {
        let json = to_json(value)?;
        let place = Place::Flash(name.into());
        self.exchange.record(Change::Set(place, json)).await
    }

    /// Reads and removes what [`flash`](Self::flash) has kept.
    ///
    /// # Errors
    /// As of [`get`](Self::get).
    pub async fn take_flash<T>(&self, name: &str) -> Result<Option<T>, SessionError>
    where
        T: DeserializeOwned + Clone + Send + Sync + 'static,
    {
        let value = self.exchange.read(Place::Flash(name)).await?;
        if value.is_some() {
            let place = Place::Flash(name.into());
            self.exchange.record(Change::Remove(place)).await?;
        }
        Ok(value)
    }
}

/// # All of them
impl<D> Session<D> {
    /// Removes all values, named ones and the typed whole. Whose session it is, and its id, stay.
    ///
    /// # Errors
    /// As of the [type](Session#errors).
    pub async fn clear(&self) -> Result<(), SessionError> {
        self.exchange.record(Change::Clear).await
    }
}

impl Exchange {
    async fn read<T>(&self, place: Place<&str>) -> Result<Option<T>, SessionError>
    where
        T: DeserializeOwned + Clone + Send + Sync + 'static,
    {
        let mut state = self.loaded().await?;
        let (record, decoded) = state.reading();
        match record.and_then(|record| place.get(record)) {
            Some(json) => decoded.decode(json).map(Some),
            None => Ok(None),
        }
    }

    /// Makes a change, and keeps it to be saved.
    pub(in crate::session) async fn record(&self, mut change: Change) -> Result<(), SessionError> {
        let mut state = self.changing().await?;
        let changed = change.apply(state.draft(|| self.blank()));
        let changes = state.changes();
        if changed.is_ok() {
            changes.log.push(change);
        } else if changes.log.is_empty() && !changes.renewal.is_some() {
            // Nothing has changed.
            state.changes = None;
        }
        changed
    }
}

pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<Arc<str>, SessionError> {
    let json = serde_json::to_string(value).map_err(SessionError::write)?;
    Ok(json.into())
}

pub(super) fn to_update<T>(mut update: impl FnMut(&mut T) + Send + 'static) -> Update
where
    T: Default + Serialize + DeserializeOwned,
{
    Box::new(move |json| {
        let value = json.map(serde_json::from_str).transpose();
        let mut value: T = value.map_err(SessionError::read)?.unwrap_or_default();
        update(&mut value);
        to_json(&value).map(Some)
    })
}
