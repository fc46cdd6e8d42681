//! Checks small inputs that are known to be hard: feeds, dates and pages.

use crate::{
    Result, read,
    report::{Tally, Verdict, compare},
};
use daily::{
    content::{dates, feed::parse_feed, page::read_page},
    db::{
        DatabaseUrl, Db,
        content::{articles, feeds},
    },
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::{collections::BTreeSet, path::Path};
use url::Url;

/// URL that each feed is read from.
const FEED_URL: &str = "https://harbour.example/feed";
/// Prefix of an expected dek that gives only the beginning.
const BEGINS_WITH: &str = "(begins with) ";

pub async fn check(folder: &Path) -> Result<Vec<Tally>> {
    let mut tallies = Vec::new();
    if folder.join("feeds").is_dir() {
        tallies.push(feeds_stored(&folder.join("feeds")).await?);
    }
    if folder.join("dates.tsv").is_file() {
        tallies.push(dates_read(&folder.join("dates.tsv"))?);
    }
    if folder.join("pages").is_dir() {
        tallies.push(pages_read(&folder.join("pages"))?);
    }
    Ok(tallies)
}

/// Counts the feeds of which the expected number of articles is stored.
async fn feeds_stored(folder: &Path) -> Result<Tally> {
    let data = tempfile::tempdir()?;
    let db = Db::connect(&DatabaseUrl::Sqlite(data.path().join("corpus.db"))).await?;
    db.migrate().await?;
    let mut tally = Tally::new("feeds");
    for [file, expected] in rows(&folder.join("expected.tsv"))? {
        let found = match stored(&db, &read(&folder.join(&file))?).await? {
            Ok(count) => count.to_string(),
            Err(problem) => problem,
        };
        tally.add(&file, compare(Some(&expected), Some(&found)));
    }
    db.close().await;
    Ok(tally)
}

/// Returns how many articles storing a feed makes, and rolls back. The inner error says why the feed can't be
/// read.
async fn stored(db: &Db, feed: &[u8]) -> Result<std::result::Result<usize, String>> {
    let feed = match parse_feed(feed, None, Some(&Url::parse(FEED_URL)?)) {
        Ok(feed) => feed,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let now = Timestamp::UNIX_EPOCH;
    let mut tx = db.begin().await?;
    let id = feeds::insert(&mut tx, FEED_URL, now).await?;
    let stored = articles::store_reading(&mut tx, id, &feed.articles, &[], now).await?;
    tx.rollback().await?;
    Ok(Ok(stored.iter().flatten().map(|it| it.id().0).collect::<BTreeSet<_>>().len()))
}

fn dates_read(file: &Path) -> Result<Tally> {
    let mut tally = Tally::new("dates");
    for [text, expected] in rows(file)? {
        let found = dates::parse(&text).map(|at| at.to_string());
        tally.add(&text, compare(Some(&parse_time(&expected)?), found.as_deref()));
    }
    Ok(tally)
}

fn pages_read(folder: &Path) -> Result<Tally> {
    let mut tally = Tally::new("pages");
    for [file, field, expected] in rows(&folder.join("expected.tsv"))? {
        let sample = format!("{file}, {field}");
        let found = match read_page(&read(&folder.join(&file))?, Some("text/html"), None) {
            Ok(found) => found,
            Err(error) => {
                tally.add(&sample, Verdict::Differs { expected, found: error.to_string() });
                continue;
            }
        };
        let found = match field.as_str() {
            "title" => Some(found.title),
            "author" => found.author,
            "dek" => found.dek,
            "image" => found.image_url.map(String::from),
            // If a day is expected, any time of that day is correct.
            "published" if expected.parse::<Date>().is_ok() => {
                found.published_at.map(|at| at.strftime("%F").to_string())
            }
            "published" => found.published_at.map(|at| at.to_string()),
            _ => return Err(format!("{sample}: there is no such field").into()),
        };
        let verdict = match expected.strip_prefix(BEGINS_WITH) {
            Some(beginning) if found.as_deref().is_some_and(|it| it.starts_with(beginning)) => Verdict::Right,
            _ => compare(Some(&expected), found.as_deref()),
        };
        tally.add(&sample, verdict);
    }
    Ok(tally)
}

/// Parses a time in UTC. A date means midnight.
fn parse_time(text: &str) -> Result<String> {
    match text.parse::<Timestamp>() {
        Ok(at) => Ok(at.to_string()),
        Err(_) => Ok(text.parse::<Date>()?.to_zoned(TimeZone::UTC)?.timestamp().to_string()),
    }
}

/// Returns the rows of a tab-separated file without its header.
fn rows<const COLUMNS: usize>(file: &Path) -> Result<Vec<[String; COLUMNS]>> {
    let text = String::from_utf8(read(file)?)?;
    let row = |line: &str| {
        let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
        cells.try_into().map_err(|_| format!("{}: not {COLUMNS} columns: {line}", file.display()).into())
    };
    text.lines().skip(1).filter(|line| !line.is_empty()).map(row).collect()
}
