//! Field values that a great many responses have, as constants.
//!
//! A constant takes no room in an entry, and cloning it counts no references: the counter of an entry's own
//! values is what cores that serve the same entry contend for.

/// By length, then by bytes.
const KNOWN: &[&str] = &[
    "*",
    "0",
    "1",
    "?0",
    "?1",
    "br",
    "de",
    "en",
    "es",
    "fr",
    "DENY",
    "gzip",
    "none",
    "true",
    "zstd",
    "bytes",
    "close",
    "en-GB",
    "en-US",
    "Accept",
    "Cookie",
    "Origin",
    "accept",
    "cookie",
    "origin",
    "public",
    "chunked",
    "deflate",
    "nosniff",
    "private",
    "identity",
    "no-cache",
    "no-store",
    "text/css",
    "text/csv",
    "text/xml",
    "GET, HEAD",
    "font/woff",
    "image/gif",
    "image/png",
    "immutable",
    "max-age=0",
    "text/html",
    "video/mp4",
    "SAMEORIGIN",
    "audio/mpeg",
    "font/woff2",
    "image/avif",
    "image/jpeg",
    "image/webp",
    "keep-alive",
    "max-age=10",
    "max-age=30",
    "max-age=60",
    "text/plain",
    "max-age=120",
    "max-age=300",
    "max-age=600",
    "max-age=900",
    "no-referrer",
    "same-origin",
    "cross-origin",
    "image/x-icon",
    "max-age=1800",
    "max-age=3600",
    "max-age=7200",
    "1; mode=block",
    "image/svg+xml",
    "max-age=14400",
    "max-age=43200",
    "max-age=86400",
    "max-age=604800",
    "Accept-Encoding",
    "Accept-Language",
    "accept-encoding",
    "accept-language",
    "application/pdf",
    "application/xml",
    "max-age=2592000",
    "must-revalidate",
    "text/javascript",
    "application/grpc",
    "application/json",
    "application/wasm",
    "max-age=31536000",
    "public, max-age=0",
    "GET, HEAD, OPTIONS",
    "public, max-age=60",
    "application/rss+xml",
    "public, max-age=120",
    "public, max-age=300",
    "public, max-age=600",
    "public, max-age=900",
    "application/atom+xml",
    "public, max-age=1800",
    "public, max-age=3600",
    "public, max-age=7200",
    "public, max-age=14400",
    "public, max-age=43200",
    "public, max-age=86400",
    "application/javascript",
    "public, max-age=604800",
    "Accept-Encoding, Origin",
    "public, max-age=2592000",
    "text/css; charset=utf-8",
    "text/xml; charset=utf-8",
    "application/octet-stream",
    "application/problem+json",
    "public, max-age=31536000",
    "text/html; charset=UTF-8",
    "text/html; charset=utf-8",
    "text/plain; charset=utf-8",
    "max-age=31536000, immutable",
    "text/javascript; charset=utf-8",
    "application/json; charset=utf-8",
    "strict-origin-when-cross-origin",
    "Accept-Encoding, Accept-Language",
    "public, max-age=0, must-revalidate",
    "max-age=31536000; includeSubDomains",
    "public, max-age=31536000, immutable",
    "max-age=63072000; includeSubDomains; preload",
];

/// The same value as a constant, if it is one of those.
pub(crate) fn constant(value: &[u8]) -> Option<&'static str> {
    let order = |known: &&str| {
        known
            .len()
            .cmp(&value.len())
            .then(known.as_bytes().cmp(value))
    };
    let place = KNOWN.binary_search_by(order).ok()?;
    Some(KNOWN[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constant_is_found_and_nothing_else_is() {
        for known in KNOWN {
            assert_eq!(constant(known.as_bytes()), Some(*known));
            let longer = format!("{known}\u{1}");
            assert_eq!(constant(longer.as_bytes()), None);
        }
        assert_eq!(constant(b""), None);
    }
}
