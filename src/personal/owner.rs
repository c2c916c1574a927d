//! Who looks at something personal, and marks that by itself.

use std::{
    any::Any,
    iter,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, Ordering},
    },
};

use http::Extensions;

#[cfg(feature = "session")]
use super::AlreadyShared;
use super::Personal;

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
    pub(super) fn marker(&self) -> &Personal {
        self.0.place().marker()
    }

    /// Those of a request, from the innermost one outwards.
    pub(super) fn all(extensions: &Extensions) -> impl Iterator<Item = &Self> {
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

/// Somebody has looked at what an [`Owner`] guards: the response is one person's.
const SEEN: u8 = 1;
/// Somebody has asked for the marker.
const MARKER: u8 = 2;
/// Nobody may look who has not: the head of the response is on its way, and says nothing of it.
#[cfg(feature = "session")]
const CLOSED: u8 = 4;

/// Where an [`Owner`] stands: who is further out, and the marker of the request, once somebody has asked for one. Until
/// then what would be marked is kept here.
#[derive(Default)]
pub(crate) struct Place {
    outer: Option<Owned>,
    marker: OnceLock<Personal>,
    /// Of who looks and who asks for the marker, the one that writes here later sees the other, and marks.
    flags: AtomicU8,
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
        let flags = marker.map_or(0, |_| MARKER);
        Self {
            marker: marker.cloned().map_or_else(OnceLock::new, OnceLock::from),
            outer,
            flags: AtomicU8::new(flags),
        }
    }

    /// Declares that somebody looks, and the response belongs to one person: see [`Personal::mark`].
    #[cfg(feature = "session")]
    #[inline]
    pub(crate) fn look(&self) -> Result<(), Blind> {
        let may_look = |flags: u8| (flags & (SEEN | CLOSED) == 0).then_some(flags | SEEN);
        let looked = self
            .flags
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, may_look);
        let (Ok(flags) | Err(flags)) = looked;
        if flags & CLOSED != 0 && flags & SEEN == 0 {
            return Err(Blind::Closed);
        }
        match self.marker.get() {
            Some(marker) if flags & MARKER != 0 => marker.mark().map_err(Blind::Shared),
            _ => Ok(()),
        }
    }

    /// Whether somebody has looked.
    #[cfg(feature = "session")]
    pub(crate) fn is_seen(&self) -> bool {
        self.flags.load(Ordering::Acquire) & SEEN != 0
    }

    /// Lets nobody look any more who has not, and says whether nobody has.
    #[cfg(feature = "session")]
    pub(crate) fn close(&self) -> bool {
        self.flags.fetch_or(CLOSED, Ordering::AcqRel) & SEEN == 0
    }

    fn marker(&self) -> &Personal {
        let marker = self.marker.get_or_init(Personal::default);
        if self.flags.fetch_or(MARKER, Ordering::AcqRel) & SEEN != 0 {
            // If it is others' already, who looks is told so.
            let _ = marker.mark();
        }
        marker
    }

    /// The marker, if there is one, or there has to be.
    pub(super) fn known_marker(&self) -> Option<&Personal> {
        let wanted = self.flags.load(Ordering::Acquire) & (SEEN | MARKER) != 0;
        wanted.then(|| self.marker())
    }

    /// The same place for another response to the same request.
    #[cfg(all(feature = "session", feature = "response-cache"))]
    pub(crate) fn anew(&self) -> Self {
        let outer = self.outer.as_ref().map(|owned| Owned(owned.0.anew()));
        let marker = outer.as_ref().map(|owned| owned.marker().clone());
        Self {
            outer,
            flags: AtomicU8::new(marker.as_ref().map_or(0, |_| MARKER)),
            marker: marker.map_or_else(OnceLock::new, OnceLock::from),
        }
    }
}

#[cfg(all(test, feature = "session", feature = "response-cache"))]
mod tests {
    use std::{sync::Barrier, thread};

    use super::*;
    use crate::personal::OwnedCookie;

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

    #[test]
    fn of_who_looks_and_who_makes_the_marker_one_sees_the_other() {
        for _ in 0..2_000 {
            let mut extensions = Extensions::new();
            put(&mut extensions, |place| Arc::new(One("id", place)));
            let owner = Owned::find::<One>(&extensions).unwrap();
            let start = Barrier::new(2);

            let (looked, shared) = thread::scope(|scope| {
                let looking = scope.spawn(|| {
                    start.wait();
                    owner.1.look().is_ok()
                });
                start.wait();
                let shared = Personal::of(&mut extensions).share();
                (looking.join().unwrap(), shared)
            });

            assert_ne!(looked, shared);
            assert_eq!(owner.1.look().is_ok(), looked, "it stays as it was said");
        }
    }

    #[test]
    fn where_nobody_has_looked_nobody_can_when_it_is_closed() {
        let mut extensions = Extensions::new();
        put(&mut extensions, |place| Arc::new(Other(place)));
        let owner = Owned::find::<Other>(&extensions).unwrap();
        assert!(owner.0.close());
        assert!(matches!(owner.0.look(), Err(Blind::Closed)));
        assert!(!owner.0.is_seen());
        assert!(!Personal::of(&mut extensions).is_marked());
    }
}
