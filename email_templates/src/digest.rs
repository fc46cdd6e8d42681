//! An issue: the operator's note, the lead, the other stories, the end, and the reader's links.
//!
//! Stories appear in the order given, with or without sections. [`arrangement`] decides by their content how
//! each is shown.

pub mod arrangement;
mod html;
mod note;
mod story_view;
mod text;

use crate::dates::capitalize;
use crate::i18n::{self, interpolate};
pub use crate::story::{Crop, Picture, Story};
use crate::wording::{shorten, tidy, tidy_some};
use crate::{Email, Masthead};
use jiff::civil::Date;
use story_view::Issue;

/// Inboxes show 60 to 80 characters of a subject.
const SUBJECT_MAX_CHARS: usize = 90;
/// Characters that a wide inbox shows after the subject.
const PREHEADER_MAX_CHARS: usize = 140;

/// An issue to be rendered.
#[derive(Debug, Clone, Copy)]
pub struct Digest<'a> {
    pub masthead: Masthead<'a>,
    /// The issue's date in the newsletter's time zone.
    pub date: Date,
    /// The operator's subject. `None`: the first story's title.
    pub subject: Option<&'a str>,
    /// The operator's preheader. `None`: the other stories' titles.
    pub preheader: Option<&'a str>,
    pub note: Option<Note<'a>>,
    /// The stories in order. The first one leads. In an issue with sections, those before the first section.
    pub stories: &'a [Story<'a>],
    /// The sections in order, after `stories`.
    pub sections: &'a [Section<'a>],
    pub period: Period,
    pub links: Links<'a>,
    /// Whether subject and page are marked as a test.
    pub is_test: bool,
    /// The revision that a test shows.
    pub revision: Option<&'a str>,
}

/// The operator's note above the stories.
#[derive(Debug, Clone, Copy)]
pub struct Note<'a> {
    /// Sanitized HTML of `p`, `br`, `strong`, `em`, `a` with `href`, `ul`, `ol`, `li`, `h2`, `h3` and
    /// `blockquote`. The tags of other elements, and attributes other than `href`, are removed.
    pub html: &'a str,
    /// Plain text. Each line is a paragraph or an item of a list; empty lines separate them.
    pub text: &'a str,
}

/// A part of an issue with a heading.
#[derive(Debug, Clone, Copy)]
pub struct Section<'a> {
    /// `None`: stories without a section of their own, in brief.
    pub heading: Option<&'a str>,
    /// Its stories in order.
    pub stories: &'a [Story<'a>],
}

/// The time that an issue covers, for its wording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Period {
    /// The newsletter appears on most days.
    Day,
    /// The issue covers a week.
    Week,
    #[default]
    Other,
}

/// The reader's links, used verbatim; they may be placeholders.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a> {
    pub unsubscribe: &'a str,
    pub preferences: &'a str,
    /// The issue's page, if it has one.
    pub web_view: Option<&'a str>,
}

/// Renders an issue as an email. A long issue loses detail until its HTML is at most [`crate::CLIP_BYTES`]
/// long: deks get shorter, then rows lose their pictures and deks. The text part is
/// always complete.
pub fn render(digest: &Digest<'_>) -> Email {
    let digest = &drop_empty_note(digest);
    let issue = Issue::from_digest(digest);
    let subject = subject(digest);
    let preheader = preheader(digest, &issue);
    let html = html::render(digest, &issue, &subject, &preheader);
    let text = text::render(digest, &issue);
    Email { subject, preheader, html, text, language: digest.masthead.language.to_owned() }
}

/// Returns the minutes that an issue takes to read, as its email says.
pub fn reading_minutes(digest: &Digest<'_>) -> u32 {
    Issue::from_digest(&drop_empty_note(digest)).reading_minutes
}

/// Returns the story that leads.
fn first<'a>(digest: &Digest<'a>) -> Option<&'a Story<'a>> {
    digest.stories.first().or_else(|| digest.sections.iter().find_map(|section| section.stories.first()))
}

fn drop_empty_note<'a>(digest: &Digest<'a>) -> Digest<'a> {
    let note = digest.note.filter(|note| !note.html.trim().is_empty() || !note.text.trim().is_empty());
    Digest { note, ..*digest }
}

fn subject(digest: &Digest<'_>) -> String {
    let texts = i18n::texts_in(digest.masthead.language);
    let own = tidy_some(digest.subject).or_else(|| tidy_some(first(digest).map(|story| story.title)));
    let subject = own.unwrap_or_else(|| {
        format!("{} {}", texts.label(digest.masthead.title), texts.date.full(digest.date))
    });
    let subject = shorten(&subject, SUBJECT_MAX_CHARS);
    if digest.is_test { interpolate(&texts.digest.test_subject, &[("subject", &subject)]) } else { subject }
}

/// Returns the banner of a test, with the revision that it shows.
fn test_banner(digest: &Digest<'_>, text: &str, values: &[(&str, &str)]) -> String {
    let banner = interpolate(text, values);
    match digest.revision {
        Some(revision) => format!("{banner} ({revision})"),
        None => banner,
    }
}

/// "That's the Harbour Courier for Monday."
fn farewell(digest: &Digest<'_>, texts: &i18n::Texts) -> String {
    let title = tidy(digest.masthead.title);
    // Within an English sentence, the article of a name is small.
    let within = title.strip_prefix("The ").filter(|_| i18n::is_english(digest.masthead.language));
    let title = within.map_or_else(|| title.clone(), |name| format!("the {name}"));
    let text = if digest.period == Period::Week { &texts.digest.close_week } else { &texts.digest.close_day };
    interpolate(text, &[("title", &title), ("weekday", texts.date.weekday(digest.date.weekday()))])
}

fn preheader(digest: &Digest<'_>, issue: &Issue) -> String {
    let texts = i18n::texts_in(digest.masthead.language);
    let others: Vec<&str> = issue.list().iter().map(|story| story.title.as_str()).collect();
    let also = || interpolate(&texts.digest.also, &[("stories", &others.join("; "))]);
    let own = tidy_some(digest.preheader)
        .or_else(|| (!others.is_empty()).then(also))
        .or_else(|| tidy_some(first(digest).and_then(|story| story.dek)))
        .or_else(|| tidy_some(Some(digest.masthead.tagline)))
        .unwrap_or_else(|| capitalize(&texts.date.full(digest.date)));
    shorten(&own, PREHEADER_MAX_CHARS)
}
