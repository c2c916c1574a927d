//! Answers to POST.

use super::*;

// RFC 9110 9.3.3
#[test]
fn a_post_is_stored_with_explicit_freshness_and_its_own_content_location_only() {
    let post = |directives, content_of_target| {
        saying(directives).with(|case| {
            case.request.method = Method::POST;
            case.also.content_of_target = content_of_target;
            case.headers
                .insert(header::ETAG, HeaderValue::from_static("\"a\""));
        })
    };
    post("max-age=60", true).stored();
    assert_eq!(post("max-age=60", false).refused(), Rule::PostNotReusable);
    assert_eq!(post("", true).refused(), Rule::PostNotReusable);
    assert_eq!(post("public", true).refused(), Rule::PostNotReusable);
    let by_default =
        post("", true).with(|case| case.rules.default_ttl = Some(Duration::from_secs(60)));
    assert_eq!(by_default.refused(), Rule::PostNotReusable);
}

#[test]
fn a_post_with_its_body_in_the_key_needs_no_content_location() {
    let case = saying("max-age=60").with(|case| case.request.method = Method::POST);
    assert_eq!(case.refused(), Rule::PostNotReusable);
    case.with(|case| case.request.body_in_key = true).stored();
}

#[test]
fn a_get_needs_no_content_location_whatever_is_in_its_key() {
    let case = saying("max-age=60");
    case.stored();
    case.with(|case| case.request.body_in_key = true).stored();
}
