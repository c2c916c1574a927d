//! The id of a session, what the store knows it by, and what people may know it by.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// 160 bits, where 128 would do.
const ENTROPY: usize = 20;
/// What [`ENTROPY`] bytes are long in base64.
pub(super) const LETTERS: usize = 27;

/// What a client proves itself by: whoever knows it has the session. It has no `Debug`, no `Display`, and leaves this
/// crate in the response alone.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SessionId([u8; ENTROPY]);

impl SessionId {
    /// A new one, from the random numbers of the operating system.
    ///
    /// # Errors
    /// If the operating system has none to give.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; ENTROPY];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// What a client has presented, if it has the form of an id: nothing else is ever looked up.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; ENTROPY];
        if text.len() != LETTERS {
            return None;
        }
        let decoded = URL_SAFE_NO_PAD.decode_slice_unchecked(text, &mut bytes);
        (decoded == Ok(ENTROPY)).then_some(Self(bytes))
    }

    /// As it goes to the client: letters, digits, `-` and `_`.
    pub(crate) fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What the store knows it by.
    pub(crate) fn key(&self) -> SessionKey {
        SessionKey(Sha256::digest(self.0).into())
    }
}

/// What a store knows a session by: the SHA-256 of its id. Whoever reads the store cannot present it to anybody.
///
/// ```
/// use tower_keep::session::SessionKey;
///
/// let key = SessionKey::from_bytes([7; 32]);
/// assert_eq!(key.as_bytes(), &[7; 32]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// The key with these bytes, as a store has kept them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes: spread evenly, so that any of them will do as a hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What the session is called where people may see it.
    #[must_use]
    pub fn handle(&self) -> SessionHandle {
        let hash = Sha256::new_with_prefix(b"tower-keep session handle\0");
        let hash: [u8; 32] = hash.chain_update(self.0).finalize().into();
        let mut handle = [0; 12];
        handle.copy_from_slice(&hash[..12]);
        SessionHandle(handle)
    }
}

/// Shows the [handle](SessionKey::handle).
impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({})", self.handle())
    }
}

/// A name for a session that gives no access to it: for logs, for pages that list devices, for the keys of limits. It is
/// a short salted hash of what the [store knows the session by](SessionKey), itself a hash of the id.
///
/// It changes when the session gets another id.
///
/// ```
/// use tower_keep::session::{SessionHandle, SessionKey};
///
/// let handle = SessionKey::from_bytes([7; 32]).handle();
/// let shown = handle.to_string();
/// assert_eq!(shown.len(), 16);
/// assert_eq!(shown.parse(), Ok(handle));
/// for text in ["no handle", "AAAAAAAAAAAAAAAAAAAAAAAA", "................"] {
///     assert!(text.parse::<SessionHandle>().is_err());
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionHandle([u8; 12]);

impl fmt::Display for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 16];
        URL_SAFE_NO_PAD
            .encode_slice(self.0, &mut text)
            .map_err(|_| fmt::Error)?;
        f.pad(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionHandle({self})")
    }
}

impl std::str::FromStr for SessionHandle {
    type Err = InvalidHandle;

    fn from_str(text: &str) -> Result<Self, InvalidHandle> {
        let mut bytes = [0; 12];
        // What is longer does not fit, and would panic.
        if text.len() != 16 {
            return Err(InvalidHandle(()));
        }
        match URL_SAFE_NO_PAD.decode_slice_unchecked(text, &mut bytes) {
            Ok(12) => Ok(Self(bytes)),
            _ => Err(InvalidHandle(())),
        }
    }
}

/// A text is not the name of a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the handle of a session: that is 16 letters of base64url")]
pub struct InvalidHandle(());
