use proptest::prelude::*;

use super::{super::*, cookies, id, is, refusal, request};
use crate::session::transport::RefusedId::{Malformed, Oversized, Repeated};

fn cookie() -> Transport {
    Transport::cookie(SessionCookie::new())
}

fn field() -> Transport {
    Transport::header(HeaderName::from_static("x-session"))
}

fn in_field(lines: &[&str]) -> Presented {
    let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    let headers = request(&HeaderName::from_static("x-session"), &lines);
    field().read(&field().capture(&headers).0)
}

fn authorized(lines: &[&str]) -> Presented {
    let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    let headers = request(&header::AUTHORIZATION, &lines);
    Transport::bearer().read(&Transport::bearer().capture(&headers).0)
}

#[test]
fn a_cookie_is_found_among_others_and_in_any_line() {
    let id = id();
    let text = id.to_text();
    let own = format!("__Host-id={text}");
    for lines in [
        &[own.as_str()][..],
        &[&format!("a=b; {own}; c")],
        &[&format!("a=b;{own}")],
        &["a=b", &own, "__Host-i=1; __Host-idx=2"],
        &[&format!("a=\"x; {own}; y\"")],
    ] {
        assert!(is(&cookies(&cookie(), lines), &id), "{lines:?}");
    }
}

#[test]
fn no_other_cookie_is_taken_for_it() {
    let text = id().to_text();
    for line in [
        String::new(),
        format!("id={text}"),
        format!("__host-id={text}"),
        format!("__Host-id ={text}"),
        format!("\u{2000}__Host-id={text}"),
        format!("x__Host-id={text}"),
        format!("=__Host-id={text}"),
        format!("a=__Host-id={text}"),
        "__Host-id".to_owned(),
        format!("a=1,__Host-id={text}"),
    ] {
        let read = cookies(&cookie(), &[&line]);
        assert!(matches!(read, Presented::Nothing), "{line:?}");
    }
}

#[test]
fn the_same_name_twice_is_no_id_be_they_equal() {
    let own = format!("__Host-id={}", id().to_text());
    let other = format!("__Host-id={}", id().to_text());
    for lines in [
        &[format!("{own}; {own}").as_str()][..],
        &[&own, &own],
        &[&own, "a=b", &other],
        &[&own, "__Host-id="],
    ] {
        assert_eq!(
            refusal(&cookies(&cookie(), lines)),
            Some(Repeated),
            "{lines:?}"
        );
    }
}

#[test]
fn what_does_not_have_the_form_of_an_id_is_malformed() {
    let text = id().to_text();
    for value in [
        String::new(),
        format!("\"{text}\""),
        format!(" {text}"),
        format!("{text}="),
        format!("{text}a"),
        text[1..].to_owned(),
        format!("{}+", &text[1..]),
        // The last letter has two bits more than are needed.
        format!("{}B", &text[..26]),
        "%41".repeat(9),
    ] {
        let line = format!("__Host-id={value}");
        let read = refusal(&cookies(&cookie(), &[&line]));
        assert_eq!(read, Some(Malformed), "{value:?}");
    }
}

#[test]
fn what_no_browser_would_keep_is_oversized() {
    let fits = "a".repeat(4096 - "__Host-id".len());
    let longer = format!("{fits}a");
    let read = |value: &str| refusal(&cookies(&cookie(), &[&format!("__Host-id={value}")]));
    assert_eq!(read(&fits), Some(Malformed));
    assert_eq!(read(&longer), Some(Oversized));

    let (fits, longer) = ("a".repeat(4096), "a".repeat(4097));
    assert_eq!(refusal(&in_field(&[&fits])), Some(Malformed));
    assert_eq!(refusal(&in_field(&[&longer])), Some(Oversized));
    assert_eq!(
        refusal(&authorized(&[&format!("Bearer {longer}")])),
        Some(Oversized)
    );
}

#[test]
fn a_field_has_one_line_and_nothing_but_an_id() {
    let id = id();
    let text = id.to_text();
    assert!(is(&in_field(&[&text]), &id));
    assert!(matches!(in_field(&[]), Presented::Nothing));
    assert_eq!(refusal(&in_field(&[&text, &text])), Some(Repeated));
    for line in ["", &format!("{text}, {text}"), &format!("Bearer {text}")] {
        assert_eq!(refusal(&in_field(&[line])), Some(Malformed), "{line:?}");
    }
}

#[test]
fn a_bearer_token_is_told_from_other_schemes() {
    let id = id();
    let text = id.to_text();
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer  "] {
        assert!(
            is(&authorized(&[&format!("{scheme} {text}")]), &id),
            "{scheme}"
        );
    }
    let basic = "Basic YTpi";
    for lines in [
        &[][..],
        &[""],
        &[basic],
        &[basic, basic],
        &[&format!("Bearer{text}")],
        &[&text],
    ] {
        let read = authorized(lines);
        assert!(matches!(read, Presented::Nothing), "{lines:?}");
    }
    let token = format!("Bearer {text}");
    for lines in [
        &[token.as_str(), &token],
        &[basic, token.as_str()],
        &[token.as_str(), basic],
    ] {
        assert_eq!(refusal(&authorized(lines)), Some(Repeated), "{lines:?}");
    }
    for line in [
        "Bearer",
        &format!("Bearer \"{text}\""),
        &format!("{token} x"),
    ] {
        assert_eq!(refusal(&authorized(&[line])), Some(Malformed), "{line:?}");
    }
}

#[test]
fn only_the_chosen_way_is_looked_at() {
    let text = id().to_text();
    let everywhere: HeaderMap = [
        (header::COOKIE, format!("__Host-id={text}")),
        (header::AUTHORIZATION, format!("Bearer {text}")),
        (HeaderName::from_static("x-session"), text.clone()),
        (HeaderName::from_static("x-session-token"), text),
    ]
    .into_iter()
    .map(|(name, value)| (name, HeaderValue::try_from(value).unwrap()))
    .collect();
    for transport in [cookie(), field(), Transport::bearer()] {
        let mut others = everywhere.clone();
        others.remove(transport.field()).unwrap();
        let captured = transport.capture(&others).0;
        assert!(captured.is_empty());
        assert!(matches!(transport.read(&captured), Presented::Nothing));

        let captured = transport.capture(&everywhere).0;
        assert!(!captured.is_empty());
        assert!(matches!(transport.read(&captured), Presented::Id(_)));
    }
}

/// Bytes that a field can hold, near to an id or anything.
fn lines() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let near =
        "(__Host-id=|Bearer |a=b; |\"|;|=| |__Host-id=[A-Za-z0-9_-]{27}|[A-Za-z0-9_-]{27}){0,5}";
    let near = near.prop_map(String::into_bytes);
    let any = prop::collection::vec(any::<u8>(), 0..60);
    prop::collection::vec(prop_oneof![near, any], 0..4)
}

proptest! {
    #[test]
    fn whatever_is_sent_an_id_is_what_would_be_sent_again(lines in lines()) {
        let ways = [
            cookie(),
            field(),
            Transport::bearer(),
            Transport::cookie(SessionCookie::new().signed(super::keys(1))),
            Transport::cookie(SessionCookie::new().encrypted(super::keys(1))),
        ];
        for transport in ways {
            let mut headers = HeaderMap::new();
            for line in &lines {
                if let Ok(value) = HeaderValue::from_bytes(line) {
                    headers.append(transport.field(), value);
                }
            }
            if let Presented::Id(id) = transport.read(&transport.capture(&headers).0) {
                let text = id.to_text().into_bytes();
                let all = lines.concat();
                prop_assert!(all.windows(text.len()).any(|part| part == text));
            }
        }
    }
}
