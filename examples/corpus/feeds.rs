//! Checks how many entries of real feeds are read.

use crate::{Result, entries, file_name, read, report::Tally};
use daily::content::feed::parse_feed;
use std::path::Path;

pub fn check(folder: &Path) -> Result<Vec<Tally>> {
    let (mut files, mut all) = (Tally::new("feeds"), Tally::new("entries"));
    for file in entries(folder)?.into_iter().filter(|path| path.is_file()) {
        let (name, bytes) = (file_name(&file), read(&file)?);
        let total = count(&bytes);
        match parse_feed(&bytes, None, None) {
            Ok(feed) => {
                files.add_many(&name, 1, 1, None);
                let skipped = Some(feed.skipped.join("; ")).filter(|said| !said.is_empty());
                all.add_many(&name, feed.articles.len(), total, skipped);
            }
            Err(error) => {
                files.add_many(&name, 0, 1, Some(error.to_string()));
                all.add_many(&name, 0, total, None);
            }
        }
    }
    Ok(vec![files, all])
}

/// Counts the entries of a feed without parsing it as XML.
fn count(bytes: &[u8]) -> usize {
    if let Ok(feed) = serde_json::from_slice::<serde_json::Value>(bytes) {
        return feed["items"].as_array().map_or(0, Vec::len);
    }
    let text = String::from_utf8_lossy(bytes);
    let ends_there = |rest: &str| rest.starts_with(['>', ' ', '\n']);
    let begins = |tag: &str| text.split(tag).skip(1).filter(|rest| ends_there(rest)).count();
    begins("<item") + begins("<entry")
}
