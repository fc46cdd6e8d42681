//! What a newsletter's readers will get: its days and time, and how long its latest issue takes to read.

use crate::{
    db::{DbError, Tx, issues::welcomes, newsletters::NewsletterRecord},
    domain::ids::SubscriberId,
};
use email_templates::{promise::Promise, reading::ReadingTime};
use jiff::civil::{Time, Weekday};

/// The rhythm of a newsletter, as the confirmation promises it.
pub(super) struct PromisedRhythm {
    days: Vec<Weekday>,
    at: Time,
    reading_minutes: Option<u32>,
}

impl PromisedRhythm {
    pub(super) async fn load(
        tx: &mut Tx,
        newsletter: &NewsletterRecord,
        reader: SubscriberId,
    ) -> Result<Self, DbError> {
        let stories = match welcomes::latest(tx, newsletter.id).await? {
            Some(latest) => welcomes::stories(tx, latest.variant, reader).await?,
            None => Vec::new(),
        };
        let time = stories.iter().fold(ReadingTime::default(), |time, story| {
            let time = time.text(&story.title).text(story.dek.as_deref().unwrap_or_default());
            if story.image_url.is_some() { time.picture() } else { time }
        });
        Ok(Self {
            days: newsletter.newsletter.days.weekdays().collect(),
            at: newsletter.newsletter.send_time,
            reading_minutes: (!stories.is_empty()).then(|| time.minutes()),
        })
    }

    pub(super) fn promise(&self) -> Promise<'_> {
        Promise { days: &self.days, at: self.at, reading_minutes: self.reading_minutes }
    }
}
