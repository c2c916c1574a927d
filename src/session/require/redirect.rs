//! Where those are sent who have no session.

use http::{HeaderValue, Uri};

/// A text is no place to send anybody to: a path of this host (`/login`), or a whole `http` or `https` URI, without a
/// fragment.
///
/// ```
/// use tower_keep::session::RequireSession;
///
/// assert!(RequireSession::new().redirect_to("/login").is_ok());
/// let refused = RequireSession::new().redirect_to("login").unwrap_err();
/// assert!(refused.to_string().contains("path"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a redirect leads to a path that begins with one slash, or to a whole http or https URI, without a fragment"
)]
pub struct InvalidRedirect(());

#[derive(Clone, Debug)]
pub(super) struct Target(Box<str>);

impl Target {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidRedirect> {
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !br"\#".contains(&byte));
        let uri = text.parse::<Uri>();
        let leads = uri.is_ok_and(|uri| match (uri.scheme_str(), uri.authority()) {
            (Some("http" | "https"), Some(_)) => true,
            (None, None) => text.starts_with('/') && !text.starts_with("//"),
            _ => false,
        });
        match plain && leads {
            true => Ok(Self(text.into())),
            false => Err(InvalidRedirect(())),
        }
    }

    /// The value of `Location`, with a parameter of this name that says where to go back to.
    pub(super) fn location(&self, back: Option<(&str, &str)>) -> HeaderValue {
        let mut location = String::from(&*self.0);
        if let Some((name, path)) = back {
            location.push(if self.0.contains('?') { '&' } else { '?' });
            location.extend(form_urlencoded::byte_serialize(name.as_bytes()));
            location.push('=');
            location.extend(form_urlencoded::byte_serialize(path.as_bytes()));
        }
        HeaderValue::try_from(location).expect("its letters were checked, or are percent-encoded")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_to_a_path_or_to_a_whole_uri() {
        for good in [
            "/",
            "/login",
            "/login?a=b",
            "https://id.example/login",
            "http://[::1]:80/",
        ] {
            assert!(Target::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "login",
            "//id.example/login",
            r"/\id.example",
            "/login#top",
            "/lo gin",
            "/\r\nset-cookie: a=b",
            "/bücher",
            "javascript:alert(1)",
            "ftp://id.example/",
            "id.example:443",
            "*",
        ] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn where_to_go_back_to_is_one_parameter_whatever_is_in_it() {
        let location = |target, path| {
            let location = Target::parse(target)
                .unwrap()
                .location(Some(("next", path)));
            location.to_str().unwrap().to_owned()
        };
        assert_eq!(
            location("/login", "/a b?c=d&e=%2F#f"),
            "/login?next=%2Fa+b%3Fc%3Dd%26e%3D%252F%23f"
        );
        assert_eq!(
            location("/login?lang=de", "/é"),
            "/login?lang=de&next=%2F%C3%A9"
        );
    }
}
