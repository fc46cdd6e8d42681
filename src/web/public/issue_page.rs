//! An issue as a page: the same stories in the same order as in the email, in the layout of pages.

use crate::{
    db::issues::variants::PublicIssue,
    domain::{
        issue::page::{IssuePage, PagePicture, PageStory},
        newsletter::Newsletter,
    },
    i18n::{Locale, capitalize, interpolate},
};
use jiff::civil::Date;
use maud::{Markup, PreEscaped, html};
use url::Url;

/// Returns the path of an issue's page.
pub fn issue_path(newsletter: &Newsletter, issue: &PublicIssue) -> String {
    format!("/issues/{}?newsletter={}", issue.issue_date, newsletter.slug)
}

/// Renders an issue.
pub fn article(newsletter: &Newsletter, date: Date, page: &IssuePage, locale: Locale) -> Markup {
    let t = &locale.texts.issues;
    let places = page.arrangement();
    let minutes = interpolate(&t.minutes, &[("minutes", &page.minutes.to_string())]);
    html! {
        article.issue.column {
            header {
                p { time datetime=(date) { (capitalize(&locale.full_date(date))) } }
                p { (minutes) }
            }
            // Stories may be in another language than the page.
            div lang=(newsletter.language) {
                @if let Some(note) = &page.note {
                    // Sanitized when the issue was frozen.
                    div.editors-note { (PreEscaped(note)) }
                }
                @if let Some(lead) = places.lead { (first_story(lead, locale)) }
                @if let Some(pair) = places.pair {
                    div.pair {
                        @for story in pair {
                            div {
                                (picture(story.pair_picture()))
                                (section_name(story))
                                h2.headline { (headline(story)) }
                                (dek(story))
                            }
                        }
                    }
                }
                @if !places.rows.is_empty() {
                    h2.part lang=(locale.language) { (t.more) }
                    div.rows {
                        @for story in &places.rows {
                            div {
                                div { (section_name(story)) h3.headline { (headline(story)) } (dek(story)) }
                                (picture(story.row_picture()))
                            }
                        }
                    }
                }
                @if !places.in_brief.is_empty() {
                    h2.part lang=(locale.language) { (t.in_brief) }
                    div.rows {
                        @for story in &places.in_brief {
                            p { (brief_headline(story)) @if let Some(dek) = &story.dek { " " (dek) } }
                        }
                    }
                }
            }
        }
    }
}

fn first_story(story: &PageStory, locale: Locale) -> Markup {
    let t = &locale.texts.issues;
    html! {
        @if let Some(it) = story.lead_picture() { div.lead-picture { (picture(Some(it))) } }
        (section_name(story))
        h1.headline { (headline(story)) }
        (dek(story))
        div.actions lang=(locale.language) {
            @if let Some(url) = web_url(&story.url) { a.button href=(url) { (t.read_story) } }
            @if let Some(author) = &story.author { p.fine-print { (interpolate(&t.by, &[("author", author)])) } }
        }
    }
}

fn headline(story: &PageStory) -> Markup {
    html! {
        @match web_url(&story.url) {
            Some(url) => a href=(url) { (story.title) },
            None => (story.title),
        }
    }
}

/// Renders a headline that a sentence follows on the same line.
fn brief_headline(story: &PageStory) -> Markup {
    let has_end = story.title.ends_with(|c: char| c.is_ascii_punctuation() || "…。！？”»".contains(c));
    let title = if has_end { story.title.clone() } else { format!("{}.", story.title) };
    html! {
        @match web_url(&story.url) {
            Some(url) => a href=(url) { (title) },
            None => b { (title) },
        }
    }
}

fn section_name(story: &PageStory) -> Markup {
    html! { @if let Some(section) = &story.section { p.section-name { (section) } } }
}

fn dek(story: &PageStory) -> Markup {
    html! { @if let Some(dek) = &story.dek { p { (dek) } } }
}

fn picture(picture: Option<&PagePicture>) -> Markup {
    html! {
        @if let Some(it) = picture.filter(|it| web_url(&it.url).is_some()) {
            img src=(it.url) alt=(it.alt) width=[it.width] height=[it.height];
        }
    }
}

/// Returns a URL that may become a link. Feeds may contain anything.
fn web_url(url: &str) -> Option<&str> {
    Url::parse(url).is_ok_and(|it| matches!(it.scheme(), "http" | "https")).then_some(url)
}
