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

use std::{
    any::Any,
    error::Error,
    fmt, iter,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, Ordering, fence},
    },
};

use http::Extensions;

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

/// One who looks at something personal for the handlers further in, and marks that by itself: a session.
///
/// All that a request needs for it is one entry in the extensions, and a marker only once somebody asks for it: most
/// requests pass where nobody does.
pub(crate) trait Owner: Any + Send + Sync {
    /// The cookie that it owns.
    fn cookie(&self) -> Option<&str>;

    /// Where it stands.
    fn place(&self) -> &Place;

    /// The same for another response to the same request, which nobody sends to the client.
    #[cfg(feature = "response-cache")]
    fn anew(&self) -> Arc<dyn Owner>;
}

/// The innermost [`Owner`] of a request, in its extensions.
#[derive(Clone)]
pub(crate) struct Owned(pub(crate) Arc<dyn Owner>);

impl Owned {
    fn marker(&self) -> &Personal {
        self.0.place().marker()
    }

    /// Those of a request, from the innermost one outwards.
    fn all(extensions: &Extensions) -> impl Iterator<Item = &Self> {
        let innermost = extensions.get::<Self>();
        iter::successors(innermost, |owned| owned.0.place().outer.as_ref())
    }

    /// The innermost one of a request that is a `T`.
    #[cfg(feature = "session")]
    pub(crate) fn find<T: Owner>(extensions: &Extensions) -> Option<Arc<T>> {
        Self::all(extensions).find_map(|owned| {
            let any: Arc<dyn Any + Send + Sync> = Arc::clone(&owned.0) as _;
            any.downcast().ok()
        })
    }
}

/// Nobody has looked at what an [`Owner`] guards.
const UNSEEN: u8 = 0;
/// Somebody has: the response is one person's.
const SEEN: u8 = 1;
/// Somebody wanted to, when the response was others' already.
const REFUSED: u8 = 2;
/// Nobody has, and nobody may any more: the head of the response is on its way, and says nothing of it.
#[cfg(feature = "session")]
const CLOSED: u8 = 3;

/// Where an [`Owner`] stands: who is further out, and the marker of the request, once somebody has asked for one. Until
/// then what would be marked is kept here.
#[derive(Default)]
pub(crate) struct Place {
    outer: Option<Owned>,
    marker: OnceLock<Personal>,
    seen: AtomicU8,
}

/// Why nobody may look any more.
#[cfg(feature = "session")]
pub(crate) enum Blind {
    Shared(AlreadyShared),
    Closed,
}

impl Place {
    /// The innermost place of a request, from which the owner further out is taken.
    #[cfg(feature = "session")]
    pub(crate) fn innermost(extensions: &mut Extensions) -> Self {
        let outer = extensions.remove::<Owned>();
        let marker = match &outer {
            Some(owned) => Some(owned.marker()),
            None => extensions.get::<Personal>(),
        };
        Self {
            marker: marker.cloned().map_or_else(OnceLock::new, OnceLock::from),
            outer,
            seen: AtomicU8::new(UNSEEN),
        }
    }

    /// Declares that somebody looks, and the response belongs to one person: see [`Personal::mark`].
    #[cfg(feature = "session")]
    pub(crate) fn look(&self) -> Result<(), Blind> {
        let order = Ordering::SeqCst;
        match self.seen.compare_exchange(UNSEEN, SEEN, order, order) {
            Ok(_) => self.marked_first().map_err(Blind::Shared),
            Err(SEEN) => Ok(()),
            Err(REFUSED) => Err(Blind::Shared(AlreadyShared { _private: () })),
            Err(_) => Err(Blind::Closed),
        }
    }

    /// Marks the marker, if there is one. Who makes one from now on sees that it is to be marked: of the two, at least
    /// one sees what the other has written.
    #[cfg(feature = "session")]
    fn marked_first(&self) -> Result<(), AlreadyShared> {
        fence(Ordering::SeqCst);
        let marked = self.marker.get().map_or(Ok(()), Personal::mark);
        if marked.is_err() {
            self.seen.store(REFUSED, Ordering::SeqCst);
        }
        marked
    }

    /// Whether somebody has looked.
    #[cfg(feature = "session")]
    pub(crate) fn is_seen(&self) -> bool {
        matches!(self.seen.load(Ordering::Acquire), SEEN | REFUSED)
    }

    /// Lets nobody look any more if nobody has, and says whether that is so.
    #[cfg(feature = "session")]
    pub(crate) fn close(&self) -> bool {
        let order = Ordering::SeqCst;
        match self.seen.compare_exchange(UNSEEN, CLOSED, order, order) {
            Ok(_) | Err(CLOSED) => true,
            Err(_) => false,
        }
    }

    fn marker(&self) -> &Personal {
        let marker = self.marker.get_or_init(Personal::default);
        fence(Ordering::SeqCst);
        if self.seen.load(Ordering::SeqCst) == SEEN {
            // If it is others' already, who looks is told so.
            let _ = marker.mark();
        }
        marker
    }

    /// The marker, if there is one, or there has to be.
    fn known_marker(&self) -> Option<&Personal> {
        let seen = self.seen.load(Ordering::SeqCst) == SEEN;
        (seen || self.marker.get().is_some()).then(|| self.marker())
    }

    /// The same place for another response to the same request.
    #[cfg(all(feature = "session", feature = "response-cache"))]
    pub(crate) fn anew(&self) -> Self {
        let outer = self.outer.as_ref().map(|owned| Owned(owned.0.anew()));
        let marker = outer.as_ref().map(|owned| owned.marker().clone());
        Self {
            outer,
            marker: marker.map_or_else(OnceLock::new, OnceLock::from),
            seen: AtomicU8::new(UNSEEN),
        }
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

    #[cfg(all(feature = "session", feature = "response-cache"))]
    mod owners {
        use super::*;

        struct One(&'static str, Place);
        struct Other(Place);

        impl Owner for One {
            fn cookie(&self) -> Option<&str> {
                Some(self.0)
            }
            fn place(&self) -> &Place {
                &self.1
            }
            fn anew(&self) -> Arc<dyn Owner> {
                Arc::new(Self(self.0, self.1.anew()))
            }
        }

        impl Owner for Other {
            fn cookie(&self) -> Option<&str> {
                None
            }
            fn place(&self) -> &Place {
                &self.0
            }
            fn anew(&self) -> Arc<dyn Owner> {
                Arc::new(Self(self.0.anew()))
            }
        }

        fn put(extensions: &mut Extensions, owner: impl FnOnce(Place) -> Arc<dyn Owner>) {
            let place = Place::innermost(extensions);
            extensions.insert(Owned(owner(place)));
        }

        fn nested() -> Extensions {
            let mut extensions = Extensions::new();
            put(&mut extensions, |place| Arc::new(One("outer", place)));
            put(&mut extensions, |place| Arc::new(One("inner", place)));
            put(&mut extensions, |place| Arc::new(Other(place)));
            extensions
        }

        #[test]
        fn an_owner_is_found_behind_those_of_other_kinds() {
            let extensions = nested();
            assert_eq!(Owned::find::<One>(&extensions).unwrap().0, "inner");
            assert!(Owned::find::<Other>(&extensions).is_some());
            assert!(OwnedCookie::names(&extensions).eq(["inner", "outer"]));
        }

        #[test]
        fn all_owners_of_a_request_mark_the_same_and_anew_the_same_again() {
            let mut extensions = nested();
            let first = Personal::of(&mut extensions);
            let second = Personal::renew(&mut extensions);

            let owner = Owned::find::<One>(&extensions).unwrap();
            assert!(owner.1.look().is_ok());

            assert!(!first.is_marked());
            assert!(second.is_marked());
            assert!(Personal::get(&extensions).unwrap().is_marked());
        }
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
