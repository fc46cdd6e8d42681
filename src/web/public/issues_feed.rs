//! `GET /issues.xml`: the newest issues as an Atom feed (RFC 4287), of one newsletter or of all.

use crate::{
    db::issues::variants::{self, PublicIssue},
    domain::newsletter::Newsletter,
    web::{
        AppError, Site, cached,
        public::{issue_page::issue_path, issues::newsletters_with_archive},
    },
};
use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::Response,
};
use jiff::civil::Date;
use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};
use std::io;

const MAX_ENTRIES: i64 = 30;

#[derive(Debug, serde::Deserialize)]
pub struct FeedQuery {
    newsletter: Option<String>,
}

/// Returns the feed.
pub async fn get(
    State(site): State<Site>,
    Query(query): Query<FeedQuery>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let mut listed = newsletters_with_archive(&site).await?;
    if let Some(slug) = &query.newsletter {
        listed.retain(|it| it.newsletter.slug == *slug);
    }
    if listed.is_empty() {
        return Err(AppError::NoFeed);
    }
    let mut tx = site.actions.db.read().await?;
    let mut entries = Vec::new();
    for newsletter in &listed {
        let page = variants::public_page(&mut tx, newsletter.id, Date::MAX, MAX_ENTRIES).await?;
        entries.extend(page.into_iter().map(|issue| (&newsletter.newsletter, issue)));
    }
    drop(tx);
    entries.sort_by_key(|(_, issue)| std::cmp::Reverse(issue.created_at));
    entries.truncate(usize::try_from(MAX_ENTRIES).unwrap_or(usize::MAX));
    let newsletters: Vec<&Newsletter> = listed.iter().map(|it| &it.newsletter).collect();
    let feed = Feed { site: &site.public_url, newsletter: query.newsletter.as_deref() };
    let body = feed.write(&newsletters, &entries).map_err(AppError::Feed)?;
    Ok(cached::answer(&headers, "application/atom+xml; charset=utf-8", body))
}

struct Feed<'a> {
    site: &'a str,
    newsletter: Option<&'a str>,
}

impl Feed<'_> {
    fn write(
        &self,
        newsletters: &[&Newsletter],
        entries: &[(&Newsletter, PublicIssue)],
    ) -> io::Result<Vec<u8>> {
        let mut xml = Writer::new(Vec::new());
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
        let language = newsletters.first().map_or("en", |it| it.language.as_str());
        let titles: Vec<&str> = newsletters.iter().map(|it| it.title.as_str()).collect();
        let query = self.newsletter.map_or_else(String::new, |slug| format!("?newsletter={slug}"));
        let (feed_url, page_url) =
            (format!("{}/issues.xml{query}", self.site), format!("{}/issues{query}", self.site));
        // Atom requires a date, so a feed without issues gets the epoch.
        let updated = entries.iter().map(|(_, issue)| issue.created_at.0).max().unwrap_or_default();
        xml.create_element("feed")
            .with_attribute(("xmlns", "http://www.w3.org/2005/Atom"))
            .with_attribute(("xml:lang", language))
            .write_inner_content(|xml| {
                text(xml, "id", &page_url)?;
                text(xml, "title", &titles.join(", "))?;
                if let [it] = newsletters
                    && !it.tagline.is_empty()
                {
                    text(xml, "subtitle", &it.tagline)?;
                }
                text(xml, "updated", &updated.to_string())?;
                link(xml, "self", "application/atom+xml", &feed_url)?;
                link(xml, "alternate", "text/html", &page_url)?;
                for (newsletter, issue) in entries {
                    self.entry(xml, newsletter, issue)?;
                }
                Ok(())
            })?;
        Ok(xml.into_inner())
    }

    fn entry(
        &self,
        xml: &mut Writer<Vec<u8>>,
        newsletter: &Newsletter,
        issue: &PublicIssue,
    ) -> io::Result<()> {
        let page = format!("{}{}", self.site, issue_path(newsletter, issue));
        let at = issue.created_at.0.to_string();
        let entry = xml.create_element("entry").with_attribute(("xml:lang", newsletter.language.as_str()));
        entry.write_inner_content(|xml| {
            text(xml, "id", &page)?;
            text(xml, "title", &issue.subject)?;
            text(xml, "published", &at)?;
            text(xml, "updated", &at)?;
            xml.create_element("author")
                .write_inner_content(|xml| text(xml, "name", &newsletter.sender_name))?;
            link(xml, "alternate", "text/html", &page)?;
            text(xml, "summary", &issue.preheader)
        })?;
        Ok(())
    }
}

fn text(xml: &mut Writer<Vec<u8>>, name: &str, content: &str) -> io::Result<()> {
    // XML 1.0 can't represent most control characters.
    let content: String =
        content.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')).collect();
    xml.create_element(name).write_text_content(BytesText::new(&content)).map(drop)
}

fn link(xml: &mut Writer<Vec<u8>>, rel: &str, kind: &str, address: &str) -> io::Result<()> {
    let link = xml.create_element("link").with_attributes([("rel", rel), ("type", kind), ("href", address)]);
    link.write_empty().map(drop)
}
