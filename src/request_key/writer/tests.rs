//! What is written, and what is shown of it.

use super::*;

/// All bytes in a row, as a hasher may take them.
#[derive(Default)]
struct Row(Vec<u8>);

impl Hasher for Row {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("the row is looked at")
    }
}

fn row(parts: &[&[u8]]) -> Vec<u8> {
    let mut row = Row::default();
    for part in parts {
        bytes(&mut row, part);
    }
    row.0
}

#[test]
fn a_part_that_looks_like_the_beginning_of_another_does_not_run_into_it() {
    assert_ne!(row(&[b"a", b"b"]), row(&[b"ab"]));
    assert_eq!(row(&[b"ab"])[0], Kind::Bytes as u8);
    assert_ne!(row(&[b"a", b"\x01b"]), row(&[b"a\x01", b"b"]));
    assert_ne!(row(&[b"", b"\x01"]), row(&[b"\x01", b""]));
}

type Write = fn(&mut KeyWriter<'_>);

const MISSING: Write = |key| key.missing();

/// No two are the same key.
const DIFFERENT: [Write; 12] = [
    |_| {},
    |key| key.text(""),
    |key| key.text("1"),
    |key| key.text("2"),
    |key| key.number(0),
    |key| key.number(1),
    |key| key.address(Ipv4Addr::from_bits(0).into()),
    |key| key.address(Ipv4Addr::from_bits(1).into()),
    |key| key.address(Ipv6Addr::from_bits(1 << 64).into()),
    |key| key.address(Ipv6Addr::from_bits(1 << 65).into()),
    MISSING,
    |key| {
        key.number(1);
        key.text("1");
    },
];

fn written(keys: &Fingerprints, write: impl FnOnce(&mut KeyWriter<'_>)) -> u64 {
    let fingerprint = keys.of(|key| {
        write(key);
        Ok::<(), ()>(())
    });
    fingerprint.unwrap()
}

fn shown(keys: &Fingerprints, write: impl FnOnce(&mut KeyWriter<'_>)) -> String {
    let label = keys.label(|key| {
        write(key);
        Ok::<(), ()>(())
    });
    label.into()
}

#[test]
fn kinds_of_parts_are_told_from_each_other() {
    let keys = Fingerprints::default();
    for (index, one) in DIFFERENT.iter().enumerate() {
        assert_eq!(written(&keys, one), written(&keys, one), "{index}");
        for (other, another) in DIFFERENT.iter().enumerate().skip(index + 1) {
            assert_ne!(
                written(&keys, one),
                written(&keys, another),
                "{index}, {other}"
            );
        }
    }
}

#[test]
fn what_came_to_nothing_has_no_fingerprint() {
    let keys = Fingerprints::default();
    let nothing = keys.of(|key| {
        key.text("begun");
        Err("nothing")
    });
    assert_eq!(nothing, Err("nothing"));
}

#[test]
fn what_is_the_same_key_has_the_same_fingerprint() {
    let keys = Fingerprints::default();
    let v4 = Ipv4Addr::new(192, 0, 2, 1);
    assert_eq!(
        written(&keys, |key| key.secret(b"ada")),
        written(&keys, |key| key.text("ada"))
    );
    assert_eq!(
        written(&keys, |key| key.address(v4.to_ipv6_mapped().into())),
        written(&keys, |key| key.address(v4.into()))
    );
    assert_eq!(written(&keys, MISSING), keys.of_missing());
    assert_eq!(written(&keys, |key| key.text("ada")), keys.of_key(&"ada"));
}

#[test]
fn others_who_count_have_other_fingerprints() {
    let [one, other] = [Fingerprints::default(), Fingerprints::default()];
    assert_ne!(one.of_key(&"ada"), other.of_key(&"ada"));
}

#[test]
fn parts_are_shown_in_a_row_and_secrets_as_fingerprints() {
    let keys = Fingerprints::default();
    let all = shown(&keys, |key| {
        key.text("ada");
        key.number(7);
        key.address(Ipv4Addr::LOCALHOST.into());
        key.address(Ipv6Addr::LOCALHOST.into());
        key.missing();
    });
    assert_eq!(all, "ada 7 127.0.0.1 ::1 (no key)");
    let [ada, eve] = ["ada", "eve"].map(|name| shown(&keys, |key| key.secret(name.as_bytes())));
    assert!(ada.starts_with('#') && ada.len() == 9, "{ada}");
    assert_ne!(ada, eve);
}

#[test]
fn no_more_is_shown_than_64_bytes_of_whole_characters() {
    let keys = Fingerprints::default();
    for (text, expected) in [
        ("k".repeat(64), 64),
        ("k".repeat(65), 64),
        (format!("{}é", "k".repeat(63)), 63),
        (format!("{}é", "k".repeat(62)), 64),
    ] {
        let label = shown(&keys, |key| key.text(&text));
        assert_eq!(label, text[..expected]);
    }
    let label = shown(&keys, |key| {
        key.text(&"k".repeat(64));
        key.text("more");
    });
    assert_eq!(label, "k".repeat(64));
}

#[test]
fn a_writer_does_not_show_what_it_has_taken_down() {
    let keys = Fingerprints::default();
    keys.label(|key| {
        key.text("ada");
        assert_eq!(format!("{key:?}"), "KeyWriter { .. }");
        Ok::<(), ()>(())
    });
}
