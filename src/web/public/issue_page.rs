//! An issue as a page: the same stories in the same order as in the email, in the layout of pages.

use crate::{
    db::issues::variants::PublicIssue,
    domain::{
        issue::page::{IssuePage, PagePicture, PageStory},
        newsletter::Newsletter,
    },
    i18n::{Locale, capitalize, interpolate},
};
use email_templates::{
    digest::arrangement::{Arrangement, BRIEF_DEK_CHARS, Block, Heading, SectionStart, Size},
    typography::{first_sentences, with_full_stop},
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
    let starts = page.headings.iter();
    let starts: Vec<SectionStart<'_>> =
        starts.map(|it| SectionStart { at: it.at, heading: it.section.as_deref() }).collect();
    let arrangement = Arrangement::new(&page.stories, &starts);
    let minutes = interpolate(&t.minutes, &[("minutes", &page.minutes.to_string())]);
    html! {
        article.issue.column {
            header {
                p { time datetime=(date) { (capitalize(&locale.dates.full(date))) } }
                p { (minutes) }
            }
            // Stories may be in another language than the page.
            div lang=(newsletter.language) {
                @if let Some(note) = &page.note {
                    // Sanitized when the issue was frozen.
                    div.editors-note { (PreEscaped(note)) }
                }
                @if let Some(lead) = arrangement.lead { (first_story(lead, locale)) }
                (blocks(&arrangement, locale))
            }
        }
    }
}

/// Renders the stories below the lead.
fn blocks(arrangement: &Arrangement<'_, PageStory>, locale: Locale) -> Markup {
    let blocks = arrangement.blocks(|story| story.pair_picture().is_some());
    let mut section = None;
    let mut rendered = Vec::new();
    // Rows that follow each other are one list.
    for part in blocks.chunk_by(|one, other| matches!((one, other), (Block::Row { .. }, Block::Row { .. }))) {
        let Some(first) = part.first() else { continue };
        rendered.push(match first {
            Block::Heading(heading) => {
                section = if let Heading::Section(name) = heading { Some(*name) } else { None };
                part_heading(*heading, locale)
            }
            Block::Pair(stories) => pair(*stories, section),
            Block::Row { .. } => rows(part, section),
            Block::Brief(stories) => in_brief(stories),
        });
    }
    html! { @for part in &rendered { (part) } }
}

fn part_heading(heading: Heading<'_>, locale: Locale) -> Markup {
    let t = &locale.texts.issues;
    html! {
        @match heading {
            Heading::Section(name) => h2.part dir="auto" { (name) },
            Heading::More => h2.part lang=(locale.language) { (t.more) },
            Heading::Brief => h2.part lang=(locale.language) { (t.in_brief) },
        }
    }
}

/// Renders two stories side by side.
fn pair(stories: [&PageStory; 2], below: Option<&str>) -> Markup {
    html! {
        div.pair {
            @for story in stories {
                div {
                    (picture(story.pair_picture()))
                    (section_name(story, below))
                    h2.headline dir="auto" { (headline(story)) }
                    (dek(story))
                }
            }
        }
    }
}

fn rows(rows: &[Block<'_, PageStory>], below: Option<&str>) -> Markup {
    html! {
        div.rows {
            @for row in rows {
                @if let Block::Row { story, size } = row {
                    div {
                        div {
                            (section_name(story, below))
                            // The level follows the lead's, or that of the heading above.
                            @match size {
                                Size::Large => h2.headline dir="auto" { (headline(story)) },
                                Size::Regular => h3.headline dir="auto" { (headline(story)) },
                            }
                            (dek(story))
                        }
                        (picture(story.row_picture()))
                    }
                }
            }
        }
    }
}

fn in_brief(stories: &[PageStory]) -> Markup {
    html! {
        div.rows {
            @for story in stories {
                (brief_story(story))
            }
        }
    }
}

fn first_story(story: &PageStory, locale: Locale) -> Markup {
    let t = &locale.texts.issues;
    html! {
        @if let Some(it) = story.lead_picture() { div.lead-picture { (picture(Some(it))) } }
        (section_name(story, None))
        h1.headline dir="auto" { (headline(story)) }
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

/// Renders a headline and the beginning of its dek on the same line, as in the email.
fn brief_story(story: &PageStory) -> Markup {
    let dek = story.dek.as_deref().map(|dek| first_sentences(dek, BRIEF_DEK_CHARS));
    let title = if dek.is_some() { with_full_stop(&story.title) } else { story.title.clone() };
    html! {
        p dir="auto" {
            @match web_url(&story.url) {
                Some(url) => a href=(url) { (title) },
                None => b { (title) },
            }
            @if let Some(dek) = dek { " " (dek) }
        }
    }
}

/// Renders a story's section, unless it is the heading that the story stands below.
fn section_name(story: &PageStory, below: Option<&str>) -> Markup {
    let is_heading = |name: &str| below.is_some_and(|it| it.to_lowercase() == name.to_lowercase());
    let section = story.section.as_deref().filter(|name| !is_heading(name));
    html! { @if let Some(section) = section { p.section-name dir="auto" { (section) } } }
}

fn dek(story: &PageStory) -> Markup {
    html! { @if let Some(dek) = &story.dek { p dir="auto" { (dek) } } }
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
