//! `[schedule]`: when issues are planned and sent.

use crate::domain::issue::schedule::Margins;
use jiff::SignedDuration;
use serde::Deserialize;
use validator::Validate;

#[derive(Debug, Clone, Deserialize, Validate)]
pub struct Schedule {
    /// How long before its time an issue is planned.
    #[validate(range(max = 1440))]
    pub plan_ahead_minutes: u32,
    /// How late an issue may still go out.
    #[validate(range(min = 1, max = 1440))]
    pub grace_minutes: u32,
    /// How long before an issue is due operators are reminded of their decisions.
    #[validate(range(max = 1440))]
    pub remind_minutes: u32,
    /// Longest time for checking the pages of an issue's stories once more; 0: they aren't checked.
    #[validate(range(max = 300))]
    pub recheck_seconds: u32,
    /// Whether issues wait until everything is set up that readers need.
    pub require_ready: bool,
}

impl Schedule {
    pub fn margins(&self) -> Margins {
        Margins {
            plan_ahead: SignedDuration::from_mins(self.plan_ahead_minutes.into()),
            grace: SignedDuration::from_mins(self.grace_minutes.into()),
        }
    }
}
