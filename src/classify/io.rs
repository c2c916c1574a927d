//! The standard library's errors of input and output.

use std::{
    error::Error,
    io::{self, ErrorKind},
};

use super::Failure;

/// What the link says, if it is an I/O error of a kind that says something.
pub(super) fn failure(error: &(dyn Error + 'static)) -> Option<Failure> {
    let error = error.downcast_ref::<io::Error>()?;
    if is_unresolved(error) {
        return Some(Failure::NotProcessed);
    }
    match error.kind() {
        // Only an attempt to connect ends so.
        ErrorKind::ConnectionRefused | ErrorKind::AddrNotAvailable => Some(Failure::NotProcessed),
        // Established connections can end as unreachable too, when what was sent is no longer acknowledged.
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof
        | ErrorKind::NotConnected
        | ErrorKind::TimedOut
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::Interrupted
        | ErrorKind::WouldBlock => Some(Failure::Transient),
        _ => None,
    }
}

/// What an I/O error was made of.
pub(super) fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let inner: &(dyn Error + Send + Sync + 'static) =
        error.downcast_ref::<io::Error>()?.get_ref()?;
    Some(inner)
}

/// Whether the standard library could not resolve a name. It then puts a message into an error of the kind of all
/// codes that it knows no kind for, which has no public name; nothing else can do so.
#[cfg(not(windows))]
fn is_unresolved(error: &io::Error) -> bool {
    error.get_ref().is_some() && error.kind() == uncategorized()
}

/// The kind of a code that no system has.
#[cfg(not(windows))]
fn uncategorized() -> ErrorKind {
    io::Error::from_raw_os_error(i32::MAX).kind()
}

/// Whether it is one of Winsock's codes of name resolution: `WSAHOST_NOT_FOUND`, `WSATRY_AGAIN`, `WSANO_RECOVERY`,
/// `WSANO_DATA`.
#[cfg(windows)]
fn is_unresolved(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(11001..=11004))
}
