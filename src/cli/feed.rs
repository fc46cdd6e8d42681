//! `daily feed`: feeds.

use super::{
    CliError, CliResult,
    output::{Output, moment},
};
use crate::{
    actions::add_feed::{add_feed, remove_feed},
    app::App,
    articles::fetch::Validators,
    db::feeds,
    jobs::poll_feed::{self, Reading},
};
use serde_json::json;
use std::{fmt::Write as _, path::Path};
use url::Url;

/// Connect feeds
#[derive(Debug, clap::Subcommand)]
pub enum Feed {
    /// Read a feed now and keep reading it (RSS, Atom or JSON Feed)
    #[command(after_help = "Examples:\n  \
        daily feed add https://www.example.org/feed.xml\n  \
        daily feed add ./export/feed.xml            a file, read again whenever it is due\n\n\
        A feed that can't be read is refused with the reason, and nothing is changed.")]
    Add {
        /// URL, or the path of a file
        source: String,
    },
    /// List feeds and how reading them goes
    List,
    /// Read all feeds now, or one
    #[command(after_help = "Example:\n  daily feed poll https://www.example.org/feed.xml")]
    Poll {
        /// URL, or the path of a file; all feeds without it
        source: Option<String>,
    },
    /// Stop reading a feed; its articles stay
    Remove {
        /// URL, or the path of a file
        source: String,
    },
}

impl Feed {
    pub async fn run(self, app: &App, output: Output) -> CliResult {
        match self {
            Self::Add { source } => add(app, &address(&source)?, output).await,
            Self::List => list(app, output).await,
            Self::Poll { source } => poll(app, source.as_deref(), output).await,
            Self::Remove { source } => {
                let url = address(&source)?;
                if !remove_feed(&app.actions, &url).await? {
                    return Err(CliError::Failed(format!("there is no feed {url}; see `daily feed list`")));
                }
                println!("{url} is no longer read");
                Ok(())
            }
        }
    }
}

/// A web address stays as it is; a path becomes a `file:` address.
fn address(source: &str) -> Result<String, CliError> {
    if source.starts_with("http://") || source.starts_with("https://") || source.starts_with("file://") {
        let url =
            Url::parse(source).map_err(|error| CliError::Usage(format!("`{source}` is no URL: {error}")))?;
        return Ok(url.into());
    }
    let path = std::fs::canonicalize(Path::new(source)).map_err(|error| {
        CliError::Failed(format!("can't read {source}: {error}; give a URL or the path of a file"))
    })?;
    let url =
        Url::from_file_path(&path).map_err(|()| CliError::Usage(format!("`{source}` is no usable path")))?;
    Ok(url.into())
}

async fn add(app: &App, url: &str, output: Output) -> CliResult {
    let reading = poll_feed::read(&app.jobs, url, &Validators::default()).await?;
    let id = add_feed(&app.actions, url).await?;
    let tally = poll_feed::store(&app.jobs, id, &reading).await?;
    let (title, skipped) = match &reading {
        Reading::Feed(feed, _) => (feed.title.clone(), feed.skipped.clone()),
        Reading::NotModified(_) => (String::new(), Vec::new()),
    };
    let record = json!({
        "id": id, "url": url, "title": title, "new": tally.new, "known": tally.known, "skipped": skipped,
    });
    output.record(&record, || {
        let mut lines = format!("{title}: {} new articles, {} known ({url})\n", tally.new, tally.known);
        for why in &skipped {
            let _ = writeln!(lines, "left out: {why}");
        }
        lines
    })?;
    Ok(())
}

async fn list(app: &App, output: Output) -> CliResult {
    let mut tx = app.db.read().await?;
    let all = feeds::list(&mut tx).await?;
    output.records(&all, &["id", "state", "title", "url", "last read", "problem"], |feed| {
        vec![
            feed.id.to_string(),
            feed.status.clone(),
            feed.title.clone(),
            feed.url.clone(),
            moment(feed.succeeded_at),
            feed.last_error.clone().unwrap_or_default(),
        ]
    })?;
    Ok(())
}

async fn poll(app: &App, source: Option<&str>, output: Output) -> CliResult {
    let mut tx = app.db.read().await?;
    let wanted = source.map(address).transpose()?;
    let mut all = feeds::list(&mut tx).await?;
    drop(tx);
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
        let (new, known, problem) = match poll_feed::poll(&app.jobs, &feed).await? {
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
