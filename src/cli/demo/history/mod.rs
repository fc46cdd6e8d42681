//! A month of issues that were sent before the demo began. Nothing was sent: the rows are made in the tables that
//! real issues leave behind, so pages and commands show them like any others.

mod headlines;

use crate::{
    actions::subscription::import_subscribers::{Import, import_subscribers},
    app::App,
    cli::{CliError, CliResult},
    db::{
        DbError, Tx,
        content::articles::{self, ArticleRecord, Origin},
        deliveries::{PastDeliveries, insert_past},
        issues::{self, variants},
        newsletters::NewsletterRecord,
    },
    domain::{
        actor::Actor,
        content::article::FoundArticle,
        ids::{FeedId, IssueId},
        import::{Dates, LayoutOptions},
        issue::{
            schedule::{self, Due},
            status::IssueStatus,
        },
        token::token_placeholder,
    },
    issues::{edition::Edition, render::Rendering},
};
use headlines::{HEADLINES, Headline};
use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use std::{fmt::Write as _, io::Cursor};
use url::Url;

/// Domain to which the demo sends slowly, so that today's issue is on its way for a while.
pub const SLOW_DOMAIN: &str = "harbour.example";
/// Messages a minute to that domain, which has 60 readers: it takes ten minutes.
pub const SLOW_RATE: u32 = 6;

const DAYS: i64 = 30;
const STORIES_A_DAY: usize = 2;
/// The day, counted back from today, on which nothing was sent.
const HOLIDAY: i64 = 12;
/// The day on which a relay refused more than usual.
const BAD_DAY: i64 = 5;
/// Articles are older than any issue ahead takes.
const OLDEST_NEWS: SignedDuration = SignedDuration::from_hours(80);

const FIRST_NAMES: [&str; 20] = [
    "agnes", "basil", "clara", "dora", "edwin", "flora", "greta", "henry", "ines", "jonas", "kitty", "lena",
    "marta", "noor", "oscar", "petra", "quentin", "rosa", "stig", "tilda",
];
const LAST_NAMES: [&str; 12] = [
    "alder", "bellamy", "castle", "drift", "elms", "fisher", "gull", "hale", "ingram", "lamp", "marsh",
    "quill",
];
const DOMAINS: [&str; 4] = [SLOW_DOMAIN, "eastholm.example", "saltmarsh.example", "lantern.example"];

/// Imports readers who came over the last weeks, and adds a month of issues that they got. Returns the number of
/// readers and of issues.
pub async fn make(
    app: &App,
    actor: &Actor,
    newsletter: &NewsletterRecord,
    courier: &str,
    feed: FeedId,
) -> Result<(u64, usize), CliError> {
    let now = app.actions.clock.now();
    let readers = import_readers(app, actor, newsletter, now).await?;
    let today = schedule::date_at(&newsletter.newsletter, now);
    let mut headlines = HEADLINES.chunks(STORIES_A_DAY);
    let mut issues = 0;
    for back in (1..=DAYS).rev() {
        let date = today.saturating_sub(back.days());
        let mut tx = app.db.begin().await?;
        if back == HOLIDAY {
            skip(&mut tx, newsletter, date).await?;
        } else if let Some(headlines) = headlines.next() {
            let stories = store(&mut tx, headlines, courier, feed, published(newsletter, date, now)).await?;
            send(app, &mut tx, newsletter, date, stories, back == BAD_DAY).await?;
            issues += 1;
        }
        tx.commit().await?;
    }
    Ok((readers, issues))
}

/// Imports readers with the dates on which they confirmed.
async fn import_readers(
    app: &App,
    actor: &Actor,
    newsletter: &NewsletterRecord,
    now: Timestamp,
) -> Result<u64, CliError> {
    let mut list = "email,status,confirmed_at\n".to_owned();
    let names = FIRST_NAMES.iter().flat_map(|first| LAST_NAMES.iter().map(move |last| (first, last)));
    for ((first, last), place) in names.zip(0_i64..) {
        let domain = DOMAINS[usize::try_from(place % 4).unwrap_or(0)];
        // Most came long ago, some in the last weeks.
        let days = if place % 5 == 0 { place % 29 + 1 } else { 40 + place };
        let at = now - SignedDuration::from_hours(24 * days + place % 24);
        let _ = writeln!(list, "{first}.{last}@{domain},confirmed,{at}");
    }
    let import = Import {
        newsletter: newsletter.id,
        file_name: "readers of the demo.csv".into(),
        layout: LayoutOptions::default(),
        encoding: None,
        dates: Dates { format: None, zone: TimeZone::UTC, now },
        dry_run: false,
    };
    let summary = import_subscribers(&app.actions, actor, Cursor::new(list.into_bytes()), import, |_| Ok(()))
        .await
        .map_err(|error| CliError::Failed(format!("the demo's readers can't be imported: {error}")))?;
    Ok(summary.rows)
}

/// Returns when the stories of an issue were published.
fn published(newsletter: &NewsletterRecord, date: Date, now: Timestamp) -> Timestamp {
    let evening = schedule::due_at(&newsletter.newsletter, date) - SignedDuration::from_hours(9);
    evening.min(now - OLDEST_NEWS)
}

/// Stores articles as the feed would have brought them.
async fn store(
    tx: &mut Tx,
    headlines: &[Headline],
    courier: &str,
    feed: FeedId,
    at: Timestamp,
) -> Result<Vec<ArticleRecord>, CliError> {
    let mut stories = Vec::new();
    for (headline, place) in headlines.iter().zip(0..) {
        let slug: String = headline
            .title
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
            .collect();
        let found = FoundArticle {
            url: Url::parse(&format!("{courier}/archive/{slug}")).ok(),
            dek: Some(headline.dek.into()),
            section: Some(headline.section.into()),
            published_at: Some(at - SignedDuration::from_mins(40 * place)),
            ..FoundArticle::titled(headline.title)
        };
        if let Some(stored) = articles::store(tx, &found, Origin::Feed(feed), at).await? {
            stories.extend(articles::get(tx, stored.id()).await?);
        }
    }
    Ok(stories)
}

/// Begins an issue in the past.
async fn begin(
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    date: Date,
) -> Result<(IssueId, Timestamp), DbError> {
    let due = schedule::due_at(&newsletter.newsletter, date);
    let planned = due - SignedDuration::from_hours(1);
    let id =
        issues::insert(tx, newsletter.id, date, Due::at(due), IssueStatus::Planned, None, planned).await?;
    Ok((id.ok_or(DbError::RowNotFound)?, due))
}

async fn skip(tx: &mut Tx, newsletter: &NewsletterRecord, date: Date) -> CliResult {
    let (id, due) = begin(tx, newsletter, date).await?;
    let reason = Some("the harbour festival: nobody was at the desk");
    issues::advance(tx, id, IssueStatus::Planned, IssueStatus::Skipped, reason, due).await?;
    Ok(())
}

/// Renders an issue and adds the deliveries that it had.
async fn send(
    app: &App,
    tx: &mut Tx,
    newsletter: &NewsletterRecord,
    date: Date,
    stories: Vec<ArticleRecord>,
    is_bad: bool,
) -> CliResult {
    let (id, due) = begin(tx, newsletter, date).await?;
    let record = issues::get(tx, id).await?.ok_or(DbError::RowNotFound)?;
    let ids: Vec<_> = stories.iter().map(|story| story.id).collect();
    let edition = Edition { stories, ..Edition::default() };
    let rendering = Rendering {
        newsletter,
        date,
        edition: &edition,
        number: 1,
        public_url: &app.settings.http.public_url,
        pictures_url: &app.settings.pictures_url(),
        reader_token: &token_placeholder(&record.message_key),
        is_test: false,
        revision: None,
    };
    let (email, page) = (rendering.email(), rendering.page());
    let variant = variants::NewVariant {
        number: 1,
        subject: &email.subject,
        preheader: &email.preheader,
        html: &email.html,
        text: &email.text,
        page: &page,
        stories: &ids,
    };
    let variant = variants::insert(tx, id, &variant, due).await?;
    let took = SignedDuration::from_secs(140 + id.0 % 7 * 25);
    let past = PastDeliveries {
        issue: id,
        newsletter: newsletter.id,
        variant,
        due_at: due,
        finished_at: due + took,
        failed_of: if is_bad { 17 } else { 89 },
    };
    let made = insert_past(tx, &past).await?;
    issues::set_fanned_out(tx, id, None, made).await?;
    for (from, to, at) in [
        (IssueStatus::Planned, IssueStatus::Frozen, due),
        (IssueStatus::Frozen, IssueStatus::Sending, due + SignedDuration::from_secs(1)),
        (IssueStatus::Sending, IssueStatus::Sent, due + took),
    ] {
        issues::advance(tx, id, from, to, None, at).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn there_is_a_story_of_its_own_for_each_place() {
        let issues = usize::try_from(DAYS).unwrap() - 1;
        assert_eq!(HEADLINES.len(), issues * STORIES_A_DAY);
        let titles: HashSet<&str> = HEADLINES.iter().map(|it| it.title).collect();
        assert_eq!(titles.len(), HEADLINES.len());
    }
}
