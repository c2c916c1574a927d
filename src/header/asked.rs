//! The fields of a request that a cache looks at, found in one pass.
//!
//! A request has a dozen fields, and each look into its table costs as much as reading a few names: the cache
//! reads all names once and looks up only what is there.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// What a request has of the fields that a cache looks at.
#[derive(Debug, Default)]
pub(crate) struct AskedFields<'a> {
    /// The first lines of Host, of which there should be one.
    pub(crate) hosts: [Option<&'a HeaderValue>; 2],
    found: u16,
}

/// A field that a cache looks at, Host aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Field {
    Authorization = 1,
    /// Cache-Control or Pragma.
    Directives = 1 << 1,
    Connection = 1 << 2,
    Cookie = 1 << 3,
    Upgrade = 1 << 4,
    /// A condition or a range: what answers is perhaps not the whole response.
    Part = 1 << 5,
}

impl<'a> AskedFields<'a> {
    /// Reads the names of all fields.
    pub(crate) fn read(headers: &'a HeaderMap) -> Self {
        let mut this = Self::default();
        for (name, value) in headers {
            if *name == header::HOST {
                let place = usize::from(this.hosts[0].is_some());
                this.hosts[place] = Some(value);
            } else {
                this.found |= bit(name);
            }
        }
        this
    }

    /// Whether the request has the field.
    pub(crate) fn has(&self, field: Field) -> bool {
        self.found & field as u16 != 0
    }
}

/// The field's bit, if it is one of those. Names that are constants are compared by number.
fn bit(name: &HeaderName) -> u16 {
    let field = if *name == header::CACHE_CONTROL || *name == header::PRAGMA {
        Field::Directives
    } else if *name == header::IF_NONE_MATCH
        || *name == header::IF_MODIFIED_SINCE
        || *name == header::RANGE
    {
        Field::Part
    } else if *name == header::AUTHORIZATION {
        Field::Authorization
    } else if *name == header::CONNECTION {
        Field::Connection
    } else if *name == header::COOKIE {
        Field::Cookie
    } else if *name == header::UPGRADE {
        Field::Upgrade
    } else {
        return 0;
    };
    field as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_field_is_found_under_its_name_and_nothing_else_is() {
        for (name, field) in [
            (header::AUTHORIZATION, Field::Authorization),
            (header::CACHE_CONTROL, Field::Directives),
            (header::PRAGMA, Field::Directives),
            (header::CONNECTION, Field::Connection),
            (header::COOKIE, Field::Cookie),
            (header::UPGRADE, Field::Upgrade),
            (header::IF_NONE_MATCH, Field::Part),
            (header::IF_MODIFIED_SINCE, Field::Part),
            (header::RANGE, Field::Part),
        ] {
            let lines = headers(&[(header::ACCEPT, "a"), (name.clone(), ""), (header::TE, "b")]);
            let read = AskedFields::read(&lines);
            assert!(read.has(field), "{name}");
            assert_eq!(read.found, field as u16, "{name}");
            assert_eq!(read.hosts, [None, None]);
        }
        // If-Range means nothing without Range.
        let others = headers(&[(header::IF_MATCH, "*"), (header::IF_RANGE, "\"a\"")]);
        assert_eq!(AskedFields::read(&others).found, 0);
    }

    #[test]
    fn a_second_host_is_seen_and_a_third_hides_neither() {
        let lines = headers(&[
            (header::HOST, "a"),
            (header::HOST, "b"),
            (header::HOST, "c"),
        ]);
        let [first, second] = AskedFields::read(&lines).hosts;
        assert_eq!(first.unwrap(), "a");
        assert!(second.is_some());
        let one = headers(&[(header::HOST, "a")]);
        assert_eq!(AskedFields::read(&one).hosts[1], None);
    }
}
