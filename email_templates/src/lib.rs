//! Every email Daily sends, as Maud templates: data in, an [`Email`] out.
//!
//! The templates read no clock, file or database. Links that differ per reader may be placeholders: they come
//! out verbatim, once per place and escaped in the HTML part. An issue is thus rendered once, and each
//! reader's links replace the placeholders later.
//!
//! | module | content |
//! |---|---|
//! | [`digest`] | the issue |
//! | [`confirmation`] | asks to confirm a signup, the second step of double opt-in |
//! | [`already_subscribed`] | answers the signup of a subscriber |
//! | [`welcome`] | welcomes a reader who has confirmed, with the latest issue |
//! | [`goodbye`] | the last email to a reader who unsubscribed |
//! | [`request`] | links that a reader requested: a data export, a change of address |
//! | [`notice`] | tells operators about an issue to approve, one that stopped, a feed in trouble |
//! | `story` | a story and its picture |
//! | `layout` | the parts of every email: head, masthead, boxes, buttons, footer |
//! | `theme` | colours, type and the style sheets |
//! | [`colour`] | a brand's colours, computed from its accent |
//! | [`dates`] | dates, times and lists by the conventions of a language |
//! | [`promise`] | the promise to readers, in words: how often, when, how long |
//! | [`reading`] | the reading time of an issue |
//! | [`typography`] | line breaks of headlines, the end of a sentence |
//! | `text` | the plain text part: wrapping, rules, links on their own lines |
//! | `i18n` | texts by language |
//! | `wording` | cleans and shortens texts from outside, the direction of a language |
//! | `href` | decides which URLs may become links |

pub mod already_subscribed;
pub mod colour;
pub mod confirmation;
pub mod dates;
pub mod digest;
pub mod goodbye;
mod href;
mod i18n;
mod layout;
pub mod notice;
pub mod promise;
pub mod reading;
pub mod request;
mod story;
mod text;
mod theme;
pub mod typography;
pub mod welcome;
mod wording;

pub use i18n::interpolate;
pub use theme::{Fonts, Theme};

/// Largest size of the HTML part, in bytes. Gmail clips emails at about 102 KB.
pub const CLIP_BYTES: usize = 90 * 1024;

/// A rendered email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// One line without control characters.
    pub subject: String,
    /// The text an inbox shows after the subject, one line. `html` has it too, hidden.
    pub preheader: String,
    /// The HTML part, a complete document.
    pub html: String,
    /// The plain text part, wrapped at 72 columns, with `\n` line ends.
    pub text: String,
    /// The language tag (BCP 47).
    pub language: String,
}

impl Email {
    pub fn html_bytes(&self) -> usize {
        self.html.len()
    }

    /// Returns whether the HTML part exceeds [`CLIP_BYTES`], so that readers may see only its beginning.
    pub fn clipped(&self) -> bool {
        self.html_bytes() > CLIP_BYTES
    }
}

/// The properties that all emails of a newsletter share.
#[derive(Debug, Clone, Copy)]
pub struct Masthead<'a> {
    pub title: &'a str,
    /// A short line about the newsletter; may be empty.
    pub tagline: &'a str,
    /// The address that emails come from.
    pub sender_address: &'a str,
    /// The publisher's postal address. Line breaks are kept; may be empty.
    pub postal_address: &'a str,
    /// The newsletter's signup page.
    pub sign_up_url: &'a str,
    /// The language tag (BCP 47). It decides `lang`, `dir`, the texts and the form of dates. An issue is in
    /// the newsletter's language, other emails in the reader's, or in English where there are no texts for it.
    pub language: &'a str,
    pub theme: Theme<'a>,
    pub brand: Brand<'a>,
}

/// The additions of a publisher to the emails of a newsletter. All of them are optional.
#[derive(Debug, Clone, Copy, Default)]
pub struct Brand<'a> {
    /// The publisher's website. Masthead and footer link to it, or to the signup page.
    pub site_url: Option<&'a str>,
    pub privacy_url: Option<&'a str>,
    /// Whether replies reach a person, so that readers may be asked for tips.
    pub takes_replies: bool,
    /// Further lines of the footer.
    pub footer: &'a str,
    /// The publisher's accounts elsewhere.
    pub social: &'a [SocialLink<'a>],
}

#[derive(Debug, Clone, Copy)]
pub struct SocialLink<'a> {
    /// Such as "Mastodon".
    pub name: &'a str,
    pub url: &'a str,
}

impl<'a> Masthead<'a> {
    /// Returns the masthead and texts of an email without content from the newsletter. Its language is one
    /// that has texts.
    pub(crate) fn localized(&self) -> (Self, &'static i18n::Texts) {
        match i18n::find(self.language) {
            Some(texts) => (*self, texts),
            None => (Self { language: i18n::ENGLISH, ..*self }, i18n::texts_in(i18n::ENGLISH)),
        }
    }

    /// Returns the URL that the name links to: the publisher's website, or the signup page.
    pub(crate) fn home(&self) -> Option<&'a str> {
        self.brand.site_url.and_then(href::web_url).or_else(|| href::web_url(self.sign_up_url))
    }

    /// Returns " at courier.example", the site where readers sign up. Empty without an HTTP(S) URL.
    pub(crate) fn at_site(&self, texts: &i18n::Texts) -> String {
        self.home().map_or_else(String::new, |url| {
            format!(" {}", i18n::interpolate(&texts.shared.at_site, &[("site", href::host(url))]))
        })
    }
}
