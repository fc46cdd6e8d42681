//! `GET /sitemap.xml`: the pages that search engines may index (<https://www.sitemaps.org/protocol.html>): signup
//! pages, archives and issues of newsletters with a public archive.

use crate::{
    db::{
        issues::variants,
        newsletters::{self, NewsletterRecord},
    },
    domain::newsletter::Archive,
    web::{
        AppError, Site, cached,
        public::{issue_page::issue_path, issues::newsletters_with_archive},
    },
};
use axum::{extract::State, http::HeaderMap, response::Response};
use jiff::civil::Date;
use quick_xml::escape::escape;
use std::fmt::Write as _;

/// Issues read at once.
const PAGE_SIZE: i64 = 200;
/// Most issues of a newsletter, five years of a daily one. Archives link to older ones.
const MOST_ISSUES: usize = 2_000;
/// Most addresses of a sitemap, by the protocol.
const MOST_ADDRESSES: usize = 50_000;

/// An address, and the date of its last change if it is known.
type Entry = (String, Option<Date>);

/// Returns the sitemap.
pub async fn get(State(site): State<Site>, headers: HeaderMap) -> Result<Response, AppError> {
    let mut entries = signup_pages(&site).await?;
    for newsletter in newsletters_with_archive(&site).await? {
        entries.extend(archive(&site, &newsletter).await?);
    }
    entries.truncate(MOST_ADDRESSES);
    Ok(cached::answer(&headers, "application/xml; charset=utf-8", write(&site.public_url, &entries)))
}

/// Returns the signup pages of the newsletters that still take signups.
async fn signup_pages(site: &Site) -> Result<Vec<Entry>, AppError> {
    let mut all = newsletters::list(&mut site.actions.db.read().await?).await?;
    all.retain(|it| it.newsletter.archive == Archive::Public);
    Ok(all.into_iter().map(|it| (format!("/?newsletter={}", it.newsletter.slug), None)).collect())
}

/// Returns the list of past issues and the issues, latest first.
async fn archive(site: &Site, newsletter: &NewsletterRecord) -> Result<Vec<Entry>, AppError> {
    let it = &newsletter.newsletter;
    let (mut issues, mut before) = (Vec::new(), Date::MAX);
    while issues.len() < MOST_ISSUES {
        let mut tx = site.actions.db.read().await?;
        let page = variants::public_page(&mut tx, newsletter.id, before, PAGE_SIZE).await?;
        let Some(last) = page.last() else { break };
        before = last.issue_date.0;
        issues.extend(page.iter().map(|issue| (issue_path(it, issue), Some(issue.issue_date.0))));
    }
    let latest = issues.first().and_then(|(_, date)| *date);
    Ok([(format!("/issues?newsletter={}", it.slug), latest)].into_iter().chain(issues).collect())
}

fn write(public_url: &str, entries: &[Entry]) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
    );
    for (path, date) in entries {
        let changed = date.map_or_else(String::new, |date| format!("<lastmod>{date}</lastmod>"));
        // Writing to a string never fails.
        let _ = writeln!(xml, "<url><loc>{public_url}{}</loc>{changed}</url>", escape(path));
    }
    xml + "</urlset>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn addresses_are_escaped_and_dated() {
        let entries =
            [("/?newsletter=a".to_owned(), None), ("/issues?a=b&c=d".into(), Some(date(2026, 11, 30)))];
        let xml = write("https://news.lamp.example", &entries);
        assert!(xml.contains("<url><loc>https://news.lamp.example/?newsletter=a</loc></url>\n"), "{xml}");
        assert!(
            xml.contains("/issues?a=b&amp;c=d</loc><lastmod>2026-11-30</lastmod></url>\n</urlset>\n"),
            "{xml}"
        );
    }
}
