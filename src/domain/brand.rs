//! A newsletter's links to its publisher: site, privacy policy, profiles, and tags that count clicks.

use crate::domain::newsletter_text::{NewsletterError, parse_line};
use jiff::civil::Date;
use std::fmt;
use url::Url;

/// Maximum length of the footer's line, in characters.
pub const MAX_FOOTER_CHARS: usize = 300;
/// Most links to the publisher's profiles.
pub const MAX_SOCIAL_LINKS: usize = 8;
/// Maximum length of a profile's name, in characters.
const MAX_SOCIAL_NAME_CHARS: usize = 30;
/// Most tags of a link.
pub const MAX_LINK_TAGS: usize = 10;
/// Maximum length of a tag's name or value, in characters.
const MAX_TAG_CHARS: usize = 100;
/// Maximum length of a URL, in bytes.
const MAX_URL_BYTES: usize = 2000;

/// The publisher behind a newsletter. Emails and pages lead back to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brand {
    /// The publisher's site. `None`: names and logos link to the signup page.
    pub site_url: Option<Url>,
    pub privacy_url: Option<Url>,
    /// A line of the footer, such as the name of the company.
    pub footer: Option<String>,
    pub social: SocialLinks,
    /// Tags of links to stories.
    pub link_tags: Option<LinkTags>,
}

impl Brand {
    /// Lists what is set, as `name: value`, for comparing what readers would see.
    pub fn listed(&self) -> Vec<String> {
        let url = |url: &Option<Url>| url.as_ref().map(ToString::to_string);
        let social = (!self.social.is_empty()).then(|| self.social.to_string());
        [
            ("site", url(&self.site_url)),
            ("privacy", url(&self.privacy_url)),
            ("footer", self.footer.clone()),
            ("social", social),
            ("utm", self.link_tags.as_ref().map(ToString::to_string)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}: {}", value?)))
        .collect()
    }
}

/// Links to the publisher's profiles, in the order they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SocialLinks(Vec<SocialLink>);

/// A link to a profile of the publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocialLink {
    /// The name that readers see, such as `Mastodon`.
    pub name: String,
    pub url: Url,
}

impl SocialLinks {
    /// Parses profiles as names and URLs, such as `Mastodon=https://mastodon.example/@lamp,Bluesky=https://…`.
    pub fn parse(text: &str) -> Result<Self, NewsletterError> {
        let links: Option<Vec<SocialLink>> = text.split(',').map(parse_social_link).collect();
        links.filter(|links| links.len() <= MAX_SOCIAL_LINKS).map(Self).ok_or_else(|| NewsletterError {
            field: "social",
            problem: format!("`{text}` is not a list of names and URLs"),
            cure: "write up to 8 as Mastodon=https://mastodon.example/@lamp, separated by commas",
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = &SocialLink> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn parse_social_link(text: &str) -> Option<SocialLink> {
    let (name, url) = text.split_once('=')?;
    Some(SocialLink {
        name: parse_line("social", name, MAX_SOCIAL_NAME_CHARS).ok()?,
        url: parse_publisher_url("social", url).ok()?,
    })
}

/// Writes the links as [`SocialLinks::parse`] reads them.
impl fmt::Display for SocialLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, SocialLink { name, url }) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{name}={}", url.as_str().replace(',', "%2C"))?;
        }
        Ok(())
    }
}

/// A template of the tags that links to stories get, such as `utm_source=daily&utm_campaign={date}`.
///
/// Tags are added when an issue is rendered, so they are never part of an article's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkTags(Vec<(String, String)>);

impl LinkTags {
    /// Parses names and values. Values may contain `{date}` and `{newsletter}`.
    pub fn parse(text: &str) -> Result<Self, NewsletterError> {
        let error = || NewsletterError {
            field: "utm",
            problem: format!("`{text}` is not a template of link tags"),
            cure: "write names and values such as utm_source=daily&utm_campaign={date}; \
                   {date} and {newsletter} are filled in",
        };
        let mut tags: Vec<(String, String)> = Vec::new();
        for pair in text.trim().trim_start_matches('?').split('&') {
            let (name, value) = pair.split_once('=').ok_or_else(error)?;
            if !is_tag_name(name) || !is_tag_value(value) || tags.iter().any(|(other, _)| other == name) {
                return Err(error());
            }
            tags.push((name.to_owned(), value.to_owned()));
        }
        if tags.len() > MAX_LINK_TAGS { Err(error()) } else { Ok(Self(tags)) }
    }

    /// Adds the tags to a story's URL. Tags that the URL has already stay as the publisher set them.
    pub fn add_to(&self, url: &str, newsletter: &str, date: Date) -> String {
        let Ok(mut tagged) = Url::parse(url) else { return url.to_owned() };
        if tagged.cannot_be_a_base() {
            return url.to_owned();
        }
        let date = date.to_string();
        for (name, value) in &self.0 {
            if tagged.query_pairs().all(|(known, _)| known != *name) {
                let value = value.replace("{date}", &date).replace("{newsletter}", newsletter);
                tagged.query_pairs_mut().append_pair(name, &value);
            }
        }
        tagged.into()
    }
}

/// Writes the template as [`LinkTags::parse`] reads it.
impl fmt::Display for LinkTags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            let separator = if index > 0 { "&" } else { "" };
            write!(f, "{separator}{name}={value}")?;
        }
        Ok(())
    }
}

fn is_tag_name(name: &str) -> bool {
    (1..=MAX_TAG_CHARS).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// Values are plain text, which is encoded for the URL later, so those that look encoded are refused.
fn is_tag_value(value: &str) -> bool {
    let literal = value.replace("{date}", "").replace("{newsletter}", "");
    !value.is_empty()
        && value.chars().count() <= MAX_TAG_CHARS
        && !literal.chars().any(|c| c.is_control() || "&=#%+{}".contains(c))
}

/// Parses the URL of one of the publisher's pages.
pub fn parse_publisher_url(field: &'static str, text: &str) -> Result<Url, NewsletterError> {
    let url = text.trim().parse().ok().filter(|url: &Url| {
        matches!(url.scheme(), "https" | "http")
            && url.username().is_empty()
            && url.password().is_none()
            && url.as_str().len() <= MAX_URL_BYTES
    });
    url.ok_or_else(|| NewsletterError {
        field,
        problem: format!("`{text}` is not a web address"),
        cure: "give a public URL such as https://www.example.org",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn link_tags_are_added_once_and_keep_the_rest_of_the_url() {
        let tags = LinkTags::parse("utm_source=daily&utm_campaign={newsletter} {date}").unwrap();
        assert_eq!(tags.to_string(), "utm_source=daily&utm_campaign={newsletter} {date}");
        let add = |url| tags.add_to(url, "lamp", date(2026, 11, 30));
        assert_eq!(
            add("https://lamp.example/a?id=7&x=%20#part"),
            "https://lamp.example/a?id=7&x=%20&utm_source=daily&utm_campaign=lamp+2026-11-30#part"
        );
        assert_eq!(
            add("https://lamp.example/a?utm_source=feed"),
            "https://lamp.example/a?utm_source=feed&utm_campaign=lamp+2026-11-30"
        );
        for unchanged in ["mailto:a@example.org", "not a url", ""] {
            assert_eq!(add(unchanged), unchanged);
        }
    }

    #[test]
    fn link_tags_are_refused_unless_each_has_a_name_and_a_plain_value() {
        let eleven = (0..11).map(|it| format!("k{it}=v")).collect::<Vec<_>>().join("&");
        for bad in ["", "utm", "a=", "=b", "a=b&a=c", "a={day}", "a=b%20c", "a b=c", "a=b&", &eleven] {
            assert!(LinkTags::parse(bad).is_err(), "{bad:?}");
        }
        assert!(LinkTags::parse("?a=b").is_ok());
    }

    #[test]
    fn social_links_are_parsed_and_written() {
        let text = "Mastodon=https://social.example/@lamp,Our forum=https://lamp.example/forum?a=b";
        let links = SocialLinks::parse(text).unwrap();
        assert_eq!(links.to_string(), text);
        assert_eq!(links.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["Mastodon", "Our forum"]);
        let nine = ["A=https://a.example"; 9].join(",");
        for bad in
            ["", "https://a.example", "=https://a.example", "A=javascript:alert(1)", "A=a.example", &nine]
        {
            assert!(SocialLinks::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_web_addresses_without_passwords_are_publishers() {
        assert!(parse_publisher_url("site", " https://www.example.org ").is_ok());
        for bad in [
            "www.example.org",
            "javascript:alert(1)",
            "https://me:secret@example.org",
            "https://me@a.example",
        ] {
            assert!(parse_publisher_url("site", bad).is_err(), "{bad:?}");
        }
    }
}
