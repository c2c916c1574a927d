//! Circuit breaking.

pub use crate::breaker::{
    Breaker, BreakerSettings, BreakerState, BreakerStatus, CallError, CircuitOpen, InvalidSetting,
    Permit, Totals, Transition,
};
