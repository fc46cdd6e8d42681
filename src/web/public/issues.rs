//! `/issues`: the archive.

use crate::{
    db::{
        issues::{
            self,
            variants::{self, PublicIssue},
        },
        newsletters::{self, NewsletterRecord},
    },
    domain::{
        issue::{
            page::{PagePicture, PageStory},
            status::IssueStatus,
        },
        newsletter::{Archive, Newsletter},
    },
    i18n::{self, Locale, capitalize, interpolate},
    issues::render::web_view_url,
    web::{
        AppError, Site,
        layout::{Page, PageKind, PageMetadata, feed_path, sheet},
        public::{
            issue_page::{self, issue_path},
            signup::Form,
        },
    },
};
use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::Response,
};
use jiff::civil::Date;
use maud::{Markup, html};

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
/// Issues per page of the list.
const PAGE_SIZE: i64 = 30;
/// Issues of each newsletter on the page of all newsletters.
const FEW: i64 = 5;
/// Most months that the list of a newsletter links to.
const MONTHS: i64 = 36;

#[derive(Debug, serde::Deserialize)]
pub struct ListQuery {
    newsletter: Option<String>,
    /// Shows issues before this date only.
    before: Option<Date>,
    lang: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
pub struct ShowQuery {
    newsletter: Option<String>,
    /// Number of the variant, from 1.
    variant: Option<i64>,
    lang: Option<String>,
}

/// Lists sent issues, latest first: those of one newsletter, or a few of each if there are several.
pub async fn list(
    State(site): State<Site>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let locale =
        |it: &Newsletter| i18n::negotiate_locale([query.lang.as_deref(), Some(&it.language)], &headers);
    let listed = newsletters_with_archive(&site).await?;
    match query.newsletter.as_deref() {
        None => match listed.as_slice() {
            [] => {
                let newsletter = site.newsletter(None).await?.newsletter;
                Ok(no_archive_page(&newsletter, locale(&newsletter)))
            }
            [it] => newsletter_archive(&site, it, query.before, locale(&it.newsletter)).await,
            [first, ..] => all_archives(&site, &listed, locale(&first.newsletter)).await,
        },
        Some(slug) => match listed.iter().find(|it| it.newsletter.slug == slug) {
            Some(it) => newsletter_archive(&site, it, query.before, locale(&it.newsletter)).await,
            None => Err(AppError::NoIssuesOf),
        },
    }
}

/// Returns the newsletters with a public archive.
pub async fn newsletters_with_archive(site: &Site) -> Result<Vec<NewsletterRecord>, AppError> {
    let mut all = newsletters::list_with_removed(&mut site.actions.db.read().await?).await?;
    all.retain(|it| it.newsletter.archive == Archive::Public);
    Ok(all)
}

async fn newsletter_archive(
    site: &Site,
    newsletter: &NewsletterRecord,
    before: Option<Date>,
    locale: Locale,
) -> Result<Response, AppError> {
    let mut tx = site.actions.db.read().await?;
    let page = variants::public_page(&mut tx, newsletter.id, before.unwrap_or(Date::MAX), PAGE_SIZE).await?;
    let months = variants::months(&mut tx, newsletter.id, MONTHS).await?;
    drop(tx);
    let (it, t) = (&newsletter.newsletter, &locale.texts.issues);
    let title = interpolate(&t.title_of, &[("newsletter", &it.title)]);
    let is_full = page.len() == usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX);
    let older = is_full.then(|| page.last()).flatten();
    let feed = feed_path(it);
    let entries = entries(it, &page, locale);
    let content = html! {
        div.columns."columns--side" {
            div {
                h1 { (t.title) }
                @if entries.is_empty() { p.lede { (t.none_yet) " " (t.get_first) } }
                (by_month(&entries, it, locale))
                @if let Some(last) = older {
                    p.actions { a.button.quiet href={ "/issues?newsletter=" (it.slug) "&before=" (last.issue_date) } { (t.older) } }
                }
            }
            div.beside.stack {
                (Form::empty(newsletter, locale).card(site))
                @if months.len() > 1 {
                    nav aria-label=(t.by_month) {
                        h2 { (t.by_month) }
                        p.links {
                            @for month in &months { a href=(month_path(it, *month)) { (capitalize(&locale.dates.month(*month))) } }
                        }
                    }
                }
                @if let Some(feed) = &feed { p.fine-print { a href=(feed) { (t.feed) } } }
            }
        }
    };
    let before = before.map_or_else(String::new, |date| format!("&before={date}"));
    let pictures: Vec<&str> = entries.iter().filter_map(Entry::picture_url).collect();
    let metadata = PageMetadata {
        address: &format!("{}/issues?newsletter={}{before}", site.public_url, it.slug),
        description: if it.tagline.is_empty() { &title } else { &it.tagline },
        feed: feed.as_deref(),
        picture: pictures.first().copied(),
        is_article: false,
    };
    let page = Page {
        kind: PageKind::Archive,
        metadata: Some(metadata),
        pictures: &pictures,
        ..Page::new(it, &title, locale)
    };
    Ok(page.respond(StatusCode::OK, &content))
}

/// Returns the path of the list that begins with a month.
fn month_path(newsletter: &Newsletter, last_issue: Date) -> String {
    let next_month = last_issue.last_of_month().tomorrow().unwrap_or(Date::MAX);
    format!("/issues?newsletter={}&before={next_month}", newsletter.slug)
}

async fn all_archives(
    site: &Site,
    listed: &[NewsletterRecord],
    locale: Locale,
) -> Result<Response, AppError> {
    let Some(first) = listed.first() else { return Err(AppError::NoPage) };
    let mut tx = site.actions.db.read().await?;
    let mut parts = Vec::new();
    for it in listed {
        let page = variants::public_page(&mut tx, it.id, Date::MAX, FEW).await?;
        parts.push((&it.newsletter, entries(&it.newsletter, &page, locale)));
    }
    drop(tx);
    let t = &locale.texts.issues;
    let content = html! {
        div.column {
            h1 { (t.title) }
            @for (it, entries) in &parts {
                section {
                    h2.month lang=(it.language) { (it.title) }
                    @if entries.is_empty() {
                        p { (t.none_yet) " " a href={ "/?newsletter=" (it.slug) } { (t.get_first) } }
                    } @else {
                        (issue_list(entries, it, |entry| capitalize(&locale.dates.day(entry.date))))
                        p.actions { a href={ "/issues?newsletter=" (it.slug) } { (interpolate(&t.all_of, &[("newsletter", &it.title)])) } }
                    }
                }
            }
            p.fine-print { a href="/issues.xml" { (t.feed_of_all) } }
        }
    };
    let titles = locale.list(parts.iter().map(|(it, _)| it.title.as_str()));
    let pictures: Vec<&str> =
        parts.iter().flat_map(|(_, entries)| entries.iter().filter_map(Entry::picture_url)).collect();
    let metadata = PageMetadata {
        address: &format!("{}/issues", site.public_url),
        description: &interpolate(&t.title_of, &[("newsletter", &titles)]),
        feed: Some("/issues.xml"),
        picture: None,
        is_article: false,
    };
    let page = Page {
        kind: PageKind::Archive,
        metadata: Some(metadata),
        pictures: &pictures,
        ..Page::new(&first.newsletter, &t.title, locale)
    };
    Ok(page.respond(StatusCode::OK, &content))
}

fn no_archive_page(it: &Newsletter, locale: Locale) -> Response {
    let t = &locale.texts.issues;
    let content = html! {
        h1 { (t.title) }
        p { (t.readers_only) " " a href={ "/?newsletter=" (it.slug) } { (t.get_next) } }
    };
    Page::new(it, &t.title, locale).respond(StatusCode::OK, &sheet(&content))
}

/// An issue in a list.
struct Entry {
    path: String,
    date: Date,
    /// The subject, which is the first headline unless an editor wrote another one.
    title: String,
    dek: Option<String>,
    picture: Option<PagePicture>,
}

impl Entry {
    fn picture_url(&self) -> Option<&str> {
        self.picture.as_ref().map(|it| it.url.as_str())
    }
}

fn entries(newsletter: &Newsletter, page: &[PublicIssue], locale: Locale) -> Vec<Entry> {
    let suffix = if locale.language == newsletter_language(newsletter) {
        String::new()
    } else {
        format!("&lang={}", locale.language)
    };
    let entries = page.iter().map(|issue| {
        let summary = issue.summary();
        Entry {
            path: format!("{}{suffix}", issue_path(newsletter, issue)),
            date: issue.issue_date.0,
            title: issue.subject.clone(),
            dek: summary.as_ref().and_then(|it| it.dek.clone()),
            picture: summary.and_then(|it| it.picture),
        }
    });
    entries.collect()
}

/// Returns the language that a newsletter's pages have by default.
fn newsletter_language(newsletter: &Newsletter) -> &'static str {
    i18n::find_locale(&newsletter.language).map_or("", |it| it.language)
}

/// Renders entries in a section for each month.
fn by_month(entries: &[Entry], newsletter: &Newsletter, locale: Locale) -> Markup {
    html! {
        @for month in entries.chunk_by(|one, other| one.date.first_of_month() == other.date.first_of_month()) {
            @if let Some(first) = month.first() {
                @let id = first.date.strftime("month-%Y-%m").to_string();
                section aria-labelledby=(id) {
                    h2.month id=(id) { (capitalize(&locale.dates.month(first.date))) }
                    (issue_list(month, newsletter, |entry| capitalize(&locale.dates.day_in_month(entry.date))))
                }
            }
        }
    }
}

fn issue_list(entries: &[Entry], newsletter: &Newsletter, day: impl Fn(&Entry) -> String) -> Markup {
    html! {
        ul.issues {
            @for entry in entries {
                li {
                    div {
                        time datetime=(entry.date) { (day(entry)) }
                        // Issues may be in another language than the page.
                        h3.headline lang=(newsletter.language) dir="auto" { a href=(entry.path) { (entry.title) } }
                        @if let Some(dek) = &entry.dek { p lang=(newsletter.language) dir="auto" { (dek) } }
                    }
                    @if let Some(it) = &entry.picture {
                        img src=(it.url) alt="" width=[it.width] height=[it.height] loading="lazy";
                    }
                }
            }
        }
    }
}

/// Shows an issue as it was sent, without readers' own links, and a form for the next one.
pub async fn show(
    State(site): State<Site>,
    Path(date): Path<String>,
    Query(query): Query<ShowQuery>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let newsletter = site.newsletter(query.newsletter.as_deref()).await?;
    let it = &newsletter.newsletter;
    let missing = || AppError::NoIssue(it.title.clone());
    let date: Date = date.parse().map_err(|_| missing())?;
    let mut tx = site.actions.db.read().await?;
    let issue = issues::get_by_date(&mut tx, newsletter.id, date).await?.ok_or_else(missing)?;
    let archive = it.archive;
    if !is_public(issue.status) || archive == Archive::None {
        return Err(missing());
    }
    let number = query.variant.unwrap_or(1);
    let variant = variants::page_by_number(&mut tx, issue.id, number).await?.ok_or_else(missing)?;
    let (before, after) = match archive {
        Archive::Public => variants::neighbours(&mut tx, newsletter.id, date).await?,
        Archive::Unlisted | Archive::None => (None, None),
    };
    drop(tx);
    let locale = i18n::negotiate_locale([query.lang.as_deref(), Some(&it.language)], &headers);
    let others = other_issues(it, (before, date, after), locale);
    let content = html! {
        @if let Some(others) = &others { nav.pager.column aria-label=(locale.texts.issues.others) { (others) } }
        (issue_page::article(it, date, &variant.page, locale))
        div.column { (Form::empty(&newsletter, locale).card(&site)) }
        // The same links once more are no landmark of their own.
        @if let Some(others) = &others { div.pager.column { (others) } }
    };
    // All variants share one canonical URL.
    let address = web_view_url(&site.public_url, it, date, 1);
    let feed = feed_path(it).map(|path| format!("{}{path}", site.public_url));
    let shown = |it: &PageStory| {
        [it.lead_picture(), it.pair_picture(), it.row_picture()].map(|it| it.map(|it| it.url.clone()))
    };
    let pictures: Vec<String> = variant.page.stories.iter().flat_map(shown).flatten().collect();
    let pictures: Vec<&str> = pictures.iter().map(String::as_str).collect();
    let lead = variant.page.stories.first().and_then(PageStory::lead_picture);
    let metadata = PageMetadata {
        address: &address,
        description: &variant.preheader,
        feed: feed.as_deref(),
        picture: lead.map(|it| it.url.as_str()),
        is_article: true,
    };
    let page = Page {
        metadata: (archive == Archive::Public).then_some(metadata),
        pictures: &pictures,
        ..Page::new(it, &variant.subject, locale)
    };
    let mut response = page.respond(StatusCode::OK, &content);
    if archive != Archive::Public {
        response.headers_mut().insert(ROBOTS, HeaderValue::from_static("noindex"));
    }
    Ok(response)
}

/// Renders links to the issues before and after, and to all. `None` if the archive is not public.
fn other_issues(
    it: &Newsletter,
    (before, date, after): (Option<Date>, Date, Option<Date>),
    locale: Locale,
) -> Option<Markup> {
    // Three links in a row leave a phone no room for weekdays.
    let name = |other: Date| locale.dates.short(other, date);
    let path = |date: Date| format!("/issues/{date}?newsletter={}", it.slug);
    let links = html! {
        @if let Some(date) = before { a href=(path(date)) rel="prev" { "← " (name(date)) } }
        a href={ "/issues?newsletter=" (it.slug) } { (locale.texts.issues.all) }
        @if let Some(date) = after { a href=(path(date)) rel="next" { (name(date)) " →" } }
    };
    (it.archive == Archive::Public).then_some(links)
}

const fn is_public(status: IssueStatus) -> bool {
    matches!(status, IssueStatus::Sending | IssueStatus::Sent | IssueStatus::Paused | IssueStatus::Held)
}
