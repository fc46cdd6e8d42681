//! Pages for somebody who is not signed in, and the head of every page.

use super::assets;
use maud::{DOCTYPE, Markup, html};

/// Renders the head of a page.
pub fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="robots" content="noindex";
            title { (title) }
            link rel="stylesheet" href=(assets::css_path());
            script src=(assets::js_path()) defer {}
        }
    }
}

/// Renders a page for somebody who is not signed in.
pub fn bare(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(title))
            body {
                header.top { div.plate { p.paper { "Daily" } } div.tabbar {} }
                main id="main" { (content) }
            }
        }
    }
}
