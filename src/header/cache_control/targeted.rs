//! Targeted fields such as `CDN-Cache-Control` (RFC 9213 2.1).

use http::{HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, InnerList, Item, ListEntry, Parser, Version};

use super::{
    super::{delta::MAX_DELTA, list},
    Fields, ResponseDirectives,
};

/// Reads one targeted field; `None` if it is absent, empty or no Dictionary.
///
/// Parameters on directives are ignored, as RFC 9213 2.1 asks; of equal keys the last one counts,
/// as in every Dictionary. A false Boolean is as good as no directive.
pub(super) fn parse(headers: &HeaderMap, name: &HeaderName) -> Option<ResponseDirectives> {
    let value = list::combined(headers, name)?;
    // RFC 9213 builds on RFC 8941, which knows neither dates nor display strings.
    let parser = Parser::new(&value).with_version(Version::Rfc8941);
    let members = parser
        .parse::<Dictionary>()
        .ok()
        .filter(|members| !members.is_empty())?;
    let mut directives = ResponseDirectives::default();
    for (key, entry) in &members {
        add(&mut directives, key.as_str(), entry);
    }
    Some(directives)
}

fn add(directives: &mut ResponseDirectives, key: &str, entry: &ListEntry) {
    match key {
        "max-age" => directives.max_age = Some(lifetime(entry)),
        "s-maxage" => directives.s_maxage = Some(lifetime(entry)),
        "stale-while-revalidate" => directives.stale_while_revalidate = seconds(entry),
        "stale-if-error" => directives.stale_if_error = seconds(entry),
        "no-store" => directives.no_store = restricts(entry),
        "must-revalidate" => directives.must_revalidate = restricts(entry),
        "proxy-revalidate" => directives.proxy_revalidate = restricts(entry),
        "public" => directives.public = permits(entry),
        "must-understand" => directives.must_understand = permits(entry),
        "immutable" => directives.immutable = permits(entry),
        "no-cache" => directives.no_cache = fields(entry),
        "private" => directives.private = fields(entry),
        _ => {}
    }
}

fn bare(entry: &ListEntry) -> Option<&BareItem> {
    match entry {
        ListEntry::Item(Item { bare_item, .. }) => Some(bare_item),
        ListEntry::InnerList(InnerList { .. }) => None,
    }
}

fn seconds(entry: &ListEntry) -> Option<u64> {
    let seconds = i64::from(bare(entry)?.as_integer()?);
    u64::try_from(seconds)
        .ok()
        .map(|seconds| seconds.min(MAX_DELTA))
}

fn lifetime(entry: &ListEntry) -> u64 {
    seconds(entry).unwrap_or(0)
}

fn restricts(entry: &ListEntry) -> bool {
    bare(entry).and_then(BareItem::as_boolean) != Some(false)
}

fn permits(entry: &ListEntry) -> bool {
    bare(entry).and_then(BareItem::as_boolean) == Some(true)
}

fn fields(entry: &ListEntry) -> Fields {
    match bare(entry) {
        Some(BareItem::Boolean(false)) => Fields::No,
        Some(BareItem::String(list)) => Fields::from_list(list.as_str().as_bytes()),
        Some(BareItem::Token(name)) => Fields::from_list(name.as_str().as_bytes()),
        _ => Fields::All,
    }
}
