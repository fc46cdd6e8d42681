//! The client's address behind reverse proxies.
//!
//! Each proxy appends the address of its peer to a header. Only entries written by our own proxies can be
//! trusted, so the list is read from the right: while an address belongs to a trusted proxy, that proxy wrote
//! the entry to its left.

use crate::domain::string_enum::string_enum;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

string_enum! {
    /// The header that the proxies write. Only one header is read, because a proxy passes the other one
    /// through as the client sent it.
    ForwardedBy {
        /// The common form: comma-separated addresses.
        XForwardedFor = "x-forwarded-for",
        /// The standard form (RFC 7239): `for=192.0.2.1;proto=https`.
        Forwarded = "forwarded",
    }
}

/// Maximum number of entries that are read.
const MAX_ENTRIES: usize = 32;

/// The address of clients that the local proxy doesn't identify. They share one rate limit.
pub const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Returns the client's address: the last entry that isn't a trusted proxy, or else the peer. At an entry
/// that isn't an address, reading stops at the proxy that sent it. If that proxy is loopback, the result is
/// [`UNKNOWN`], because loopback clients have no limits.
pub fn client_address(peer: IpAddr, trusted: &[IpNet], by: ForwardedBy, values: &[&str]) -> IpAddr {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|network| network.contains(ip));
    let mut client = peer.to_canonical();
    let entries = values.iter().rev().flat_map(|value| value.rsplit(',')).take(MAX_ENTRIES);
    for entry in entries {
        if !is_trusted(&client) {
            break;
        }
        let address = match by {
            ForwardedBy::XForwardedFor => parse_node(entry),
            ForwardedBy::Forwarded => parse_forwarded(entry),
        };
        match address {
            Some(ip) => client = ip,
            None if client.is_loopback() => return UNKNOWN,
            None => break,
        }
    }
    client
}

fn parse_forwarded(entry: &str) -> Option<IpAddr> {
    let pair = entry.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value)
    })?;
    parse_node(pair.trim().trim_matches('"'))
}

/// Parses an address with or without a port; IPv6 with or without brackets.
fn parse_node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    ip.ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(peer: &str, trusted: &[&str], by: ForwardedBy, values: &[&str]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &trusted, by, values).to_string()
    }

    #[test]
    fn the_header_is_read_from_the_right_as_far_as_it_is_trusted() {
        use ForwardedBy::{Forwarded, XForwardedFor as X};
        let proxies = ["127.0.0.1/32", "10.0.0.0/8"];
        for (peer, trusted, by, values, client) in [
            // No proxy is trusted, so the header could be forged.
            ("127.0.0.1", &[][..], X, &["203.0.113.9"][..], "127.0.0.1"),
            ("198.51.100.7", &proxies[..], X, &["203.0.113.9"], "198.51.100.7"),
            // One proxy; forged entries are to the left.
            ("127.0.0.1", &proxies, X, &["1.2.3.4, 203.0.113.9"], "203.0.113.9"),
            ("127.0.0.1", &proxies, X, &["1.2.3.4", "203.0.113.9"], "203.0.113.9"),
            // Two proxies.
            ("127.0.0.1", &proxies, X, &["1.2.3.4, 203.0.113.9, 10.0.0.5"], "203.0.113.9"),
            ("::ffff:127.0.0.1", &proxies, X, &["[2001:db8::1]:443"], "2001:db8::1"),
            ("127.0.0.1", &proxies, X, &["1.2.3.4, unknown"], "0.0.0.0"),
            ("10.0.0.5", &proxies, X, &["unknown"], "10.0.0.5"),
            ("127.0.0.1", &proxies, X, &["\u{fffd}, 203.0.113.9"], "203.0.113.9"),
            ("127.0.0.1", &proxies, X, &[], "127.0.0.1"),
            (
                "127.0.0.1",
                &proxies,
                Forwarded,
                &["for=1.2.3.4, For=\"[2001:db8::1]:9\";proto=https"],
                "2001:db8::1",
            ),
            ("127.0.0.1", &proxies, Forwarded, &["for=_hidden"], "0.0.0.0"),
            ("127.0.0.1", &proxies, Forwarded, &["1.2.3.4"], "0.0.0.0"),
        ] {
            assert_eq!(read(peer, trusted, by, values), client, "{peer} {values:?}");
        }
    }
}
