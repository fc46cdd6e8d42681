//! `daily feed`

use crate::{
    actions::feed::{
        accept_feed::{Accepted, accept_feed},
        add_feed::{add_feed, remove_feed},
        source::{FeedSource, Source},
    },
    app::App,
    cli::{
        CliError, CliResult,
        output::{Output, fields, utc_time},
        problems::usage,
    },
    content::answer_headers::Validators,
    db::content::feeds::{self, FeedRecord},
    domain::{
        actor::Actor,
        content::{feed_notes::FeedNotes, feed_trouble::in_words},
        ids::FeedId,
    },
    jobs::poll_feed::{self, Reading},
};
use jiff::SignedDuration;
use serde_json::json;
use std::fmt::Write as _;
use url::Url;

/// Add, show, read and remove feeds
#[derive(Debug, clap::Subcommand)]
pub enum Feed {
    /// Add a feed and read it now (RSS, Atom or JSON Feed)
    #[command(after_help = "Examples:\n  \
        daily feed add https://www.example.org/feed.xml\n  \
        daily feed add ./export/feed.xml   a file, read again regularly\n\n\
        A feed that can't be read is refused with the reason.")]
    Add(FeedSource),
    /// List feeds and when they were read
    List,
    /// Show a feed's state in detail
    #[command(
        after_help = "Examples:\n  daily feed show https://www.example.org/feed.xml\n  daily feed show 1"
    )]
    Show(FeedSource),
    /// Read all feeds now, or a single one
    #[command(after_help = "Example:\n  daily feed poll https://www.example.org/feed.xml")]
    Poll {
        /// URL or file; default: all feeds
        source: Option<String>,
    },
    /// Accept the articles of a feed that brought too many at once
    #[command(after_help = "Example:\n  daily feed accept https://www.example.org/feed.xml\n\n\
        A feed that brings more than 20 new articles, and more than five times as many as on its busiest day \
        in four weeks, is held: they are in no issue until you accept them.")]
    Accept(FeedSource),
    /// Stop reading a feed and keep its articles
    Remove(FeedSource),
}

impl Feed {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        match self {
            Self::Add(source) => add(app, actor, &feed_url(&source)?, output).await,
            Self::List => list(app, output).await,
            Self::Show(source) => show(app, &known_url(app, &source).await?, output).await,
            Self::Poll { source } => poll(app, source, output).await,
            Self::Accept(source) => accept(app, actor, &known_url(app, &source).await?, output).await,
            Self::Remove(source) => {
                let url = known_url(app, &source).await?;
                if !remove_feed(&app.actions, actor, &url).await? {
                    return Err(CliError::Failed(format!("there is no feed {url}; see `daily feed list`")));
                }
                outln!("{url} is no longer read");
                Ok(())
            }
        }
    }
}

/// Returns the URL of a feed that an operator names by its number, its URL or its path.
async fn known_url(app: &App, feed: &FeedSource) -> Result<String, CliError> {
    match feed.source.trim().parse() {
        Ok(number) => {
            let found = feeds::get(&mut app.db.read().await?, FeedId(number)).await?;
            let found = found.ok_or_else(|| {
                CliError::Failed(format!("there is no feed {number}; see `daily feed list`"))
            })?;
            Ok(found.url)
        }
        Err(_) => feed_url(feed),
    }
}

/// Converts a path to a `file:` URL. A URL stays unchanged.
fn feed_url(feed: &FeedSource) -> Result<String, CliError> {
    let path = match feed.checked().map_err(|problems| usage::<FeedSource>(&problems))? {
        Source::Url(url) => return Ok(url.into()),
        Source::Path(path) => path,
    };
    let source = path.display();
    let full = std::fs::canonicalize(&path).map_err(|error| {
        CliError::Failed(format!("can't read {source}: {error}; give a URL or the path of a file"))
    })?;
    let url =
        Url::from_file_path(&full).map_err(|()| CliError::Usage(format!("`{source}` is no usable path")))?;
    Ok(url.into())
}

async fn add(app: &App, actor: &Actor, url: &str, output: Output) -> CliResult {
    let reading = poll_feed::fetch_feed(&app.jobs.feeds, url, &Validators::default()).await?;
    let id = add_feed(&app.actions, actor, url).await?;
    let tally = poll_feed::store_reading(&app.jobs.feeds, id, &reading).await?;
    let (title, skipped, notes) = match &reading {
        Reading::Feed(feed, _) => (feed.title.clone(), feed.skipped.clone(), feed.notes()),
        Reading::NotModified(_) => (String::new(), Vec::new(), FeedNotes::default()),
    };
    let record = json!({
        "id": id, "url": url, "title": title, "new": tally.new, "known": tally.known, "skipped": skipped,
        "notes": notes,
    });
    output.record(&record, || {
        let articles = if tally.new == 1 { "article" } else { "articles" };
        let mut lines = format!("{title}: {} new {articles}, {} known ({url})\n", tally.new, tally.known);
        for (label, text) in notes.lines() {
            let _ = writeln!(lines, "{label}: {text}");
        }
        lines
    })?;
    Ok(())
}

async fn accept(app: &App, actor: &Actor, url: &str, output: Output) -> CliResult {
    let articles = match accept_feed(&app.actions, actor, url).await? {
        Accepted::Articles(articles) => articles,
        Accepted::NotHeld => 0,
        Accepted::NoSuchFeed => {
            return Err(CliError::Failed(format!("there is no feed {url}; see `daily feed list`")));
        }
    };
    output.record(&json!({ "url": url, "articles": articles }), || match articles {
        0 => format!("{url} is not held\n"),
        1 => "1 article can be in issues now\n".to_owned(),
        articles => format!("{articles} articles can be in issues now\n"),
    })?;
    Ok(())
}

async fn list(app: &App, output: Output) -> CliResult {
    let mut tx = app.db.read().await?;
    let all = feeds::list(&mut tx).await?;
    output.records(
        &all,
        &["id", "state", "title", "url", "usually", "last item", "last read", "next", "problem"],
        |feed| {
            vec![
                feed.id.to_string(),
                feed.status.clone(),
                feed.title.clone(),
                feed.url.clone(),
                usual_interval(feed).unwrap_or_else(|| "-".into()),
                utc_time(feed.last_item_at),
                utc_time(feed.succeeded_at),
                if feed.status == "active" { utc_time(Some(feed.next_poll_at)) } else { "-".into() },
                feed.trouble.clone().or_else(|| feed.last_error.clone()).unwrap_or_default(),
            ]
        },
    )?;
    Ok(())
}

/// Describes the usual interval between two items.
fn usual_interval(feed: &FeedRecord) -> Option<String> {
    let seconds = feed.usual_gap_seconds?;
    Some(format!("every {}", in_words(SignedDuration::from_secs(seconds))))
}

async fn show(app: &App, url: &str, output: Output) -> CliResult {
    let mut tx = app.db.read().await?;
    let Some(feed) = feeds::get_by_url(&mut tx, url).await? else {
        return Err(CliError::Failed(format!("there is no feed {url}; see `daily feed list`")));
    };
    let longest = |seconds| format!(", at the longest {}", in_words(SignedDuration::from_secs(seconds)));
    let habit = usual_interval(&feed)
        .map(|usually| format!("{usually}{}", feed.longest_gap_seconds.map(longest).unwrap_or_default()));
    let told = feed.trouble_reported_at.map(|at| format!(" (operators alerted at {})", utc_time(Some(at))));
    let trouble = feed.trouble.as_ref().map(|text| format!("{text}{}", told.unwrap_or_default()));
    let failures = (feed.failures > 0).then(|| {
        format!(
            "{} since {}: {}",
            feed.failures,
            utc_time(feed.failing_since),
            feed.last_error.as_deref().unwrap_or("no reason is known")
        )
    });
    let is_active = feed.status == "active";
    let about = [
        ("title", Some(feed.title.clone())),
        ("site", feed.site_url.clone()),
        ("state", Some(feed.status.clone())),
        ("moved from", feed.moved_from.clone()),
        ("something new", Some(habit.unwrap_or_else(|| "its habit is not known yet".into()))),
        ("last item", Some(utc_time(feed.last_item_at))),
        ("last tried", Some(utc_time(feed.polled_at))),
        ("last successful reading", Some(utc_time(feed.succeeded_at))),
        ("next reading", is_active.then(|| utc_time(Some(feed.next_poll_at)))),
        ("site asks to wait until", feed.not_before.map(|at| utc_time(Some(at)))),
        ("failures in a row", failures.filter(|_| is_active)),
        ("retired because", feed.last_error.clone().filter(|_| !is_active)),
        ("held since", feed.held_since.map(|at| utc_time(Some(at)))),
        ("trouble", trouble),
    ];
    let notes = feed.notes.lines().into_iter().map(|(label, text)| (label, Some(text)));
    let about: Vec<_> = about.into_iter().chain(notes).collect();
    output.record(&feed, || format!("feed {} {}\n{}", feed.id, feed.url, fields(&about)))?;
    Ok(())
}

async fn poll(app: &App, source: Option<String>, output: Output) -> CliResult {
    let wanted = match source {
        Some(source) => Some(known_url(app, &FeedSource { source }).await?),
        None => None,
    };
    let mut all = feeds::list(&mut app.db.read().await?).await?;
    all.retain(|feed| match &wanted {
        Some(url) => feed.url == *url,
        None => feed.status == "active",
    });
    if let (Some(url), true) = (&wanted, all.is_empty()) {
        return Err(CliError::Failed(format!("there is no feed {url}; see `daily feed list`")));
    }
    let mut results = Vec::new();
    let mut failed = 0;
    for feed in all {
        let (new, known, problem) = match poll_feed::poll(&app.jobs.feeds, &feed).await? {
            Ok(tally) => (tally.new, tally.known, None),
            Err(error) => {
                failed += 1;
                (0, 0, Some(error.to_string()))
            }
        };
        results.push(json!({ "url": feed.url, "new": new, "known": known, "problem": problem }));
    }
    output.records(&results, &["url", "new", "known", "problem"], |it| {
        let text = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
        vec![text("url"), it["new"].to_string(), it["known"].to_string(), text("problem")]
    })?;
    match failed {
        0 => Ok(()),
        count => Err(CliError::Failed(format!("{count} of {} feeds could not be read", results.len()))),
    }
}
