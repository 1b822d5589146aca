//! Whose request it is: the client's address, through the proxies the operator trusts and no others.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::{HeaderMap, HeaderName, header};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A block of addresses, such as `10.0.0.0/8` or `2001:db8::/32`; a bare address is a block of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

/// The text is no block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// Not `address/length`.
    #[error("expected an address or a block such as 10.0.0.0/8")]
    Shape,
    /// The address has bits set behind the prefix, so it is unclear what was meant.
    #[error("the address has bits set behind the prefix length; write the block's first address")]
    HostBits,
}

impl Cidr {
    /// Whether `address` lies in the block. IPv4 addresses written as IPv6 (`::ffff:…`) count as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().map_err(|_| CidrError::Shape)?;
        let bits: u8 = if network.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|prefix| *prefix <= bits).ok_or(CidrError::Shape)?
            }
            Some(_) => return Err(CidrError::Shape),
        };
        let host_bits = match network {
            IpAddr::V4(network) => network.to_bits().checked_shl(u32::from(prefix)).unwrap_or(0) != 0,
            IpAddr::V6(network) => network.to_bits().checked_shl(u32::from(prefix)).unwrap_or(0) != 0,
        };
        if host_bits { Err(CidrError::HostBits) } else { Ok(Self { network, prefix }) }
    }
}

/// The header in which trusted proxies name the client. Only one is ever read: a proxy that writes one of them passes
/// the other on as the client sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedBy {
    /// `X-Forwarded-For`, as most proxies write it.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The client's address. Hops are read from the right, the end a proxy appends to; the first that no trusted proxy
/// vouches for is the client. A hop that cannot be read ends the walk at the proxy that reported it.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Cidr], by: ForwardedBy) -> IpAddr {
    let peer = peer.to_canonical();
    let believed = |address: IpAddr| trusted.iter().any(|block| block.contains(address));
    let name = match by {
        ForwardedBy::XForwardedFor => X_FORWARDED_FOR,
        ForwardedBy::Forwarded => header::FORWARDED,
    };
    let mut client = peer;
    for line in headers.get_all(name).iter().rev() {
        let Ok(line) = line.to_str() else { return client };
        for hop in split(line, ',').into_iter().rev() {
            if !believed(client) {
                return client;
            }
            let address = match by {
                ForwardedBy::XForwardedFor => node(hop.trim()),
                ForwardedBy::Forwarded => forwarded_for(hop),
            };
            let Some(address) = address else { return client };
            client = address.to_canonical();
        }
    }
    client
}

/// The address of a hop: bare, with a port, or an IPv6 address in brackets.
fn node(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse().ok().filter(IpAddr::is_ipv6);
    }
    text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip())
}

/// The `for` parameter of one element of `Forwarded` (RFC 7239 §4).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let value = split(element, ';').into_iter().find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    })?;
    let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    node(bare)
}

/// Splits at `separator` outside quoted strings.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, letter) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if quoted && letter == '\\' {
            escaped = true;
        } else if letter == '"' {
            quoted = !quoted;
        } else if letter == separator && !quoted {
            parts.push(&text[start..at]);
            start = at + 1;
        }
    }
    parts.push(&text[start..]);
    parts
}

/// What stands for a client where clients are counted: an IPv4 address, or the /64 that one IPv6 subscriber has.
pub(super) fn counted_as(client: Option<IpAddr>) -> u64 {
    match client.map(|address| address.to_canonical()) {
        // No IPv6 network begins with 32 zero bits and an IPv4 address (::/32 is reserved), so the two never meet.
        Some(IpAddr::V4(address)) => u64::from(address.to_bits()),
        Some(IpAddr::V6(address)) => (address.to_bits() >> 64) as u64,
        None => u64::MAX,
    }
}

#[cfg(test)]
mod tests;
