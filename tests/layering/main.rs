//! Imports in `src/` go downward only, and what is pure stays pure (see `CONTRIBUTING.md`).

mod imports;
mod tokens;

use std::{
    fs,
    path::{Path, PathBuf},
};

use self::{
    imports::{Import, imports},
    tokens::tokens,
};

/// No I/O, no imports from above.
const LEAVES: &[&str] = &[
    "adapter",
    "backoff",
    "body",
    "classify",
    "clock",
    "duration",
    "error",
    "head",
    "header",
    "key",
    "peer",
    "personal",
    "principal",
    "request_key",
    "sync",
    "wire",
];
/// What capabilities share; imports none of them.
const SHARED: &[&str] = &["breaker", "flight", "ledger", "lock", "stats", "store"];
/// Each works alone: none imports another.
const CAPABILITIES: &[&str] = &[
    "circuit_breaker",
    "fallback",
    "rate_limit",
    "response_cache",
    "retry",
    "session",
    "value_cache",
];
/// On top: may import any capability.
const TOP: &[&str] = &["admin", "warm_up"];
/// What tests use. Only tests may import it.
const TEST_UTIL: &str = "test_util";
/// The clock has a kind that is moved by hand, and `test_util` holds the hand.
const MAY_IMPORT_TEST_UTIL: &str = "clock";

/// Sources below this are functions of (state, now).
const PURE: &[&str] = &[
    "breaker/state",
    "breaker/window",
    "rate_limit/adaptive/state",
    "rate_limit/algorithm",
    "response_cache/policy",
    "retry/hedge/latency",
];
/// What a pure function has no use for; a path is written as its segments.
const IMPURE: &[&[&str]] = &[
    &["async"],
    &["await"],
    &["Clock"],
    &["SystemTime", "now"],
    &["Instant", "now"],
];

/// Capabilities may import these; their pure parts may not.
const IMPURE_MODULES: &[&str] = &["clock", "flight", "ledger", "lock", "store"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    Leaf,
    Shared,
    Capability,
    Top,
    TestUtil,
}

fn layer(module: &str) -> Option<Layer> {
    let among = |names: &[&str]| names.contains(&module);
    Some(match module {
        TEST_UTIL => Layer::TestUtil,
        _ if among(LEAVES) => Layer::Leaf,
        _ if among(SHARED) => Layer::Shared,
        _ if among(CAPABILITIES) => Layer::Capability,
        _ if among(TOP) => Layer::Top,
        _ => return None,
    })
}

/// Whether code of the module `from` may name the module `to`.
fn may_import(from: &str, to: &str, in_test: bool) -> bool {
    let (Some(above), Some(below)) = (layer(from), layer(to)) else {
        return false;
    };
    if from == to {
        return true;
    }
    match (above, below) {
        (_, Layer::TestUtil) => in_test || from == MAY_IMPORT_TEST_UTIL,
        (_, Layer::Leaf) => true,
        (_, Layer::Shared) => above != Layer::Leaf,
        // What tests use holds the stores of a capability to its rules.
        (_, Layer::Capability) => matches!(above, Layer::Top | Layer::TestUtil),
        (_, Layer::Top) => above == Layer::Top,
    }
}

/// One source file: where it is below `src/`, and its text.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The modules from the root to the file: `key/mod.rs` and `key.rs` are both `key`.
    fn modules(&self) -> Vec<String> {
        let mut modules: Vec<String> = self
            .path
            .with_extension("")
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        if modules.last().is_some_and(|last| last == "mod") {
            modules.pop();
        }
        modules
    }

    fn is_test(&self) -> bool {
        self.modules().iter().any(|module| module == "tests")
    }
}

/// What is wrong with a source, one line each.
fn complaints(source: &Source) -> Vec<String> {
    let modules = source.modules();
    let path = source.path.display();
    let from = modules.first().map_or("lib", String::as_str);
    if from == "lib" {
        return Vec::new();
    }
    if layer(from).is_none() {
        return vec![format!(
            "{path}: give the module {from} a place in the table"
        )];
    }
    let text = tokens(&source.text);
    // A test may hold what is pure against what is not.
    let pure = is_pure(&source.path) && !source.is_test();
    let mut found = Vec::new();
    for Import { module, in_test } in imports(&text, modules.len(), source.is_test()) {
        if layer(&module).is_none() {
            found.push(format!(
                "{path}: name {module} by its module, or give that a place in the table"
            ));
        } else if !may_import(from, &module, in_test) {
            found.push(format!("{path}: {from} must not import {module}"));
        } else if pure && IMPURE_MODULES.contains(&module.as_str()) {
            found.push(format!("{path}: {module} in what is pure"));
        }
    }
    if pure {
        let impure = impurities(&text).into_iter();
        found.extend(impure.map(|what| format!("{path}: {what} in what is pure")));
    }
    found
}

fn is_pure(path: &Path) -> bool {
    PURE.iter()
        .any(|pure| path.starts_with(pure) || path == Path::new(pure).with_extension("rs"))
}

fn impurities(source: &[String]) -> Vec<String> {
    IMPURE
        .iter()
        .map(|segments| segments.join("::"))
        .filter(|path| {
            let wanted = tokens(path);
            source
                .windows(wanted.len())
                .any(|window| window == wanted.as_slice())
        })
        .collect()
}

/// All sources below `directory`, with paths relative to `root`.
fn sources(root: &Path, directory: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("src is there") {
        let path = entry.expect("src can be read").path();
        if path.is_dir() {
            found.extend(sources(root, &path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let below = path.strip_prefix(root).expect("it was found below root");
            found.push(Source {
                path: below.to_owned(),
                text: fs::read_to_string(&path).expect("sources are text"),
            });
        }
    }
    found
}

#[test]
fn imports_go_downward_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let sources = sources(&root, &root);
    assert!(sources.len() > 1, "no sources in {}", root.display());
    let complaints: Vec<String> = sources.iter().flat_map(complaints).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// How many complaints there are about a file with this text.
fn complaints_about(path: &str, text: &str) -> usize {
    complaints(&Source {
        path: path.into(),
        text: text.to_owned(),
    })
    .len()
}

#[test]
fn a_forbidden_import_is_found_however_it_is_written() {
    for (path, text) in [
        ("key/mod.rs", "use crate::store::Store;"),
        ("key/mod.rs", "use crate::{header::Name, store};"),
        ("key/mod.rs", "fn f() { crate::store::open() }"),
        ("key/mod.rs", "use super::store;"),
        ("key/mod.rs", "mod inner { use super::super::store; }"),
        ("key/parts.rs", "use super::super::{peer, flight::Flight};"),
        ("store/mod.rs", "use crate::response_cache::policy;"),
        ("session/mod.rs", "use crate::response_cache::Purger;"),
        ("session.rs", "pub use crate::admin::Page;"),
        (
            "key/mod.rs",
            "#[cfg(test)] mod tests { use crate::store::Store; }",
        ),
        ("stats.rs", "use crate::test_util::ManualClock;"),
        ("admin.rs", "use crate::test_util::ManualClock;"),
        ("key/mod.rs", "use crate::Store;"),
        ("unheard_of.rs", ""),
    ] {
        assert_eq!(complaints_about(path, text), 1, "{path}: {text}");
    }
}

#[test]
fn what_is_allowed_is_not_complained_about() {
    for (path, text) in [
        ("lib.rs", "pub use crate::response_cache::Purger;"),
        (
            "store/mod.rs",
            "use crate::{key::Key, ledger::{Ledger, response_cache}};",
        ),
        (
            "response_cache/flow.rs",
            "use crate::{flight, store::{self, Store}, personal};",
        ),
        (
            "response_cache/flow.rs",
            "use super::policy; use crate::response_cache::policy;",
        ),
        ("admin/mod.rs", "use crate::{warm_up, session, store, key};"),
        ("clock.rs", "use crate::test_util::ManualClock;"),
        ("test_util/mod.rs", "use crate::{clock, store::Store};"),
        ("test_util/sessions/mod.rs", "use crate::session::Record;"),
        (
            "store/mod.rs",
            "#[cfg(test)] mod tests { use crate::test_util::Slow; }",
        ),
        (
            "store/mod.rs",
            "#[cfg(all(test, feature = \"x\"))] use crate::test_util::Slow;",
        ),
        ("store/tests.rs", "use crate::test_util::Slow;"),
        (
            "key/mod.rs",
            "// use crate::store;\n/* use crate::store; */ fn f() {}",
        ),
        (
            "key/mod.rs",
            r##"const TEXT: &str = r#"use "crate::store";"#;"##,
        ),
        ("key/mod.rs", "mod inner { use super::store; }"),
        (
            "key/mod.rs",
            "pub(crate) fn f<'a>(x: &'a u8) -> char { '\"' }",
        ),
    ] {
        assert_eq!(complaints_about(path, text), 0, "{path}: {text}");
    }
}

#[test]
fn after_a_test_module_test_util_is_forbidden_again() {
    for text in [
        "#[cfg(test)] mod tests { use crate::test_util::A; } use crate::test_util::B;",
        "#[cfg(test)] use crate::test_util::{A}; use crate::test_util::B;",
        "#[cfg(any(test, unix))] use crate::test_util::B;",
    ] {
        assert_eq!(complaints_about("store/mod.rs", text), 1, "{text}");
    }
}

#[test]
fn what_is_impure_is_found_in_policies_only() {
    for text in [
        "async fn f() {}",
        "fn f(clock: &Clock) {}",
        "fn f() { std::time::SystemTime::now(); }",
        "fn f() { let now = Instant::now(); }",
        "use crate::{store::Store};",
    ] {
        assert_eq!(
            complaints_about("response_cache/policy/vary.rs", text),
            1,
            "{text}"
        );
        assert_eq!(
            complaints_about("response_cache/policy.rs", text),
            1,
            "{text}"
        );
        assert_eq!(
            complaints_about("response_cache/flow.rs", text),
            0,
            "{text}"
        );
    }
    let pure = "fn await_less(now: SystemTime, clocks: ClockSkew) {} // async";
    assert_eq!(complaints_about("response_cache/policy/vary.rs", pure), 0);
}
