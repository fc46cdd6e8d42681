//! The promise to the readers of a newsletter: its days and time, and how long its latest issue takes to read.

use crate::db::{DbError, Tx, issues::variants, newsletters::NewsletterRecord};
use email_templates::promise::Promise;
use jiff::civil::{Date, Time, Weekday};

/// The rhythm of a newsletter, as the confirmation promises it.
pub(super) struct PromisedRhythm {
    days: Vec<Weekday>,
    at: Time,
    reading_minutes: Option<u32>,
}

impl PromisedRhythm {
    /// Loads it. The reading time is the one that the latest issue itself names.
    pub(super) async fn load(tx: &mut Tx, newsletter: &NewsletterRecord) -> Result<Self, DbError> {
        let latest = variants::public_page(tx, newsletter.id, Date::MAX, 1).await?.pop();
        let summary = latest.and_then(|issue| issue.summary());
        Ok(Self {
            days: newsletter.newsletter.days.weekdays().collect(),
            at: newsletter.newsletter.send_time,
            reading_minutes: summary.map(|summary| summary.minutes),
        })
    }

    pub(super) fn promise(&self) -> Promise<'_> {
        Promise { days: &self.days, at: self.at, reading_minutes: self.reading_minutes }
    }
}
