//! Cohorts: readers of a newsletter with the same audience and the same past.
//!
//! Readers of a cohort get the same variant of each issue, so the past of a million readers is a few rows. A
//! reader whose past becomes different, for example because a delivery fails, leaves the cohort. Until the
//! reader is sorted into another one, the past is looked up in the deliveries.

use crate::domain::{
    ids::{CohortId, NewsletterId, VariantId},
    subscriber::cadence::Cadence,
};
use std::fmt;

/// The variants that readers received, in order and without repetition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReaderPast(Vec<VariantId>);

impl ReaderPast {
    pub fn new(variants: impl IntoIterator<Item = VariantId>) -> Self {
        let mut variants: Vec<VariantId> = variants.into_iter().collect();
        variants.sort_unstable();
        variants.dedup();
        Self(variants)
    }

    /// Reads ids separated by commas. Leaves out anything else.
    pub fn parse(text: &str) -> Self {
        Self::new(text.split(',').filter_map(|id| id.parse().ok().map(VariantId)))
    }

    /// Adds a variant.
    pub fn push(&mut self, variant: VariantId) {
        if let Err(place) = self.0.binary_search(&variant) {
            self.0.insert(place, variant);
        }
    }

    /// Returns the part among these variants.
    #[must_use]
    pub fn among(&self, variants: &[VariantId]) -> Self {
        Self(self.0.iter().filter(|it| variants.contains(it)).copied().collect())
    }

    /// Returns the part that is not among these variants.
    #[must_use]
    pub fn without(&self, variants: &[VariantId]) -> Self {
        Self(self.0.iter().filter(|it| !variants.contains(it)).copied().collect())
    }
}

impl fmt::Display for ReaderPast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, variant) in self.0.iter().enumerate() {
            write!(f, "{}{variant}", if index > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

/// A cohort of a newsletter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cohort {
    pub id: CohortId,
    pub newsletter: NewsletterId,
    /// The readers' choices, `CADENCE|SECTIONS`.
    pub audience: String,
    pub past: ReaderPast,
}

impl Cohort {
    /// Returns the key of the group that its readers are in, if these variants tell groups apart.
    pub fn group_key(&self, variants: &[VariantId]) -> String {
        format!("{}|{}", self.audience, self.past.among(variants))
    }

    /// Returns whether its readers get issues for one of these cadences.
    pub fn has_cadence(&self, cadences: &[Cadence]) -> bool {
        has_cadence(&self.audience, cadences)
    }
}

/// Returns whether readers with these choices, `CADENCE|SECTIONS`, get issues for one of these cadences.
pub fn has_cadence(audience: &str, cadences: &[Cadence]) -> bool {
    let cadence = audience.split('|').next().unwrap_or_default();
    cadences.iter().any(|it| it.as_str() == cadence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_past_is_kept_in_order() {
        let mut past = ReaderPast::parse("9,1,9,12");
        assert_eq!(past.to_string(), "1,9,12");
        past.push(VariantId(10));
        past.push(VariantId(9));
        assert_eq!(past.to_string(), "1,9,10,12");
        assert_eq!(past.among(&[VariantId(12), VariantId(2), VariantId(1)]).to_string(), "1,12");
        assert_eq!(past.without(&[VariantId(12), VariantId(2), VariantId(1)]).to_string(), "9,10");
        assert_eq!(ReaderPast::parse("").to_string(), "");
    }
}
