//! Findings about each newsletter and its next issue.

use super::Finding;
use crate::{
    app::App,
    cli::CliError,
    db::{
        content::{articles, feeds},
        newsletters::{self, NewsletterRecord},
        reader_counts, subscribers,
    },
    domain::{
        figures::counted,
        issue::{readiness::missing, selection::Reason},
        newsletter::Newsletter,
        token::token_placeholder,
    },
    issues::{edition, forecast::forecast, next::next_date, render::Rendering},
};
use email_templates::CLIP_BYTES;

/// Checks all newsletters.
pub(super) async fn findings(app: &App) -> Result<Vec<Finding>, CliError> {
    let mut tx = app.db.read().await?;
    let all = newsletters::list(&mut tx).await?;
    let has_feeds = feeds::list(&mut tx).await?.iter().any(|feed| feed.status == "active");
    drop(tx);
    let mut found = Vec::new();
    if !has_feeds {
        found.push(
            Finding::warning("feeds", "there is none")
                .because("new articles reach Daily only by hand")
                .cured_by("daily feed add https://www.your-domain"),
        );
    }
    for record in &all {
        found.extend(of_newsletter(app, record).await?);
    }
    let wrong = reader_counts::drift(&mut app.db.read().await?).await?;
    if let Some(example) = wrong.first() {
        let example = format!("{} {}: {:+}", example.what, example.key, -example.missing);
        found.push(
            Finding::warning(
                "counts of readers",
                format!(
                    "{} wrong, such as {example}",
                    if wrong.len() == 1 { "1 is".into() } else { format!("{} are", wrong.len()) }
                ),
            )
            .because("pages show these counts; issues go out by their readers all the same")
            .cured_by("a running `daily serve` corrects them within an hour"),
        );
    }
    Ok(found)
}

async fn of_newsletter(app: &App, record: &NewsletterRecord) -> Result<Vec<Finding>, CliError> {
    let it = &record.newsletter;
    let mut found: Vec<Finding> = missing(app.settings.setup(), it)
        .into_iter()
        .map(|must| {
            Finding::failed(format!("{} ({})", must.what, it.slug), must.problem)
                .because(must.why)
                .cured_by(must.cure)
        })
        .collect();
    if it.tagline == Newsletter::default().tagline && app.settings.setup().has_real_relay {
        found.push(
            Finding::warning(format!("tagline ({})", it.slug), "it is still the example's")
                .because("readers see it on every page")
                .cured_by(format!("daily newsletter set {} --tagline \"…\"", it.slug)),
        );
    }
    let mut tx = app.db.read().await?;
    let readers = subscribers::count_active(&mut tx, record.id).await?;
    drop(tx);
    found.push(match readers {
        0 => Finding::warning(format!("readers ({})", it.slug), "nobody has confirmed a signup")
            .because("an issue would go to nobody")
            .cured_by("put the signup box on your pages (docs/guides/signup-box.md), or import a list"),
        count => Finding::ok(format!("readers ({})", it.slug), counted(count, "reader")),
    });
    found.push(next_issue(app, record).await?);
    Ok(found)
}

/// Checks the next issue as it would be rendered now: its size, its pictures and its links. None of it holds an
/// issue.
async fn next_issue(app: &App, record: &NewsletterRecord) -> Result<Finding, CliError> {
    let planning = app.jobs.issues.planning();
    let mut tx = app.db.read().await?;
    let grace = app.settings.schedule.margins().grace;
    let date = next_date(&mut tx, record, grace, planning.now).await?;
    let it = forecast(planning, &mut tx, record, date).await?;
    let what = format!("issue of {date} ({})", record.newsletter.slug);
    if it.content.stories.is_empty() {
        return Ok(Finding::warning(what, "it has no stories yet")
            .because("without stories, no issue goes out")
            .cured_by("daily feed list shows what the feeds bring"));
    }
    let edition = edition::load_edition(planning, &mut tx, record, date, it.issue.as_ref(), 1).await?;
    let ids: Vec<_> = edition.stories.iter().map(|story| story.id).collect();
    let unreadable = articles::unreadable(&mut tx, &ids).await?;
    drop(tx);
    let email = Rendering {
        newsletter: record,
        date,
        edition: &edition,
        number: 1,
        public_url: &app.settings.http.public_url,
        pictures_url: &app.settings.pictures_url(),
        reader_token: &token_placeholder("check"),
        is_test: false,
        revision: None,
    }
    .email();
    let (stories, kilobytes) = (edition.stories.len(), email.html.len() / 1000);
    let bare = edition.stories.iter().filter(|story| story.image_url.is_none()).count();
    let gone = it.plan.choices.iter().filter(|choice| choice.reason == Reason::Gone).count();
    let mut problems = Vec::new();
    if email.clipped() {
        problems.push(format!("Gmail cuts emails off at {} KB", CLIP_BYTES / 1000));
    }
    if bare > 0 {
        problems.push(format!("{} no picture", lacking(bare, stories)));
    }
    if gone > 0 {
        problems.push(format!("{} left out, because the page is gone", counted(gone, "story")));
    }
    if !unreadable.is_empty() {
        problems.push(format!(
            "the pages of {} can't be read: {}",
            counted(unreadable.len(), "story"),
            unreadable.join("; ")
        ));
    }
    let summary = format!("{}, {kilobytes} KB", counted(stories, "story"));
    if problems.is_empty() {
        return Ok(Finding::ok(what, summary));
    }
    Ok(Finding::warning(what, format!("{summary}; {}", problems.join("; ")))
        .cured_by(format!("daily issue show --newsletter {} --date {date}", record.newsletter.slug)))
}

fn lacking(bare: usize, stories: usize) -> String {
    match (bare, stories) {
        (1, 1) => "its story has".into(),
        (1, _) => format!("1 of {stories} stories has"),
        _ => format!("{bare} of {stories} stories have"),
    }
}
