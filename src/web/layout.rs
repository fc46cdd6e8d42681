//! The page around every page.

use super::words;
use axum::response::{IntoResponse, Response};
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
    let robots = html! { meta name="robots" content="noindex"; };
    document(frame, &robots, content)
}

/// A page that everybody may find.
pub fn public_page(frame: Frame<'_>, public: Public<'_>, content: &Markup) -> Markup {
    let about = html! {
        meta name="description" content=(public.description);
        link rel="canonical" href=(public.address);
        meta property="og:type" content="website";
        meta property="og:site_name" content=(frame.brand.0);
        meta property="og:title" content=(frame.title);
        meta property="og:description" content=(public.description);
        meta property="og:url" content=(public.address);
        @if let Some(feed) = public.feed {
            link rel="alternate" type="application/atom+xml" title=(frame.brand.0) href=(feed);
        }
    };
    document(frame, &about, content)
}

fn document(frame: Frame<'_>, about: &Markup, content: &Markup) -> Markup {
    let (name, tagline) = frame.brand;
    let words = &words::of(frame.language).frame;
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
            body.page {
                main.card {
                    header.masthead {
                        a.brand href="/" { (name) }
                        @if !tagline.is_empty() { p.tagline { (tagline) } }
                    }
                    (content)
                }
                footer.footer { p { a href="/" { (words.sign_up) } " · " a href="/issues" { (words.past_issues) } } }
            }
        }
    }
}

fn direction(language: &str) -> &'static str {
    let primary = language.split('-').next().unwrap_or_default();
    if matches!(primary, "ar" | "fa" | "he" | "ur") { "rtl" } else { "ltr" }
}

/// A page as an answer.
pub fn respond(status: axum::http::StatusCode, frame: Frame<'_>, content: &Markup) -> Response {
    (status, page(frame, content)).into_response()
}
