//! Proof of which email an incoming message is about: things that only Daily can make.

use crate::domain::{
    delivery::{
        bounce_address::{BounceAddress, Returned, open_key},
        incoming::{Certainty, Traces},
    },
    ids::SubscriptionId,
    token::{KeyRing, Purpose},
};

/// A proof, the best one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The key of an envelope sender.
    Key(Returned),
    /// A reader's unsubscribe token. The issue is unknown.
    Token(SubscriptionId),
}

impl Proof {
    pub const fn certainty(self) -> Certainty {
        match self {
            Self::Key(_) => Certainty::Key,
            Self::Token(_) => Certainty::Token,
        }
    }
}

/// Finds the best proof in a message. `recipient` is the address in its envelope.
pub fn proof(
    keys: &KeyRing,
    address: Option<&BounceAddress>,
    recipient: Option<&str>,
    traces: &Traces,
) -> Option<Proof> {
    let addresses = recipient.into_iter().chain(traces.addresses.iter().map(String::as_str));
    let key = address.and_then(|pattern| {
        addresses.filter_map(|it| pattern.key_in(it)).find_map(|key| open_key(keys, key))
    });
    let token = || traces.tokens.iter().find_map(|it| keys.verify(Purpose::Unsubscribe, it));
    key.map(Proof::Key).or_else(|| token().map(|id| Proof::Token(SubscriptionId(id))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{delivery::bounce_address::key, ids::IssueId};

    #[test]
    fn the_key_counts_more_than_a_token_and_foreign_ones_nothing() {
        let ring = |byte| KeyRing::new(&[[byte; 32]]).unwrap();
        let pattern = BounceAddress::parse("bounce+{key}@example.org").unwrap();
        let copy = Returned::Copy { issue: IssueId(1), subscription: SubscriptionId(2) };
        let address = |byte| pattern.with(&key(&ring(byte), copy).unwrap()).unwrap().to_string();
        let traces = |byte| Traces {
            addresses: vec!["ann@example.org".into(), address(byte)],
            tokens: vec![ring(byte).sign(Purpose::Unsubscribe, 2)],
            ..Traces::default()
        };
        let found = |byte, pattern| proof(&ring(1), pattern, None, &traces(byte));
        assert_eq!(found(1, Some(&pattern)), Some(Proof::Key(copy)));
        assert_eq!(found(1, None), Some(Proof::Token(SubscriptionId(2))));
        assert_eq!(found(2, Some(&pattern)), None);
        let envelope = address(1);
        assert_eq!(
            proof(&ring(1), Some(&pattern), Some(&envelope), &Traces::default()),
            Some(Proof::Key(copy))
        );
    }
}
