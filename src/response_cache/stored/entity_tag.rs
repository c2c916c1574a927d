//! Entity tags for stored responses that came without one.

use bytes::Bytes;
use http::{HeaderValue, header};
use sha2::{Digest, Sha256};

use super::head::Head;

/// Whether stored responses that have neither an entity tag nor Last-Modified get a tag, made from a digest
/// of their content.
///
/// The first response streams through before its content is known, so the tag appears on responses from
/// store. With it clients can validate (If-None-Match) and ask for ranges of the same content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntityTags {
    /// No tag is added.
    #[default]
    AsSent,
    /// A weak tag (RFC 9110 8.8.1): for content that another layer further out may still encode.
    Weak,
    /// A strong tag: the bytes that the client gets are those that were stored.
    Strong,
}

impl EntityTags {
    pub(crate) fn add_to(self, head: &mut Head, body: &Bytes) {
        let validated = head.headers.contains_key(header::ETAG)
            || head.headers.contains_key(header::LAST_MODIFIED);
        let prefix = match self {
            Self::AsSent => return,
            Self::Weak => "W/",
            Self::Strong => "",
        };
        if validated || !head.status.is_success() {
            return;
        }
        let mut tag = String::with_capacity(36);
        tag.push_str(prefix);
        tag.push('"');
        for byte in &Sha256::digest(body)[..16] {
            tag.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            tag.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        }
        tag.push('"');
        if let Ok(tag) = HeaderValue::try_from(tag) {
            let mut fields = head.fields();
            fields.insert(header::ETAG, tag);
            *head = Head::stored(head.status, &fields, |_| false);
        }
    }
}
