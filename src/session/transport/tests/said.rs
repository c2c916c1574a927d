use super::{super::*, id};

#[test]
fn an_id_is_announced_where_the_client_will_look_and_marked_as_a_secret() {
    let id = id();
    let field = HeaderName::from_static("x-session");
    let own = HeaderName::from_static("x-own");
    for (transport, name) in [
        (Transport::header(field.clone()), field),
        (Transport::bearer(), TOKEN),
        (Transport::bearer_announced_in(own.clone()), own),
    ] {
        let (announced, value) = transport.announce(&id, Some(Duration::MAX));
        assert_eq!(announced, name);
        assert_eq!(value, id.to_text());
        assert!(value.is_sensitive());
        assert!(transport.retract().is_none());
        assert!(transport.cookie_name().is_none());
        assert!(!transport.persists());
    }
    let cookie = Transport::cookie(SessionCookie::new());
    assert!(cookie.announce(&id, None).1.is_sensitive());
}

#[test]
fn responses_vary_by_the_field_that_is_read() {
    let field = HeaderName::from_static("x-session");
    assert_eq!(Transport::cookie(SessionCookie::new()).field(), "cookie");
    assert_eq!(Transport::header(field).field(), "x-session");
    assert_eq!(Transport::bearer().field(), "authorization");
}

#[test]
fn a_challenge_tells_none_from_one_that_is_not_valid() {
    let field = HeaderName::from_static("x-session");
    for (transport, missing, invalid) in [
        (
            Transport::bearer(),
            "Bearer",
            r#"Bearer error="invalid_token""#,
        ),
        (
            Transport::cookie(SessionCookie::new()),
            r#"Cookie cookie-name="__Host-id""#,
            r#"Cookie cookie-name="__Host-id", error="invalid_token""#,
        ),
        (
            Transport::header(field),
            r#"Session field-name="x-session""#,
            r#"Session field-name="x-session", error="invalid_token""#,
        ),
    ] {
        assert_eq!(transport.challenge(false), missing);
        assert_eq!(transport.challenge(true), invalid);
    }
}

#[test]
fn the_reason_of_a_refusal_is_one_word() {
    let words = [
        RefusedId::Malformed,
        RefusedId::Oversized,
        RefusedId::Repeated,
        RefusedId::Forged,
    ]
    .map(|why| why.to_string());
    assert_eq!(words, ["malformed", "oversized", "repeated", "forged"]);
}
