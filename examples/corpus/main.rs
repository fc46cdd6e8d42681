//! Measures how well pages, feeds, dates and bounces are read, on samples that are kept outside the repository.
//!
//! ```sh
//! cargo run --quiet --example corpus -- --least 90 ../shared/samples
//! ```
//!
//! The folder holds any of these:
//!
//! - `articles/*/source.html` beside `expected-metadata.json`, as in Mozilla Readability's tests;
//! - `articles/seed-page.txt`, the text of an article's page as a browser saves it;
//! - `feeds/`, real feeds;
//! - `bounces/`, incoming messages with `expected.tsv`;
//! - `faults/feeds/` and `faults/pages/`, each with `expected.tsv`, and `faults/dates.tsv`: small inputs that
//!   are known to be hard. They are reported and never fail the run.

mod articles;
mod bounces;
mod faults;
mod feeds;
mod page_pictures;
mod report;
mod saved_page;

use clap::Parser as _;
use std::{
    error::Error,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Measure how well pages, feeds, dates and bounces are read
#[derive(clap::Parser)]
struct Arguments {
    /// Fail if less than this percentage of titles, authors or dates of `articles/` is as expected
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    least: u8,
    /// Folder of samples
    folder: PathBuf,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let Arguments { least, folder } = Arguments::parse();
    if !["articles", "bounces", "feeds", "faults"].iter().any(|part| folder.join(part).is_dir()) {
        return Err(
            format!("{} has none of articles/, bounces/, feeds/ and faults/", folder.display()).into()
        );
    }
    println!(
        "Values are compared exactly, but for runs of white space, which count as one space. A time that is expected\n\
         without a zone is UTC. \"More\" counts pages where something was found and the expectation has nothing;\n\
         --least takes these for right."
    );
    let mut least_share = None;
    let samples = folder.join("articles");
    if samples.is_dir() {
        let fields = articles::check(&samples)?;
        report::print("Pages, by what Mozilla Readability expects of them", &fields);
        println!(
            "  Pictures are not in its expectations: right is any picture that the page names in og:image, \
             twitter:image or JSON-LD."
        );
        least_share = fields
            .iter()
            .filter(|it| articles::DECISIVE.contains(&it.name))
            .map(report::Tally::percentage)
            .min();
        let page = samples.join("seed-page.txt");
        if page.is_file() {
            report::print("A page saved as text", &saved_page::check(&page)?);
        }
    }
    let samples = folder.join("feeds");
    if samples.is_dir() {
        report::print("Real feeds, by entries", &feeds::check(&samples)?);
        println!("  Total counts the entries that begin in the file, or items for JSON.");
    }
    let samples = folder.join("bounces");
    if samples.is_dir() {
        let (tallies, took) = bounces::check(&samples)?;
        report::print("Bounces and complaints", &tallies);
        println!("  {} µs per message", took.as_micros());
    }
    let samples = folder.join("faults");
    if samples.is_dir() {
        report::print("Known faults, which do not fail this run", &faults::check(&samples).await?);
    }
    if let Some(share) = least_share.filter(|share| *share < u32::from(least)) {
        eprintln!("corpus: only {share}% of titles, authors or dates are as expected, less than {least}%");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()).into())
}

/// Returns the entries of a folder, sorted by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |error| format!("cannot read {}: {error}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
