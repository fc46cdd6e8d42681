//! Which addresses a list has had so far.

use crate::domain::import::Standing;
use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::BuildHasher as _,
};

/// Remembers addresses and how strict what was said of them is. Eight bytes an address: of lists of a million one of forty
/// million would take one address for another.
#[derive(Default)]
pub(super) struct Seen {
    hasher: RandomState,
    prints: HashSet<u64>,
}

/// What is new about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Novelty {
    /// Its address.
    New,
    /// It is stricter than the rows before it about the same address.
    Stricter,
    /// Nothing.
    Nothing,
}

/// The lowest bits of a print tell how strict it is.
const STRICTNESS_BITS: u64 = 0b11;

impl Seen {
    /// Takes note of a row, and tells what is new about it.
    pub(super) fn note(&mut self, key: &str, standing: Standing) -> Novelty {
        let print = self.hasher.hash_one(key) & !STRICTNESS_BITS;
        let strictness = u64::from(standing.strictness());
        let before = (0..=STRICTNESS_BITS).rev().find(|it| self.prints.contains(&(print | it)));
        let novelty = match before {
            None => Novelty::New,
            // Nothing came of a row that did not show a confirmation.
            Some(0) if strictness == 1 => Novelty::New,
            // Of two rows that show one the first counts.
            Some(before) if strictness > before => Novelty::Stricter,
            Some(_) => return Novelty::Nothing,
        };
        self.prints.insert(print | strictness);
        novelty
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_about_an_address_counts_and_stricter_ones_after_it() {
        let mut seen = Seen::default();
        assert_eq!(seen.note("ann@example.org", Standing::Confirmed), Novelty::New);
        assert_eq!(seen.note("ann@example.org", Standing::Confirmed), Novelty::Nothing);
        assert_eq!(seen.note("ann@example.org", Standing::Unsubscribed), Novelty::Stricter);
        assert_eq!(seen.note("ann@example.org", Standing::Confirmed), Novelty::Nothing);
        assert_eq!(seen.note("ann@example.org", Standing::Complained), Novelty::Stricter);
        assert_eq!(seen.note("bob@example.org", Standing::Unconfirmed), Novelty::New);
        assert_eq!(seen.note("bob@example.org", Standing::Unconfirmed), Novelty::Nothing);
        assert_eq!(
            seen.note("bob@example.org", Standing::Confirmed),
            Novelty::New,
            "nothing came of the others"
        );
        assert_eq!(seen.note("bob@example.org", Standing::Unconfirmed), Novelty::Nothing);
        assert_eq!(seen.note("bob@example.org", Standing::Paused), Novelty::Nothing);
    }
}
