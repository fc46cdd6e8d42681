//! A newsletter: what its issues are called, who sends them, and when.

use crate::domain::{
    issue::days::Days,
    string_enum::words,
    subscriber::email_address::EmailAddress,
    theme::{Colour, Theme},
};
use jiff::{civil::Time, tz::TimeZone};
use url::Url;

/// What describes a newsletter. Every text is bounded and free of control characters: it ends up in headers.
#[derive(Debug, Clone, PartialEq)]
pub struct Newsletter {
    /// Short name for links, the command line and `List-Id`: letters, digits, hyphens.
    pub slug: String,
    /// What readers see: "Daily".
    pub title: String,
    /// One line below the title.
    pub tagline: String,
    /// The display name in `From`.
    pub sender_name: String,
    /// The address in `From` and the envelope sender.
    pub sender_address: EmailAddress,
    /// The clock that `send_time` is read on.
    pub time_zone: TimeZone,
    /// Local time of day at which an issue goes out.
    pub send_time: Time,
    /// The days of the week that have an issue.
    pub days: Days,
    /// On whose clock `send_time` is read.
    pub clock: WhoseClock,
    /// What its issues are made of.
    pub selection: SelectionKind,
    /// Fewest stories of an issue; `None`: as configured.
    pub min_stories: Option<usize>,
    /// Most stories of an issue; `None`: as configured.
    pub max_stories: Option<usize>,
    /// Nothing goes out that no operator has approved.
    pub needs_approval: bool,
    /// How its mails look.
    pub theme: Theme,
    /// Where the publisher can be reached by post, as the law asks of bulk mail in most countries.
    pub postal_address: String,
    /// BCP 47 tag of the language its mails are written in.
    pub language: String,
    /// Who may find its past issues.
    pub archive: Archive,
}

words! {
    /// Who may find past issues on the web.
    Archive {
        /// Everybody, search engines included: they are in the list and in the feed.
        Public = "public",
        /// Who has a link to one: they are in no list, and search engines are asked to leave them out.
        Unlisted = "unlisted",
        /// Nobody: there are no pages of them, and mails have no link to one.
        None = "none",
    }
}

words! {
    /// On whose clock the time of an issue is read.
    WhoseClock {
        /// The newsletter's: all readers at one moment.
        Newsletter = "newsletter",
        /// Each reader's own, where it is known.
        Reader = "reader",
    }
}

words! {
    /// What an issue is made of.
    SelectionKind {
        /// What is new since the last one.
        News = "news",
        /// The best of the last week.
        RoundUp = "round_up",
    }
}

/// Longest title, tagline and sender name, in characters: they share header lines.
pub const MAX_NAME_CHARS: usize = 100;
/// Longest postal address, in characters.
pub const MAX_POSTAL_ADDRESS_CHARS: usize = 300;
/// Most stories an issue may be made to have.
pub const MOST_STORIES: usize = 50;
/// Longest address of a logo, in bytes.
const MAX_URL_BYTES: usize = 2000;
/// The sender address of a newsletter nobody has set up yet. Its domain is reserved (RFC 2606): no relay on the Internet
/// will take mail from it, so `daily check` asks to change it.
pub const PLACEHOLDER_SENDER: &str = "daily@newsletter.example";
/// The postal address of a newsletter nobody has set up yet.
pub const PLACEHOLDER_POSTAL_ADDRESS: &str = "The publisher's postal address is not set yet";

/// Why a field of a newsletter can't be what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}; {cure}")]
pub struct NewsletterError {
    /// The field, as the command line names it.
    pub field: &'static str,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub cure: &'static str,
}

impl Newsletter {
    /// The newsletter every installation begins with.
    pub fn out_of_the_box() -> Self {
        Self {
            slug: "daily".into(),
            title: "Daily".into(),
            tagline: "Keep up with the latest daily buzz".into(),
            sender_name: "Daily".into(),
            sender_address: EmailAddress::parse(PLACEHOLDER_SENDER).expect("the placeholder is an address"),
            time_zone: TimeZone::UTC,
            send_time: jiff::civil::time(7, 0, 0, 0),
            days: Days::DAILY,
            clock: WhoseClock::Newsletter,
            selection: SelectionKind::News,
            min_stories: None,
            max_stories: None,
            needs_approval: false,
            theme: Theme::default(),
            postal_address: PLACEHOLDER_POSTAL_ADDRESS.into(),
            language: "en".into(),
            archive: Archive::Public,
        }
    }

    /// Whether its settings fit each other.
    pub fn check(&self) -> Result<(), NewsletterError> {
        match (self.min_stories, self.max_stories) {
            (Some(min), Some(max)) if min > max => Err(NewsletterError {
                field: "min-stories",
                problem: format!("an issue would need {min} stories and may have {max}"),
                cure: "make it no more than max-stories",
            }),
            _ => Ok(()),
        }
    }

    /// The identifier in `List-Id` (RFC 2919): stable as long as slug and sender domain are.
    pub fn list_id(&self) -> String {
        format!("{}.{}", self.slug, self.sender_address.domain())
    }

    /// The IANA name of the time zone.
    pub fn time_zone_name(&self) -> &str {
        time_zone_name(&self.time_zone)
    }
}

/// The IANA name of a zone that [`parse_time_zone`] has read.
pub fn time_zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}

/// Checks a one-line text that will be seen in headers.
pub fn parse_line(field: &'static str, text: &str, max_chars: usize) -> Result<String, NewsletterError> {
    let line = text.trim();
    let error = |problem: String, cure| NewsletterError { field, problem, cure };
    if line.is_empty() {
        return Err(error("it is empty".into(), "give it a text"));
    }
    if line.chars().any(char::is_control) {
        return Err(error("it holds a line break or control character".into(), "write it as one line"));
    }
    if line.chars().count() > max_chars {
        return Err(error(format!("it is longer than {max_chars} characters"), "shorten it"));
    }
    Ok(line.to_owned())
}

/// Whether a text can be a newsletter's short name: up to 64 lower-case letters, digits and hyphens.
pub fn is_slug(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Reads a language tag such as `en` or `pt-BR` (its letters and length; BCP 47 has no list to check against).
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
            cure: "write one such as en, de or pt-BR",
        });
    }
    Ok(tag.to_owned())
}

/// Reads a time of day such as `07:00`.
pub fn parse_send_time(text: &str) -> Result<Time, NewsletterError> {
    Time::strptime("%H:%M", text.trim()).map_err(|_| NewsletterError {
        field: "send-time",
        problem: format!("`{text}` is not a time of day"),
        cure: "write hours and minutes, such as 07:00",
    })
}

/// Looks a time zone up by its IANA name.
pub fn parse_time_zone(text: &str) -> Result<TimeZone, NewsletterError> {
    // `Etc/Unknown` is nobody's, and what begins with a small letter is no name of IANA's, but a file beside them: `localtime`,
    // `right/…`.
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

/// Reads a number of stories an issue may have, between 1 and [`MOST_STORIES`].
pub fn parse_stories(field: &'static str, text: &str) -> Result<usize, NewsletterError> {
    text.trim().parse().ok().filter(|number| (1..=MOST_STORIES).contains(number)).ok_or_else(|| {
        NewsletterError {
            field,
            problem: format!("`{text}` is not a number of stories"),
            cure: "write one from 1 to 50, or `default`",
        }
    })
}

/// Reads the address of a logo: one that mail programs can load it from.
pub fn parse_logo_url(text: &str) -> Result<Url, NewsletterError> {
    let url = text.trim().parse().ok().filter(|url: &Url| {
        matches!(url.scheme(), "https" | "http")
            && url.username().is_empty()
            && url.as_str().len() <= MAX_URL_BYTES
    });
    url.ok_or_else(|| NewsletterError {
        field: "logo",
        problem: format!("`{text}` is not the address of a picture"),
        cure: "write one that everybody can reach, such as https://www.example.org/logo.png",
    })
}

/// Reads a colour such as `#0a6048`.
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
    fn looks_and_bounds_are_read_or_explained() {
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
        let mut newsletter = Newsletter { min_stories: Some(5), ..Newsletter::out_of_the_box() };
        assert!(newsletter.check().is_ok());
        newsletter.max_stories = Some(4);
        assert!(newsletter.check().is_err());
    }

    #[test]
    fn times_and_zones_are_read_or_explained() {
        assert_eq!(parse_send_time("06:45").unwrap(), jiff::civil::time(6, 45, 0, 0));
        assert!(parse_send_time("25:00").is_err());
        assert!(parse_language("pt-BR").is_ok() && parse_language("xx yy <").is_err());
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
