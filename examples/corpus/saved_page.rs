//! Checks `articles/seed-page.txt`, the visible text of a page.

use crate::{
    Result, read,
    report::{Tally, compare},
};
use daily::content::page::read_page;
use std::path::Path;

const TITLE: &str = "Kim Kardashian Finally Spoke About The Backlash She Got From Meeting Trump";
const DEK: &str = "\"For me, if it's a life versus my reputation.\"";
/// The signup box below it is not part of the article.
const LAST_PARAGRAPH: &str = "Go Kim!";

pub fn check(page: &Path) -> Result<Vec<Tally>> {
    let found = read_page(&read(page)?, Some("text/plain"), None)?;
    let text = found.text.unwrap_or_default();
    let values = [
        ("title", Some(TITLE), Some(found.title.as_str())),
        ("dek", Some(DEK), found.dek.as_deref()),
        ("text begins", Some("Back in May,"), text.get(.."Back in May,".len())),
        ("text ends", Some(LAST_PARAGRAPH), text.rsplit("\n\n").next()),
        ("author", None, found.author.as_deref()),
    ];
    let tally = |(name, expected, found): (&'static str, _, _)| {
        let mut tally = Tally::new(name);
        tally.add("seed-page.txt", compare(expected, found));
        tally
    };
    Ok(values.map(tally).into())
}
