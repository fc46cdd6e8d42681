//! Decides from DNS answers whether a domain can receive email (RFC 5321 section 5.1, RFC 7505).

/// The result of a DNS query for one record type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DnsAnswer<T> {
    Records(Vec<T>),
    /// The name exists, but has no such records.
    NoRecords,
    /// The name does not exist.
    NoName,
    /// The server failed, for example because the domain's own servers don't answer.
    ServerFailure,
    /// The name server didn't answer, or refused.
    NoAnswer,
}

impl<T> DnsAnswer<T> {
    /// Whether the answer allows no conclusion.
    const fn is_inconclusive(&self) -> bool {
        matches!(self, Self::ServerFailure | Self::NoAnswer)
    }

    /// Whether the name server itself is at fault.
    pub const fn is_no_answer(&self) -> bool {
        matches!(self, Self::NoAnswer)
    }
}

/// Whether a domain can receive email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deliverability {
    /// The domain can receive email.
    Yes,
    /// The domain can't receive email.
    No,
    /// DNS gave no conclusive answer.
    Unknown,
}

/// Decides by MX records. The root name means "no mail" (null MX). `None`: the address records decide,
/// because a domain without MX records receives email at its own address.
pub fn from_mail_servers(answer: &DnsAnswer<String>) -> Option<Deliverability> {
    match answer {
        DnsAnswer::Records(servers) if servers.iter().all(|name| name.trim_end_matches('.').is_empty()) => {
            Some(Deliverability::No)
        }
        DnsAnswer::Records(_) => Some(Deliverability::Yes),
        DnsAnswer::NoName => Some(Deliverability::No),
        DnsAnswer::NoRecords => None,
        DnsAnswer::ServerFailure | DnsAnswer::NoAnswer => Some(Deliverability::Unknown),
    }
}

/// Decides by the address records of both families.
pub fn from_addresses<A, B>(ipv4: &DnsAnswer<A>, ipv6: &DnsAnswer<B>) -> Deliverability {
    if matches!(ipv4, DnsAnswer::Records(_)) || matches!(ipv6, DnsAnswer::Records(_)) {
        Deliverability::Yes
    } else if ipv4.is_inconclusive() || ipv6.is_inconclusive() {
        Deliverability::Unknown
    } else {
        Deliverability::No
    }
}

/// Whether a domain is reserved for examples and tests (RFC 6761). No DNS query is made for these.
pub fn is_reserved(domain: &str) -> bool {
    let last = domain.rsplit('.').next().unwrap_or_default();
    ["example", "invalid", "localhost", "test"].contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(names: &[&str]) -> DnsAnswer<String> {
        DnsAnswer::Records(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn mail_servers_decide_and_the_root_means_no_mail() {
        assert_eq!(from_mail_servers(&servers(&["mx.example.org."])), Some(Deliverability::Yes));
        assert_eq!(from_mail_servers(&servers(&["."])), Some(Deliverability::No));
        assert_eq!(from_mail_servers(&servers(&[".", "mx.example.org."])), Some(Deliverability::Yes));
        assert_eq!(from_mail_servers(&DnsAnswer::NoName), Some(Deliverability::No));
        assert_eq!(from_mail_servers(&DnsAnswer::NoAnswer), Some(Deliverability::Unknown));
        assert_eq!(from_mail_servers(&DnsAnswer::ServerFailure), Some(Deliverability::Unknown));
        assert_eq!(from_mail_servers(&DnsAnswer::NoRecords), None);
    }

    #[test]
    fn one_address_is_enough_and_no_answer_is_inconclusive() {
        let (there, none, silent) =
            (DnsAnswer::Records(vec![()]), DnsAnswer::<()>::NoRecords, DnsAnswer::<()>::NoAnswer);
        assert_eq!(from_addresses(&there, &silent), Deliverability::Yes);
        assert_eq!(from_addresses(&none, &there), Deliverability::Yes);
        assert_eq!(from_addresses(&none, &none), Deliverability::No);
        assert_eq!(from_addresses(&none, &silent), Deliverability::Unknown);
        assert_eq!(from_addresses(&DnsAnswer::<()>::ServerFailure, &none), Deliverability::Unknown);
    }

    #[test]
    fn reserved_names_are_recognized_by_their_last_label() {
        for (domain, reserved) in
            [("a.example", true), ("x.test", true), ("example.org", false), ("contest", false)]
        {
            assert_eq!(is_reserved(domain), reserved, "{domain}");
        }
    }
}
