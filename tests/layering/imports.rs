//! Finds what a source imports from the crate.

/// A module at the root that is named somewhere.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) module: String,
    pub(crate) in_test: bool,
}

/// The modules at the root that a source names, in `use` and elsewhere. `depth` is how many modules
/// the file is below the root: as many times `super` is the root.
pub(crate) fn imports(tokens: &[String], depth: usize, test_file: bool) -> Vec<Import> {
    let mut found = Vec::new();
    let mut scopes = Scopes::default();
    for at in 0..tokens.len() {
        scopes.enter(tokens, at);
        let Some(path) = after_root(tokens, at, depth + scopes.modules()) else {
            continue;
        };
        let in_test = test_file || scopes.in_test();
        found.extend(
            first_segments(&tokens[path..])
                .into_iter()
                .map(|module| Import { module, in_test }),
        );
    }
    found
}

/// Where a path goes on after `crate::` or enough `super::`, if such a path begins here.
fn after_root(tokens: &[String], at: usize, depth: usize) -> Option<usize> {
    let is = |index: usize, token: &str| tokens.get(index).is_some_and(|found| found == token);
    if at > 0 && is(at - 1, "::") {
        return None;
    }
    if is(at, "crate") {
        return is(at + 1, "::").then_some(at + 2);
    }
    let begin = if is(at, "self") && is(at + 1, "::") {
        at + 2
    } else {
        at
    };
    let supers = (0..tokens.len())
        .take_while(|n| is(begin + 2 * n, "super") && is(begin + 2 * n + 1, "::"))
        .count();
    (supers >= depth).then_some(begin + 2 * supers)
}

/// `a` of `a::b`; `a` and `c` of `{a::b, c::{d, e}}`.
fn first_segments(tokens: &[String]) -> Vec<String> {
    if tokens.first().is_none_or(|token| token != "{") {
        return tokens.first().into_iter().cloned().collect();
    }
    let mut depth = 0;
    let mut segments = Vec::new();
    let mut expected = true;
    for token in tokens {
        match token.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            "," if depth == 1 => expected = true,
            name if expected => {
                segments.push(name.to_owned());
                expected = false;
            }
            _ => {}
        }
    }
    segments
}

/// The braces that are open, and the item after `#[cfg(test)]`.
#[derive(Default)]
struct Scopes {
    open: Vec<Scope>,
    /// The next item is compiled for tests only.
    announced: bool,
}

struct Scope {
    is_module: bool,
    is_test: bool,
}

impl Scopes {
    fn enter(&mut self, tokens: &[String], at: usize) {
        let back = |n: usize| at.checked_sub(n).map_or("", |index| tokens[index].as_str());
        match tokens[at].as_str() {
            "test" => {
                self.announced |= [back(4), back(3), back(2), back(1)] == ["#", "[", "cfg", "("];
            }
            "all" => {
                let test_follows = tokens.get(at + 2).is_some_and(|token| token == "test");
                self.announced |= test_follows && [back(2), back(1)] == ["cfg", "("];
            }
            "{" => self.open.push(Scope {
                is_module: back(2) == "mod",
                is_test: std::mem::take(&mut self.announced),
            }),
            "}" => drop(self.open.pop()),
            ";" => self.announced = false,
            _ => {}
        }
    }

    fn modules(&self) -> usize {
        self.open.iter().filter(|scope| scope.is_module).count()
    }

    fn in_test(&self) -> bool {
        self.announced || self.open.iter().any(|scope| scope.is_test)
    }
}
