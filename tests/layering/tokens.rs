//! Takes a source apart, as far as finding paths needs it.

/// Names, `::` and single signs. Comments are left out, and so are the contents of literals.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if first.is_whitespace() => first.len_utf8(),
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => block_comment(rest),
            '"' => string(rest),
            '\'' => character(rest),
            _ if is_name(first) => match raw_string(rest) {
                Some(length) => length,
                None => keep(&mut found, rest, name(rest)),
            },
            _ if rest.starts_with("::") => keep(&mut found, rest, 2),
            _ => keep(&mut found, rest, first.len_utf8()),
        };
        rest = &rest[length..];
    }
    found
}

fn keep(found: &mut Vec<String>, rest: &str, length: usize) -> usize {
    found.push(rest[..length].to_owned());
    length
}

fn is_name(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

fn name(rest: &str) -> usize {
    rest.find(|character| !is_name(character))
        .unwrap_or(rest.len())
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        let sign = &rest.as_bytes()[at..];
        if sign.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if sign.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `r"..."` and `br#"..."#`, with as many `#` as there are.
fn raw_string(rest: &str) -> Option<usize> {
    let begin = ["r", "br", "cr"]
        .into_iter()
        .find_map(|prefix| rest.strip_prefix(prefix))?;
    let content = begin.trim_start_matches('#');
    let end = format!("\"{}", "#".repeat(begin.len() - content.len()));
    let content = content.strip_prefix('"')?;
    let skipped = rest.len() - content.len();
    Some(
        content
            .find(&end)
            .map_or(rest.len(), |at| skipped + at + end.len()),
    )
}

/// A character in quotes; of a lifetime only the quote.
fn character(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let from = at + escaped.len_utf8();
            rest[from..]
                .find('\'')
                .map_or(rest.len(), |at| from + at + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}
