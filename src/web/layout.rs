//! The layout of every page.

use crate::{
    domain::newsletter::{Archive, Newsletter},
    i18n,
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use maud::{DOCTYPE, Markup, html};

/// Properties of a page.
#[derive(Debug, Clone, Copy)]
pub struct PageInfo<'a> {
    /// The title of the window.
    pub title: &'a str,
    /// Name and tagline of the newsletter.
    pub brand: (&'a str, &'a str),
    /// The language tag.
    pub language: &'a str,
}

/// How a page is displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisplayMode {
    /// As a page of its own.
    Window,
    /// In a frame on another site's page.
    Frame,
}

impl DisplayMode {
    /// Path of the form for frames, and of the pages that follow it.
    pub const FRAME_PATH: &'static str = "/embed";

    /// Returns the display mode of a path.
    pub fn from_path(path: &str) -> Self {
        if path == Self::FRAME_PATH { Self::Frame } else { Self::Window }
    }

    /// Returns the path that the signup form posts to.
    pub const fn form_action(self) -> &'static str {
        match self {
            Self::Window => "/subscribe",
            Self::Frame => Self::FRAME_PATH,
        }
    }
}

/// Metadata of a public page, for search engines, social networks and feed readers.
#[derive(Debug, Clone, Copy)]
pub struct PageMetadata<'a> {
    /// The canonical URL.
    pub address: &'a str,
    pub description: &'a str,
    /// URL of the feed of issues, if there is one.
    pub feed: Option<&'a str>,
}

/// Renders a page. It is marked `noindex`, because most pages are personal.
fn page(info: PageInfo<'_>, content: &Markup) -> Markup {
    document(DisplayMode::Window, info, &no_index(None), content)
}

/// Marks a page `noindex`, and links to a feed if there is one.
fn no_index(feed: Option<(&str, &str)>) -> Markup {
    html! {
        meta name="robots" content="noindex";
        @if let Some((title, address)) = feed { (feed_link(title, address)) }
    }
}

fn feed_link(title: &str, address: &str) -> Markup {
    html! { link rel="alternate" type="application/atom+xml" title=(title) href=(address); }
}

/// Returns the URL of a newsletter's feed, if its archive is public.
fn feed_url(newsletter: &Newsletter) -> Option<String> {
    (newsletter.archive == Archive::Public).then(|| format!("/issues.xml?newsletter={}", newsletter.slug))
}

/// Renders a page that search engines may index.
pub fn public_page(info: PageInfo<'_>, metadata: PageMetadata<'_>, content: &Markup) -> Markup {
    document(DisplayMode::Window, info, &meta_tags(info.title, info.brand.0, metadata), content)
}

/// Renders metadata in the head (Open Graph: <https://ogp.me>).
fn meta_tags(title: &str, site: &str, metadata: PageMetadata<'_>) -> Markup {
    html! {
        meta name="description" content=(metadata.description);
        link rel="canonical" href=(metadata.address);
        meta property="og:type" content="website";
        meta property="og:site_name" content=(site);
        meta property="og:title" content=(title);
        meta property="og:description" content=(metadata.description);
        meta property="og:url" content=(metadata.address);
        @if let Some(feed) = metadata.feed { (feed_link(site, feed)) }
    }
}

fn document(mode: DisplayMode, info: PageInfo<'_>, head: &Markup, content: &Markup) -> Markup {
    let (name, tagline) = info.brand;
    let t = &i18n::texts_in(info.language).footer;
    html! {
        (DOCTYPE)
        html lang=(info.language) dir=(direction(info.language)) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                (head)
                title { (info.title) }
                link rel="stylesheet" href="/assets/daily.css";
            }
            @if mode == DisplayMode::Frame { body.framed { main { (content) } } } @else { body.page {
                main.card {
                    header.masthead {
                        a.brand href="/" { (name) }
                        @if !tagline.is_empty() { p.tagline { (tagline) } }
                    }
                    (content)
                }
                footer.footer { p { a href="/" { (t.sign_up) } " · " a href="/issues" { (t.past_issues) } } }
            } }
        }
    }
}

fn direction(language: &str) -> &'static str {
    let primary = language.split('-').next().unwrap_or_default();
    if matches!(primary, "ar" | "fa" | "he" | "ur") { "rtl" } else { "ltr" }
}

/// Makes the response with a page.
pub fn page_response(status: StatusCode, info: PageInfo<'_>, content: &Markup) -> Response {
    (status, page(info, content)).into_response()
}

/// Makes the response with a page in a display mode.
pub fn page_response_in(
    mode: DisplayMode,
    status: StatusCode,
    info: PageInfo<'_>,
    content: &Markup,
) -> Response {
    (status, document(mode, info, &no_index(None), content)).into_response()
}

/// Makes the response with a newsletter's page, of this title and language.
pub fn newsletter_page_response(
    mode: DisplayMode,
    status: StatusCode,
    newsletter: &Newsletter,
    (title, language): (&str, &str),
    content: &Markup,
) -> Response {
    let info = PageInfo { title, brand: (&newsletter.title, &newsletter.tagline), language };
    let feed = feed_url(newsletter);
    let head = no_index(feed.as_deref().map(|feed| (newsletter.title.as_str(), feed)));
    (status, document(mode, info, &head, content)).into_response()
}
