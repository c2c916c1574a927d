use proptest::prelude::*;

use super::{super::*, cookies, id, is, keys, refusal, sent};
use crate::session::transport::RefusedId::{Forged, Malformed};

type Protect = fn(SessionCookie, Keys) -> SessionCookie;

const BOTH: [Protect; 2] = [SessionCookie::signed, SessionCookie::encrypted];

fn with(protect: Protect, keys: Keys) -> Transport {
    Transport::cookie(protect(SessionCookie::new(), keys))
}

#[test]
fn a_change_of_keys_logs_nobody_out() {
    for protect in BOTH {
        let id = id();
        let before = sent(&with(protect, keys(1)), &id);
        let known = sent(&with(protect, keys(1).or(keys(2))), &id);
        let first = with(protect, keys(2).or(keys(1)));
        let after = sent(&first, &id);

        for line in [&before, &known, &after] {
            assert!(is(&cookies(&first, &[line]), &id));
        }
        let later = with(protect, keys(3).or(keys(2).or(keys(1))));
        assert!(
            is(&cookies(&later, &[&before]), &id),
            "the third still counts"
        );

        let only_new = with(protect, keys(2));
        assert!(
            is(&cookies(&only_new, &[&after]), &id),
            "the first one made it"
        );
        assert_eq!(refusal(&cookies(&only_new, &[&before])), Some(Forged));
        assert_eq!(refusal(&cookies(&only_new, &[&known])), Some(Forged));
    }
}

#[test]
fn what_was_made_for_one_cookie_is_nothing_in_another() {
    for protect in BOTH {
        let other = SessionCookie::new().named("__Host-other").unwrap();
        let other = Transport::cookie(protect(other, keys(1)));
        let moved = sent(&other, &id()).replace("__Host-other", "__Host-id");
        let read = cookies(&with(protect, keys(1)), &[&moved]);
        assert_eq!(refusal(&read), Some(Forged));
    }
}

#[test]
fn an_id_without_protection_is_malformed_where_there_is_one() {
    let id = id();
    let plain = format!("__Host-id={}", id.to_text());
    for protect in BOTH {
        let read = cookies(&with(protect, keys(1)), &[&plain]);
        assert_eq!(refusal(&read), Some(Malformed));
        let protected = sent(&with(protect, keys(1)), &id);
        let read = cookies(&Transport::cookie(SessionCookie::new()), &[&protected]);
        assert_eq!(refusal(&read), Some(Malformed));
    }
}

#[test]
fn an_encrypted_cookie_does_not_show_the_id_and_is_another_each_time() {
    let id = id();
    let encrypted = with(SessionCookie::encrypted, keys(1));
    assert!(!sent(&encrypted, &id).contains(&id.to_text()));
    assert_ne!(sent(&encrypted, &id), sent(&encrypted, &id));
    let signed = with(SessionCookie::signed, keys(1));
    assert_eq!(sent(&signed, &id), sent(&signed, &id));
}

#[test]
fn it_is_known_beforehand_how_long_an_encrypted_text_is() {
    for length in 0..100 {
        let encrypted = keys(1).encrypt("id", &"a".repeat(length));
        assert_eq!(encrypted.len(), Keys::encrypted_length(length), "{length}");
    }
}

#[test]
fn a_key_is_64_bytes_that_are_not_all_the_same() {
    let bytes: Vec<u8> = (0..65).collect();
    assert!(Keys::new(&bytes[..63]).is_err());
    assert!(Keys::new(&bytes[..64]).is_ok());
    assert!(Keys::new(&bytes).is_ok());
    assert!(Keys::new(&[]).is_err());
    assert!(Keys::new(&[0; 64]).is_err());
}

#[test]
fn debug_shows_neither_keys_nor_ids() {
    let transport = with(SessionCookie::signed, keys(1).or(keys(2)));
    let shown = format!("{transport:?}");
    assert!(shown.contains("Keys(2)"), "{shown}");
    let id = id();
    for transport in [
        transport,
        Transport::header(header::ETAG),
        Transport::bearer(),
    ] {
        let shown = format!("{:?}", transport.announce(&id, None));
        assert!(!shown.contains(&id.to_text()), "{shown}");
    }
}

proptest! {
    #[test]
    fn one_letter_that_is_different_makes_it_forged(at in 0_usize..76, letter in "[A-Za-z0-9+/=_-]") {
        for protect in BOTH {
            let transport = with(protect, keys(1));
            let mut line = sent(&transport, &id());
            let at = "__Host-id=".len() + at;
            prop_assume!(at < line.len() && line[at..=at] != letter);
            line.replace_range(at..=at, &letter);
            prop_assert_eq!(refusal(&cookies(&transport, &[&line])), Some(Forged));
        }
    }
}
