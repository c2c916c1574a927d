//! The errors of HTTP connections.

use std::error::Error;

use h2::Reason;
use hyper_util::client::legacy;

use super::{Failure, io as io_errors};

/// What the link says, if it is an error of `hyper` or `h2` that says something by itself.
pub(super) fn failure(error: &(dyn Error + 'static)) -> Option<Failure> {
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return of_hyper(error);
    }
    error.downcast_ref::<h2::Error>().map(of_h2)
}

/// Whether the link says that there was no connection yet.
pub(super) fn while_connecting(error: &(dyn Error + 'static)) -> bool {
    error
        .downcast_ref::<legacy::Error>()
        .is_some_and(legacy::Error::is_connect)
}

fn of_hyper(error: &hyper::Error) -> Option<Failure> {
    if error.is_canceled() || error.is_closed() {
        // hyper cancels what it has not begun to send, and nothing else. A connection that is closed to requests has
        // not taken this one.
        Some(Failure::NotProcessed)
    } else if error.is_incomplete_message() || error.is_timeout() {
        Some(Failure::Transient)
    } else if error.is_user() || error.is_parse() {
        // The body that could not be read may have failed for a reason that is transient: it is not the server's.
        Some(Failure::Permanent)
    } else {
        None
    }
}

fn of_h2(error: &h2::Error) -> Failure {
    if let Some(error) = error.get_io() {
        return io_errors::failure(error as &(dyn Error + 'static)).unwrap_or(Failure::Permanent);
    }
    if !error.is_remote() {
        return Failure::Permanent;
    }
    if error.is_go_away() {
        // Only streams above the last one that the frame names, and those opened after it, end with the frame's
        // error: the others go on, until the connection ends. RFC 9113, section 6.8.
        return Failure::NotProcessed;
    }
    match error.reason() {
        Some(Reason::REFUSED_STREAM) => Failure::NotProcessed,
        Some(
            Reason::CANCEL
            | Reason::INTERNAL_ERROR
            | Reason::CONNECT_ERROR
            | Reason::ENHANCE_YOUR_CALM,
        ) => Failure::Transient,
        _ => Failure::Permanent,
    }
}
