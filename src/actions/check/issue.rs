//! Findings about an issue as it would be rendered now: its stories, its size, its pictures and its links.

use super::{Checks, Finding, Place, State};
use crate::{
    actions::issue::decide::why_nobody,
    db::{DbError, content::articles, newsletters::NewsletterRecord},
    domain::{
        figures::counted,
        issue::selection::{Reason, TooFew},
        token::token_placeholder,
    },
    issues::{edition, forecast::Forecast, render::Rendering},
};

/// Size at which Gmail cuts emails off, in kilobytes.
const CUT_OFF_KB: usize = 102;

impl Checks {
    /// Checks an issue.
    pub(super) async fn issue(
        &self,
        record: &NewsletterRecord,
        it: &Forecast,
    ) -> Result<Vec<Finding>, DbError> {
        let slug = &record.newsletter.slug;
        let what = format!("issue of {} ({slug})", it.date);
        let show = format!("daily issue show --newsletter {slug} --date {}", it.date);
        if it.plan.variants.is_empty() {
            let found = if it.content.stories.is_empty() {
                Finding::new(what, State::Stopped, "it has no stories yet")
                    .because("without stories, no issue goes out")
                    .cured_by("daily feed list shows what the feeds bring")
                    .at(Place::Feeds)
            } else {
                Finding::new(what, State::Stopped, why_nobody(it))
                    .because("nobody would get it")
                    .cured_by(show)
                    .at(Place::Issue(it.date))
            };
            return Ok(vec![found.said("nobody would get it").of(slug)]);
        }
        let planning = self.rules.at(self.now());
        let mut tx = self.context.db.read().await?;
        let edition = edition::load_edition(planning, &mut tx, record, it.date, it.issue.as_ref(), 1).await?;
        let ids: Vec<_> = edition.stories.iter().map(|story| story.id).collect();
        let unreadable = articles::unreadable(&mut tx, &ids).await?;
        drop(tx);
        let email = Rendering {
            newsletter: record,
            date: it.date,
            edition: &edition,
            number: 1,
            public_url: &self.public_url,
            pictures_url: &self.pictures_url,
            reader_token: &token_placeholder("check"),
            is_test: false,
            revision: None,
        }
        .email();
        let (stories, kilobytes) = (edition.stories.len(), email.html_bytes().div_ceil(1024));
        let bare = edition.stories.iter().filter(|story| story.image_url.is_none()).count();
        let gone = it.plan.choices.iter().filter(|choice| choice.reason == Reason::Gone).count();
        let summary = format!("{}, {kilobytes} KB", counted(stories, "story"));
        let mut problems: Vec<(String, &str)> = Vec::new();
        if it.plan.is_short {
            let why = match it.inputs.rules.too_few {
                TooFew::Skip => "with fewer, the day is skipped",
                TooFew::Send => "it goes out all the same",
                TooFew::Ask => "it goes out when somebody approves it",
            };
            problems.push((format!("it wants {}", counted(it.inputs.rules.min_stories, "story")), why));
        }
        if email.clipped() {
            let why = "readers see its end only behind a link";
            problems.push((format!("Gmail cuts emails off at {CUT_OFF_KB} KB"), why));
        }
        if bare > 0 {
            problems.push((format!("{} no picture", lacking(bare, stories)), "they stand out less"));
        }
        if gone > 0 {
            let why = "readers would find an error page";
            problems.push((format!("{} left out, because the page is gone", counted(gone, "story")), why));
        }
        if !unreadable.is_empty() {
            let pages = counted(unreadable.len(), "story");
            let said = format!("the pages of {pages} can't be read: {}", unreadable.join("; "));
            problems.push((said, "readers may find an error page"));
        }
        if problems.is_empty() {
            return Ok(vec![Finding::ok(what, summary).of(slug)]);
        }
        let finding = |(problem, why): (String, &str)| {
            Finding::warning(&what, format!("{summary}; {problem}"))
                .because(why)
                .cured_by(&show)
                .of(slug)
                .at(Place::Issue(it.date))
        };
        Ok(problems.into_iter().map(finding).collect())
    }
}

fn lacking(bare: usize, stories: usize) -> String {
    match (bare, stories) {
        (1, 1) => "its story has".into(),
        (1, _) => format!("1 of {stories} stories has"),
        _ => format!("{bare} of {stories} stories have"),
    }
}
