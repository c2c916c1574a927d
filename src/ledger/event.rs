//! What an invalidation says.

use std::fmt;

use smallvec::SmallVec;

use super::pattern::Pattern;

/// What becomes of what is invalidated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It is gone, and its memory is freed.
    #[default]
    Hard,
    /// It is stale: it has to be validated, and may answer meanwhile where stale responses may.
    Soft,
}

/// By what something was invalidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// An unsafe request to its resource (RFC 9111 4.4).
    Write,
    /// Its resource was named.
    Resource,
    /// One of its tags was named.
    Tag,
    /// One of its cache groups was named (RFC 9875).
    Group,
    /// A pattern that matches it.
    Pattern,
    /// Everything was.
    All,
}

/// The name of a cell: a hash under a seed of this process. Names with the same one are invalidated together,
/// which happens to one pair in a few billions and costs a request to the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name(u64);

impl Name {
    fn of(kind: u8, parts: &[&[u8]]) -> Self {
        let mut bytes: SmallVec<[u8; 128]> = SmallVec::new();
        bytes.push(kind);
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        Self(super::fingerprint(&bytes))
    }

    pub(crate) fn resource(resource: &[u8]) -> Self {
        Self::of(b'r', &[resource])
    }

    pub(crate) fn tag(tag: &[u8]) -> Self {
        Self::of(b't', &[tag])
    }

    /// RFC 9875 2: groups are those of an origin.
    pub(crate) fn group(origin: &[u8], group: &[u8]) -> Self {
        Self::of(b'g', &[origin, group])
    }

    pub(super) fn fingerprint(self) -> u64 {
        self.0
    }
}

/// What is invalidated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// A resource: host, path and query.
    Resource(Box<[u8]>),
    /// What carries a tag.
    Tag(Box<str>),
    /// What is in a cache group of an origin (RFC 9875).
    Group {
        /// The host.
        origin: Box<[u8]>,
        /// The group.
        name: Box<str>,
    },
    /// What a pattern matches.
    Pattern(Pattern),
}

impl Subject {
    pub(super) fn name(&self) -> Option<Name> {
        Some(match self {
            Self::Resource(resource) => Name::resource(resource),
            Self::Tag(tag) => Name::tag(tag.as_bytes()),
            Self::Group { origin, name } => Name::group(origin, name.as_bytes()),
            Self::Pattern(_) => return None,
        })
    }
}

/// Some things that are invalidated at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    subjects: Vec<Subject>,
    pub(crate) effect: Effect,
    /// Whether an unsafe request did it.
    by_write: bool,
    /// Whose event it is, among those who share a journal.
    pub(super) from: u64,
}

impl Event {
    pub(crate) fn new(effect: Effect) -> Self {
        Self {
            effect,
            ..Self::default()
        }
    }

    /// Something that an unsafe request invalidates.
    pub(crate) fn by_write() -> Self {
        Self {
            by_write: true,
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, subject: Subject) {
        if !self.subjects.contains(&subject) {
            self.subjects.push(subject);
        }
    }

    pub(crate) fn is_by_write(&self) -> bool {
        self.by_write
    }

    pub(crate) fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    pub(super) fn cause(&self, subject: &Subject) -> Cause {
        match subject {
            Subject::Resource(_) if self.by_write => Cause::Write,
            Subject::Resource(_) => Cause::Resource,
            Subject::Tag(_) => Cause::Tag,
            Subject::Group { .. } => Cause::Group,
            Subject::Pattern(pattern) if pattern.is_all() => Cause::All,
            Subject::Pattern(_) => Cause::Pattern,
        }
    }
}

/// Its kind and its text, such as `tag product:7`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource(place) => write!(f, "url {}", place.escape_ascii()),
            Self::Tag(tag) => write!(f, "tag {tag}"),
            Self::Group { origin, name } => write!(f, "group {name} of {}", origin.escape_ascii()),
            Self::Pattern(pattern) => write!(f, "path {pattern}"),
        }
    }
}
