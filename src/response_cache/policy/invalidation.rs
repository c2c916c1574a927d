//! What a response to an unsafe request makes invalid (RFC 9111 4.4).

use http::{HeaderMap, Method, StatusCode, header};

use crate::key::TargetUri;

/// Whether a method may change the resource that it is sent to: all but the safe ones (RFC 9110 9.2.1),
/// an unknown one included.
pub(crate) fn is_unsafe(method: &Method) -> bool {
    !(method.is_safe() || *method == Method::CONNECT)
}

/// Whether an unsafe request that was answered with `status` may have changed its target: a "non-error
/// response" is a 2xx or 3xx.
pub(crate) fn changes_target(status: StatusCode) -> bool {
    status.is_success() || status.is_redirection()
}

/// The other URIs that the response names as changed: Location and Content-Location, if of the same origin.
pub(crate) fn also_changed(target: &TargetUri, headers: &HeaderMap) -> Vec<TargetUri> {
    [header::LOCATION, header::CONTENT_LOCATION]
        .iter()
        .flat_map(|name| headers.get_all(name))
        .filter_map(|reference| target.resolve(reference.as_bytes()))
        .filter(|changed| changed.same_origin(target) && changed != target)
        .collect()
}
