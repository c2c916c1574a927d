//! Texts with places for the parameters of a route.

use std::borrow::Cow;

use matchit::Params;
use percent_encoding::percent_decode_str;

/// A text such as `product:{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Parameter(String),
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidTemplate {
    #[error("a brace in `{0}` has no other half")]
    Brace(String),
    #[error("the route has no parameter `{0}`")]
    Parameter(String),
    #[error("`{0}` does not begin with a slash, as every path does")]
    NoSlash(String),
}

/// How the value of a parameter goes into the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// As it stands in the path.
    Raw,
    /// As the handler reads it (RFC 3986 2.1).
    Decoded,
}

impl Template {
    /// `{{` and `}}` stand for braces.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let invalid = || InvalidTemplate::Brace(text.to_owned());
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text.chars().peekable();
        while let Some(next) = rest.next() {
            match next {
                '{' | '}' if rest.next_if_eq(&next).is_some() => plain.push(next),
                '{' => {
                    let mut name = String::new();
                    loop {
                        match rest.next().ok_or_else(invalid)? {
                            '}' => break,
                            '{' => return Err(invalid()),
                            other => name.push(other),
                        }
                    }
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    pieces.push(Piece::Parameter(name));
                }
                '}' => return Err(invalid()),
                other => plain.push(other),
            }
        }
        pieces.push(Piece::Text(plain));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        Ok(Self(pieces))
    }

    /// The same of a path. What does not begin with a slash would be taken for a host.
    pub(super) fn parse_path(text: &str) -> Result<Self, InvalidTemplate> {
        if !text.starts_with('/') {
            return Err(InvalidTemplate::NoSlash(text.to_owned()));
        }
        Self::parse(text)
    }

    /// Whether each of its parameters is one of a route's, in which `{*name}` is the parameter `name`.
    pub(super) fn check(&self, route: &Self) -> Result<(), InvalidTemplate> {
        let known: Vec<&str> = route
            .parameters()
            .map(|name| name.strip_prefix('*').unwrap_or(name))
            .collect();
        match self.parameters().find(|name| !known.contains(name)) {
            Some(unknown) => Err(InvalidTemplate::Parameter(unknown.to_owned())),
            None => Ok(()),
        }
    }

    fn parameters(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Parameter(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    pub(super) fn fill(&self, params: &Params<'_, '_>, values: Values) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Parameter(name) => {
                    // It was checked that the route has it.
                    let value = params.get(name).unwrap_or_default();
                    filled.push_str(&match values {
                        Values::Raw => Cow::Borrowed(value),
                        Values::Decoded => percent_decode_str(value).decode_utf8_lossy(),
                    });
                }
            }
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use matchit::Router;

    use super::*;

    fn checked(text: &str, route: &str) -> Result<(), InvalidTemplate> {
        Template::parse(text)?.check(&Template::parse(route)?)
    }

    fn filled(text: &str, values: Values) -> String {
        let mut router = Router::new();
        router.insert("/p/{id}/{*rest}", ()).expect("a route");
        let found = router.at("/p/a%20b/c/d").expect("it matches");
        let template = Template::parse(text).expect("a template");
        assert_eq!(checked(text, "/p/{id}/{*rest}"), Ok(()));
        template.fill(&found.params, values)
    }

    #[test]
    fn parameters_take_their_places() {
        assert_eq!(filled("product:{id}", Values::Decoded), "product:a b");
        assert_eq!(filled("/p/{id}/{rest}", Values::Raw), "/p/a%20b/c/d");
        assert_eq!(filled("plain", Values::Raw), "plain");
        assert_eq!(filled("{{{id}}}", Values::Raw), "{a%20b}");
        assert_eq!(filled("", Values::Raw), "");
    }

    #[test]
    fn what_cannot_be_filled_is_refused() {
        for text in ["{id", "id}", "{i{d}", "{"] {
            assert_eq!(
                Template::parse(text),
                Err(InvalidTemplate::Brace(text.to_owned()))
            );
        }
        let refused = checked("{other}", "/p/{id}").unwrap_err();
        assert_eq!(refused.to_string(), "the route has no parameter `other`");
    }

    #[test]
    fn what_looks_like_a_parameter_of_the_route_and_is_none_is_refused() {
        for (text, route) in [
            ("{id}", "/p/{{id}}"),
            ("{*rest}", "/p/{*rest}"),
            ("{}", "/p/{id}"),
            ("{i}", "/p/{id}"),
        ] {
            let refused = checked(text, route);
            assert!(
                matches!(refused, Err(InvalidTemplate::Parameter(_))),
                "{text} of {route}: {refused:?}"
            );
        }
        assert_eq!(checked("{rest}", "/{{p}}/{*rest}"), Ok(()));
    }

    #[test]
    fn a_path_without_a_slash_is_refused() {
        for text in ["", "products", "{id}", "shop.example/products"] {
            let refused = Template::parse_path(text);
            assert_eq!(refused, Err(InvalidTemplate::NoSlash(text.to_owned())));
        }
        assert!(Template::parse_path("/{id}").is_ok());
    }
}
