//! The cookie that carries an id.

use std::{borrow::Cow, sync::Arc, time::Duration};

use cookie::Cookie;
use http::{HeaderName, HeaderValue, header};

use super::{
    Captured, Found, InvalidCookie, Keys, MOST, Presented, RefusedId, SameSite,
    attributes::{has_prefix, is_domain, is_path, is_token},
    pairs, presented, sensitive,
};
use crate::{
    duration::days,
    session::id::{LETTERS, SessionId},
};

/// What the cookie is called if nobody says otherwise: OWASP wants a name that tells nothing, and the prefix keeps
/// other hosts from setting it.
const NAME: &str = "__Host-id";
/// The same where the prefix cannot be.
const INSECURE_NAME: &str = "id";
/// Browsers cut longer lives (6265bis, section 5.5).
const LONGEST_LIFE: Duration = days(400);
/// What an id is long with a signature, and encrypted; the latter is the longest that it gets.
const SIGNED: usize = 44 + LETTERS;
const ENCRYPTED: usize = Keys::encrypted_length(LETTERS);

/// The cookie that carries a session's id: its name, its attributes, and whether it is signed or encrypted.
///
/// As it comes from [`new`](Self::new) it is what browsers guard best: called `__Host-id`, `Secure`, `HttpOnly`,
/// `Path=/`, `SameSite=Lax`, without a `Domain`, forgotten when the browser ends. Each attribute is in each `Set-Cookie`
/// explicitly, and the removal repeats them. `HttpOnly` cannot be turned off.
///
/// Whether a combination can be is checked at each step, so that a name which allows for more comes first.
///
/// ```
/// use tower_keep::session::{SameSite, SessionCookie};
///
/// let cookie = SessionCookie::new().same_site(SameSite::Strict)?;
///
/// // Seen by all hosts below a domain, which `__Host-` rules out.
/// let shared = SessionCookie::new().named("__Secure-id")?.domain("example.com")?.persist();
/// # let _ = (cookie, shared);
/// # Ok::<(), tower_keep::session::InvalidCookie>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SessionCookie {
    name: Arc<str>,
    path: Cow<'static, str>,
    domain: Option<Arc<str>>,
    same_site: SameSite,
    secure: bool,
    persists: bool,
    protection: Protection,
}

/// What is done to the id on its way.
#[derive(Clone, Debug)]
enum Protection {
    None,
    Signed(Keys),
    Encrypted(Keys),
}

impl SessionCookie {
    /// A cookie as browsers guard it best, see [above](Self).
    pub fn new() -> Self {
        Self::of_this_host(NAME)
    }

    /// The same with another name: a token that begins with `__Host-`.
    pub(in crate::session) fn of_this_host(name: &str) -> Self {
        Self {
            name: Arc::from(name),
            path: Cow::Borrowed("/"),
            domain: None,
            same_site: SameSite::Lax,
            secure: true,
            persists: false,
            protection: Protection::None,
        }
    }

    /// Another name. It should not tell what made it, and begin with `__Host-` where it can.
    ///
    /// # Errors
    /// If it is not a token (6265bis, section 4.1.1) or too long, or if it begins with a prefix that the rest of the
    /// cookie does not suit.
    pub fn named(mut self, name: &str) -> Result<Self, InvalidCookie> {
        if !is_token(name) {
            return Err(InvalidCookie::Name);
        }
        if name.len() + ENCRYPTED > MOST {
            return Err(InvalidCookie::LongName);
        }
        self.name = Arc::from(name);
        self.checked()
    }

    /// Only requests below this path have the cookie. That is no protection from what else the host serves: scripts
    /// there can make such requests.
    ///
    /// # Errors
    /// If it is no absolute path of printable ASCII, or if the name begins with `__Host-` and it is not `/`.
    pub fn path(mut self, path: impl Into<String>) -> Result<Self, InvalidCookie> {
        let path = path.into();
        if !is_path(&path) {
            return Err(InvalidCookie::Path);
        }
        self.path = Cow::Owned(path);
        self.checked()
    }

    /// All hosts below this domain have the cookie, and each of them can replace it.
    ///
    /// # Errors
    /// If it is no domain name, or if the name of the cookie begins with `__Host-`.
    pub fn domain(mut self, domain: &str) -> Result<Self, InvalidCookie> {
        if !is_domain(domain) {
            return Err(InvalidCookie::Domain);
        }
        self.domain = Some(Arc::from(domain));
        self.checked()
    }

    /// With which requests of other sites it is sent.
    ///
    /// # Errors
    /// If it is [`SameSite::None`] and the cookie is not secure.
    pub fn same_site(mut self, same_site: SameSite) -> Result<Self, InvalidCookie> {
        self.same_site = same_site;
        self.checked()
    }

    /// The browser keeps it when it ends: for as long as the session may live at most, and 400 days at most, as browsers
    /// do.
    pub fn persist(mut self) -> Self {
        self.persists = true;
        self
    }

    /// The id is signed with the first of these keys and taken with the signature of any of them: an id that was not
    /// issued here is told from one that has ended, and never asked of a store. It takes the place of
    /// [`encrypted`](Self::encrypted).
    ///
    /// An id is a random number of 160 bits, which nobody guesses. This is no more than a second line of defence.
    pub fn signed(mut self, keys: Keys) -> Self {
        self.protection = Protection::Signed(keys);
        self
    }

    /// The id is encrypted with the first of these keys and read with any of them, which includes all that
    /// [`signed`](Self::signed) does, and takes its place. A cookie that leaks, as into the log of a proxy, can still be
    /// presented.
    pub fn encrypted(mut self, keys: Keys) -> Self {
        self.protection = Protection::Encrypted(keys);
        self
    }

    /// The cookie also travels over connections that anybody may listen to: for development without TLS, and nothing
    /// else. The default name becomes `id`, since browsers refuse an insecure `__Host-id`.
    ///
    /// # Errors
    /// If the cookie has been given a name or [`SameSite::None`], and these want it secure.
    pub fn danger_insecure(mut self) -> Result<Self, InvalidCookie> {
        self.secure = false;
        if &*self.name == NAME {
            self.name = Arc::from(INSECURE_NAME);
        }
        self.checked()
    }

    fn checked(self) -> Result<Self, InvalidCookie> {
        let has_prefix = |prefix| has_prefix(&self.name, prefix);
        let at_host_only = self.secure && self.domain.is_none() && self.path == "/";
        if has_prefix("__Host-") && !at_host_only {
            return Err(InvalidCookie::HostPrefix);
        }
        if (has_prefix("__Secure-") || has_prefix("__Http-")) && !self.secure {
            return Err(InvalidCookie::SecurePrefix);
        }
        if self.same_site == SameSite::None && !self.secure {
            return Err(InvalidCookie::InsecureSameSiteNone);
        }
        Ok(self)
    }
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self::new()
    }
}

impl SessionCookie {
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn persists(&self) -> bool {
        self.persists
    }

    /// Its value among what a request carries, as it is.
    pub(crate) fn find<'a>(&self, captured: &'a Captured) -> Found<'a> {
        pairs::find(captured.lines(), &self.name)
    }

    /// Whether a browser would keep so long a value.
    pub(crate) fn fits(&self, length: usize) -> bool {
        self.name.len() + length <= MOST
    }

    /// The field that sets it, to base64 or nothing.
    pub(crate) fn set(&self, value: &str, max_age: Option<Duration>) -> (HeaderName, HeaderValue) {
        let mut cookie = Cookie::build((&*self.name, value))
            .http_only(true)
            .same_site(self.same_site.into())
            .secure(self.secure)
            .path(&*self.path)
            .build();
        if let Some(domain) = &self.domain {
            cookie.set_domain(&**domain);
        }
        if let Some(max_age) = max_age {
            let max_age = cookie::time::Duration::try_from(max_age.min(LONGEST_LIFE));
            cookie.set_max_age(max_age.expect("400 days are not too long"));
        }
        (header::SET_COOKIE, sensitive(cookie.to_string()))
    }

    /// The field that removes it: a browser wants the attributes repeated, or it keeps the cookie.
    pub(crate) fn retract(&self) -> (HeaderName, HeaderValue) {
        self.set("", Some(Duration::ZERO))
    }

    pub(super) fn announce(
        &self,
        id: &SessionId,
        max_age: Option<Duration>,
    ) -> (HeaderName, HeaderValue) {
        let text = id.to_text();
        let value = match &self.protection {
            Protection::None => text,
            Protection::Signed(keys) => keys.sign(&self.name, &text),
            Protection::Encrypted(keys) => keys.encrypt(&self.name, &text),
        };
        self.set(&value, max_age)
    }

    pub(super) fn read(&self, captured: &Captured) -> Presented {
        let value = match self.find(captured) {
            Found::Nothing => return Presented::Nothing,
            Found::Several => return Presented::Refused(RefusedId::Repeated),
            Found::One(value) => value,
        };
        if !self.fits(value.len()) {
            return Presented::Refused(RefusedId::Oversized);
        }
        match &self.protection {
            Protection::None => presented::id(value),
            Protection::Signed(keys) => {
                presented::opened(value, SIGNED, |text| keys.verify(&self.name, text))
            }
            Protection::Encrypted(keys) => {
                presented::opened(value, ENCRYPTED, |text| keys.decrypt(&self.name, text))
            }
        }
    }
}
