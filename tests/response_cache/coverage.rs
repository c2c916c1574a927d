//! `COVERAGE.md` names the tests of each statement; here they are looked for.
//!
//! A row is `| 7. RFC 9111, section 3: what it says | ` and the tests in backticks ` |`. Rows are numbered
//! from 1 without gaps. A test is written as the modules in which it stands, then its name:
//! `policy::storable::tests::no_store_is_not_stored`. Each module is a directory, a file or an
//! inline module on the way to it.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

/// That of the tests which this file is a part of.
const TABLE: &str = concat!("tests/", env!("CARGO_CRATE_NAME"), "/COVERAGE.md");

/// A test, and everything that may be written before its name.
struct Test {
    name: String,
    modules: HashSet<String>,
}

struct Row {
    /// `None` if the statement does not begin with a number.
    number: Option<usize>,
    tests: Vec<String>,
}

fn rows(table: &str) -> Vec<Row> {
    let cells = |line: &str| -> Option<(String, String)> {
        let (statement, tests) = line
            .strip_prefix('|')?
            .trim()
            .trim_end_matches('|')
            .rsplit_once('|')?;
        Some((statement.trim().to_owned(), tests.to_owned()))
    };
    table
        .lines()
        .skip_while(|line| !line.starts_with("|-") && !line.starts_with("| -"))
        .skip(1)
        .filter_map(cells)
        .map(|(statement, tests)| Row {
            number: statement
                .split_once('.')
                .and_then(|(number, _)| number.parse().ok()),
            tests: tests
                .split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect(),
        })
        .collect()
}

/// The tests in a source: functions with an attribute that makes them one.
fn tests_in(path: &Path, text: &str) -> Vec<Test> {
    let mut modules: HashSet<String> = path
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let lines = || text.lines().map(str::trim_start);
    modules.extend(lines().filter_map(|line| name_after(line, "mod ")));

    let mut found = Vec::new();
    let mut announced = false;
    for line in lines().filter(|line| !line.starts_with("//")) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            announced = true;
        }
        if let Some(name) = name_after(line, "fn ")
            && std::mem::take(&mut announced)
        {
            let modules = modules.clone();
            found.push(Test { name, modules });
        }
    }
    found
}

/// `x` of `async fn x()` with the keyword `fn `.
fn name_after(line: &str, keyword: &str) -> Option<String> {
    let (before, after) = line.split_once(keyword)?;
    let is_name = |character: char| character == '_' || character.is_alphanumeric();
    let is_item = before
        .chars()
        .all(|character| is_name(character) || " ()".contains(character));
    let name: String = after
        .chars()
        .take_while(|character| is_name(*character))
        .collect();
    (is_item && !name.is_empty()).then_some(name)
}

/// What is wrong with a table, one line each.
fn complaints(table: &str, tests: &[Test]) -> Vec<String> {
    let mut complaints = Vec::new();
    let rows = rows(table);
    if rows.is_empty() {
        complaints.push("there are no rows".to_owned());
    }
    for (row, number) in rows.iter().zip(1..) {
        if row.number != Some(number) {
            complaints.push(format!("row {number} is numbered {:?}", row.number));
        }
        if row.tests.is_empty() {
            complaints.push(format!("row {number} names no test"));
        }
        let missing = row.tests.iter().filter(|path| !exists(path, tests));
        complaints.extend(missing.map(|path| format!("row {number}: there is no test {path}")));
    }
    complaints
}

/// Whether there is such a test. A name without its module is too easily met by accident.
fn exists(path: &str, tests: &[Test]) -> bool {
    let Some((modules, name)) = path.rsplit_once("::") else {
        return false;
    };
    tests.iter().any(|test| {
        test.name == name
            && modules
                .split("::")
                .all(|module| test.modules.contains(module))
    })
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("src and tests are there");
    let paths = entries.map(|entry| entry.expect("they can be read").path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn every_statement_has_tests_and_they_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(root.join(TABLE)).expect("the table is there");
    let tests: Vec<Test> = ["src", "tests"]
        .iter()
        .flat_map(|directory| sources(&root.join(directory)))
        .flat_map(|path| {
            let text = fs::read_to_string(&path).expect("sources are text");
            tests_in(
                path.strip_prefix(root).expect("it is below the root"),
                &text,
            )
        })
        .collect();
    let complaints = complaints(&table, &tests);
    assert!(
        complaints.is_empty(),
        "\n{TABLE}:\n{}",
        complaints.join("\n")
    );
}

/// The complaints about rows under the usual head, with three tests in the repository.
fn complaints_about(rows: &str) -> Vec<String> {
    let source = "#[test]\nfn in_file() {}\nmod inner {\n    #[tokio::test(start_paused = true)]\n    \
        // why\n    async fn in_module() {}\n    fn helper() {}\n}\nproptest! {\n    #[test]\n    \
        fn for_all(x in 0..9) {}\n}\n";
    let tests = tests_in(Path::new("tests/response_cache/storing.rs"), source);
    complaints(
        &format!("# Title\n\n| statement | tests |\n|---|---|\n{rows}"),
        &tests,
    )
}

#[test]
fn a_table_whose_tests_exist_is_complete() {
    let rows = "| 1. RFC 9111, section 3: this | `storing::in_file`, `response_cache::storing::inner::in_module` |\n\
        | 2. RFC 9111, section 4.2.1: that, a\\|b | `storing::for_all` |\n";
    assert_eq!(complaints_about(rows), Vec::<String>::new());
}

#[test]
fn what_is_missing_in_a_table_is_found() {
    for rows in [
        "",
        "| 1. names a function that is no test | `storing::helper` |",
        "| 1. names another file | `serving::in_file` |",
        "| 1. names another module | `storing::outer::in_module` |",
        "| 1. names no file | `in_file` |",
        "| 1. names nothing | later |",
        "| 2. begins with the wrong number | `storing::in_file` |",
        "| no number | `storing::in_file` |",
        "| 1. a gap | `storing::in_file` |\n| 3. follows | `storing::in_file` |",
        "| 1. one exists | `storing::in_file`, `storing::gone` |",
    ] {
        assert_eq!(complaints_about(rows).len(), 1, "{rows}");
    }
}
