//! Keys of stored things: bytes, and a fingerprint of them under a seed of this process.

use std::{
    hash::{BuildHasher, Hash, Hasher},
    sync::OnceLock,
};

use smallvec::SmallVec;

mod encoding;
mod target;

pub(crate) use self::encoding::decoded;
pub use self::target::TargetUri;
pub(crate) use self::target::{hosts, path_and_query};
pub(crate) use crate::header::target::{authority, authority_of};

/// Most keys (scheme, authority, path, query) fit here, so that a lookup allocates nothing.
pub(crate) const INLINE: usize = 128;

/// The key of a stored thing.
///
/// Equality is that of the bytes. The fingerprint is a 64-bit hash under a seed drawn once per process:
/// nobody outside can aim for a collision, and a [`Store`](crate::store::Store) in memory finds a value by
/// it alone, then compares the bytes.
#[derive(Clone, Debug)]
pub struct Key {
    bytes: SmallVec<[u8; INLINE]>,
    fingerprint: u64,
}

impl Key {
    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self::from_buffer(SmallVec::from_slice(bytes))
    }

    #[inline]
    pub(crate) fn from_buffer(bytes: SmallVec<[u8; INLINE]>) -> Self {
        let fingerprint = seed().hash_one(bytes.as_slice());
        Self { bytes, fingerprint }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it allocates.
    pub(crate) fn heap(&self) -> usize {
        if self.bytes.spilled() {
            self.bytes.capacity()
        } else {
            0
        }
    }

    /// The hash of the bytes under this process's seed. It differs from one process to the next.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint && self.bytes == other.bytes
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.fingerprint);
    }
}

fn seed() -> &'static foldhash::quality::RandomState {
    static SEED: OnceLock<foldhash::quality::RandomState> = OnceLock::new();
    SEED.get_or_init(foldhash::quality::RandomState::default)
}
