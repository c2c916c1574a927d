//! What the policy can be told: the part of a layer's settings that decisions depend on.

use std::time::Duration;

use http::{HeaderName, StatusCode};

/// What becomes of a response that sets a cookie (RFC 9111 7.3).
///
/// A private cache ([`private`](crate::response_cache::ResponseCacheLayer::private)) serves one user only
/// and stores such responses whole, whatever this says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetCookie {
    /// It is not stored: one user's cookie can never reach another.
    #[default]
    Refuse,
    /// It is stored without its Set-Cookie fields.
    Strip,
    /// It is stored whole, as RFC 9111 7.3 allows: each user of the cache gets the cookie. For origins
    /// that set the same harmless cookie for everybody.
    Store,
}

/// Heuristic freshness (RFC 9111 4.2.2): a share of the time since Last-Modified, capped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heuristic {
    pub(crate) percent: u32,
    pub(crate) cap: Duration,
}

/// The settings that decisions depend on.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// A private cache: one user's own.
    pub(crate) private: bool,
    pub(crate) heuristic: Option<Heuristic>,
    /// For successful and redirecting statuses that may be stored without explicit freshness.
    pub(crate) default_ttl: Option<Duration>,
    pub(crate) status_ttl: Vec<(StatusCode, Duration)>,
    /// Targeted fields in order of preference (RFC 9213 2.2).
    pub(crate) targeted: Vec<HeaderName>,
    pub(crate) set_cookie: SetCookie,
    /// Whether `max-age`, `min-fresh`, `max-stale` and `no-cache` of requests count.
    pub(crate) request_directives: bool,
    /// Whether `Pragma: no-cache` counts in a request without Cache-Control.
    pub(crate) pragma: bool,
    /// How long past its freshness an entry is kept for validation.
    pub(crate) keep: Duration,
    /// For responses that give no window of their own (RFC 5861).
    pub(crate) while_revalidate: Duration,
    pub(crate) if_error: Duration,
    /// Whether an explicit window counts beside `s-maxage`.
    pub(crate) stale_despite_s_maxage: bool,
    /// The last part of a lifetime, in per cent, in which use brings a refresh.
    pub(crate) early_refresh: Option<u32>,
    /// How many fields Vary may name.
    pub(crate) max_vary: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            private: false,
            heuristic: Some(Heuristic {
                percent: 10,
                cap: Duration::from_secs(24 * 60 * 60),
            }),
            default_ttl: None,
            status_ttl: Vec::new(),
            targeted: vec![HeaderName::from_static("cdn-cache-control")],
            set_cookie: SetCookie::default(),
            request_directives: true,
            pragma: true,
            keep: Duration::from_secs(60 * 60),
            while_revalidate: Duration::ZERO,
            if_error: Duration::ZERO,
            stale_despite_s_maxage: false,
            early_refresh: None,
            max_vary: 16,
        }
    }
}

impl Rules {
    /// The default lifetime of a response with this status, if one was set.
    pub(crate) fn ttl_of(&self, status: StatusCode) -> Option<Duration> {
        let exact = self.status_ttl.iter().find(|(known, _)| *known == status);
        exact.map(|(_, ttl)| *ttl).or_else(|| {
            let may = heuristically_cacheable(status) && status.as_u16() < 400;
            self.default_ttl.filter(|_| may)
        })
    }
}

/// RFC 9110 15.1: statuses whose responses may be stored without explicit freshness; 206 is left out, as
/// partial responses are not stored as themselves.
pub(crate) fn heuristically_cacheable(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

/// Whether the caching requirements of a final status are known here (RFC 9111 5.2.2.3): those of
/// RFC 9110 15, save 206 and 304, which are handled on their own.
pub(crate) fn understood(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200..=205 | 300..=303 | 305 | 307 | 308 | 400..=411 | 412..=417 | 421 | 422 | 426 | 500..=505
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_lifetime_is_for_successes_and_redirects_only() {
        let rules = Rules {
            default_ttl: Some(Duration::from_secs(5)),
            status_ttl: vec![(StatusCode::NOT_FOUND, Duration::from_secs(1))],
            ..Rules::default()
        };
        let ttl = |status: u16| rules.ttl_of(StatusCode::from_u16(status).expect("a status"));
        for status in [200, 203, 204, 300, 301, 308] {
            assert_eq!(ttl(status), Some(Duration::from_secs(5)), "{status}");
        }
        assert_eq!(ttl(404), Some(Duration::from_secs(1)), "its own");
        for status in [201, 206, 302, 304, 401, 403, 405, 410, 414, 500, 501, 503] {
            assert_eq!(ttl(status), None, "{status}");
        }
    }

    #[test]
    fn the_statuses_of_rfc_9110_15_1_are_heuristically_cacheable() {
        let all: Vec<u16> = (100..600)
            .filter(|status| {
                heuristically_cacheable(StatusCode::from_u16(*status).expect("a status"))
            })
            .collect();
        assert_eq!(all, [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);
    }

    #[test]
    fn partial_and_unknown_statuses_are_not_understood() {
        let known = |status: u16| understood(StatusCode::from_u16(status).expect("a status"));
        assert!(known(200) && known(204) && known(404) && known(503) && known(308));
        for status in [206, 304, 299, 306, 418, 499, 506, 599] {
            assert!(!known(status), "{status}");
        }
    }
}
