//! Keys that sign and encrypt cookies, and how they are changed.

use std::{fmt, sync::Arc};

use cookie::{Cookie, CookieJar, Key};

/// How many letters the signature takes at the beginning of a value: 32 bytes in base64.
const SIGNATURE: usize = 44;
/// The bytes of a key: one half signs, the other one encrypts.
const LENGTH: usize = 64;

/// The keys of cookies: the first one signs and encrypts, all of them verify and decrypt.
///
/// # Changing keys
///
/// Nobody is logged out when a new key comes first and the older ones stay behind it:
///
/// 1. Where several machines share the keys, give the new one to all of them as the last; otherwise those that do not
///    know it yet refuse what the others made with it.
/// 2. Put it first everywhere.
/// 3. Remove the old one when no session is left that it was used for: after the absolute lifetime of sessions.
///
/// ```
/// use tower_keep::session::{Keys, SessionCookie};
///
/// # let secret = |name: &str| name.repeat(5).into_bytes();
/// let keys = Keys::new(&secret("COOKIE_KEY_2025"))?.or(Keys::new(&secret("COOKIE_KEY_2024"))?);
/// let cookie = SessionCookie::new().signed(keys);
/// # let _ = cookie;
/// # Ok::<(), tower_keep::session::InvalidKey>(())
/// ```
///
/// # Algorithms
///
/// Those of the [`cookie`](https://docs.rs/cookie) crate: HMAC-SHA-256 signs, here of the name together with the value,
/// and AES-256-GCM encrypts, bound to the name. So what was made for one cookie is nothing in another. Encryption draws
/// a random nonce each time; a key is good for 2^32 of them (NIST SP 800-38D, section 8.3), which is fifty days of a
/// thousand per second.
#[derive(Clone)]
pub struct Keys(Arc<[Key]>);

impl Keys {
    /// One key: 64 random bytes or more, of which the first 64 are used. `openssl rand 64` makes one. Letters of hex or
    /// base64 are not random bytes: decode them.
    ///
    /// # Errors
    /// If there are fewer than 64, or if all are the same.
    pub fn new(key: &[u8]) -> Result<Self, InvalidKey> {
        let constant = key.windows(2).all(|pair| pair[0] == pair[1]);
        match Key::try_from(key) {
            Ok(_) if constant => Err(InvalidKey(())),
            Ok(key) => Ok(Self(Arc::new([key]))),
            Err(_) => Err(InvalidKey(())),
        }
    }

    /// With these behind them: nothing new is made with them, what they have made is still good.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "keys are put together where they are read"
    )]
    pub fn or(self, older: Self) -> Self {
        Self(self.0.iter().chain(&*older.0).cloned().collect())
    }

    fn first(&self) -> &Key {
        &self.0[0]
    }

    /// The value of the cookie `name` that says `text`, signed.
    pub(super) fn sign(&self, name: &str, text: &str) -> String {
        let mut jar = CookieJar::new();
        let named = Cookie::new(name.to_owned(), format!("{name}={text}"));
        jar.signed_mut(self.first()).add(named);
        let signature = added(&jar, name).split_at(SIGNATURE).0;
        [signature, text].concat()
    }

    /// How long the value of a cookie that says so much is when it is encrypted: a nonce, the text and a tag, in base64.
    pub(crate) const fn encrypted_length(length: usize) -> usize {
        (12 + length + 16).div_ceil(3) * 4
    }

    /// What the value of the cookie `name` says, if one of the keys has signed it.
    pub(super) fn verify(&self, name: &str, value: &str) -> Option<String> {
        let (signature, text) = value.split_at_checked(SIGNATURE)?;
        let jar = CookieJar::new();
        let verifies = |key| {
            let named = Cookie::new(name.to_owned(), format!("{signature}{name}={text}"));
            jar.signed(key).verify(named).is_some()
        };
        self.0.iter().any(verifies).then(|| text.to_owned())
    }

    /// The value of the cookie `name` that says `text` to whoever has the keys.
    pub(crate) fn encrypt(&self, name: &str, text: &str) -> String {
        let mut jar = CookieJar::new();
        let cookie = Cookie::new(name.to_owned(), text.to_owned());
        jar.private_mut(self.first()).add(cookie);
        added(&jar, name).to_owned()
    }

    /// What the value of the cookie `name` says, if one of the keys has encrypted it.
    pub(crate) fn decrypt(&self, name: &str, value: &str) -> Option<String> {
        let jar = CookieJar::new();
        let decrypted = |key| {
            let cookie = Cookie::new(name.to_owned(), value.to_owned());
            jar.private(key).decrypt(cookie)
        };
        let cookie = self.0.iter().find_map(decrypted)?;
        Some(cookie.value().to_owned())
    }
}

fn added<'a>(jar: &'a CookieJar, name: &str) -> &'a str {
    jar.get(name).expect("it was just put there").value()
}

/// Shows how many there are.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

/// A key is none.
///
/// ```
/// use tower_keep::session::Keys;
///
/// let refused = Keys::new(b"password").unwrap_err();
/// assert!(refused.to_string().contains("64 random bytes"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key of cookies consists of {LENGTH} random bytes or more")]
pub struct InvalidKey(());
