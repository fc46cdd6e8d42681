//! The latest issue of a newsletter, shown beside forms.

use crate::{
    db::{
        issues::variants::{self, PublicIssue},
        newsletters::NewsletterRecord,
    },
    domain::{
        issue::page::IssueSummary,
        newsletter::{Archive, Newsletter},
    },
    i18n::{Locale, capitalize, interpolate},
    web::{AppError, Site, public::issue_page::issue_path},
};
use jiff::civil::Date;
use maud::{Markup, html};

/// The latest issue in a public archive.
pub struct LatestIssue {
    path: String,
    date: Date,
    summary: IssueSummary,
}

impl LatestIssue {
    /// Finds it. `None` if the archive is not public or empty.
    pub async fn find(site: &Site, newsletter: &NewsletterRecord) -> Result<Option<Self>, AppError> {
        if newsletter.newsletter.archive != Archive::Public {
            return Ok(None);
        }
        let mut tx = site.actions.db.read().await?;
        let latest = variants::public_page(&mut tx, newsletter.id, Date::MAX, 1).await?.pop();
        Ok(latest.and_then(|issue| Self::new(&newsletter.newsletter, &issue)))
    }

    fn new(newsletter: &Newsletter, issue: &PublicIssue) -> Option<Self> {
        let (path, date) = (issue_path(newsletter, issue), issue.issue_date.0);
        issue.summary().map(|summary| Self { path, date, summary })
    }

    /// Returns the URL of its picture.
    pub fn picture(&self) -> Option<&str> {
        self.summary.picture.as_ref().map(|it| it.url.as_str())
    }

    /// `About a 4-minute read`.
    pub fn reading_time(&self, locale: Locale) -> String {
        let minutes = self.summary.minutes.to_string();
        interpolate(&locale.texts.signup.reading_time, &[("minutes", &minutes)])
    }

    /// Renders it, with the headlines after the first story or without.
    pub fn card(&self, newsletter: &Newsletter, locale: Locale, with_headlines: bool) -> Markup {
        let (t, it) = (&locale.texts.signup, &self.summary);
        html! {
            aside.card.peek aria-label=(t.latest) {
                p.bar { span { (t.latest) } time datetime=(self.date) { (capitalize(&locale.dates.day(self.date))) } }
                // Stories may be in another language than the page.
                div lang=(newsletter.language) {
                    @if let Some(picture) = &it.picture {
                        // The headline is the same link, so the keyboard and screen readers skip this one.
                        a.picture href=(self.path) tabindex="-1" aria-hidden="true" {
                            img src=(picture.url) alt="" width=[picture.width] height=[picture.height];
                        }
                    }
                    div.inside {
                        @if let Some(section) = &it.section { p.section-name { (section) } }
                        h2.headline dir="auto" { a href=(self.path) { (it.title) } }
                        @if let Some(dek) = &it.dek { p dir="auto" { (dek) } }
                        @if with_headlines && !it.headlines.is_empty() {
                            ul { @for title in &it.headlines { li dir="auto" { a href=(self.path) { (title) } } } }
                        }
                        p lang=(locale.language) { a href=(self.path) { (t.read) } }
                    }
                }
            }
        }
    }
}
