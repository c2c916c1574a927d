//! What the origin says of its resources: how they may be cached, and in what shape they come.

use std::fmt;

use proptest::{option::weighted, prelude::*, sample::select};

/// How responses may be cached: what Cache-Control says, and what comes with it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) max_age: Option<u64>,
    pub(super) s_maxage: Option<u64>,
    pub(super) swr: Option<u64>,
    pub(super) sie: Option<u64>,
    pub(super) public: bool,
    pub(super) immutable: bool,
    pub(super) must_revalidate: bool,
    pub(super) no_cache: bool,
    pub(super) no_store: bool,
    pub(super) private: bool,
    /// The Age of a cache further in.
    pub(super) age: Option<u64>,
    pub(super) set_cookie: bool,
    /// The handler marks the request as personal.
    pub(super) marks: bool,
}

impl Policy {
    /// The members of Cache-Control.
    pub(super) fn control(self) -> Vec<String> {
        let number = |name, value: Option<u64>| value.map(|value| format!("{name}={value}"));
        let flag = |name: &str, set: bool| set.then(|| name.to_owned());
        let members = [
            number("max-age", self.max_age),
            number("s-maxage", self.s_maxage),
            number("stale-while-revalidate", self.swr),
            number("stale-if-error", self.sie),
            flag("public", self.public),
            flag("immutable", self.immutable),
            flag("must-revalidate", self.must_revalidate),
            flag("no-cache", self.no_cache),
            flag("no-store", self.no_store),
            flag("private", self.private),
        ];
        members.into_iter().flatten().collect()
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.control().join(", "))?;
        if let Some(age) = self.age {
            write!(f, " Age: {age}")?;
        }
        f.write_str(if self.set_cookie { " Set-Cookie" } else { "" })?;
        f.write_str(if self.marks { " marks" } else { "" })
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tag {
    #[default]
    None,
    Weak,
    Strong,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Varies {
    #[default]
    No,
    Language,
    Any,
}

/// In what shape responses come. It changes only with the content.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) tag: Tag,
    pub(super) modified: bool,
    pub(super) varies: Varies,
    /// Whether there is a Content-Length.
    pub(super) length: bool,
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tag,
            modified,
            varies,
            length,
        } = self;
        write!(f, "ETag {tag:?}, Vary {varies:?}")?;
        f.write_str(if *modified { ", Last-Modified" } else { "" })?;
        f.write_str(if *length { ", Content-Length" } else { "" })
    }
}

fn flag(probability: f64) -> impl Strategy<Value = bool> {
    prop::bool::weighted(probability)
}

fn seconds() -> impl Strategy<Value = u64> {
    select(vec![0, 1, 5, 10, 30, 60])
}

pub(super) fn policies() -> impl Strategy<Value = Policy> {
    let times = (
        weighted(0.75, seconds()),
        weighted(0.12, seconds()),
        weighted(0.25, seconds()),
        weighted(0.25, seconds()),
        weighted(0.12, select(vec![1, 4, 30])),
    );
    let flags = (flag(0.25), flag(0.1), flag(0.12), flag(0.1));
    let closed = (flag(0.07), flag(0.07), flag(0.06), flag(0.06));
    (times, flags, closed).prop_map(|(times, flags, closed)| {
        let (max_age, s_maxage, swr, sie, age) = times;
        let (public, immutable, must_revalidate, no_cache) = flags;
        let (no_store, private, set_cookie, marks) = closed;
        Policy {
            max_age,
            s_maxage,
            swr,
            sie,
            public,
            immutable,
            must_revalidate,
            no_cache,
            no_store,
            private,
            age,
            set_cookie,
            marks,
        }
    })
}

pub(super) fn shapes() -> impl Strategy<Value = Shape> {
    let tag = prop_oneof![2 => Just(Tag::None), 1 => Just(Tag::Weak), 3 => Just(Tag::Strong)];
    let varies =
        prop_oneof![6 => Just(Varies::No), 4 => Just(Varies::Language), 1 => Just(Varies::Any)];
    (tag, flag(0.4), varies, flag(0.5)).prop_map(|(tag, modified, varies, length)| Shape {
        tag,
        modified,
        varies,
        length,
    })
}
