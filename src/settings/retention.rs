//! `[retention]`: how long Daily keeps what it holds about readers.

use jiff::SignedDuration;
use serde::Deserialize;
use validator::Validate;

#[derive(Debug, Clone, Deserialize, Validate)]
pub struct Retention {
    /// Days before a reader who has unsubscribed from everything is erased. 0: never.
    #[validate(range(max = 36500))]
    pub left_days: u32,
    /// Days for which each delivery of a finished issue is kept. After that, only figures, who got it, and
    /// failures are. Reports about a copy count for 30 days.
    #[validate(range(min = 30, max = 36500))]
    pub deliveries_days: u32,
    /// Days before single emails, such as confirmations, are erased. 0: never.
    #[validate(range(max = 36500))]
    pub mail_days: u32,
    /// Days before pictures of stories that were in no sent issue are dropped. 0: never.
    #[validate(range(max = 36500))]
    pub picture_days: u32,
}

impl Retention {
    pub fn left(&self) -> Option<SignedDuration> {
        days(self.left_days)
    }

    pub fn deliveries(&self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.deliveries_days))
    }

    pub fn mails(&self) -> Option<SignedDuration> {
        days(self.mail_days)
    }

    pub fn pictures(&self) -> Option<SignedDuration> {
        days(self.picture_days)
    }
}

/// Returns a number of days. `None` for 0.
pub(super) fn days(days: u32) -> Option<SignedDuration> {
    time(SignedDuration::from_hours(24 * i64::from(days)))
}

/// Returns a time. `None` for 0.
pub(super) fn time(time: SignedDuration) -> Option<SignedDuration> {
    (!time.is_zero()).then_some(time)
}
