//! Fields that tell one client how much of its quota is left: `RateLimit` and `RateLimit-Policy`
//! (draft-ietf-httpapi-ratelimit-headers), the fields of that draft's earlier versions (`RateLimit-Remaining`, ...), and
//! those that are in use without one (`X-RateLimit-Remaining`, `X-Rate-Limit-Reset`, ...).

use http::HeaderName;

/// What the names of the families begin with, or are.
const FAMILIES: [&str; 3] = ["ratelimit", "x-ratelimit", "x-rate-limit"];

/// Whether the field speaks of a quota.
pub(crate) fn is_of_a_quota(name: &HeaderName) -> bool {
    let rest = FAMILIES
        .iter()
        .find_map(|family| name.as_str().strip_prefix(family));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_are_told_from_fields_that_begin_like_them() {
        for name in [
            "ratelimit",
            "ratelimit-policy",
            "ratelimit-remaining",
            "x-ratelimit",
            "x-ratelimit-limit",
            "x-ratelimit-reset-after",
            "x-rate-limit-remaining",
        ] {
            assert!(is_of_a_quota(&HeaderName::from_static(name)), "{name}");
        }
        for name in [
            "ratelimited",
            "x-ratelimiter",
            "rate-limit",
            "x-rate",
            "x-rates-limit",
            "retry-after",
        ] {
            assert!(!is_of_a_quota(&HeaderName::from_static(name)), "{name}");
        }
    }
}
