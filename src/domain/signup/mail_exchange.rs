//! Whether mail can reach a domain, by what the name system says about it (RFC 5321 section 5.1, RFC 7505).

/// What the name system says about one kind of record of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said<T> {
    /// There are some.
    Records(Vec<T>),
    /// There is none, but the name exists.
    NoRecords,
    /// The name does not exist.
    NoName,
    /// It answered that the domain's own servers have trouble.
    Trouble,
    /// It did not answer, or refused to.
    Nothing,
}

impl<T> Said<T> {
    /// Whether nothing follows from it.
    const fn is_unsure(&self) -> bool {
        matches!(self, Self::Trouble | Self::Nothing)
    }

    /// Whether the name server itself is at fault.
    pub const fn is_silence(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

/// Whether mail can reach a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It can, as far as the name system knows.
    Yes,
    /// It can't.
    No,
    /// Nobody said so: it may.
    Unsure,
}

/// What the mail servers' records say, by name; the root, an empty name, is nobody: "no mail here". `None`: whether the name has
/// addresses decides, for a domain without such records is its own mail server.
pub fn by_mail_servers(said: &Said<String>) -> Option<Reach> {
    match said {
        Said::Records(servers) if servers.iter().all(|name| name.trim_end_matches('.').is_empty()) => {
            Some(Reach::No)
        }
        Said::Records(_) => Some(Reach::Yes),
        Said::NoName => Some(Reach::No),
        Said::NoRecords => None,
        Said::Trouble | Said::Nothing => Some(Reach::Unsure),
    }
}

/// What its addresses say, of both families.
pub fn by_addresses<A, B>(old: &Said<A>, new: &Said<B>) -> Reach {
    if matches!(old, Said::Records(_)) || matches!(new, Said::Records(_)) {
        Reach::Yes
    } else if old.is_unsure() || new.is_unsure() {
        Reach::Unsure
    } else {
        Reach::No
    }
}

/// Names that are set aside for examples and tests (RFC 6761): the name system is not asked about them.
pub fn is_set_aside(domain: &str) -> bool {
    let last = domain.rsplit('.').next().unwrap_or_default();
    ["example", "invalid", "localhost", "test"].contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(names: &[&str]) -> Said<String> {
        Said::Records(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn mail_servers_decide_and_the_root_is_none() {
        assert_eq!(by_mail_servers(&servers(&["mx.example.org."])), Some(Reach::Yes));
        assert_eq!(by_mail_servers(&servers(&["."])), Some(Reach::No));
        assert_eq!(by_mail_servers(&servers(&[".", "mx.example.org."])), Some(Reach::Yes));
        assert_eq!(by_mail_servers(&Said::NoName), Some(Reach::No));
        assert_eq!(by_mail_servers(&Said::Nothing), Some(Reach::Unsure));
        assert_eq!(by_mail_servers(&Said::Trouble), Some(Reach::Unsure));
        assert_eq!(by_mail_servers(&Said::NoRecords), None);
    }

    #[test]
    fn one_address_is_enough_and_silence_is_no_answer() {
        let (there, none, silent) = (Said::Records(vec![()]), Said::<()>::NoRecords, Said::<()>::Nothing);
        assert_eq!(by_addresses(&there, &silent), Reach::Yes);
        assert_eq!(by_addresses(&none, &there), Reach::Yes);
        assert_eq!(by_addresses(&none, &none), Reach::No);
        assert_eq!(by_addresses(&none, &silent), Reach::Unsure);
        assert_eq!(by_addresses(&Said::<()>::Trouble, &none), Reach::Unsure);
    }

    #[test]
    fn names_for_examples_are_known_by_their_end() {
        for (domain, aside) in
            [("a.example", true), ("x.test", true), ("example.org", false), ("contest", false)]
        {
            assert_eq!(is_set_aside(domain), aside, "{domain}");
        }
    }
}
