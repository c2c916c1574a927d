//! The core of a circuit breaker: around any future, with no HTTP in it.
//!
//! [`State`](state::State) decides, as a function of what it is, the time and the outcomes of calls; [`Breaker`] is the
//! handle around it, which knows the time and has the lock.

mod handle;
mod permit;
mod refused;
mod settings;
mod state;
mod status;
mod window;

pub(crate) use self::handle::Ticket;
pub use self::{
    handle::Breaker,
    permit::Permit,
    refused::{CallError, CircuitOpen},
    settings::{BreakerSettings, InvalidSetting},
    status::{BreakerState, BreakerStatus, Totals, Transition},
};

#[cfg(test)]
mod tests;
