//! What is kept of past fuzzing, as ordinary tests.

use std::{
    collections::BTreeSet,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 8] = [
    ("cache_control", super::cache_control),
    ("cache_status", super::cache_status),
    ("http_date", super::http_date),
    ("key", super::key),
    ("no_vary_search", super::no_vary_search),
    ("range", super::range),
    ("targeted", super::targeted),
    ("vary", super::vary),
];

/// The folder of the fuzzing programs. A package made by `cargo package` is without them, since they are a package of their
/// own; it has a `Cargo.toml.orig` instead.
fn programs() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packaged = root.join("Cargo.toml.orig").exists();
    (!packaged).then(|| root.join("tests/fuzz"))
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", directory.display()));
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("a folder can be read to its end").path())
        .collect();
    paths.sort();
    paths
}

fn names(directory: &Path) -> BTreeSet<String> {
    let name = |path: &PathBuf| Some(path.file_stem()?.to_string_lossy().into_owned());
    entries(directory).iter().filter_map(name).collect()
}

#[test]
fn every_target_has_a_program_and_a_corpus_and_no_other_is_there() {
    let Some(programs) = programs() else { return };
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&programs.join("targets")), targets);
    assert_eq!(names(&programs.join("corpus")), targets);
    let read = |path: &str| fs::read_to_string(programs.join(path)).expect("it is there");
    let manifest = read("Cargo.toml");
    for target in &targets {
        let path = format!("path = \"targets/{target}.rs\"");
        assert!(manifest.contains(&path), "{target} is not in Cargo.toml");
    }
    let matrix: Vec<_> = targets.into_iter().collect();
    let matrix = format!("target: [{}]", matrix.join(", "));
    assert!(
        read("../../.github/workflows/ci.yml").contains(&matrix),
        "{matrix}"
    );
}

#[test]
fn everything_in_the_corpus_has_the_properties_of_its_target() {
    let Some(programs) = programs() else { return };
    for (name, target) in TARGETS {
        let inputs = entries(&programs.join("corpus").join(name));
        assert!(inputs.len() >= 5, "the corpus of {name} is too small");
        for path in inputs {
            let data = fs::read(&path).expect("the corpus can be read");
            let held = catch_unwind(|| target(&data)).is_ok();
            assert!(held, "a property is violated by {}", path.display());
        }
    }
}
