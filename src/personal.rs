//! What a request says about being personal, wherever the layers stand.
//!
//! A session that is read inside a cache, or outside of it, makes the response one person's. The
//! order of the layers must not decide whether that person's page is stored for everybody, so both
//! sides meet in the request's extensions:
//!
//! - [`Personal`] is marked by whoever looks at something personal: a session layer at the first
//!   read or write, an extractor, a handler. A response cache keeps a clone and asks it.
//! - [`OwnedCookie`] names the cookies that belong to a layer which marks [`Personal`] by itself. The
//!   mere presence of such a cookie says nothing yet: the layer will tell when it is used.

mod owner;

use std::{
    error::Error,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use http::Extensions;

#[cfg(feature = "session")]
pub(crate) use self::owner::{Blind, Place};
pub(crate) use self::owner::{Owned, Owner};

/// Nobody has looked at anything personal, and nobody else has seen the response.
const OPEN: u8 = 0;
/// The response is one person's.
const MARKED: u8 = 1;
/// The response has been given to others.
#[cfg(any(test, feature = "response-cache"))]
const SHARED: u8 = 2;

/// A marker in a request's extensions: this response is one person's.
///
/// The rules, which hold whether the cache stands inside or outside of the one who marks:
///
/// - Marked before the head of the response has arrived: the response is not stored for others.
///   It goes out with `Cache-Control: private`, so that no shared cache further out stores it either.
/// - Marked later, while the body streams: storing is abandoned.
/// - Marked when others already read the body: [`mark`](Self::mark) is refused with
///   [`AlreadyShared`], and the caller must not put anything personal into the response.
///
/// Clones share one state. A request without the marker gets one from [`Personal::of`].
///
/// ```
/// use tower_keep::Personal;
///
/// let mut request = http::Request::new(());
/// // A cache further out keeps a clone ...
/// let kept = Personal::of(request.extensions_mut());
/// assert!(!kept.is_marked());
///
/// // ... an extractor reads what belongs to one person ...
/// Personal::of(request.extensions_mut()).mark()?;
///
/// // ... and the cache knows.
/// assert!(kept.is_marked());
/// # Ok::<(), tower_keep::AlreadyShared>(())
/// ```
#[derive(Clone, Default)]
pub struct Personal {
    state: Arc<AtomicU8>,
}

impl Personal {
    /// The marker of a request, put there if it has none.
    pub fn of(extensions: &mut Extensions) -> Self {
        if let Some(owned) = extensions.get::<Owned>() {
            return owned.marker().clone();
        }
        extensions.get_or_insert_default::<Self>().clone()
    }

    /// The marker of a request, if it has one.
    #[must_use]
    pub fn get(extensions: &Extensions) -> Option<&Self> {
        let owned = extensions.get::<Owned>();
        let owned = owned.and_then(|owned| owned.0.place().known_marker());
        owned.or_else(|| extensions.get::<Self>())
    }

    /// A marker for another response to the same request, in place of the one that the request has. What was marked
    /// stays marked.
    #[cfg(feature = "response-cache")]
    pub(crate) fn renew(extensions: &mut Extensions) -> Self {
        let marked = Self::get(extensions).is_some_and(Self::is_marked);
        extensions.remove::<Self>();
        if let Some(Owned(owner)) = extensions.remove::<Owned>() {
            extensions.insert(Owned(owner.anew()));
        }
        let personal = Self::of(extensions);
        if marked {
            // A marker that nobody else holds is not shared.
            let _ = personal.mark();
        }
        personal
    }

    /// Declares that the response belongs to one person. Marking twice is the same as once.
    ///
    /// Call it *before* the personal data is read, so that a refusal comes in time.
    ///
    /// # Errors
    ///
    /// [`AlreadyShared`] if a cache has given this response to other requests. The data must then
    /// not be used for this response.
    pub fn mark(&self) -> Result<(), AlreadyShared> {
        if self.leave_open_for(MARKED) {
            Ok(())
        } else {
            Err(AlreadyShared { _private: () })
        }
    }

    /// Whether the response was declared to belong to one person.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        self.state.load(Ordering::Acquire) == MARKED
    }

    /// Declares that others are about to be given the response; `false` if it is one person's,
    /// and then nobody may be given it. From then on [`mark`](Self::mark) is refused.
    #[cfg(any(test, feature = "response-cache"))]
    pub(crate) fn share(&self) -> bool {
        self.leave_open_for(SHARED)
    }

    /// Whether the state is `wanted` now. There is one exchange from [`OPEN`] and no way back, so
    /// of two that want different states exactly one succeeds.
    fn leave_open_for(&self, wanted: u8) -> bool {
        match self
            .state
            .compare_exchange(OPEN, wanted, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => true,
            Err(found) => found == wanted,
        }
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state.load(Ordering::Acquire) {
            OPEN => "open",
            MARKED => "marked",
            _ => "shared",
        };
        f.debug_tuple("Personal")
            .field(&format_args!("{state}"))
            .finish()
    }
}

/// A response can no longer become personal: other requests have been given it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlreadyShared {
    _private: (),
}

impl fmt::Display for AlreadyShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the response has already been given to other requests by a cache")
    }
}

impl Error for AlreadyShared {}

/// The cookies of a request whose owners mark [`Personal`] themselves.
///
/// A request with a `Cookie` field is taken for a personal one by a response cache that would
/// otherwise guess how long the response is fresh. A layer that owns a cookie, and marks
/// [`Personal`] when its content is used, declares the name here; that cookie then does not count
/// as long as the request is not marked.
///
/// ```
/// use tower_keep::OwnedCookie;
///
/// let mut request = http::Request::new(());
/// OwnedCookie::declare(request.extensions_mut(), "sid");
///
/// assert!(OwnedCookie::names(request.extensions()).eq(["sid"]));
/// ```
#[derive(Clone, Debug, Default)]
pub struct OwnedCookie {
    names: Vec<Arc<str>>,
}

impl OwnedCookie {
    /// Declares that the caller owns the cookie `name` (case-sensitive, as cookie names are:
    /// RFC 6265, section 5.3) and marks [`Personal`] when it is used.
    pub fn declare(extensions: &mut Extensions, name: impl Into<Arc<str>>) {
        let name = name.into();
        let owned = extensions.get_or_insert_default::<Self>();
        if !owned.names.contains(&name) {
            owned.names.push(name);
        }
    }

    /// The names declared so far: each once, in the order of their declaration, after those of session layers.
    pub fn names(extensions: &Extensions) -> impl Iterator<Item = &str> {
        let owners = Owned::all(extensions).map(|owned| &*owned.0);
        let declared = extensions.get::<Self>().into_iter();
        owners
            .filter_map(Owner::cookie)
            .chain(declared.flat_map(|owned| owned.names.iter().map(AsRef::as_ref)))
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use super::*;

    #[test]
    fn a_request_has_one_marker_that_all_clones_share() {
        let mut extensions = Extensions::new();
        assert!(Personal::get(&extensions).is_none());

        let kept = Personal::of(&mut extensions);
        let copied = extensions.clone();
        Personal::of(&mut extensions).mark().unwrap();

        assert!(kept.is_marked());
        assert!(Personal::get(&copied).unwrap().is_marked());
    }

    #[test]
    fn a_marked_response_is_not_shared() {
        let personal = Personal::default();
        personal.mark().unwrap();
        assert!(!personal.share());
        assert!(personal.is_marked());
        assert_eq!(personal.mark(), Ok(()), "marking again changes nothing");
    }

    #[test]
    fn a_shared_response_is_not_marked() {
        let personal = Personal::default();
        assert!(personal.share());
        assert!(
            personal.share(),
            "a second cache in the stack may share too"
        );
        let refused = personal.mark().unwrap_err();
        assert!(refused.to_string().contains("already been given"));
        assert!(!personal.is_marked());
    }

    #[test]
    fn of_mark_and_share_at_the_same_moment_exactly_one_succeeds() {
        const ROUNDS: usize = 2_000;
        let markers: Vec<Personal> = (0..ROUNDS).map(|_| Personal::default()).collect();
        let start = Barrier::new(2);
        let race = |act: fn(&Personal) -> bool| {
            start.wait();
            markers.iter().map(act).collect::<Vec<bool>>()
        };

        let (marked, shared) = thread::scope(|scope| {
            let marking = scope.spawn(|| race(|personal| personal.mark().is_ok()));
            let shared = race(Personal::share);
            (marking.join().unwrap(), shared)
        });

        for round in 0..ROUNDS {
            assert_ne!(marked[round], shared[round], "round {round}");
            assert_eq!(marked[round], markers[round].is_marked(), "round {round}");
        }
    }

    #[test]
    fn debug_names_the_state() {
        let personal = Personal::default();
        assert_eq!(format!("{personal:?}"), "Personal(open)");
        personal.mark().unwrap();
        assert_eq!(format!("{personal:?}"), "Personal(marked)");
        let other = Personal::default();
        other.share();
        assert_eq!(format!("{other:?}"), "Personal(shared)");
    }

    #[test]
    fn cookies_are_declared_once_each_and_case_matters() {
        let mut extensions = Extensions::new();
        assert_eq!(OwnedCookie::names(&extensions).count(), 0);

        for name in ["sid", "devices", "sid", "SID"] {
            OwnedCookie::declare(&mut extensions, name);
        }

        assert!(OwnedCookie::names(&extensions).eq(["sid", "devices", "SID"]));
    }
}
