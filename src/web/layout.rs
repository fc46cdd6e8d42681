//! The page around every page.

use crate::{
    domain::newsletter::{Archive, Newsletter},
    i18n,
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use maud::{DOCTYPE, Markup, html};

/// What surrounds a page's own content.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The browser's title.
    pub title: &'a str,
    /// Whose page it is: name and tagline of the newsletter.
    pub brand: (&'a str, &'a str),
    /// The content's language.
    pub language: &'a str,
}

/// Where a page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// By itself.
    Window,
    /// In a frame of a page of a site that may have our form.
    Frame,
}

impl Place {
    /// The address of the form that is shown in frames, and of what follows it there.
    pub const FRAME: &'static str = "/embed";

    /// The place of what is answered at an address.
    pub fn of(path: &str) -> Self {
        if path == Self::FRAME { Self::Frame } else { Self::Window }
    }

    /// Where the form goes.
    pub const fn form_action(self) -> &'static str {
        match self {
            Self::Window => "/subscribe",
            Self::Frame => Self::FRAME,
        }
    }
}

/// What a public page says about itself: to search engines, to who shares it, to feed readers.
#[derive(Debug, Clone, Copy)]
pub struct Public<'a> {
    /// The one address under which it should be known.
    pub address: &'a str,
    /// One or two sentences.
    pub description: &'a str,
    /// The feed of issues, if there is one.
    pub feed: Option<&'a str>,
}

/// A whole page. Search engines are asked to leave it out: most pages are somebody's own.
pub fn page(frame: Frame<'_>, content: &Markup) -> Markup {
    document(Place::Window, frame, &no_index(None), content)
}

/// For search engines and, where there is one, feed readers.
fn no_index(feed: Option<(&str, &str)>) -> Markup {
    html! {
        meta name="robots" content="noindex";
        @if let Some((title, address)) = feed { (feed_link(title, address)) }
    }
}

fn feed_link(title: &str, address: &str) -> Markup {
    html! { link rel="alternate" type="application/atom+xml" title=(title) href=(address); }
}

/// The feed of a newsletter's issues, if everybody may read them.
fn feed_of(newsletter: &Newsletter) -> Option<String> {
    (newsletter.archive == Archive::Public).then(|| format!("/issues.xml?newsletter={}", newsletter.slug))
}

/// A page that everybody may find.
pub fn public_page(frame: Frame<'_>, public: Public<'_>, content: &Markup) -> Markup {
    document(Place::Window, frame, &about(frame.title, frame.brand.0, public), content)
}

/// Elements of the head of a page that everybody may find (Open Graph: <https://ogp.me>).
fn about(title: &str, site: &str, public: Public<'_>) -> Markup {
    html! {
        meta name="description" content=(public.description);
        link rel="canonical" href=(public.address);
        meta property="og:type" content="website";
        meta property="og:site_name" content=(site);
        meta property="og:title" content=(title);
        meta property="og:description" content=(public.description);
        meta property="og:url" content=(public.address);
        @if let Some(feed) = public.feed { (feed_link(site, feed)) }
    }
}

fn document(place: Place, frame: Frame<'_>, about: &Markup, content: &Markup) -> Markup {
    let (name, tagline) = frame.brand;
    let words = &i18n::of(frame.language).frame;
    html! {
        (DOCTYPE)
        html lang=(frame.language) dir=(direction(frame.language)) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                (about)
                title { (frame.title) }
                link rel="stylesheet" href="/assets/daily.css";
            }
            @if place == Place::Frame { body.framed { main { (content) } } } @else { body.page {
                main.card {
                    header.masthead {
                        a.brand href="/" { (name) }
                        @if !tagline.is_empty() { p.tagline { (tagline) } }
                    }
                    (content)
                }
                footer.footer { p { a href="/" { (words.sign_up) } " · " a href="/issues" { (words.past_issues) } } }
            } }
        }
    }
}

fn direction(language: &str) -> &'static str {
    let primary = language.split('-').next().unwrap_or_default();
    if matches!(primary, "ar" | "fa" | "he" | "ur") { "rtl" } else { "ltr" }
}

/// A page as an answer.
pub fn respond(status: StatusCode, frame: Frame<'_>, content: &Markup) -> Response {
    (status, page(frame, content)).into_response()
}

/// A page as an answer, in its place.
pub fn respond_in(place: Place, status: StatusCode, frame: Frame<'_>, content: &Markup) -> Response {
    (status, document(place, frame, &no_index(None), content)).into_response()
}

/// A page about a newsletter, with this title and in this language, as an answer.
pub fn respond_for(
    place: Place,
    status: StatusCode,
    newsletter: &Newsletter,
    (title, language): (&str, &str),
    content: &Markup,
) -> Response {
    let frame = Frame { title, brand: (&newsletter.title, &newsletter.tagline), language };
    let feed = feed_of(newsletter);
    let about = no_index(feed.as_deref().map(|feed| (newsletter.title.as_str(), feed)));
    (status, document(place, frame, &about, content)).into_response()
}
