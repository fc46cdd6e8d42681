//! The page around every page.

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

/// A whole page.
pub fn page(frame: Frame<'_>, content: &Markup) -> Markup {
    let (name, tagline) = frame.brand;
    html! {
        (DOCTYPE)
        html lang=(frame.language) dir=(direction(frame.language)) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
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
                footer.footer { p { a href="/" { "Sign up" } " · " a href="/issues" { "Past issues" } } }
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
