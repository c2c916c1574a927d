use std::net::SocketAddr;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn proxies() -> ClientIp {
    let internal: IpPrefix = "10.0.0.0/8".parse().unwrap();
    ClientIp::default().trust(internal)
}

/// What `rule` makes of a request from `peer` with these lines of the field `name`.
fn client(rule: &ClientIp, peer: &str, name: &'static str, lines: &[&str]) -> IpAddr {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
    }
    let mut extensions = Extensions::new();
    extensions.insert(PeerAddr(SocketAddr::new(ip(peer), 4711)));
    rule.of(&extensions, &headers).unwrap()
}

fn through_xff(lines: &[&str]) -> IpAddr {
    client(&proxies(), "10.0.0.1", "x-forwarded-for", lines)
}

fn through_forwarded(lines: &[&str]) -> IpAddr {
    client(&proxies().forwarded(), "10.0.0.1", "forwarded", lines)
}

#[test]
fn by_default_no_field_is_believed() {
    let rule = ClientIp::default();
    for name in ["x-forwarded-for", "forwarded"] {
        let lines = ["for=192.0.2.1", "192.0.2.1"];
        assert_eq!(client(&rule, "10.0.0.1", name, &lines), ip("10.0.0.1"));
    }
}

#[test]
fn without_a_peer_there_is_no_client() {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
    assert_eq!(proxies().of(&Extensions::new(), &headers), None);
}

#[test]
fn a_peer_that_is_not_trusted_is_the_client() {
    let seen = client(&proxies(), "192.0.2.66", "x-forwarded-for", &["192.0.2.1"]);
    assert_eq!(seen, ip("192.0.2.66"));
}

#[test]
fn the_walk_ends_at_the_first_address_that_is_not_trusted() {
    let seen = through_xff(&["6.6.6.6, 203.0.113.9,10.0.0.3 ,\t10.0.0.2"]);
    assert_eq!(seen, ip("203.0.113.9"));
}

#[test]
fn lines_are_combined_in_order() {
    let seen = through_xff(&["6.6.6.6", "203.0.113.9", "10.0.0.3, 10.0.0.2"]);
    assert_eq!(seen, ip("203.0.113.9"));
    let seen = through_forwarded(&["for=6.6.6.6", "for=203.0.113.9", "for=10.0.0.3"]);
    assert_eq!(seen, ip("203.0.113.9"));
}

#[test]
fn if_all_are_trusted_the_first_one_is_the_client() {
    assert_eq!(through_xff(&["10.0.0.3, 10.0.0.2"]), ip("10.0.0.3"));
    assert_eq!(through_xff(&[]), ip("10.0.0.1"));
}

#[test]
fn garbage_ends_the_walk_at_the_last_address_vouched_for() {
    for garbage in ["unknown", "", "_x", "not an address", "\u{e9}"] {
        let line = format!("6.6.6.6, {garbage}, 10.0.0.2");
        assert_eq!(through_xff(&[&line]), ip("10.0.0.2"), "{garbage:?}");
    }
    for garbage in ["for=unknown", "", "proto=http", "for=_x", "\u{e9}"] {
        let line = format!("for=6.6.6.6, {garbage}, for=10.0.0.2");
        assert_eq!(through_forwarded(&[&line]), ip("10.0.0.2"), "{garbage:?}");
    }
}

#[test]
fn only_the_chosen_field_is_read() {
    let either = |rule: &ClientIp, name| client(rule, "10.0.0.1", name, &["for=192.0.2.1"]);
    assert_eq!(either(&proxies(), "forwarded"), ip("10.0.0.1"));
    assert_eq!(either(&proxies().forwarded(), "forwarded"), ip("192.0.2.1"));
    let back = proxies().forwarded().x_forwarded_for();
    assert_eq!(either(&back, "forwarded"), ip("10.0.0.1"));
    let seen = client(&back, "10.0.0.1", "x-forwarded-for", &["192.0.2.1"]);
    assert_eq!(seen, ip("192.0.2.1"));
}

#[test]
fn forwarded_is_read_with_quotes_and_parameters() {
    let seen = through_forwarded(&[
        r#"for=6.6.6.6, for="203.0.113.9:4711";host="a,b", for=10.0.0.2;proto=https"#,
    ]);
    assert_eq!(seen, ip("203.0.113.9"));
}

#[test]
fn an_open_quote_of_the_client_does_not_hide_what_the_proxy_appended() {
    for appended in [
        "for=203.0.113.9",
        r#"for="[2001:db8::1]:4711""#,
        r#"for=203.0.113.9;host="example.org""#,
        r#"for=203.0.113.9;host="a\"b""#,
        r#"for=203.0.113.9;host=",for=6.6.6.6;x=\"""#,
    ] {
        let line = format!(r#"for=6.6.6.6;by=", {appended}"#);
        assert_eq!(through_forwarded(&[&line]), ip("10.0.0.1"), "{appended}");
        let lines = [r#"for=6.6.6.6;by=""#, "for=203.0.113.9"];
        assert_eq!(through_forwarded(&lines), ip("203.0.113.9"));
    }
}

#[test]
fn ipv6_clients_are_told_apart_by_their_first_64_bits() {
    let of = |rule: &ClientIp| client(rule, "2001:db8:1:2:3:4:5:6", "x-forwarded-for", &[]);
    assert_eq!(of(&ClientIp::default()), ip("2001:db8:1:2::"));
    let rule = |bits| ClientIp::default().ipv6_prefix(bits);
    assert_eq!(of(&rule(48)), ip("2001:db8:1::"));
    assert_eq!(of(&rule(128)), ip("2001:db8:1:2:3:4:5:6"));
    assert_eq!(of(&rule(255)), ip("2001:db8:1:2:3:4:5:6"));
    assert_eq!(of(&rule(0)), ip("::"));
    assert_eq!(
        through_xff(&["[2001:db8:1:2:3:4:5:6]:4711"]),
        ip("2001:db8:1:2::")
    );
}

#[test]
fn trust_is_decided_by_the_whole_ipv6_address() {
    let rule = ClientIp::default().trust(ip("2001:db8::1"));
    let of = |peer| client(&rule, peer, "x-forwarded-for", &["192.0.2.1"]);
    assert_eq!(of("2001:db8::1"), ip("192.0.2.1"));
    assert_eq!(of("2001:db8::2"), ip("2001:db8::"));
}

#[test]
fn ipv4_in_ipv6_notation_is_ipv4() {
    let of = |peer, line| client(&proxies(), peer, "x-forwarded-for", &[line]);
    assert_eq!(of("::ffff:10.0.0.1", "192.0.2.1"), ip("192.0.2.1"));
    assert_eq!(of("10.0.0.1", "::ffff:192.0.2.1"), ip("192.0.2.1"));
    assert_eq!(
        of("10.0.0.1", "192.0.2.1, ::ffff:10.0.0.2"),
        ip("192.0.2.1")
    );
}

#[test]
fn no_more_than_the_cap_of_entries_is_looked_at() {
    let beyond = |hops: usize| {
        let mut entries: Vec<String> = (1..=hops).rev().map(|n| format!("10.0.1.{n}")).collect();
        entries.insert(0, "192.0.2.1".to_owned());
        entries
    };
    let within = beyond(MAX_HOPS - 1).join(", ");
    assert_eq!(through_xff(&[&within]), ip("192.0.2.1"));
    let over = beyond(MAX_HOPS).join(", ");
    assert_eq!(through_xff(&[&over]), ip("10.0.1.32"));

    let forwarded = |entries: Vec<String>| {
        let elements: Vec<String> = entries.iter().map(|entry| format!("for={entry}")).collect();
        let in_one_line = through_forwarded(&[&elements.join(", ")]);
        let lines: Vec<&str> = elements.iter().map(String::as_str).collect();
        assert_eq!(through_forwarded(&lines), in_one_line);
        in_one_line
    };
    assert_eq!(forwarded(beyond(MAX_HOPS - 1)), ip("192.0.2.1"));
    assert_eq!(forwarded(beyond(MAX_HOPS)), ip("10.0.1.32"));
}
