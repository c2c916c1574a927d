//! Whether a request may have been sent by another site: from what is known of it, and nothing else.

/// What the browser says of the page that has sent it (`Sec-Fetch-Site`; W3C Fetch Metadata, section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Site {
    /// Nothing: an old browser, or none.
    Unsaid,
    /// The application itself, or the user without any page.
    Own,
    /// Another one; or something that no browser says.
    Other,
}

/// Where the request says that it comes from (`Origin`; RFC 6454, section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Unsaid,
    /// One that the application trusts.
    Trusted,
    /// The host that the request is for.
    Own,
    /// Another one; or one that it does not want to tell.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Admit,
    Refuse,
    /// If the request has a session, it has to prove that it comes from one of the application's pages.
    Prove,
}

/// What becomes of an unsafe request; `from` is asked for only where it matters.
pub(super) fn decide(site: Site, from: impl FnOnce() -> From, always_prove: bool) -> Verdict {
    let verdict = match site {
        // Browsers say that of requests which they would send with `Origin: null` too.
        Site::Own => Verdict::Admit,
        Site::Other => match from() {
            From::Trusted => Verdict::Admit,
            From::Unsaid | From::Own | From::Other => Verdict::Refuse,
        },
        Site::Unsaid => match from() {
            From::Trusted | From::Own => Verdict::Admit,
            From::Other => Verdict::Refuse,
            From::Unsaid => Verdict::Prove,
        },
    };
    match verdict {
        Verdict::Admit if always_prove => Verdict::Prove,
        Verdict::Admit | Verdict::Refuse | Verdict::Prove => verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: [(Site, From, Verdict); 12] = [
        (Site::Own, From::Unsaid, Verdict::Admit),
        (Site::Own, From::Trusted, Verdict::Admit),
        (Site::Own, From::Own, Verdict::Admit),
        (Site::Own, From::Other, Verdict::Admit),
        (Site::Other, From::Unsaid, Verdict::Refuse),
        (Site::Other, From::Trusted, Verdict::Admit),
        (Site::Other, From::Own, Verdict::Refuse),
        (Site::Other, From::Other, Verdict::Refuse),
        (Site::Unsaid, From::Unsaid, Verdict::Prove),
        (Site::Unsaid, From::Trusted, Verdict::Admit),
        (Site::Unsaid, From::Own, Verdict::Admit),
        (Site::Unsaid, From::Other, Verdict::Refuse),
    ];

    #[test]
    fn the_browser_is_believed_first_then_the_origin_then_a_token() {
        for (site, from, verdict) in TABLE {
            assert_eq!(decide(site, || from, false), verdict, "{site:?} {from:?}");
        }
    }

    #[test]
    fn a_token_that_is_always_demanded_admits_nothing_that_was_refused() {
        for (site, from, verdict) in TABLE {
            let demanded = match verdict {
                Verdict::Refuse => Verdict::Refuse,
                Verdict::Admit | Verdict::Prove => Verdict::Prove,
            };
            assert_eq!(decide(site, || from, true), demanded, "{site:?} {from:?}");
        }
    }
}
