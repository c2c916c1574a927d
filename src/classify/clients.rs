//! The errors of clients, where nothing that is inside of them says more.

use std::error::Error;

use super::Failure;

/// Timeouts of `reqwest`, whose type it keeps to itself.
#[cfg(feature = "reqwest")]
pub(super) fn of_reqwest(error: &(dyn Error + 'static)) -> Option<Failure> {
    let error = error.downcast_ref::<reqwest::Error>()?;
    error.is_timeout().then_some(Failure::Transient)
}

/// Whether it had no connection yet.
#[cfg(feature = "reqwest")]
pub(super) fn connecting(error: &(dyn Error + 'static)) -> bool {
    error
        .downcast_ref::<reqwest::Error>()
        .is_some_and(reqwest::Error::is_connect)
}

/// The timeout of an endpoint of `tonic`.
#[cfg(feature = "tonic")]
pub(super) fn of_tonic(error: &(dyn Error + 'static)) -> Option<Failure> {
    let timed_out = error.is::<tonic::TimeoutExpired>();
    timed_out.then_some(Failure::Transient)
}

#[cfg(not(feature = "reqwest"))]
pub(super) fn of_reqwest(_: &(dyn Error + 'static)) -> Option<Failure> {
    None
}

#[cfg(not(feature = "reqwest"))]
pub(super) fn connecting(_: &(dyn Error + 'static)) -> bool {
    false
}

#[cfg(not(feature = "tonic"))]
pub(super) fn of_tonic(_: &(dyn Error + 'static)) -> Option<Failure> {
    None
}
