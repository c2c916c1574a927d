//! The resource that a key belongs to, as invalidations name it.

use smallvec::SmallVec;

use crate::{
    key::{Key, decoded},
    ledger::{Name, Subject},
};

/// The host, path and query of a key.
///
/// It leaves out what else tells keys apart (header fields, cookies, the user): what changes a resource changes it
/// for all of them. Spellings that mean the same resource have the same place, whatever keys they have: with and
/// without the default port (RFC 9110 4.2.3), and percent-encoded without need (RFC 3986 6.2.2.2).
pub(crate) struct Place {
    bytes: SmallVec<[u8; 128]>,
    /// Where the host ends.
    host: usize,
    /// Where the path ends.
    path: usize,
}

impl Place {
    /// `by_path` is whether all queries of a path are one resource here.
    pub(crate) fn of(key: &Key, by_path: bool) -> Self {
        // See `CacheKey::of`: scheme, host and the rest stand on lines of their own, before all other parts.
        let mut lines = key.as_bytes().split(|byte| *byte == b'\n').skip(1);
        let (host, url) = (lines.next(), lines.next());
        let url = url.unwrap_or_default();
        let (path, query) = match url.iter().position(|byte| *byte == b'?') {
            Some(query) => url.split_at(query),
            None => (url, &url[..0]),
        };
        let mut bytes = SmallVec::new();
        bytes.extend_from_slice(without_default_port(host.unwrap_or_default()));
        let host = bytes.len();
        bytes.extend_from_slice(&decoded(path));
        let path = bytes.len();
        if !by_path {
            bytes.extend_from_slice(&decoded(query));
        }
        Self { bytes, host, path }
    }

    pub(crate) fn name(&self) -> Name {
        Name::resource(&self.bytes)
    }

    /// RFC 9875 2: to which origin the groups of a response belong. HTTP and HTTPS are one here.
    pub(crate) fn origin(&self) -> &[u8] {
        &self.bytes[..self.host]
    }

    /// What patterns are compared with: host and path.
    pub(crate) fn host_and_path(&self) -> &[u8] {
        &self.bytes[..self.path]
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject::Resource(self.bytes.as_slice().into())
    }
}

fn without_default_port(host: &[u8]) -> &[u8] {
    let default = host.strip_suffix(b":80");
    default
        .or_else(|| host.strip_suffix(b":443"))
        .unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(key: &[u8], by_path: bool) -> (String, String) {
        let place = Place::of(&Key::new(key), by_path);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&place.bytes), text(place.host_and_path()))
    }

    #[test]
    fn a_place_is_the_host_the_path_and_the_query() {
        let found = place(b"http\na.example\n/p?q=1\nuser =\0\0\0\0\0\0\0\x01?", false);
        assert_eq!(found, ("a.example/p?q=1".into(), "a.example/p".into()));
        let found = place(b"\na.example\n/p?q=1", true);
        assert_eq!(found, ("a.example/p".into(), "a.example/p".into()));
        assert_eq!(place(b"\n\n/", false).0, "/");
    }

    #[test]
    fn spellings_of_one_resource_have_one_place() {
        let same = |one: &[u8], two: &[u8]| assert_eq!(place(one, false), place(two, false));
        same(b"\na.example:80\n/p", b"\na.example\n/p");
        same(b"\na.example:443\n/p", b"https\na.example\n/p");
        same(b"\na\n/%70/%7e?%61", b"\na\n/p/~?a");
        same(b"\na\n/%c3%a4", b"\na\n/%C3%A4");
    }

    #[test]
    fn what_means_something_encoded_stays() {
        for key in [
            &b"\na\n/p%2Fq"[..],
            b"\na\n/p%",
            b"\na\n/p%2",
            b"\na\n/p%zz",
            b"\na\n/p%3F",
        ] {
            let (found, _) = place(key, false);
            assert_eq!(found.as_bytes(), [b"a", &key[3..]].concat(), "{found}");
        }
        assert_ne!(place(b"\na:8080\n/p", false), place(b"\na\n/p", false));
    }
}
