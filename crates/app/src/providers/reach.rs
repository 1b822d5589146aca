//! Which network addresses the gateway may connect to on somebody's word.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of place an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// An address of the public Internet.
    Public,
    /// Loopback, private (RFC 1918, RFC 4193) or shared (RFC 6598): somebody's own network.
    Private,
    /// No provider lives there: link-local (where clouds keep their metadata services), unspecified, multicast,
    /// broadcast, reserved.
    Never,
}

/// Where a provider may be reached. Checked against the addresses its name resolves to, each time a connection is
/// made, so a name that changes its mind gains nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Public addresses: what a tenant may name unless the operator allows more.
    Public,
    /// Public and private ones.
    Anywhere,
    /// Private ones alone: for plain HTTP, which never crosses the Internet.
    Private,
}

impl Reach {
    /// Every reach.
    pub const ALL: [Self; 3] = [Self::Public, Self::Anywhere, Self::Private];

    /// Whether this address may be connected to.
    pub const fn permits(self, address: IpAddr) -> bool {
        matches!(
            (self, place(address)),
            (Self::Public | Self::Anywhere, Place::Public) | (Self::Private | Self::Anywhere, Place::Private)
        )
    }
}

/// Metadata services of clouds outside the link-local range.
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254),
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254),
];

/// What kind of place an address is, addresses inside addresses (mapped, NAT64, 6to4) included.
pub const fn place(address: IpAddr) -> Place {
    match address {
        IpAddr::V4(address) => place_v4(address),
        IpAddr::V6(address) => place_v6(address),
    }
}

const fn place_v4(address: Ipv4Addr) -> Place {
    let [a, b, c, _] = address.octets();
    let bits = address.to_bits();
    if bits == METADATA_V4[0].to_bits() || bits == METADATA_V4[1].to_bits() {
        return Place::Never;
    }
    match (a, b, c) {
        (10 | 127, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => Place::Private,
        // "This network", link-local, protocol assignments, documentation, relays of 6to4, benchmarks, multicast and
        // reserved.
        (0 | 224.., ..)
        | (169, 254, _)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18 | 19, _)
        | (198, 51, 100)
        | (203, 0, 113) => Place::Never,
        _ => Place::Public,
    }
}

const fn place_v6(address: Ipv6Addr) -> Place {
    let bits = address.to_bits();
    if bits == METADATA_V6[0].to_bits() || bits == METADATA_V6[1].to_bits() {
        return Place::Never;
    }
    let segments = address.segments();
    let [first, second, ..] = segments;
    match segments {
        // Mapped (RFC 4291 §2.5.5.2), NAT64 (RFC 6052), 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => return embedded(high, low),
        _ => {}
    }
    if bits == Ipv6Addr::LOCALHOST.to_bits() || first & 0xfe00 == 0xfc00 {
        return Place::Private;
    }
    // Global unicast is 2000::/3; documentation, Teredo and ORCHID lie inside it and lead nowhere of use.
    let special =
        first == 0x2001 && (second == 0x0db8 || second < 0x0200) || first == 0x3fff && second < 0x1000;
    if first & 0xe000 == 0x2000 && !special { Place::Public } else { Place::Never }
}

const fn embedded(high: u16, low: u16) -> Place {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    place_v4(Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_address_is_known_for_what_it_is() {
        let table = [
            (Place::Public, "8.8.8.8 1.1.1.1 172.15.0.1 172.32.0.1 100.63.0.1 100.128.0.1 192.169.0.1"),
            (Place::Public, "2606:4700::1111 2a00:1450::1 64:ff9b::808:808 2002:808:808::1 ::ffff:8.8.8.8"),
            (Place::Private, "127.0.0.1 127.9.9.9 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1"),
            (Place::Private, "::1 fc00::1 fd12:3456::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1"),
            (Place::Private, "2002:7f00:1::1 2002:c0a8:101::1"),
            (Place::Never, "169.254.169.254 169.254.170.2 0.0.0.0 255.255.255.255 224.0.0.1 240.0.0.1"),
            (
                Place::Never,
                "100.100.100.200 168.63.129.16 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.7 203.0.113.9",
            ),
            (
                Place::Never,
                ":: fe80::1 ff02::1 fd00:ec2::254 fd20:ce::254 ::ffff:169.254.169.254 ::127.0.0.1",
            ),
            (
                Place::Never,
                "2001:db8::1 3fff::1 3fff:fff::1 2001::1 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1 4000::1",
            ),
            (Place::Never, "64:ff9b:1::7f00:1 ::10.0.0.1 fec0::1 100::1 5f00::1 2001:20::1"),
            (Place::Public, "3fff:1000::1 2001:4860:4860::8888"),
        ];
        for (kind, addresses) in table {
            for address in addresses.split(' ') {
                assert_eq!(place(address.parse().unwrap()), kind, "{address}");
            }
        }
    }

    #[test]
    fn each_reach_permits_what_it_says_and_nobody_reaches_metadata() {
        let permits = |reach: Reach, address: &str| reach.permits(address.parse().unwrap());
        assert!(permits(Reach::Public, "8.8.8.8") && !permits(Reach::Public, "127.0.0.1"));
        assert!(permits(Reach::Anywhere, "8.8.8.8") && permits(Reach::Anywhere, "10.0.0.1"));
        assert!(!permits(Reach::Private, "8.8.8.8") && permits(Reach::Private, "::1"));
        for reach in Reach::ALL {
            assert!(!permits(reach, "169.254.169.254") && !permits(reach, "fd00:ec2::254"));
        }
    }

    proptest::proptest! {
        /// An address inside another is what it is by itself, however it is written.
        #[test]
        fn an_address_inside_another_is_judged_by_itself(bits: u32, low: u64) {
            let inside = Ipv4Addr::from_bits(bits);
            let alone = place(IpAddr::V4(inside));
            let [high, rest] = [bits >> 16, bits & 0xffff].map(|half| u16::try_from(half).unwrap());
            let tail = low.to_be_bytes();
            let tail = |at: usize| u16::from_be_bytes([tail[at], tail[at + 1]]);
            let six_to_four =
                Ipv6Addr::new(0x2002, high, rest, tail(0), tail(2), tail(4), tail(6), tail(0));
            let forms = [
                inside.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, rest),
                six_to_four,
            ];
            for form in forms {
                proptest::prop_assert_eq!(place(IpAddr::V6(form)), alone, "{}", form);
            }
        }

        /// Outside 2000::/3 and the two forms above nothing is public.
        #[test]
        fn only_global_unicast_is_public(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            let global = bits >> 125 == 1;
            if place(IpAddr::V6(address)) == Place::Public {
                let nat64 = bits >> 32 == 0x64_ff9b_0000_0000_0000_0000;
                proptest::prop_assert!(global || nat64 || address.to_ipv4_mapped().is_some(), "{}", address);
            }
        }
    }
}
