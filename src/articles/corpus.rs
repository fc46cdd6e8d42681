//! Measures the readers against a folder of real pages and feeds, kept outside the repository.
//!
//! A page is a folder with `source.html` and `expected-metadata.json` (as Mozilla Readability's tests have it), or a
//! `*.txt` file; a feed is an `*.xml` or `*.json` file in a folder named `feeds`. Readability's word is a yardstick,
//! not the truth: where it expects nothing and a page plainly says something, that is reported apart.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::articles::feed::parse_feed;
use crate::articles::page::{self, read_page};
use crate::articles::{charset, dates, markup, metadata};

/// The fields that are compared, and what each is called in the report.
const FIELDS: [&str; 4] = ["titles", "bylines", "times", "site names"];

/// Why the corpus could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// A folder or file could not be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// An expectation that is no JSON.
    #[error("{} is no JSON: {source}", .path.display())]
    Expectation {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Nothing to check.
    #[error("{} holds no pages (folders with source.html and expected-metadata.json), no *.txt and no feeds/", .0.display())]
    Empty(PathBuf),
}

/// How one field of a page compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As expected (or nothing, as expected).
    Right,
    /// Something other than expected.
    Differs {
        /// What the expectation says.
        expected: String,
        /// What was found, or why nothing was.
        found: String,
    },
    /// Something where the expectation has nothing.
    FoundMore(String),
}

/// One page.
#[derive(Debug, Clone)]
pub struct PageRow {
    /// Its folder.
    pub name: String,
    /// Title, byline, published time, site name, in this order.
    pub verdicts: [Verdict; 4],
}

/// A file that only has to be readable: a feed, or a page saved as text.
#[derive(Debug, Clone)]
pub struct FileRow {
    /// Its name.
    pub name: String,
    /// What was found in it, or the error.
    pub outcome: Result<String, String>,
}

/// The corpus, checked.
#[derive(Debug, Clone, Default)]
pub struct CorpusReport {
    /// The pages with an expectation, by name.
    pub pages: Vec<PageRow>,
    /// The feeds, by name.
    pub feeds: Vec<FileRow>,
    /// The pages saved as text, by name.
    pub texts: Vec<FileRow>,
}

impl CorpusReport {
    /// How many pages are right in the field of this index (of title, byline, time, site name).
    pub fn right(&self, field: usize) -> usize {
        self.pages.iter().filter(|page| page.verdicts[field] == Verdict::Right).count()
    }

    /// The smallest share of what was read right, in percent: of any field of the pages (more found than expected is no
    /// fault), of the feeds, of the texts. 100 for an empty corpus.
    pub fn least_share(&self) -> f64 {
        let read = |rows: &[FileRow]| (rows.iter().filter(|row| row.outcome.is_ok()).count(), rows.len());
        let fields = (0..4).map(|field| (self.right(field) + self.found_more(field), self.pages.len()));
        let counts = fields.chain([read(&self.feeds), read(&self.texts)]).filter(|(_, all)| *all > 0);
        let share = |(right, all): (usize, usize)| {
            100.0 * f64::from(u32::try_from(right).unwrap_or(u32::MAX))
                / f64::from(u32::try_from(all).unwrap_or(u32::MAX))
        };
        counts.map(share).fold(100.0, f64::min)
    }

    /// In how many pages something was found in this field where the expectation has nothing.
    pub fn found_more(&self, field: usize) -> usize {
        self.pages.iter().filter(|page| matches!(page.verdicts[field], Verdict::FoundMore(_))).count()
    }
}

/// Reads everything below `dir` and compares.
pub fn check(dir: &Path) -> Result<CorpusReport, CorpusError> {
    let mut report = CorpusReport::default();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let (source, expected) = (folder.join("source.html"), folder.join("expected-metadata.json"));
        if source.is_file() && expected.is_file() {
            report.pages.push(check_page(&name_of(&folder), &source, &expected)?);
            continue;
        }
        for path in entries(&folder)? {
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            let in_feeds = folder.file_name().is_some_and(|name| name == "feeds");
            match extension {
                _ if path.is_dir() => folders.push(path),
                "xml" | "json" if in_feeds => report.feeds.push(check_feed(&path)?),
                "txt" => report.texts.push(check_text(&path)?),
                _ => {}
            }
        }
    }
    if report.pages.is_empty() && report.feeds.is_empty() && report.texts.is_empty() {
        return Err(CorpusError::Empty(dir.to_owned()));
    }
    report.pages.sort_by(|a, b| a.name.cmp(&b.name));
    report.feeds.sort_by(|a, b| a.name.cmp(&b.name));
    report.texts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(report)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, CorpusError> {
    let unreadable = |source| CorpusError::Unreadable { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(unreadable)).collect()
}

fn bytes(path: &Path) -> Result<Vec<u8>, CorpusError> {
    std::fs::read(path).map_err(|source| CorpusError::Unreadable { path: path.to_owned(), source })
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn check_page(name: &str, source: &Path, expected: &Path) -> Result<PageRow, CorpusError> {
    let json: Value = serde_json::from_str(&charset::decode(&bytes(expected)?, None))
        .map_err(|source| CorpusError::Expectation { path: expected.to_owned(), source })?;
    let wanted = |field: &str| {
        json.get(field).and_then(Value::as_str).map(markup::collapse).filter(|text| !text.is_empty())
    };
    let found = match read_page(&bytes(source)?, Some("text/html"), None) {
        Ok(article) => [
            Some(article.title),
            article.author,
            article.published_at.map(|at| at.to_string()),
            article.site_name,
        ],
        Err(error) => [const { None }; 4].map(|_: Option<String>| Some(error.to_string())),
    };
    let [title, byline, time, site] = found;
    Ok(PageRow {
        name: name.to_owned(),
        verdicts: [
            compare(wanted("title"), title, str::to_owned),
            compare(wanted("byline"), byline, byline_key),
            compare(wanted("publishedTime"), time, |time| {
                dates::parse(time).map_or_else(|| time.to_owned(), |at| at.to_string())
            }),
            compare(wanted("siteName"), site, str::to_owned),
        ],
    })
}

/// What of a byline is compared: the names, without "By" and without a date behind them.
fn byline_key(byline: &str) -> String {
    page::author_line(byline).unwrap_or_else(|| metadata::without_by(byline).to_owned())
}

fn compare(expected: Option<String>, found: Option<String>, key: impl Fn(&str) -> String) -> Verdict {
    match (expected, found) {
        (None, None) => Verdict::Right,
        (None, Some(found)) => Verdict::FoundMore(found),
        (Some(expected), Some(found)) if key(&expected) == key(&found) => Verdict::Right,
        (Some(expected), found) => {
            Verdict::Differs { expected, found: found.unwrap_or_else(|| "nothing".to_owned()) }
        }
    }
}

fn check_feed(path: &Path) -> Result<FileRow, CorpusError> {
    let outcome = parse_feed(&bytes(path)?, None, None).map_err(|error| error.to_string()).map(|feed| {
        let first = feed.articles.first().map_or("", |article| article.title.as_str());
        let skipped = if feed.skipped.is_empty() {
            String::new()
        } else {
            format!(", skipped: {}", feed.skipped.join("; "))
        };
        format!("{} — {} articles, first “{first}”{skipped}", feed.title, feed.articles.len())
    });
    Ok(FileRow { name: name_of(path), outcome })
}

fn check_text(path: &Path) -> Result<FileRow, CorpusError> {
    let outcome = read_page(&bytes(path)?, None, None).map_err(|error| error.to_string()).map(|article| {
        let text = article.text.unwrap_or_default();
        let last = text.rsplit("\n\n").next().unwrap_or_default();
        let (paragraphs, dek) = (text.split("\n\n").count(), article.dek.unwrap_or_default());
        format!("“{}”, dek “{dek}”, {paragraphs} paragraphs, last “{last}”", article.title)
    });
    Ok(FileRow { name: name_of(path), outcome })
}

impl fmt::Display for CorpusReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pages.is_empty() {
            writeln!(f, "{:<32} {:<8} {:<8} {:<8} {:<8}", "page", "title", "byline", "time", "site")?;
        }
        for page in &self.pages {
            let [title, byline, time, site] = page.verdicts.each_ref().map(|verdict| match verdict {
                Verdict::Right => "right",
                Verdict::Differs { .. } => "DIFFERS",
                Verdict::FoundMore(_) => "more",
            });
            writeln!(f, "{:<32} {title:<8} {byline:<8} {time:<8} {site:<8}", page.name)?;
        }
        for (field, name) in FIELDS.iter().enumerate().filter(|_| !self.pages.is_empty()) {
            let (right, all) = (self.right(field), self.pages.len());
            write!(f, "\n{name} {right}/{all} ({}%)", (right * 100 + all / 2) / all)?;
            match self.found_more(field) {
                0 => writeln!(f)?,
                more => writeln!(f, ", found more in {more}")?,
            }
            for page in &self.pages {
                match &page.verdicts[field] {
                    Verdict::Right => {}
                    Verdict::Differs { expected, found } => {
                        writeln!(f, "  {}: expected “{expected}”, found “{found}”", page.name)?;
                    }
                    Verdict::FoundMore(found) => writeln!(f, "  {}: found more: “{found}”", page.name)?,
                }
            }
        }
        for (name, rows) in [("feeds", &self.feeds), ("texts", &self.texts)] {
            let read = rows.iter().filter(|row| row.outcome.is_ok()).count();
            if !rows.is_empty() {
                writeln!(f, "\n{name} read {read}/{}", rows.len())?;
            }
            for row in rows {
                match &row.outcome {
                    Ok(found) => writeln!(f, "  {}: {found}", row.name)?,
                    Err(error) => writeln!(f, "  {}: REFUSED: {error}", row.name)?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corpus_is_compared_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let page = dir.path().join("pages/harbour");
        let feeds = dir.path().join("feeds");
        std::fs::create_dir_all(&page).unwrap();
        std::fs::create_dir_all(&feeds).unwrap();
        let html = "<title>Boats</title><meta name=author content='Ann Lee'><meta property=article:published_time \
                    content='2024-05-01T12:00:00+02:00'><p>Boats.</p>";
        let expected =
            r#"{"title":"Ships","byline":null,"publishedTime":"2024-05-01 10:00:00","siteName":null}"#;
        std::fs::write(page.join("source.html"), html).unwrap();
        std::fs::write(page.join("expected-metadata.json"), expected).unwrap();
        std::fs::write(feeds.join("a.xml"), "<rss><channel><title>F</title></channel></rss>").unwrap();
        std::fs::write(feeds.join("b.xml"), "<rss><channel>").unwrap();
        std::fs::write(dir.path().join("saved.txt"), "A Title Of Words\n\nOne.\n").unwrap();
        let report = check(dir.path()).unwrap();
        let told = report.to_string();
        assert_eq!([0, 1, 2, 3].map(|field| report.right(field)), [0, 0, 1, 1]);
        for line in [
            "titles 0/1 (0%)\n  harbour: expected “Ships”, found “Boats”",
            "bylines 0/1 (0%), found more in 1\n  harbour: found more: “Ann Lee”",
            "times 1/1 (100%)\n",
            "feeds read 1/2\n",
            "texts read 1/1\n",
        ] {
            assert!(told.contains(line), "{line} in\n{told}");
        }
    }

    #[test]
    fn an_empty_folder_is_an_error_that_says_what_belongs_there() {
        let dir = tempfile::tempdir().unwrap();
        assert!(check(dir.path()).unwrap_err().to_string().contains("source.html"));
    }
}
