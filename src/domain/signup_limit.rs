//! How many signups are taken: from one client, to one address, and from everybody together.
//!
//! Each signup takes up a share of time (a limit of 20 an hour: three minutes). Shares line up one after the other, and a signup
//! is taken as long as the line is no longer than the limit's whole time: the generic cell rate algorithm (ITU-T I.371). One
//! number says all there is to know about a limit, so that it fits one row and one statement.

use jiff::SignedDuration;
use std::net::{IpAddr, Ipv6Addr};

/// So many in so long a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How many at once, and in the long run in each such time.
    pub most: u32,
    /// The time.
    pub within: SignedDuration,
}

impl Limit {
    /// A limit, or none at all for 0.
    pub fn new(most: u32, within: SignedDuration) -> Option<Self> {
        (most > 0).then_some(Self { most, within })
    }

    /// The whole time, in microseconds.
    fn within_micros(self) -> i64 {
        i64::try_from(self.within.as_micros()).unwrap_or(i64::MAX / 4)
    }

    /// The time that one takes up, in microseconds.
    fn share_micros(self) -> i64 {
        (self.within_micros() / i64::from(self.most.max(1))).max(1)
    }

    /// A limit so many times as wide.
    #[must_use]
    pub fn times(self, wider: u32) -> Self {
        Self { most: self.most.saturating_mul(wider), ..self }
    }

    /// How much of it is taken up by a line of shares that ends at `taken_until`, in percent.
    pub fn percent(self, taken_until: i64, now: i64) -> i64 {
        (taken_until - now).max(0).saturating_mul(100) / self.within_micros().max(1)
    }

    /// Takes one more onto a line of shares that ends at `taken_until`: where it ends then. Or how long until one is taken; what is
    /// refused makes the line no longer.
    pub fn take(self, taken_until: i64, now: i64) -> Result<i64, SignedDuration> {
        let until = taken_until.max(now) + self.share_micros();
        let over = until - now - self.within_micros();
        if over > 0 { Err(SignedDuration::from_micros(over)) } else { Ok(until) }
    }
}

/// What is taken. `None`: any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignupLimits {
    /// From one client: an IPv4 address, or a /64 of IPv6.
    pub client: Option<Limit>,
    /// Mails that signups cause to one address.
    pub address: Option<Limit>,
    /// From everybody together.
    pub overall: Option<Limit>,
}

/// The network that counts as one client: whoever has one IPv6 address has all of its /64. `None` for this machine
/// itself: that is a proxy whose word is not taken, and its readers must not be counted as one.
pub fn client_network(ip: IpAddr) -> Option<IpAddr> {
    match ip.to_canonical() {
        ip if ip.is_loopback() => None,
        IpAddr::V4(ip) => Some(ip.into()),
        IpAddr::V6(ip) => Some(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into()),
    }
}

/// So many times as much as from one client comes from all the networks that one customer of an IPv6 provider has, or that the telephones
/// of a mobile network share.
const WIDER: u32 = 100;

/// The networks whose shares a client takes up, and how many times wider each one's limit is: its own, and with IPv6 the /48 around it:
/// a rented machine or a tunnel has that, and with it 65,536 clients.
pub fn client_networks(ip: IpAddr) -> Vec<(String, u32)> {
    let Some(own) = client_network(ip) else { return Vec::new() };
    let mut networks = vec![(own.to_string(), 1)];
    if let IpAddr::V6(ip) = own {
        networks.push((format!("{}/48", Ipv6Addr::from_bits(ip.to_bits() >> 80 << 80)), WIDER));
    }
    networks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_reached_at_once_and_recovers_share_by_share() {
        let limit = Limit { most: 4, within: SignedDuration::from_hours(1) };
        let (mut until, now) = (0, 1_000_000_000_000);
        for _ in 0..4 {
            until = limit.take(until, now).unwrap();
        }
        assert_eq!(limit.take(until, now), Err(SignedDuration::from_mins(15)));
        assert!(limit.take(until, now + limit.share_micros()).is_ok());
        assert_eq!(
            limit.take(0, now),
            Ok(now + limit.share_micros()),
            "time that is past counts for nothing"
        );
    }

    #[test]
    fn an_ipv6_client_is_its_whole_network() {
        let network =
            |text: &str| client_network(text.parse().unwrap()).map(|ip| ip.to_string()).unwrap_or_default();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:127.0.0.1"), "");
        let networks = |text: &str| client_networks(text.parse().unwrap());
        let all = [("2001:db8:1:2::".to_owned(), 1), ("2001:db8:1::/48".to_owned(), 100)];
        assert_eq!(networks("2001:db8:1:2:3:4:5:6"), all);
        assert_eq!(networks("192.0.2.7"), [("192.0.2.7".to_owned(), 1)]);
        assert_eq!(networks("::1"), []);
    }

    #[test]
    fn how_full_a_limit_is_is_told_in_percent() {
        let limit = Limit { most: 4, within: SignedDuration::from_secs(60) };
        let now = 1_000_000_000_000;
        let at = |seconds: i64| limit.percent(now + seconds * 1_000_000, now);
        assert_eq!((at(-5), at(0), at(15), at(60)), (0, 0, 25, 100));
        assert_eq!(limit.times(10), Limit { most: 40, ..limit });
    }
}
