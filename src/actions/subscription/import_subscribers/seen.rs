//! The addresses that an import has seen so far.

use crate::domain::import::Standing;
use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::BuildHasher as _,
};

/// A set of address hashes, with the strictness of the rows about each. Eight bytes per address are enough:
/// in lists of a million addresses, two are confused once in forty million lists.
#[derive(Default)]
pub(super) struct SeenAddresses {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

/// The new information in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Novelty {
    /// The address is new.
    New,
    /// The row is stricter than earlier ones about the address.
    Stricter,
    Nothing,
}

/// The lowest bits of a hash hold the strictness.
const STRICTNESS_BITS: u64 = 0b11;

impl SeenAddresses {
    /// Records a row and returns its new information.
    pub(super) fn record(&mut self, key: &str, standing: Standing) -> Novelty {
        let hash = self.hasher.hash_one(key) & !STRICTNESS_BITS;
        let strictness = u64::from(standing.strictness());
        let known = (0..=STRICTNESS_BITS).rev().find(|it| self.hashes.contains(&(hash | it)));
        let novelty = match known {
            None => Novelty::New,
            // An unconfirmed row had no effect, so a confirmed one counts as new.
            Some(0) if strictness == 1 => Novelty::New,
            // The first of several confirmed rows counts.
            Some(known) if strictness > known => Novelty::Stricter,
            Some(_) => return Novelty::Nothing,
        };
        self.hashes.insert(hash | strictness);
        novelty
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_about_an_address_and_later_stricter_ones_count() {
        let mut seen = SeenAddresses::default();
        assert_eq!(seen.record("ann@example.org", Standing::Confirmed), Novelty::New);
        assert_eq!(seen.record("ann@example.org", Standing::Confirmed), Novelty::Nothing);
        assert_eq!(seen.record("ann@example.org", Standing::Unsubscribed), Novelty::Stricter);
        assert_eq!(seen.record("ann@example.org", Standing::Confirmed), Novelty::Nothing);
        assert_eq!(seen.record("ann@example.org", Standing::Complained), Novelty::Stricter);
        assert_eq!(seen.record("bob@example.org", Standing::Unconfirmed), Novelty::New);
        assert_eq!(seen.record("bob@example.org", Standing::Unconfirmed), Novelty::Nothing);
        assert_eq!(
            seen.record("bob@example.org", Standing::Confirmed),
            Novelty::New,
            "the unconfirmed rows had no effect"
        );
        assert_eq!(seen.record("bob@example.org", Standing::Unconfirmed), Novelty::Nothing);
        assert_eq!(seen.record("bob@example.org", Standing::Paused), Novelty::Nothing);
    }
}
