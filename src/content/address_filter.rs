//! Network addresses that fetches may connect to.
//!
//! Operators paste feed URLs, and untrusted sites redirect them. Neither may make Daily connect
//! to its own network. Only addresses on the public Internet are allowed, and networks that the operator
//! allowed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Filter that accepts public addresses and those in the allowed networks.
#[derive(Debug, Clone, Default)]
pub struct AddressFilter {
    allowed: Vec<IpNet>,
}

/// An address that must not be fetched from, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} is in {network}")]
pub struct RefusedAddress {
    pub address: IpAddr,
    /// Kind of network, with its article ("a private network").
    pub network: &'static str,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> IpNet {
    IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> IpNet {
    IpNet::new_assert(IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)), prefix)
}

/// Special-purpose networks of IANA's two registries. The first match names the network.
const SPECIAL: &[(IpNet, &str)] = &[
    (v4(0, 0, 0, 0, 8), "the unspecified network"),
    (v4(127, 0, 0, 0, 8), "the loopback network"),
    (v4(10, 0, 0, 0, 8), "a private network"),
    (v4(172, 16, 0, 0, 12), "a private network"),
    (v4(192, 168, 0, 0, 16), "a private network"),
    (v4(100, 64, 0, 0, 10), "a carrier-grade NAT network"),
    (v4(169, 254, 169, 254, 32), "the link-local network (a cloud's metadata service)"),
    (v4(169, 254, 0, 0, 16), "the link-local network"),
    (v4(192, 0, 0, 0, 24), "a network reserved for protocols"),
    (v4(192, 0, 2, 0, 24), "a documentation network"),
    (v4(198, 51, 100, 0, 24), "a documentation network"),
    (v4(203, 0, 113, 0, 24), "a documentation network"),
    (v4(192, 88, 99, 0, 24), "a retired 6to4 relay network"),
    (v4(198, 18, 0, 0, 15), "a benchmarking network"),
    (v4(224, 0, 0, 0, 4), "a multicast network"),
    (v4(255, 255, 255, 255, 32), "the broadcast network"),
    (v4(240, 0, 0, 0, 4), "a reserved network"),
    (IpNet::new_assert(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 128), "the unspecified network"),
    (IpNet::new_assert(IpAddr::V6(Ipv6Addr::LOCALHOST), 128), "the loopback network"),
    (v6(0xfc00, 0, 0, 7), "a private (unique-local) network"),
    (v6(0xfe80, 0, 0, 10), "the link-local network"),
    (v6(0xfec0, 0, 0, 10), "a private (site-local) network"),
    (v6(0xff00, 0, 0, 8), "a multicast network"),
    (v6(0x2001, 0xdb8, 0, 32), "a documentation network"),
    (v6(0x3fff, 0, 0, 20), "a documentation network"),
    (v6(0x2001, 0, 0, 23), "a network reserved for protocols (Teredo and the like)"),
    (v6(0x64, 0xff9b, 1, 48), "a local NAT64 network"),
];

/// The block that contains all public IPv6 addresses.
const GLOBAL_UNICAST_V6: IpNet = v6(0x2000, 0, 0, 3);

impl AddressFilter {
    /// Creates a filter that accepts public addresses and those in `allowed`.
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// Checks whether connecting to `address` is allowed. An IPv6 address that embeds an IPv4 address
    /// (mapped, compatible, 6to4, NAT64) is judged by the embedded one.
    pub fn check(&self, address: IpAddr) -> Result<(), RefusedAddress> {
        if self.allowed.iter().any(|network| network.contains(&address)) {
            return Ok(());
        }
        let refused = |network| Err(RefusedAddress { address, network });
        if let Some((_, network)) = SPECIAL.iter().find(|(network, _)| network.contains(&address)) {
            return refused(network);
        }
        let IpAddr::V6(v6) = address else { return Ok(()) };
        match carried_v4(v6) {
            Some(inner) => self.check(IpAddr::V4(inner)).or_else(|inner| refused(inner.network)),
            None if GLOBAL_UNICAST_V6.contains(&address) => Ok(()),
            None => refused("no public network"),
        }
    }
}

/// Returns the IPv4 address that a gateway would extract from this IPv6 address.
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let at = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // In this order: compatible and mapped, translated (RFC 2765), NAT64, 6to4, ISATAP.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..]
        | [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => at(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_pass() {
        let filter = AddressFilter::default();
        for (address, network) in [
            ("93.184.216.34", None),
            ("172.15.255.255", None),
            ("172.32.0.1", None),
            ("100.128.0.1", None),
            ("2606:2800:220:1:248:1893:25c8:1946", None),
            ("::ffff:93.184.216.34", None),
            ("2002:5db8:d822::1", None),
            ("64:ff9b::93.184.216.34", None),
            ("0.0.0.0", Some("unspecified")),
            ("127.0.0.1", Some("loopback")),
            ("127.255.255.254", Some("loopback")),
            ("10.0.0.1", Some("private")),
            ("172.16.0.1", Some("private")),
            ("172.31.255.255", Some("private")),
            ("192.168.1.1", Some("private")),
            ("100.64.0.1", Some("carrier-grade")),
            ("100.100.100.200", Some("carrier-grade")),
            ("169.254.0.1", Some("link-local")),
            ("169.254.169.254", Some("metadata")),
            ("192.0.0.8", Some("protocols")),
            ("192.0.2.1", Some("documentation")),
            ("198.51.100.1", Some("documentation")),
            ("203.0.113.1", Some("documentation")),
            ("198.19.0.1", Some("benchmarking")),
            ("224.0.0.1", Some("multicast")),
            ("239.255.255.255", Some("multicast")),
            ("240.0.0.1", Some("reserved")),
            ("255.255.255.255", Some("broadcast")),
            ("::", Some("unspecified")),
            ("::1", Some("loopback")),
            ("fc00::1", Some("unique-local")),
            ("fd00:ec2::254", Some("unique-local")),
            ("fe80::1", Some("link-local")),
            ("fec0::1", Some("site-local")),
            ("ff02::1", Some("multicast")),
            ("2001:db8::1", Some("documentation")),
            ("3fff::1", Some("documentation")),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Some("Teredo")),
            ("100::1", Some("no public network")),
            ("4000::1", Some("no public network")),
            ("::ffff:127.0.0.1", Some("loopback")),
            ("::ffff:169.254.169.254", Some("metadata")),
            ("::10.0.0.1", Some("private")),
            ("::ffff:0:10.0.0.1", Some("private")),
            ("2002:7f00:1::", Some("loopback")),
            ("2002:c0a8:101::1", Some("private")),
            ("64:ff9b::10.0.0.1", Some("private")),
            ("64:ff9b:1::1", Some("NAT64")),
            ("2a00:1450::5efe:10.0.0.1", Some("private")),
        ] {
            let answer = filter.check(address.parse().unwrap());
            match network {
                None => assert_eq!(answer, Ok(()), "{address}"),
                Some(network) => {
                    let said = answer.unwrap_err().to_string();
                    assert!(said.contains(network) && said.contains(" is in "), "{address}: {said}");
                }
            }
        }
    }

    #[test]
    fn an_allowed_network_passes_also_inside_ipv6() {
        let filter = AddressFilter::new(vec!["10.1.0.0/16".parse().unwrap(), "fd12::/16".parse().unwrap()]);
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd12::5"] {
            assert_eq!(filter.check(address.parse().unwrap()), Ok(()), "{address}");
        }
        for address in ["10.2.0.1", "127.0.0.1", "fd13::1"] {
            assert!(filter.check(address.parse().unwrap()).is_err(), "{address}");
        }
    }
}
