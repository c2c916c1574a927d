//! The names that responses carry and purges name.

use tower_keep::response_cache::Purge;

use super::steps::Target;

pub(super) const PATHS: [&str; 2] = ["/p/a", "/p/b"];
pub(super) const TAGS: [&str; 3] = ["one", "two", "three"];
pub(super) const GROUP: &str = "group";
const ORIGIN: &str = "http://origin.test";

/// A set of names: of paths and tags one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) paths: u8,
    pub(super) tags: u8,
    pub(super) group: bool,
}

impl Names {
    pub(super) fn of_path(path: usize) -> Self {
        Self {
            paths: 1 << path,
            ..Self::default()
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            paths: self.paths | other.paths,
            tags: self.tags | other.tags,
            group: self.group || other.group,
        }
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.paths & other.paths != 0 || self.tags & other.tags != 0 || (self.group && other.group)
    }

    /// As Cache-Tag has them.
    pub(super) fn cache_tag(self) -> String {
        let has = |place: &usize| self.tags & (1 << place) != 0;
        let tags: Vec<&str> = (0..TAGS.len()).filter(has).map(|tag| TAGS[tag]).collect();
        tags.join(", ")
    }
}

pub(super) fn uri(path: usize) -> http::Uri {
    format!("{ORIGIN}{}", PATHS[path]).parse().unwrap()
}

impl Target {
    /// What it names of all that there is.
    pub(super) fn names(self) -> Names {
        let paths = |paths| Names {
            paths,
            ..Names::default()
        };
        match self {
            Self::Url(path)
            | Self::Path(path)
            | Self::Prefix(path)
            | Self::Glob(path)
            | Self::Many(path) => Names::of_path(path),
            Self::Tags(tags) => Names {
                tags,
                ..Names::default()
            },
            Self::Group => Names {
                group: true,
                ..Names::default()
            },
            Self::Below | Self::Each | Self::All => paths(0b11),
            Self::Unrelated => Names::default(),
        }
    }

    pub(super) fn purge(self) -> Purge {
        let purge = Purge::new();
        match self {
            Self::Url(path) => purge.url(uri(path)),
            Self::Path(path) => purge.path(PATHS[path]),
            Self::Prefix(path) => purge.prefix(PATHS[path]),
            Self::Glob(path) => purge.glob(&format!("/?{}", &PATHS[path][2..])).unwrap(),
            Self::Tags(tags) => {
                let names = (0..TAGS.len()).filter(|tag| tags & (1 << tag) != 0);
                purge.tags(names.map(|tag| TAGS[tag]))
            }
            Self::Group => purge.group(uri(0), GROUP),
            Self::Below => purge.prefix("origin.test/p/"),
            Self::Each => purge.glob("/p/{a,b}").unwrap(),
            Self::All => purge.all(),
            Self::Unrelated => purge.tag("unrelated"),
            // They are applied to all that is in use, and forgotten.
            Self::Many(path) => {
                let others = (0..70).map(|other| format!("/q/{other}"));
                others.fold(purge.path(PATHS[path]), |purge, other| purge.path(&other))
            }
        }
    }
}
