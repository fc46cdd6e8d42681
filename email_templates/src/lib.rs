//! Every mail Daily sends, as Maud templates: data in, an [`Email`] out.
//!
//! Nothing here reads a clock, a file or a database, and nothing here knows who the reader is. Links that differ per
//! reader may be handed in as placeholder tokens: they come out verbatim, once per place (HTML-escaped in the HTML
//! part), so that the sending engine can render an issue once and splice each reader's own links in afterwards.
//!
//! | module | what it holds |
//! |---|---|
//! | [`digest`] | the daily issue, for the inbox and for the public archive |
//! | [`confirmation`] | "please confirm", the second step of double opt-in |
//! | [`already_subscribed`] | the answer to a signup by somebody who already reads us |
//! | [`welcome`] | the greeting of a reader who has just confirmed, with the latest issue |
//! | [`goodbye`] | the last mail to a reader who left |
//! | [`request`] | a link that a reader asked for: to what is held about them, to a change of address |
//! | [`notice`] | what operators are told: an issue to approve, one that stopped, a feed in trouble |
//! | `layout` | the page around every mail: head, masthead, footer, button |
//! | `theme` | colours, type and the style sheets |
//! | `contrast` | shades of a colour that can be read |
//! | `text` | the plain text part: wrapping, rules, links on lines of their own |
//! | `words` | what mails say, a file a language; dates in words |
//! | `wording` | tidy and shorten what others wrote, the direction of a language |
//! | `href` | which addresses may become links |

pub mod already_subscribed;
pub mod confirmation;
mod contrast;
pub mod digest;
pub mod goodbye;
mod href;
mod layout;
pub mod notice;
pub mod request;
mod text;
mod theme;
pub mod welcome;
mod wording;
mod words;

pub use theme::{Fonts, Theme};

/// The size that the HTML of a mail should not exceed, in bytes. Gmail hides what comes after some 102 KB behind a link.
pub const CLIP_BYTES: usize = 90 * 1024;

/// A mail, ready to be put into MIME: the subject and preheader are one line each, `text` ends its lines with `\n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The subject line, free of control characters and line breaks.
    pub subject: String,
    /// What an inbox shows after the subject. It is already in `html`, hidden.
    pub preheader: String,
    /// The HTML part: a whole document.
    pub html: String,
    /// The plain text part, wrapped at 72 columns.
    pub text: String,
    /// The language it is in, as a BCP 47 tag.
    pub language: String,
}

impl Email {
    /// The size of the HTML part in bytes.
    pub fn html_bytes(&self) -> usize {
        self.html.len()
    }

    /// Whether the HTML part exceeds [`CLIP_BYTES`], so that readers may see only the beginning of it.
    pub fn clipped(&self) -> bool {
        self.html_bytes() > CLIP_BYTES
    }
}

/// What every mail of a newsletter shares.
#[derive(Debug, Clone, Copy)]
pub struct Masthead<'a> {
    /// The newsletter's name: "Daily".
    pub title: &'a str,
    /// A few words under the name; may be empty.
    pub tagline: &'a str,
    /// Where the publisher can be reached by post. Line breaks are kept; may be empty.
    pub postal_address: &'a str,
    /// The public address of the service, where the signup page is.
    pub site_url: &'a str,
    /// The language of the mail as a BCP 47 tag: "en", "ar-EG". It sets `lang` and `dir`, and which words of ours stand in it. An
    /// issue's is the newsletter's; a letter's is its reader's, and English where we have no words.
    pub language: &'a str,
    /// How its mails look.
    pub theme: Theme<'a>,
}

impl Masthead<'_> {
    /// That of a letter, in which all words but a few names are ours, with those words.
    pub(crate) fn of_letter(&self) -> (Self, &'static words::Words) {
        match words::find(self.language) {
            Some(words) => (*self, words),
            None => (Self { language: words::ENGLISH, ..*self }, words::of(words::ENGLISH)),
        }
    }

    /// "at daily.example", after a space; nothing where the service has no web address. And the same with a link.
    pub(crate) fn at_site(&self, look: &theme::Look, say: &words::Words) -> (String, maud::Markup) {
        let Some(url) = href::web(self.site_url) else { return (String::new(), maud::html! {}) };
        let name = href::spoken(url);
        let said = words::fill(&say.letter.at_site, &[("site", name)]);
        let link = layout::inline_link(look, url, name);
        let linked = words::filled(&say.letter.at_site, &[("site", link)]);
        (format!(" {said}"), maud::html! { " " (linked) })
    }
}
