//! Rules for `#[validate(custom(function = …))]`: our own parsers, so that whatever passes can be converted.
//!
//! `#[validate(email)]` and `#[validate(url)]` are not used. They accept `ann@localhost` and `javascript:`.

use crate::domain::{
    brand::{LinkTags, MAX_FOOTER_CHARS, MAX_LINK_TAGS, MAX_SOCIAL_LINKS, SocialLinks, parse_publisher_url},
    content::article::{MAX_TITLE_CHARS, one_line},
    issue::{days::Days, sections::SectionOrder},
    newsletter::{
        LANGUAGES, MAX_STORIES, is_slug, parse_accent, parse_line, parse_logo_url, parse_newsletter_language,
        parse_send_time, parse_stories, parse_time_zone,
    },
    operator::role::{Role, Roles},
    subscriber::{
        email_address::{EmailAddress, EmailAddressError, MAX_ADDRESS_BYTES, MAX_LOCAL_PART_BYTES},
        pause,
        sections::{MAX_SECTION_CHARS, MAX_SECTIONS, Sections, SectionsError},
    },
    validation::{Code, check_each, check_list},
};
use jiff::civil::Date;
use validator::ValidationError;

type Checked = Result<(), ValidationError>;

fn check(is_right: bool, code: Code) -> Checked {
    if is_right { Ok(()) } else { Err(code.error()) }
}

/// An email address, by [`EmailAddress::parse`].
pub fn address(text: &str) -> Checked {
    use EmailAddressError as E;
    EmailAddress::parse(text).map(drop).map_err(|error| match error {
        E::Empty => Code::AddressRequired.error(),
        E::TooLong => Code::AddressTooLong.error_with("limit", MAX_ADDRESS_BYTES),
        E::NoAt => Code::AddressForm.error(),
        E::LocalTooLong => Code::LocalPartTooLong.error_with("limit", MAX_LOCAL_PART_BYTES),
        E::BadLocal => Code::LocalPart.error(),
        E::NonAsciiLocal => Code::LocalPartNotAscii.error(),
        E::BadDomain => Code::AddressDomain.error(),
    })
}

/// A newsletter's short name.
pub fn short_name(text: &str) -> Checked {
    check(is_slug(text), Code::ShortName)
}

/// Short names of newsletters. Empty ones stand for an unticked box.
pub fn short_names(names: &[String]) -> Checked {
    check_each(names, |name| if name.is_empty() { Ok(()) } else { short_name(name) })
}

/// One line of at most `MOST` characters, and not an empty one.
pub fn line<const MOST: usize>(text: &str) -> Checked {
    if text.trim().is_empty() {
        return Err(Code::TextRequired.error());
    }
    check(!text.trim().chars().any(char::is_control), Code::OneLine)?;
    parse_line("", text, MOST).map(drop).map_err(|_| Code::TextTooLong.error_with("limit", MOST))
}

/// An article's headline, which is brought onto one line.
pub fn headline(text: &str) -> Checked {
    let uncut = one_line(text, usize::MAX / 8);
    if uncut.is_empty() {
        return Err(Code::TextRequired.error());
    }
    if uncut.chars().count() <= MAX_TITLE_CHARS {
        return Ok(());
    }
    Err(Code::TextTooLong.error_with("limit", MAX_TITLE_CHARS))
}

/// A language that Daily has texts in.
pub fn language(text: &str) -> Checked {
    if parse_newsletter_language(text).is_ok() {
        return Ok(());
    }
    Err(Code::Language.error_with("choices", LANGUAGES.join(", ")))
}

/// The URL of one of the publisher's pages, or `none`.
pub fn publisher_url(text: &str) -> Checked {
    check(text == "none" || parse_publisher_url("", text).is_ok(), Code::WebAddress)
}

/// A line of the footer, or `none`.
pub fn footer(text: &str) -> Checked {
    line::<MAX_FOOTER_CHARS>(text)
}

/// Links to profiles, or `none`.
pub fn social(text: &str) -> Checked {
    if text == "none" || SocialLinks::parse(text).is_ok() {
        return Ok(());
    }
    Err(Code::Social.error_with("limit", MAX_SOCIAL_LINKS))
}

/// The sections of an issue in order, or `none`.
pub fn section_order(text: &str) -> Checked {
    check(text == "none" || SectionOrder::parse(text).is_ok(), Code::SectionOrder)
}

/// A template of link tags, or `none`.
pub fn link_tags(text: &str) -> Checked {
    if text == "none" || LinkTags::parse(text).is_ok() {
        return Ok(());
    }
    Err(Code::LinkTags.error_with("limit", MAX_LINK_TAGS))
}

/// Days of the week.
pub fn days(text: &str) -> Checked {
    check(Days::parse(text).is_ok(), Code::Days)
}

/// A time of day.
pub fn time_of_day(text: &str) -> Checked {
    check(parse_send_time(text).is_ok(), Code::TimeOfDay)
}

/// A time zone's IANA name.
pub fn time_zone(text: &str) -> Checked {
    check(parse_time_zone(text).is_ok(), Code::TimeZone)
}

/// The same, or nothing.
pub fn optional_time_of_day(text: &str) -> Checked {
    if text.is_empty() { Ok(()) } else { time_of_day(text) }
}

/// The same, or nothing.
pub fn optional_time_zone(text: &str) -> Checked {
    if text.is_empty() { Ok(()) } else { time_zone(text) }
}

/// A number of stories, or `default`.
pub fn story_count(text: &str) -> Checked {
    if text == "default" || parse_stories("", text).is_ok() {
        return Ok(());
    }
    Err(Code::StoryCount.error_with("limit", MAX_STORIES))
}

/// A picture's address, or `none`.
pub fn logo(text: &str) -> Checked {
    check(text == "none" || parse_logo_url(text).is_ok(), Code::Logo)
}

/// A colour, or `none`.
pub fn accent(text: &str) -> Checked {
    check(text == "none" || parse_accent(text).is_ok(), Code::Accent)
}

/// One of a few words.
pub fn choice(text: &str, choices: &[&str]) -> Checked {
    if choices.contains(&text) { Ok(()) } else { Err(Code::Choice.error_with("choices", choices.join(", "))) }
}

/// Roles of an operator.
pub fn roles(text: &str) -> Checked {
    if text.parse::<Roles>().is_ok() {
        return Ok(());
    }
    let choices: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    Err(Code::Roles.error_with("choices", choices.join(", ")))
}

/// An address on the web.
pub fn web_address(text: &str) -> Checked {
    let url = url::Url::parse(text.trim());
    check(url.is_ok_and(|url| matches!(url.scheme(), "http" | "https")), Code::WebAddress)
}

/// The first and the last day that a pause may end on.
pub struct PauseBounds(pub Date, pub Date);

/// The day that a pause ends on.
pub fn pause_until(text: &str, bounds: &PauseBounds) -> Checked {
    let PauseBounds(first, last) = *bounds;
    if pause::parse_until(text, (first, last)).is_some() {
        return Ok(());
    }
    let mut error = Code::PauseUntil.error_with("first", first);
    error.add_param("last".into(), &last);
    Err(error)
}

/// Names of sections. Empty ones stand for an unticked box.
pub fn sections(names: &[String]) -> Checked {
    let error = |error| match error {
        SectionsError::NoName(_) => Code::SectionName.error(),
        SectionsError::TooLong(_) => Code::SectionTooLong.error_with("limit", MAX_SECTION_CHARS),
        SectionsError::TooMany => Code::SectionCount.error_with("limit", MAX_SECTIONS),
    };
    let parsed = |names: &[&str]| Sections::from_names(names.iter().copied()).map(drop);
    let is_named = |name: &str| if name.is_empty() { Ok(()) } else { parsed(&[name]) };
    let right: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| !name.is_empty() && is_named(name).is_ok()).collect();
    check_list(names, |name| is_named(name).map_err(error), || parsed(&right).map_err(error))
}
