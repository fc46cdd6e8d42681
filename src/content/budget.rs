//! A limit on the work that one document may cause.
//!
//! A limit on bytes is not enough: a loop that looks ahead from every byte takes hours for a few kilobytes.
//! So loops that read untrusted text count their steps, and parsing stops when a document takes too many.

use std::cell::Cell;

/// Steps allowed for any document, in addition to those per byte.
const BASE: u64 = 2_000_000;
/// Steps allowed per byte of a document.
const FOR_EACH_BYTE: u64 = 200;

thread_local! {
    /// Steps taken by this thread.
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// The document exceeded its budget, so parsing stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("reading it takes too much work")]
pub struct OverBudget;

/// Counts steps, usually the bytes that a loop examines.
pub fn count(steps: usize) {
    let steps = u64::try_from(steps).unwrap_or(u64::MAX);
    STEPS.with(|taken| taken.set(taken.get().saturating_add(steps)));
}

/// The steps that a document may take, counted from the creation of the budget. A document must be read on
/// one thread.
#[derive(Debug)]
pub struct Budget {
    allowed: u64,
    begun: u64,
}

impl Budget {
    /// Creates the budget for a document of `length` bytes.
    pub fn for_bytes(length: usize) -> Self {
        let bytes = u64::try_from(length).unwrap_or(u64::MAX);
        let allowed = bytes.saturating_mul(FOR_EACH_BYTE).saturating_add(BASE);
        Self { allowed, begun: STEPS.with(Cell::get) }
    }

    /// Counts steps. Fails if the budget is exceeded.
    pub fn take(&self, steps: usize) -> Result<(), OverBudget> {
        count(steps);
        self.check()
    }

    /// Fails if the budget is exceeded.
    pub fn check(&self) -> Result<(), OverBudget> {
        if self.taken() > self.allowed { Err(OverBudget) } else { Ok(()) }
    }

    /// Returns the steps counted so far.
    pub fn taken(&self) -> u64 {
        STEPS.with(Cell::get) - self.begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_beyond_the_budget_are_an_error() {
        count(7);
        let budget = Budget::for_bytes(1000);
        assert_eq!(budget.take(2_200_000), Ok(()));
        assert_eq!(budget.take(1), Err(OverBudget));
        assert_eq!(budget.taken(), 2_200_001);
    }
}
