//! Checks pages against the expectations of Mozilla Readability's tests.

use crate::{
    Result, entries, file_name, page_pictures, read,
    report::{Tally, Verdict, collapsed, compare},
};
use daily::content::page::read_page;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::Value;
use std::path::Path;

/// The fields that `--least` applies to.
pub const DECISIVE: [&str; 3] = ["title", "author", "date"];

pub fn check(folder: &Path) -> Result<Vec<Tally>> {
    let [mut titles, mut authors, mut dates] = DECISIVE.map(Tally::new);
    let [mut sites, mut deks, mut pictures] = ["site name", "dek", "picture"].map(Tally::new);
    for page in entries(folder)?.into_iter().filter(|path| path.join("expected-metadata.json").is_file()) {
        let name = file_name(&page);
        let html = read(&page.join("source.html"))?;
        let expected: Value = serde_json::from_slice(&read(&page.join("expected-metadata.json"))?)
            .map_err(|error| format!("{name}/expected-metadata.json: {error}"))?;
        let expected = |field: &str| expected.get(field).and_then(Value::as_str);
        let found =
            read_page(&html, Some("text/html"), None).inspect_err(|error| println!("{name}: {error}")).ok();
        let text =
            |field: for<'a> fn(&'a daily::domain::content::article::FoundArticle) -> Option<&'a str>| {
                found.as_ref().and_then(field)
            };
        titles.add(&name, compare(expected("title"), text(|it| Some(&it.title))));
        authors.add(&name, compare(expected("byline"), text(|it| it.author.as_deref())));
        sites.add(&name, compare(expected("siteName"), text(|it| it.site_name.as_deref())));
        deks.add(&name, compare(expected("excerpt"), text(|it| it.dek.as_deref())));
        let published = found.as_ref().and_then(|it| it.published_at).map(|at| at.to_string());
        let expected_at =
            expected("publishedTime").and_then(collapsed).map(|text| parse_time(&text).unwrap_or(text));
        dates.add(&name, compare(expected_at.as_deref(), published.as_deref()));
        let picture = found.as_ref().and_then(|it| it.image_url.as_ref());
        pictures.add(&name, compare_picture(&page_pictures::declared(&html), picture));
    }
    Ok(vec![titles, authors, dates, sites, deks, pictures])
}

/// Returns an ISO 8601 time in UTC.
fn parse_time(text: &str) -> Option<String> {
    let zoned = text.parse::<Timestamp>().ok();
    let at = zoned.or_else(|| Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp()));
    Some(at?.to_string())
}

fn compare_picture(named: &[url::Url], found: Option<&url::Url>) -> Verdict {
    match found {
        Some(found) if named.contains(found) => Verdict::Right,
        _ => compare(named.first().map(url::Url::as_str), found.map(url::Url::as_str)),
    }
}
