//! What proxies write about whom they forward for: single entries, and the lists they stand in.

use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv6Addr},
};

/// An address with or without a port, as `X-Forwarded-For` has them in practice and as a `node` of
/// RFC 7239, section 6; `None` for everything else, `unknown` and obfuscated names included.
///
/// IPv6 is taken without brackets too when no port follows: that is how `X-Forwarded-For` has it.
pub(super) fn parse_node(node: &str) -> Option<IpAddr> {
    if let Ok(address) = node.parse() {
        return Some(address);
    }
    if let Some(bracketed) = node.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        return (rest.is_empty() || is_port(rest.strip_prefix(':')?)).then(|| address.into());
    }
    let (address, port) = node.split_once(':')?;
    is_port(port)
        .then(|| address.parse().ok().map(IpAddr::V4))
        .flatten()
}

/// `node-port` of RFC 7239, section 6: a number, or an obfuscated one that begins with `_`.
fn is_port(port: &str) -> bool {
    match port.strip_prefix('_') {
        Some(name) => {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }
        None => (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// The last `limit` elements of one line of `Forwarded`, split at the commas outside of quotes.
///
/// `None` if a quoted string does not end. A client can send an opening quote to which a proxy then
/// appends its own element: nothing in such a line can be told apart, so nothing is believed.
pub(super) fn split_forwarded(line: &str, limit: usize) -> Option<VecDeque<&str>> {
    let mut elements = VecDeque::new();
    let mut quotes = Quotes::default();
    for element in line.split(|character| quotes.is_outside(character) && character == ',') {
        if elements.len() == limit {
            elements.pop_front();
        }
        elements.push_back(element);
    }
    (!quotes.inside).then_some(elements)
}

/// The address in the `for` parameter of one `forwarded-element` (RFC 7239, section 4); `None` if
/// there is none, or more than one, or if any part of the element is malformed.
pub(super) fn parse_forwarded_element(element: &str) -> Option<IpAddr> {
    let mut quotes = Quotes::default();
    let mut found = None;
    for pair in element.split(|character| quotes.is_outside(character) && character == ';') {
        let pair = trim(pair);
        if pair.is_empty() {
            continue;
        }
        let (name, value) = pair.split_once('=')?;
        let value = unquote(value)?;
        if name.eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            return None;
        }
    }
    parse_node(&found?)
}

/// Follows quoted strings (RFC 9110, section 5.6.4) from character to character.
#[derive(Default)]
struct Quotes {
    inside: bool,
    escaped: bool,
}

impl Quotes {
    /// Takes the next character; whether it stands outside of a quoted string and is not a quote.
    fn is_outside(&mut self, character: char) -> bool {
        if self.escaped {
            self.escaped = false;
        } else if character == '"' {
            self.inside = !self.inside;
            return false;
        } else if self.inside && character == '\\' {
            self.escaped = true;
        }
        !self.inside
    }
}

/// The text of a `value`: a quoted string that is exactly the whole of it, or text with no quotes.
///
/// Unquoted text is taken with characters that a token may not have (`for=192.0.2.1:80`): proxies
/// write that, and it is not ambiguous.
fn unquote(value: &str) -> Option<String> {
    let Some(quoted) = value.strip_prefix('"') else {
        return (!value.contains(['"', '\\'])).then(|| value.to_owned());
    };
    let mut text = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return characters.as_str().is_empty().then_some(text),
            '\\' => text.push(characters.next()?),
            character => text.push(character),
        }
    }
}

/// Without the optional white space of RFC 9110, section 5.6.3, around it.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_read_with_and_without_brackets_and_ports() {
        for (node, address) in [
            ("192.0.2.43", "192.0.2.43"),
            ("192.0.2.43:47011", "192.0.2.43"),
            ("192.0.2.43:_web-1", "192.0.2.43"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("::ffff:192.0.2.43", "::ffff:192.0.2.43"),
        ] {
            assert_eq!(parse_node(node), Some(address.parse().unwrap()), "{node}");
        }
    }

    #[test]
    fn what_is_not_an_address_is_not_guessed() {
        for node in [
            "",
            "unknown",
            "_gazonk",
            "192.0.2",
            "192.0.2.43:",
            "192.0.2.43:_",
            "192.0.2.43:_a/b",
            "192.0.2.43:123456",
            "192.0.2.43:80:80",
            "[192.0.2.43]",
            "[2001:db8::1",
            "[2001:db8::1]4711",
            "[2001:db8::1]:",
            "2001:db8::1%eth0",
            " 192.0.2.43",
            "example.org",
        ] {
            assert_eq!(parse_node(node), None, "{node:?}");
        }
    }

    #[test]
    fn forwarded_elements_are_read() {
        for (element, address) in [
            ("for=192.0.2.43", "192.0.2.43"),
            ("FOR=192.0.2.43", "192.0.2.43"),
            ("proto=https;for=192.0.2.43;by=203.0.113.1", "192.0.2.43"),
            (" for=192.0.2.43 ; proto=https ", "192.0.2.43"),
            (r#"for="192.0.2.43""#, "192.0.2.43"),
            (r#"for="[2001:db8::1]:4711""#, "2001:db8::1"),
            (r#"for="192.0.2.\43""#, "192.0.2.43"),
            (r#"host="a;for=b,c";for=192.0.2.43"#, "192.0.2.43"),
            (r#"host="a\";for=b";for=192.0.2.43"#, "192.0.2.43"),
        ] {
            let expected = Some(address.parse().unwrap());
            assert_eq!(parse_forwarded_element(element), expected, "{element}");
        }
    }

    #[test]
    fn malformed_forwarded_elements_have_no_address() {
        for element in [
            "",
            "proto=https",
            "for=unknown",
            "for=_hidden",
            "for",
            "for=192.0.2.1;for=192.0.2.2",
            "for=192.0.2.1;nonsense",
            r#"for="192.0.2.1"x"#,
            r#"for=x"192.0.2.1""#,
            r#"for="192.0.2.1"#,
            r#"for="192.0.2.1\"#,
            r"for=192.0.2.1\",
        ] {
            assert_eq!(parse_forwarded_element(element), None, "{element}");
        }
    }

    #[test]
    fn elements_are_split_outside_of_quotes_and_the_last_are_kept() {
        let line = r#"for=a;host="x,\",y",for=b,for=c"#;
        let all = split_forwarded(line, 9).unwrap();
        assert_eq!(all, [r#"for=a;host="x,\",y""#, "for=b", "for=c"]);
        assert_eq!(split_forwarded(line, 2).unwrap(), ["for=b", "for=c"]);
    }

    #[test]
    fn a_line_whose_quotes_do_not_end_has_no_elements() {
        assert_eq!(split_forwarded(r#"for=a;by=", for=192.0.2.1"#, 9), None);
        assert_eq!(split_forwarded(r#"for="a\"#, 9), None);
    }
}
