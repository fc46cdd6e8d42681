//! Every email Daily sends, as Maud templates: data in, an [`Email`] out.
//!
//! The templates read no clock, file or database. Links that differ per reader may be placeholders: they come
//! out verbatim, once per place and escaped in the HTML part. An issue is thus rendered once, and each
//! reader's links replace the placeholders later.
//!
//! | module | content |
//! |---|---|
//! | [`digest`] | the issue, for the inbox and for the public archive |
//! | [`confirmation`] | asks to confirm a signup, the second step of double opt-in |
//! | [`already_subscribed`] | answers the signup of a subscriber |
//! | [`welcome`] | welcomes a reader who has confirmed, with the latest issue |
//! | [`goodbye`] | the last email to a reader who unsubscribed |
//! | [`request`] | links that a reader requested: a data export, a change of address |
//! | [`notice`] | tells operators about an issue to approve, one that stopped, a feed in trouble |
//! | `layout` | the parts of every email: head, masthead, footer, button |
//! | `theme` | colours, type and the style sheets |
//! | `contrast` | readable shades of a colour |
//! | `text` | the plain text part: wrapping, rules, links on their own lines |
//! | `i18n` | texts by language, dates in words |
//! | `wording` | cleans and shortens texts from outside, the direction of a language |
//! | `href` | decides which URLs may become links |

pub mod already_subscribed;
pub mod colour;
pub mod confirmation;
mod contrast;
pub mod digest;
pub mod goodbye;
mod href;
mod i18n;
mod layout;
pub mod notice;
pub mod request;
mod text;
mod theme;
pub mod welcome;
mod wording;

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
    /// A short line under the name; may be empty.
    pub tagline: &'a str,
    /// The address that emails come from.
    pub sender_address: &'a str,
    /// The publisher's postal address. Line breaks are kept; may be empty.
    pub postal_address: &'a str,
    /// The public URL of the service, which is the signup page.
    pub site_url: &'a str,
    /// The language tag (BCP 47). It decides `lang`, `dir` and the texts. An issue is in the newsletter's
    /// language, other emails in the reader's, or in English where there are no texts for it.
    pub language: &'a str,
    pub theme: Theme<'a>,
}

impl Masthead<'_> {
    /// Returns the masthead and texts of an email without content from the newsletter. Its language is one
    /// that has texts.
    pub(crate) fn localized(&self) -> (Self, &'static i18n::Texts) {
        match i18n::find(self.language) {
            Some(texts) => (*self, texts),
            None => (Self { language: i18n::ENGLISH, ..*self }, i18n::texts_in(i18n::ENGLISH)),
        }
    }

    /// Returns " at daily.example", as text and with a link. Both are empty if the service has no HTTP(S)
    /// URL.
    pub(crate) fn at_site(&self, look: &theme::Look, texts: &i18n::Texts) -> (String, maud::Markup) {
        let Some(url) = href::web_url(self.site_url) else { return (String::new(), maud::html! {}) };
        let name = href::display_url(url);
        let text = i18n::interpolate(&texts.shared.at_site, &[("site", name)]);
        let link = layout::inline_link(look, url, name);
        let linked = i18n::interpolate_markup(&texts.shared.at_site, &[("site", link)]);
        (format!(" {text}"), maud::html! { " " (linked) })
    }
}
