//! An issue: the operator's note, a hero story, the other stories, and the way out.

mod html;
mod note;
mod sections;
mod share;
mod text;
mod told;

use jiff::civil::Date;
use maud::Markup;

use crate::wording::{shorten, tidy_some};
use crate::words::{self, capitalised, fill};
use crate::{Email, Masthead};
use told::Issue;

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
    /// The operator's words above the stories.
    pub note: Option<Note<'a>>,
    /// The stories in their order; the first one leads.
    pub stories: &'a [Story<'a>],
    /// The reader's own links, or the placeholders for them.
    pub links: Links<'a>,
    /// Whether this is a test send: it says so in the subject and above the masthead.
    pub is_test: bool,
}

/// The operator's words above the stories.
#[derive(Debug, Clone, Copy)]
pub struct Note<'a> {
    /// As HTML, sanitised: `p`, `br`, `strong`, `em`, `a` with `href`, `ul`, `ol`, `li`, `h2`, `h3`, `blockquote`. Other
    /// elements lose their tags, and all attributes but `href` are left out.
    pub html: &'a str,
    /// As text: each line is a paragraph or a list's item, empty lines part them.
    pub text: &'a str,
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
    /// The picture's own width in pixels, where it is known.
    pub image_width: Option<u32>,
    /// The picture's own height in pixels, where it is known.
    pub image_height: Option<u32>,
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
    /// What the reader gets, and when.
    pub preferences: &'a str,
    /// The same issue on the web, if it is there.
    pub web_view: Option<&'a str>,
}

/// What the issue's page in the archive says about itself to other programs.
#[derive(Debug, Clone, Copy)]
pub struct Archive<'a> {
    /// The one address under which it should be known.
    pub page: &'a str,
    /// The feed of issues, if there is one.
    pub feed: Option<&'a str>,
}

/// The issue as a mail. Its HTML keeps below [`crate::CLIP_BYTES`] as far as that can be done: in a long issue the deks
/// become shorter, then pictures and deks of all stories but the first are left out. The text part has them all.
pub fn render(digest: &Digest<'_>) -> Email {
    let digest = &without_empty_note(digest);
    let issue = Issue::of(digest);
    let subject = subject(digest);
    let preheader = preheader(digest, &issue);
    let html = html::mail(digest, &issue, &subject, &preheader);
    let text = text::mail(digest, &issue);
    Email { subject, preheader, html, text, language: digest.masthead.language.to_owned() }
}

/// The issue as a page of the public archive: without the reader's own links, with a way to sign up instead.
pub fn web_view(digest: &Digest<'_>, archive: &Archive<'_>) -> Markup {
    let digest = &without_empty_note(digest);
    let issue = Issue::of(digest);
    let (subject, preheader) = (subject(digest), preheader(digest, &issue));
    let share = share::tags(&digest.masthead, archive, &issue, &subject, &preheader);
    html::archive_page(digest, &issue, &subject, share)
}

fn without_empty_note<'a>(digest: &Digest<'a>) -> Digest<'a> {
    let note = digest.note.filter(|note| !note.html.trim().is_empty() || !note.text.trim().is_empty());
    Digest { note, ..*digest }
}

fn subject(digest: &Digest<'_>) -> String {
    let words = words::of(digest.masthead.language);
    let own =
        tidy_some(digest.subject).or_else(|| tidy_some(digest.stories.first().map(|story| story.title)));
    let subject =
        own.unwrap_or_else(|| format!("{}: {}", digest.masthead.title, words.date.long(digest.date)));
    let subject = shorten(&subject, SUBJECT_MAX_CHARS);
    if digest.is_test { fill(&words.digest.test_subject, &[("subject", &subject)]) } else { subject }
}

fn preheader(digest: &Digest<'_>, issue: &Issue) -> String {
    let words = words::of(digest.masthead.language);
    let others: Vec<&str> = issue.list().map(|story| story.title.as_str()).collect();
    let also = || fill(&words.digest.also, &[("stories", &others.join("; "))]);
    let own = tidy_some(digest.preheader)
        .or_else(|| (!others.is_empty()).then(also))
        .or_else(|| tidy_some(digest.stories.first().and_then(|story| story.dek)))
        .or_else(|| tidy_some(Some(digest.masthead.tagline)))
        .unwrap_or_else(|| capitalised(&words.date.long(digest.date)));
    shorten(&own, PREHEADER_MAX_CHARS)
}
