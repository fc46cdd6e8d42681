//! `[digest]`: the bounds of an issue.

use crate::{
    domain::issue::selection::{Rules, TooFew},
    settings::{
        problems::{compared_with, wrong},
        text::word,
    },
};
use jiff::SignedDuration;
use serde::Deserialize;
use validator::{Validate, ValidationError};

pub(super) const CURES: &[(&str, &str)] = &[("digest.too_few", "write \"skip\", \"send\" or \"ask\"")];

#[derive(Debug, Clone, Deserialize, Validate)]
#[validate(schema(function = fewest_up_to_most, skip_on_field_errors = false))]
pub struct Digest {
    #[validate(range(min = 1, max = 50))]
    pub min_stories: u32,
    #[validate(range(min = 1, max = 50))]
    pub max_stories: u32,
    /// The fate of an issue with fewer stories.
    #[serde(deserialize_with = "word")]
    pub too_few: TooFew,
    /// The age beyond which articles are not news.
    #[validate(range(min = 1, max = 8760))]
    pub max_age_hours: u32,
    /// Most stories of one source while others wait; 0: any number.
    #[validate(range(max = 50))]
    pub max_per_source: u32,
    /// Most stories of one section while others wait; 0: any number.
    #[validate(range(max = 50))]
    pub max_per_section: u32,
    /// Most renderings of an issue.
    #[validate(range(min = 2, max = 100))]
    pub max_variants: u32,
}

impl Digest {
    pub fn rules(&self) -> Rules {
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Rules {
            min_stories: count(self.min_stories),
            max_stories: count(self.max_stories),
            too_few: self.too_few,
            max_age: SignedDuration::from_hours(self.max_age_hours.into()),
            max_per_source: count(self.max_per_source),
            max_per_section: count(self.max_per_section),
            max_variants: count(self.max_variants),
        }
    }
}

fn fewest_up_to_most(digest: &Digest) -> Result<(), ValidationError> {
    if digest.min_stories <= digest.max_stories {
        return Ok(());
    }
    let problem = wrong("min_stories", "it is more than digest.max_stories", Some("make it smaller"));
    Err(compared_with("max_stories", problem))
}
