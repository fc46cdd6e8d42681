//! Signup rate limits per client, per address and overall. Their keys are keyed hashes.

use crate::domain::{
    rate_limit::Limit, signup::mail_domains::is_large_provider, subscriber::email_address::EmailAddress,
    token::KeyRing,
};
use jiff::SignedDuration;
use std::net::{IpAddr, Ipv6Addr};

/// The key of the limit on signups from all clients together.
pub const OVERALL: &str = "overall";

/// The key of [`HELD_LIMIT`].
pub const HELD: &str = "held";
/// The limit on held-back signups. With [`HELD_FOR`], at most twice as many exist at a time.
pub const HELD_LIMIT: Limit = Limit { max: 5_000, window: HELD_FOR };
/// How long a signup is held back before it is discarded.
pub const HELD_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Limits on signups. `None`: unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignupLimits {
    /// Signups from one client: an IPv4 address, or a /64 of IPv6.
    pub client: Option<Limit>,
    /// Emails that signups cause to one address.
    pub address: Option<Limit>,
    /// Signups from all clients together.
    pub overall: Option<Limit>,
}

/// Returns the key of the limit on emails that signups can cause to one address.
pub fn address_key(keys: &KeyRing, address: &EmailAddress) -> String {
    keys.fingerprint(&format!("address {}", address.inbox()))
}

/// Returns the limits that a client's signups count against, with their keys.
pub fn client_limits(keys: &KeyRing, limit: Option<Limit>, client: IpAddr) -> Vec<(String, Limit)> {
    let Some(limit) = limit else { return Vec::new() };
    let networks = client_networks(client).into_iter();
    networks
        .map(|(network, factor)| (keys.fingerprint(&format!("client {network}")), limit.times(factor)))
        .collect()
}

/// The factor between the limits of one inbox and of a whole domain during an attack.
const DOMAIN_FACTOR: u32 = 10;

/// Returns the limits on emails that signups cause to one address, with their keys: that of its inbox, and during an
/// attack that of its domain. All addresses of a small domain may lead to one inbox.
pub fn address_limits(
    keys: &KeyRing,
    limit: Limit,
    address: &EmailAddress,
    is_under_attack: bool,
) -> Vec<(String, Limit)> {
    let mut limits = vec![(address_key(keys, address), limit)];
    if is_under_attack && !is_large_provider(address.domain()) {
        limits.push((keys.fingerprint(&format!("domain {}", address.domain())), limit.times(DOMAIN_FACTOR)));
    }
    limits
}

/// Returns the limits on DNS queries that a client's signups cause: as many as signups, counted separately, because
/// not every query leads to a signup.
pub fn dns_limits(keys: &KeyRing, limits: &SignupLimits, client: IpAddr) -> Vec<(String, Limit)> {
    let of_client = limits.client.into_iter().flat_map(|limit| {
        client_networks(client)
            .into_iter()
            .map(move |(network, factor)| (format!("dns {network}"), limit.times(factor)))
    });
    let of_all = limits.overall.map(|limit| ("dns".to_owned(), limit));
    of_client.chain(of_all).map(|(name, limit)| (keys.fingerprint(&name), limit)).collect()
}

/// The factor between the limits of one client and of a /48. One customer of an IPv6 provider may have a /48,
/// but so may all phones of a mobile network.
const NETWORK_FACTOR: u32 = 100;

/// Returns the networks that a client counts for, with the factor of each limit: its own, and for IPv6 the
/// /48 around it. A rented server may have a whole /48, and with it 65,536 client networks.
///
/// Empty for loopback: such a client is an untrusted local proxy, whose readers must not share one limit.
fn client_networks(ip: IpAddr) -> Vec<(String, u32)> {
    match ip.to_canonical() {
        ip if ip.is_loopback() => Vec::new(),
        IpAddr::V4(ip) => vec![(ip.to_string(), 1)],
        IpAddr::V6(ip) => {
            let prefix = |bits: u32| Ipv6Addr::from_bits(ip.to_bits() >> (128 - bits) << (128 - bits));
            vec![(prefix(64).to_string(), 1), (format!("{}/48", prefix(48)), NETWORK_FACTOR)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_domain_has_a_limit_of_its_own_during_an_attack() {
        let keys = KeyRing::new(&[[7_u8; 32]]).unwrap();
        let limit = Limit { max: 5, window: SignedDuration::from_hours(24) };
        let count = |address: &str, is_under_attack| {
            address_limits(&keys, limit, &address.parse().unwrap(), is_under_attack).len()
        };
        assert_eq!(
            (count("a@small.org", false), count("a@small.org", true), count("a@gmail.com", true)),
            (1, 2, 1)
        );
        let limits = address_limits(&keys, limit, &"b@small.org".parse().unwrap(), true);
        assert_eq!(limits[1].1, Limit { max: 50, ..limit });
        assert_eq!(limits[1].0, address_limits(&keys, limit, &"c@small.org".parse().unwrap(), true)[1].0);
    }

    #[test]
    fn an_ipv6_client_is_its_whole_network() {
        let networks = |text: &str| client_networks(text.parse().unwrap());
        let all = [("2001:db8:1:2::".to_owned(), 1), ("2001:db8:1::/48".to_owned(), 100)];
        assert_eq!(networks("2001:db8:1:2:3:4:5:6"), all);
        for ipv4 in ["192.0.2.7", "::ffff:192.0.2.7"] {
            assert_eq!(networks(ipv4), [("192.0.2.7".to_owned(), 1)]);
        }
        for this_machine in ["::1", "::ffff:127.0.0.1"] {
            assert_eq!(networks(this_machine), []);
        }
    }
}
