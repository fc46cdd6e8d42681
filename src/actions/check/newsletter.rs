//! Findings about a newsletter.

use super::{Checks, Finding, Place, State};
use crate::{
    db::{DbError, newsletters::NewsletterRecord, reader_counts, subscribers},
    domain::{
        figures::counted,
        issue::readiness::{Must, missing},
        newsletter::Newsletter,
    },
};

impl Checks {
    /// Checks a newsletter, without its next issue.
    pub(super) async fn newsletter(&self, record: &NewsletterRecord) -> Result<Vec<Finding>, DbError> {
        let it = &record.newsletter;
        let mut found = self.setup(record);
        if it.tagline == Newsletter::default().tagline && self.rules.setup.has_real_relay {
            found.push(
                Finding::warning(format!("tagline ({})", it.slug), "it is still the example's")
                    .because("readers see it on every page")
                    .cured_by(format!("daily newsletter set {} --tagline \"…\"", it.slug))
                    .at(Place::Newsletter),
            );
        }
        let readers = subscribers::count_active(&mut self.context.db.read().await?, record.id).await?;
        let what = format!("readers ({})", it.slug);
        found.push(match readers {
            0 => Finding::warning(what, "nobody has confirmed a signup")
                .because("an issue would go to nobody")
                .cured_by("put the signup box on your pages (docs/guides/signup-box.md), or import a list")
                .at(Place::Readers),
            count => Finding::ok(what, counted(count, "reader")),
        });
        Ok(found.into_iter().map(|found| found.of(&it.slug)).collect())
    }

    /// Checks the counts of readers that pages show. Counts all readers, so only the command does it.
    pub async fn reader_counts(&self) -> Result<Option<Finding>, DbError> {
        let wrong = reader_counts::drift(&mut self.context.db.read().await?).await?;
        Ok(wrong.first().map(|example| {
            let example = format!("{} {}: {:+}", example.what, example.key, -example.missing);
            let are = if wrong.len() == 1 { "1 is".to_owned() } else { format!("{} are", wrong.len()) };
            Finding::warning("counts of readers", format!("{are} wrong, such as {example}"))
                .because("pages show these counts; issues go out by their readers all the same")
                .cured_by("a running `daily serve` corrects them within an hour")
        }))
    }

    /// Returns what is not set up for a newsletter.
    pub(super) fn setup(&self, record: &NewsletterRecord) -> Vec<Finding> {
        let setup = self.rules.setup;
        let state = if setup.is_required { State::Failed } else { State::Warning };
        let finding = |must: Must| {
            let found =
                Finding::new(format!("{} ({})", must.what, record.newsletter.slug), state, &must.problem)
                    .said(format!("{}: {}", must.what, must.problem))
                    .because(must.why)
                    .cured_by(must.cure)
                    .of_setup();
            // The public address is configured, the rest is written on a page.
            if must.what.starts_with("http.") { found } else { found.at(Place::Newsletter) }
        };
        missing(setup, &record.newsletter).into_iter().map(finding).collect()
    }
}
