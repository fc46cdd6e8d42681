//! The layout of every page: head, header, footer. A newsletter's pages carry its brand.

use crate::{
    domain::newsletter::{Archive, Newsletter, PLACEHOLDER_POSTAL_ADDRESS},
    i18n::{self, Locale},
    web::{assets, brand_style, picture_policy::PictureUrls},
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use maud::{DOCTYPE, Markup, html};
use url::Url;

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

/// The kind of a newsletter's page, which decides what its header links to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageKind {
    Signup,
    /// The list of past issues.
    Archive,
    /// Any other page for readers and visitors.
    Other,
    /// A page of a subscriber, who needs no link to sign up.
    Subscriber,
}

/// Metadata of a public page, for search engines, social networks and feed readers.
#[derive(Debug, Clone, Copy)]
pub struct PageMetadata<'a> {
    /// The canonical URL.
    pub address: &'a str,
    pub description: &'a str,
    /// URL of the feed of issues, if there is one.
    pub feed: Option<&'a str>,
    /// URL of a picture for previews in social networks.
    pub picture: Option<&'a str>,
    /// Whether the page is an issue.
    pub is_article: bool,
}

/// A page of a newsletter.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    pub newsletter: &'a Newsletter,
    /// The title of the window.
    pub title: &'a str,
    pub locale: Locale,
    pub kind: PageKind,
    pub mode: DisplayMode,
    /// `None`: search engines are asked not to index the page.
    pub metadata: Option<PageMetadata<'a>>,
    /// URLs of pictures on the page.
    pub pictures: &'a [&'a str],
}

impl<'a> Page<'a> {
    /// Returns a page that is not indexed and has no pictures.
    pub const fn new(newsletter: &'a Newsletter, title: &'a str, locale: Locale) -> Self {
        let (kind, mode) = (PageKind::Other, DisplayMode::Window);
        Self { newsletter, title, locale, kind, mode, metadata: None, pictures: &[] }
    }

    /// Makes the response. The policy of the page allows its pictures.
    pub fn respond(&self, status: StatusCode, content: &Markup) -> Response {
        let logo = self.newsletter.theme.logo_url.as_ref().map(Url::as_str);
        let pictures = logo.into_iter().chain(self.pictures.iter().copied());
        let mut response = (status, self.render(content)).into_response();
        response.extensions_mut().insert(PictureUrls::new(pictures));
        response
    }

    fn render(&self, content: &Markup) -> Markup {
        let head = html! {
            @match self.metadata {
                Some(metadata) => (meta_tags(self.title, &self.newsletter.title, metadata)),
                None => {
                    meta name="robots" content="noindex";
                    @if let Some(feed) = feed_path(self.newsletter) { (feed_link(&self.newsletter.title, &feed)) }
                }
            }
            (brand_style::head(self.newsletter))
        };
        let body = html! {
            @match self.mode {
                DisplayMode::Frame => body.framed {
                    main { (content) }
                    script src=(assets::FRAME_SCRIPT) defer {}
                },
                DisplayMode::Window => body {
                    a.skip href="#main" { (self.locale.texts.frame.skip) }
                    (self.header())
                    main #main.wrap { (content) }
                    (self.footer())
                },
            }
        };
        document(self.locale.language, self.title, &head, &body)
    }

    fn header(&self) -> Markup {
        let (it, t) = (self.newsletter, &self.locale.texts.frame);
        let current = |kind: PageKind| (self.kind == kind).then_some("page");
        let site = it.brand.site_url.as_ref();
        let signup = format!("/?newsletter={}", it.slug);
        html! {
            header.header { div.wrap {
                a.brand href=(site.map_or(signup.as_str(), Url::as_str)) lang=(it.language) {
                    @match &it.theme.logo_url {
                        Some(logo) => img src=(logo) alt=(it.title);,
                        None => (it.title),
                    }
                }
                nav aria-label=(t.newsletter) {
                    @if self.kind != PageKind::Subscriber {
                        a href=(signup) aria-current=[current(PageKind::Signup)] { (t.sign_up) }
                    }
                    @if it.archive == Archive::Public {
                        a href={ "/issues?newsletter=" (it.slug) } aria-current=[current(PageKind::Archive)] { (t.past_issues) }
                    }
                    @if let Some(site) = site { a.site href=(site) { (host(site)) } }
                }
            } }
        }
    }

    fn footer(&self) -> Markup {
        let (brand, t) = (&self.newsletter.brand, &self.locale.texts.frame);
        let has_links = brand.site_url.is_some() || brand.privacy_url.is_some() || !brand.social.is_empty();
        html! {
            footer.footer { div.wrap {
                @if has_links {
                    p.links {
                        @if let Some(site) = &brand.site_url { a href=(site) { (host(site)) } }
                        @if let Some(privacy) = &brand.privacy_url { a href=(privacy) { (t.privacy) } }
                        @for link in brand.social.iter() { a href=(link.url) rel="me" { (link.name) } }
                    }
                }
                @if let Some(line) = &brand.footer { p { (line) } }
                @if self.newsletter.postal_address != PLACEHOLDER_POSTAL_ADDRESS { p { (self.newsletter.postal_address) } }
            } }
        }
    }
}

/// Renders the link to the publisher's privacy policy, if there is one.
pub fn privacy_link(newsletter: &Newsletter, locale: Locale) -> Markup {
    html! {
        @if let Some(privacy) = &newsletter.brand.privacy_url {
            " " a href=(privacy) { (locale.texts.frame.privacy_policy) }
        }
    }
}

/// Returns a site's host, without `www.`.
fn host(site: &Url) -> &str {
    let host = site.host_str().unwrap_or_default();
    host.strip_prefix("www.").unwrap_or(host)
}

/// Properties of a page without a newsletter.
#[derive(Debug, Clone, Copy)]
pub struct PageInfo<'a> {
    /// The title of the window.
    pub title: &'a str,
    /// The name in the header.
    pub name: &'a str,
    /// The language tag.
    pub language: &'a str,
}

/// Makes the response with a page without a newsletter.
pub fn page_response(status: StatusCode, info: PageInfo<'_>, content: &Markup) -> Response {
    page_response_in(DisplayMode::Window, status, info, content)
}

/// Makes the response with a page without a newsletter, in a display mode.
pub fn page_response_in(
    mode: DisplayMode,
    status: StatusCode,
    info: PageInfo<'_>,
    content: &Markup,
) -> Response {
    let head = html! { meta name="robots" content="noindex"; };
    let t = &i18n::texts_in(info.language).frame;
    let body = html! {
        @match mode {
            DisplayMode::Frame => body.framed { main { (content) } script src=(assets::FRAME_SCRIPT) defer {} },
            DisplayMode::Window => body {
                a.skip href="#main" { (t.skip) }
                header.header { div.wrap { a.brand href="/" { (info.name) } } }
                main #main.wrap { (content) }
            },
        }
    };
    (status, document(info.language, info.title, &head, &body)).into_response()
}

/// Renders a headline and text on a sheet of their own.
pub fn sheet(content: &Markup) -> Markup {
    html! { section.card.narrow { (content) } }
}

fn document(language: &str, title: &str, head: &Markup, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(language) dir=(direction(language)) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="stylesheet" href=(assets::style_path());
                (head)
            }
            (body)
        }
    }
}

fn feed_link(title: &str, address: &str) -> Markup {
    html! { link rel="alternate" type="application/atom+xml" title=(title) href=(address); }
}

/// Returns the path of a newsletter's feed, if its archive is public.
pub fn feed_path(newsletter: &Newsletter) -> Option<String> {
    (newsletter.archive == Archive::Public).then(|| format!("/issues.xml?newsletter={}", newsletter.slug))
}

/// Renders metadata in the head (Open Graph: <https://ogp.me>).
fn meta_tags(title: &str, site: &str, metadata: PageMetadata<'_>) -> Markup {
    html! {
        meta name="description" content=(metadata.description);
        link rel="canonical" href=(metadata.address);
        meta property="og:type" content=(if metadata.is_article { "article" } else { "website" });
        meta property="og:site_name" content=(site);
        meta property="og:title" content=(title);
        meta property="og:description" content=(metadata.description);
        meta property="og:url" content=(metadata.address);
        @if let Some(picture) = metadata.picture { meta property="og:image" content=(picture); }
        meta name="twitter:card" content=(if metadata.picture.is_some() { "summary_large_image" } else { "summary" });
        @if let Some(feed) = metadata.feed { (feed_link(site, feed)) }
    }
}

fn direction(language: &str) -> &'static str {
    let primary = language.split('-').next().unwrap_or_default();
    if matches!(primary, "ar" | "fa" | "he" | "ur") { "rtl" } else { "ltr" }
}
