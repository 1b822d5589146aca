use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn seen(by: ForwardedBy, peer: &str, lines: &[&str]) -> String {
    let trusted = ["10.0.0.0/8", "2001:db8:ffff::/48"].map(|block| block.parse().unwrap());
    let mut headers = HeaderMap::new();
    for line in lines {
        let name = match by {
            ForwardedBy::XForwardedFor => X_FORWARDED_FOR,
            ForwardedBy::Forwarded => header::FORWARDED,
        };
        headers.append(name, HeaderValue::from_str(line).unwrap());
    }
    client(ip(peer), &headers, &trusted, by).to_string()
}

#[test]
fn the_client_is_the_rightmost_hop_no_trusted_proxy_vouches_for() {
    let cases: [(&str, &[&str], &str); 13] = [
        // Nobody to believe: whatever a stranger writes, it is the stranger.
        ("203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
        // What the client itself put to the left is not believed.
        ("10.0.0.1", &["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.2.3.4"], "198.51.100.1"),
        // Several lines are one list.
        ("10.0.0.1", &["1.1.1.1", "198.51.100.1, 10.2.3.4"], "198.51.100.1"),
        ("10.0.0.1", &["198.51.100.1", "10.2.3.4"], "198.51.100.1"),
        // All trusted: the leftmost.
        ("10.0.0.1", &["10.9.9.9, 10.2.3.4"], "10.9.9.9"),
        // What cannot be read ends the walk at the proxy that reported it.
        ("10.0.0.1", &["198.51.100.1, unknown, 10.2.3.4"], "10.2.3.4"),
        ("10.0.0.1", &[""], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
        ("2001:db8:ffff::1", &["[2001:db8::7]:443"], "2001:db8::7"),
        ("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
    ];
    for (peer, lines, expected) in cases {
        assert_eq!(seen(ForwardedBy::XForwardedFor, peer, lines), expected, "{peer} {lines:?}");
    }
}

#[test]
fn forwarded_is_read_as_rfc_7239_writes_it() {
    let cases: [(&[&str], &str); 6] = [
        (&["for=198.51.100.1"], "198.51.100.1"),
        (&["For=\"[2001:db8:cafe::17]:4711\";proto=https;by=10.0.0.1"], "2001:db8:cafe::17"),
        (&["for=1.1.1.1, proto=https;for=198.51.100.1"], "198.51.100.1"),
        (&["for=198.51.100.1;ext=\"a,b;for=1.1.1.1\""], "198.51.100.1"),
        (&["for=198.51.100.1, for=_hidden"], "10.0.0.1"),
        (&["by=198.51.100.1"], "10.0.0.1"),
    ];
    for (lines, expected) in cases {
        assert_eq!(seen(ForwardedBy::Forwarded, "10.0.0.1", lines), expected, "{lines:?}");
    }
}

#[test]
fn the_header_that_the_proxies_do_not_write_is_ignored() {
    let mut headers = HeaderMap::new();
    headers.insert(header::FORWARDED, HeaderValue::from_static("for=198.51.100.1"));
    let trusted = ["10.0.0.0/8".parse().unwrap()];
    assert_eq!(client(ip("10.0.0.1"), &headers, &trusted, ForwardedBy::XForwardedFor), ip("10.0.0.1"));
}

#[test]
fn blocks_say_what_they_hold() {
    let block: Cidr = "192.0.2.0/24".parse().unwrap();
    assert!(block.contains(ip("192.0.2.255")) && !block.contains(ip("192.0.3.0")));
    assert!(block.contains(ip("::ffff:192.0.2.1")) && !block.contains(ip("2001:db8::1")));
    let all: Cidr = "0.0.0.0/0".parse().unwrap();
    assert!(all.contains(ip("255.0.0.1")) && !all.contains(ip("::1")));
    assert!("::1".parse::<Cidr>().unwrap().contains(ip("::1")));
    for bad in ["", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/", "10/8", "proxy.example.com"] {
        assert_eq!(bad.parse::<Cidr>(), Err(CidrError::Shape), "{bad}");
    }
    assert_eq!("10.0.0.1/8".parse::<Cidr>(), Err(CidrError::HostBits));
    assert_eq!("2001:db8::1/32".parse::<Cidr>(), Err(CidrError::HostBits));
}

#[test]
fn an_ipv6_subscriber_counts_once() {
    assert_eq!(counted_as(Some(ip("2001:db8:1:2:3::4"))), counted_as(Some(ip("2001:db8:1:2:ffff::9"))));
    assert_ne!(counted_as(Some(ip("2001:db8:1:2::1"))), counted_as(Some(ip("2001:db8:1:3::1"))));
    assert_eq!(counted_as(Some(ip("::ffff:192.0.2.1"))), counted_as(Some(ip("192.0.2.1"))));
    assert_ne!(counted_as(Some(ip("192.0.2.1"))), counted_as(Some(ip("192.0.2.2"))));
}

proptest! {
    #[test]
    fn no_header_makes_it_panic_or_lets_a_stranger_choose(line in "[ -~]{0,200}") {
        for by in [ForwardedBy::XForwardedFor, ForwardedBy::Forwarded] {
            prop_assert_eq!(seen(by, "203.0.113.9", &[&line]), "203.0.113.9");
            let _ = seen(by, "10.0.0.1", &[&line, &line]);
        }
    }
}
