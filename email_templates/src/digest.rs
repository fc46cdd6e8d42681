//! The daily issue: a lead story, the other stories, and the way out.

mod html;
mod text;

use jiff::civil::Date;
use maud::Markup;

use crate::wording::{long_date, shorten, tidy_some};
use crate::{Email, Masthead};

/// Inboxes cut a subject at 60 to 80 characters; a longer one is shortened at a word.
const SUBJECT_MAX_CHARS: usize = 90;
/// What the widest inbox shows beside a subject.
const PREHEADER_MAX_CHARS: usize = 140;

/// An issue, as its mail needs it.
#[derive(Debug, Clone, Copy)]
pub struct Digest<'a> {
    /// Whose issue it is.
    pub masthead: Masthead<'a>,
    /// The issue's own date, in the newsletter's time zone.
    pub date: Date,
    /// The operator's subject; the first story's title without one.
    pub subject: Option<&'a str>,
    /// The operator's preheader; the other stories' titles without one.
    pub preheader: Option<&'a str>,
    /// The stories in their order; the first one leads.
    pub stories: &'a [Story<'a>],
    /// The reader's own links, or the placeholders for them.
    pub links: Links<'a>,
    /// Whether this is a test send: it says so in the subject and above the masthead.
    pub is_test: bool,
}

/// A story as the digest shows it. All of it may come from somebody else's feed: nothing in it is trusted.
#[derive(Debug, Clone, Copy)]
pub struct Story<'a> {
    /// The headline.
    pub title: &'a str,
    /// The sentence or two under the headline.
    pub dek: Option<&'a str>,
    /// Where the story is. Anything but a web address is left out, and the headline is then no link.
    pub url: &'a str,
    /// A picture, by web address.
    pub image_url: Option<&'a str>,
    /// What the picture shows.
    pub image_alt: Option<&'a str>,
    /// Who wrote it.
    pub author: Option<&'a str>,
    /// The section of the paper: "Science".
    pub section: Option<&'a str>,
    /// The site it comes from.
    pub site_name: Option<&'a str>,
    /// The day it was published.
    pub published: Option<Date>,
}

/// The links at the end. They may be placeholders: they stand verbatim wherever they are used.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a> {
    /// Leaves the newsletter.
    pub unsubscribe: &'a str,
    /// The same issue on the web.
    pub web_view: &'a str,
}

/// The issue as a mail.
pub fn render(digest: &Digest<'_>) -> Email {
    let subject = subject(digest);
    let preheader = preheader(digest);
    let html = html::mail(digest, &subject, &preheader).into_string();
    let text = text::mail(digest);
    Email { subject, preheader, html, text }
}

/// The issue as a page of the public archive: without the reader's own links, with a way to sign up instead.
pub fn web_view(digest: &Digest<'_>) -> Markup {
    html::archive_page(digest, &subject(digest))
}

fn subject(digest: &Digest<'_>) -> String {
    let own =
        tidy_some(digest.subject).or_else(|| tidy_some(digest.stories.first().map(|story| story.title)));
    let subject = match own {
        Some(subject) => shorten(&subject, SUBJECT_MAX_CHARS),
        None => shorten(&format!("{}: {}", digest.masthead.title, long_date(digest.date)), SUBJECT_MAX_CHARS),
    };
    if digest.is_test { format!("[Test] {subject}") } else { subject }
}

fn preheader(digest: &Digest<'_>) -> String {
    let others: Vec<String> =
        digest.stories.iter().skip(1).filter_map(|s| tidy_some(Some(s.title))).collect();
    let own = tidy_some(digest.preheader)
        .or_else(|| (!others.is_empty()).then(|| format!("Also today: {}", others.join("; "))))
        .or_else(|| tidy_some(digest.stories.first().and_then(|story| story.dek)))
        .or_else(|| tidy_some(Some(digest.masthead.tagline)))
        .unwrap_or_else(|| long_date(digest.date));
    shorten(&own, PREHEADER_MAX_CHARS)
}

/// What a story says about itself once it is tidied, for both parts.
struct Told {
    title: String,
    section: Option<String>,
    dek: Option<String>,
    /// "By Ada Quill · The Harbour Lamp · 21 November"
    byline: Option<String>,
}

const TITLE_MAX_CHARS: usize = 200;
const DEK_MAX_CHARS: usize = 280;
const LABEL_MAX_CHARS: usize = 80;

fn told(story: &Story<'_>, issue: Date) -> Told {
    let label = |text: Option<&str>| tidy_some(text).map(|text| shorten(&text, LABEL_MAX_CHARS));
    let byline: Vec<String> = [
        label(story.author).map(|author| format!("By {author}")),
        label(story.site_name),
        story.published.filter(|day| *day != issue).map(|day| crate::wording::short_date(day, issue)),
    ]
    .into_iter()
    .flatten()
    .collect();
    Told {
        title: tidy_some(Some(story.title))
            .map_or_else(|| "Untitled".to_owned(), |title| shorten(&title, TITLE_MAX_CHARS)),
        section: label(story.section),
        dek: tidy_some(story.dek).map(|dek| shorten(&dek, DEK_MAX_CHARS)),
        byline: (!byline.is_empty()).then(|| byline.join(" · ")),
    }
}
