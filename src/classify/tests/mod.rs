#[cfg(feature = "hyper")]
mod over_http;

use std::{
    io::{self, ErrorKind},
    net::ToSocketAddrs,
};

use super::*;

/// Says nothing itself, and what caused it.
#[derive(Debug)]
struct Wrapped(Box<dyn Error + Send + Sync>);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timed out, connection refused, reset")
    }
}

impl Error for Wrapped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// Its own cause.
#[derive(Debug)]
struct Ring;

impl fmt::Display for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ring")
    }
}

impl Error for Ring {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&Ring)
    }
}

fn of_kind(kind: ErrorKind) -> Failure {
    Failure::of(&io::Error::from(kind))
}

#[test]
fn only_what_cannot_follow_a_connection_is_certainly_not_processed() {
    for kind in [ErrorKind::ConnectionRefused, ErrorKind::AddrNotAvailable] {
        assert_eq!(of_kind(kind), Failure::NotProcessed, "{kind}");
    }
}

#[test]
fn lost_connections_are_transient() {
    for kind in [
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionAborted,
        ErrorKind::BrokenPipe,
        ErrorKind::UnexpectedEof,
        ErrorKind::NotConnected,
        ErrorKind::TimedOut,
        ErrorKind::HostUnreachable,
        ErrorKind::NetworkUnreachable,
        ErrorKind::NetworkDown,
        ErrorKind::Interrupted,
        ErrorKind::WouldBlock,
    ] {
        assert_eq!(of_kind(kind), Failure::Transient, "{kind}");
    }
}

#[test]
fn what_would_fail_again_is_permanent() {
    for kind in [
        ErrorKind::NotFound,
        ErrorKind::PermissionDenied,
        ErrorKind::InvalidData,
        ErrorKind::InvalidInput,
        ErrorKind::Other,
    ] {
        assert_eq!(of_kind(kind), Failure::Permanent, "{kind}");
    }
}

#[test]
fn words_mean_nothing() {
    let says_so = io::Error::other("connection reset by peer");
    assert_eq!(Failure::of(&says_so), Failure::Permanent);
    let wrapped = Wrapped("timed out".into());
    assert_eq!(Failure::of(&wrapped), Failure::Permanent);
}

#[test]
fn causes_are_found_however_deep() {
    let refused = io::Error::from(ErrorKind::ConnectionRefused);
    let deep = (0..50).fold(Wrapped(refused.into()), |error, _| Wrapped(error.into()));
    assert_eq!(Failure::of(&deep), Failure::NotProcessed);
}

#[test]
fn causes_are_found_inside_of_io_errors() {
    let inside = io::Error::other(AttemptTimeout::after(Duration::ZERO));
    assert_eq!(Failure::of(&inside), Failure::Transient);
    let reset = Wrapped(io::Error::from(ErrorKind::ConnectionReset).into());
    assert_eq!(Failure::of(&io::Error::other(reset)), Failure::Transient);
}

#[test]
fn the_outermost_that_says_something_decides() {
    let refused = io::Error::from(ErrorKind::ConnectionRefused);
    let reset = io::Error::new(ErrorKind::ConnectionReset, refused);
    assert_eq!(Failure::of(&Wrapped(reset.into())), Failure::Transient);
}

#[test]
fn a_ring_of_causes_has_an_end() {
    assert_eq!(Failure::of(&Ring), Failure::Permanent);
}

#[test]
fn names_that_do_not_resolve_are_told_by_the_kind_of_their_error() {
    // No part of a name is longer than 63 characters: nobody needs to be asked.
    let name = format!("{}.invalid:80", "a".repeat(64));
    let unresolved = name.to_socket_addrs().unwrap_err();
    assert_eq!(Failure::of(&unresolved), Failure::NotProcessed);
}

#[test]
fn codes_that_nobody_knows_are_permanent() {
    let unknown = io::Error::from_raw_os_error(i32::MAX);
    assert_eq!(Failure::of(&unknown), Failure::Permanent);
}

#[tokio::test(start_paused = true)]
async fn timeouts_are_transient() {
    let forever = std::future::pending::<()>();
    let elapsed = tokio::time::timeout(Duration::from_secs(1), forever).await;
    assert_eq!(Failure::of(&elapsed.unwrap_err()), Failure::Transient);
    let attempt = AttemptTimeout::after(Duration::from_secs(1));
    assert_eq!(Failure::of(&attempt), Failure::Transient);
}
