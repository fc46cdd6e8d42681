//! A newsletter: its title, sender, schedule and appearance.

pub use crate::domain::newsletter_text::{NewsletterError, parse_line};

use crate::domain::{
    brand::Brand,
    ids::IssueId,
    issue::{days::Days, sections::SectionOrder},
    string_enum::string_enum,
    subscriber::email_address::EmailAddress,
    theme::{Colour, Theme},
};
use jiff::{civil::Time, tz::TimeZone};
use url::Url;

/// The settings of a newsletter. Texts are bounded and free of control characters, because they end up in
/// headers.
#[derive(Debug, Clone, PartialEq)]
pub struct Newsletter {
    /// Short name for links, the command line and `List-Id`: letters, digits, hyphens.
    pub slug: String,
    /// The title that readers see: "Daily".
    pub title: String,
    /// A line below the title.
    pub tagline: String,
    /// The display name in `From`.
    pub sender_name: String,
    /// The address in `From` and the envelope sender.
    pub sender_address: EmailAddress,
    /// The address in `Reply-To`; `None`: replies go to the sender.
    pub reply_to: Option<EmailAddress>,
    /// The time zone of `send_time`.
    pub time_zone: TimeZone,
    /// Local time of day at which an issue goes out.
    pub send_time: Time,
    /// The days of the week that have an issue.
    pub days: Days,
    /// Whether `send_time` is read in the newsletter's time zone or in each reader's.
    pub clock: SendClock,
    pub selection: SelectionKind,
    /// Minimum number of stories in an issue; `None`: the configured default.
    pub min_stories: Option<usize>,
    /// Maximum number of stories in an issue; `None`: the configured default.
    pub max_stories: Option<usize>,
    /// Whether each issue needs an operator's approval.
    pub needs_approval: bool,
    pub theme: Theme,
    pub brand: Brand,
    /// The sections of its issues.
    pub sections: SectionOrder,
    /// The publisher's postal address, which most countries require in bulk email.
    pub postal_address: String,
    /// BCP 47 tag of the language of its emails.
    pub language: String,
    pub archive: Archive,
}

string_enum! {
    /// Visibility of past issues on the web.
    Archive {
        /// Public: listed, in the feed, and open to search engines.
        Public = "public",
        /// Reachable by link only: not listed, and search engines are asked not to index them.
        Unlisted = "unlisted",
        /// No pages, and no links to them in emails.
        None = "none",
    }
}

string_enum! {
    /// The clock that decides when an issue is due.
    SendClock {
        /// The newsletter's clock: all readers get the issue at the same time.
        Newsletter = "newsletter",
        /// Each reader's own clock, where known.
        Reader = "reader",
    }
}

string_enum! {
    SelectionKind {
        /// News since the last issue.
        News = "news",
        /// The best stories of the last week.
        RoundUp = "round_up",
    }
}

/// Maximum length of title, tagline and sender name, in characters. They become header lines.
pub const MAX_NAME_CHARS: usize = 100;
/// Maximum length of the postal address, in characters.
pub const MAX_POSTAL_ADDRESS_CHARS: usize = 300;
/// Upper limit for the maximum number of stories.
pub const MAX_STORIES: usize = 50;
/// Maximum length of a logo URL, in bytes.
const MAX_URL_BYTES: usize = 2000;
/// The sender address before setup. Its domain is reserved (RFC 2606), so no relay on the Internet accepts
/// mail from it; `daily check` asks to change it.
pub const PLACEHOLDER_SENDER: &str = "daily@newsletter.example";
/// The postal address before setup.
pub const PLACEHOLDER_POSTAL_ADDRESS: &str = "The publisher's postal address is not set yet";

/// The newsletter of a fresh installation.
impl Default for Newsletter {
    fn default() -> Self {
        Self {
            slug: "daily".into(),
            title: "Daily".into(),
            tagline: "Keep up with the latest daily buzz".into(),
            sender_name: "Daily".into(),
            sender_address: EmailAddress::parse(PLACEHOLDER_SENDER).expect("the placeholder is an address"),
            reply_to: None,
            time_zone: TimeZone::UTC,
            send_time: jiff::civil::time(7, 0, 0, 0),
            days: Days::DAILY,
            clock: SendClock::Newsletter,
            selection: SelectionKind::News,
            min_stories: None,
            max_stories: None,
            needs_approval: false,
            theme: Theme::default(),
            brand: Brand::default(),
            sections: SectionOrder::default(),
            postal_address: PLACEHOLDER_POSTAL_ADDRESS.into(),
            language: "en".into(),
            archive: Archive::Public,
        }
    }
}

impl Newsletter {
    /// Checks that the settings are consistent.
    pub fn check(&self) -> Result<(), NewsletterError> {
        match (self.min_stories, self.max_stories) {
            (Some(min), Some(max)) if min > max => Err(NewsletterError {
                field: "min-stories",
                problem: format!("it is {min}, but an issue may have at most {max} stories"),
                cure: "make it no more than max-stories",
            }),
            _ => Ok(()),
        }
    }

    /// Returns the `List-Id` (RFC 2919). It is stable as long as slug and sender domain are.
    pub fn list_id(&self) -> String {
        format!("{}.{}", self.slug, self.sender_address.domain())
    }

    /// Returns the `Feedback-ID` of an email: three ids that mailbox providers report complaints by, and the
    /// sender, which stays the same and has 5 to 15 characters.
    pub fn feedback_id(&self, kind: &str, issue: Option<IssueId>) -> String {
        const SENDER_CHARS: usize = 15;
        let domain = self.sender_address.domain().chars().filter(char::is_ascii_alphanumeric);
        let sender: String = domain.chain("daily".chars()).take(SENDER_CHARS).collect();
        let issue = issue.map_or_else(String::new, |it| it.to_string());
        format!("{issue}:{}:{kind}:{sender}", self.slug)
    }

    /// Returns the IANA name of the time zone.
    pub fn time_zone_name(&self) -> &str {
        time_zone_name(&self.time_zone)
    }
}

/// Returns the IANA name of a zone from [`parse_time_zone`].
pub fn time_zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}

/// Whether a text is a valid slug: up to 64 lower-case letters, digits and hyphens.
pub fn is_slug(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Parses a language tag such as `en` or `pt-BR`. Only its form is checked, because BCP 47 has no closed
/// list.
pub fn parse_language(text: &str) -> Result<String, NewsletterError> {
    let tag = text.trim();
    let parts = tag.split('-');
    if tag.len() > 35
        || !parts
            .clone()
            .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
    {
        return Err(NewsletterError {
            field: "language",
            problem: format!("`{tag}` is not a language tag"),
            cure: "use a tag such as en, de or pt-BR",
        });
    }
    Ok(tag.to_owned())
}

/// Languages with texts for pages and emails. Tags may add a region: `en-US`, `pt-BR`.
pub const LANGUAGES: [&str; 5] = ["en", "de", "es", "fr", "pt"];

/// Parses the language of a newsletter, for which there must be texts.
pub fn parse_newsletter_language(text: &str) -> Result<String, NewsletterError> {
    let tag = parse_language(text)?;
    let primary = tag.split('-').next().unwrap_or_default();
    if LANGUAGES.iter().any(|known| known.eq_ignore_ascii_case(primary)) {
        return Ok(tag);
    }
    Err(NewsletterError {
        field: "language",
        problem: format!("Daily has no texts in `{tag}`"),
        cure: "use en, de, es, fr or pt, with a region if it matters, such as en-US",
    })
}

/// Parses a time of day such as `07:00`.
pub fn parse_send_time(text: &str) -> Result<Time, NewsletterError> {
    Time::strptime("%H:%M", text.trim()).map_err(|_| NewsletterError {
        field: "send-time",
        problem: format!("`{text}` is not a time of day"),
        cure: "write hours and minutes, such as 07:00",
    })
}

/// Looks a time zone up by its IANA name.
pub fn parse_time_zone(text: &str) -> Result<TimeZone, NewsletterError> {
    // `Etc/Unknown` is not a real zone. IANA names begin with a capital; other entries, such as `localtime`
    // and `right/…`, are files beside them.
    let is_name = |zone: &TimeZone| {
        zone.iana_name().is_some_and(|name| name.starts_with(|c: char| c.is_ascii_uppercase()))
    };
    let zone = TimeZone::get(text.trim()).ok().filter(is_name);
    zone.ok_or_else(|| NewsletterError {
        field: "time-zone",
        problem: format!("`{text}` is not a time zone"),
        cure: "use an IANA name such as Europe/Berlin or America/New_York",
    })
}

/// Parses a number of stories between 1 and [`MAX_STORIES`].
pub fn parse_stories(field: &'static str, text: &str) -> Result<usize, NewsletterError> {
    text.trim().parse().ok().filter(|number| (1..=MAX_STORIES).contains(number)).ok_or_else(|| {
        NewsletterError {
            field,
            problem: format!("`{text}` is not a number of stories"),
            cure: "write one from 1 to 50, or `default`",
        }
    })
}

/// Parses a logo URL that email clients can load.
pub fn parse_logo_url(text: &str) -> Result<Url, NewsletterError> {
    let url = text.trim().parse().ok().filter(|url: &Url| {
        matches!(url.scheme(), "https" | "http")
            && url.username().is_empty()
            && url.as_str().len() <= MAX_URL_BYTES
    });
    url.ok_or_else(|| NewsletterError {
        field: "logo",
        problem: format!("`{text}` is not the URL of an image"),
        cure: "give a public URL such as https://www.example.org/logo.png",
    })
}

/// Parses a colour such as `#0a6048`.
pub fn parse_accent(text: &str) -> Result<Colour, NewsletterError> {
    Colour::parse(text).ok_or_else(|| NewsletterError {
        field: "accent",
        problem: format!("`{text}` is not a colour"),
        cure: "write red, green and blue as #rrggbb, such as #0a6048",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_texts_are_one_bounded_line() {
        assert_eq!(parse_line("title", "  Daily ", 100).unwrap(), "Daily");
        for bad in ["", "  ", "a\r\nBcc: b", "x\u{0}", &"x".repeat(101)] {
            assert!(parse_line("title", bad, 100).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn theme_and_limits_are_parsed_or_rejected_with_a_reason() {
        assert_eq!(parse_stories("max-stories", "12").unwrap(), 12);
        for bad in ["0", "51", "-1", "many", ""] {
            assert!(parse_stories("max-stories", bad).is_err(), "{bad:?}");
        }
        assert!(parse_logo_url("https://www.example.org/logo.png").is_ok());
        for bad in [
            "logo.png",
            "data:image/png;base64,AA",
            "javascript:alert(1)",
            "https://me:secret@example.org/x",
            "",
        ] {
            assert!(parse_logo_url(bad).is_err(), "{bad:?}");
        }
        assert!(parse_accent("#0a6048").is_ok() && parse_accent("green").is_err());
        let mut newsletter = Newsletter { min_stories: Some(5), ..Newsletter::default() };
        assert!(newsletter.check().is_ok());
        newsletter.max_stories = Some(4);
        assert!(newsletter.check().is_err());
    }

    #[test]
    fn times_and_zones_are_parsed_or_rejected_with_a_reason() {
        assert_eq!(parse_send_time("06:45").unwrap(), jiff::civil::time(6, 45, 0, 0));
        assert!(parse_send_time("25:00").is_err());
        assert!(parse_language("pt-BR").is_ok() && parse_language("xx yy <").is_err());
        assert!(parse_newsletter_language("en-US").is_ok() && parse_newsletter_language("PT").is_ok());
        assert!(parse_newsletter_language("ja").is_err() && parse_newsletter_language("").is_err());
        assert!(parse_time_zone("Europe/Berlin").is_ok());
        for bad in [
            "",
            "Etc/Unknown",
            "../../etc/passwd",
            "right/Europe/Berlin",
            "localtime",
            "UTC0",
            &"x".repeat(5000),
        ] {
            assert!(parse_time_zone(bad).is_err(), "{bad:.20}");
        }
        assert_eq!(time_zone_name(&parse_time_zone("europe/berlin").unwrap()), "Europe/Berlin");
        let error = parse_time_zone("Berlin").unwrap_err();
        assert!(error.to_string().contains("Europe/Berlin"), "{error}");
    }
}
