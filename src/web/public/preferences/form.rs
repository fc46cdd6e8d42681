//! What the forms of the page say.

use crate::{
    actions::subscription::set_preferences::Choice,
    domain::{
        newsletter::{parse_send_time, parse_time_zone},
        subscriber::{
            email_address::EmailAddress,
            pause,
            preferences::Preferences,
            sections::{MAX_SECTION_CHARS, MAX_SECTIONS, Sections, SectionsError},
        },
    },
    i18n::{self, fill},
    web::public::preferences::view::Speech,
};
use jiff::{Timestamp, civil::Date};
use std::collections::HashMap;
use url::form_urlencoded;

/// Longest piece of what was entered that is shown again, in characters.
const MAX_SHOWN_CHARS: usize = 60;

/// What a reader wants.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wish {
    /// To be sent the newsletter like this.
    Choose {
        preferences: Preferences,
        /// In which language pages and letters are.
        language: Option<&'static str>,
    },
    /// To be sent nothing until a day.
    Pause(Date),
    /// To end the break.
    Resume,
    /// To be sent another newsletter, by its short name.
    Join(String),
    /// Not to be sent another newsletter any more.
    Leave(String),
    /// To be mailed elsewhere.
    ChangeAddress(EmailAddress),
    /// All that is held about them.
    DataExport,
}

/// What is wrong with a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FormError {
    Cadence,
    Sections(SectionsError),
    TimeZone(String),
    SendTime(String),
    Address,
    Day { first: Date, last: Date },
}

impl FormError {
    pub(super) fn in_words(&self, speech: Speech) -> String {
        let say = speech.say;
        let about = |text: &str, entered: &str| {
            let shown: String = entered.chars().take(MAX_SHOWN_CHARS).collect();
            let most = MAX_SECTION_CHARS.to_string();
            fill(text, &[("entered", &shown), ("most", &most)])
        };
        match self {
            Self::Cadence => say.bad_way.clone(),
            Self::Address => say.bad_address.clone(),
            Self::Sections(SectionsError::NoName(name)) => about(&say.bad_section, name),
            Self::Sections(SectionsError::TooLong(name)) => about(&say.long_section, name),
            Self::Sections(SectionsError::TooMany) => {
                fill(&say.many_sections, &[("most", &MAX_SECTIONS.to_string())])
            }
            Self::TimeZone(entered) => about(&say.bad_zone, entered),
            Self::SendTime(entered) => about(&say.bad_time, entered),
            Self::Day { first, last } => {
                let (first, last) = (speech.long_date(*first), speech.long_date(*last));
                fill(&say.bad_day, &[("first", &first), ("last", &last)])
            }
        }
    }
}

/// Whether a form asks for a data export.
pub(super) fn is_for_data_export(body: &[u8]) -> bool {
    form_urlencoded::parse(body).any(|(name, value)| name == "do" && value == "data_export")
}

/// Reads the form. Which one it is, `do` says; without it the one of choices.
pub(super) fn read(body: &[u8], choice: &Choice, now: Timestamp) -> Result<Wish, FormError> {
    let fields: HashMap<_, _> = form_urlencoded::parse(body).collect();
    if let Some(slug) = fields.get("join") {
        return Ok(Wish::Join(slug.to_string()));
    }
    if let Some(slug) = fields.get("leave") {
        return Ok(Wish::Leave(slug.to_string()));
    }
    match fields.get("do").map(AsRef::as_ref) {
        Some("pause") => {
            let own = choice.preferences.time_zone.as_ref();
            let zone = pause::zone_of(&choice.newsletter.newsletter, own);
            let entered = fields.get("until").map(AsRef::as_ref).unwrap_or_default();
            let (first, last) = pause::bounds(zone, now);
            pause::parse_until(entered, zone, now).map(Wish::Pause).ok_or(FormError::Day { first, last })
        }
        Some("resume") => Ok(Wish::Resume),
        Some("data_export") => Ok(Wish::DataExport),
        Some("address") => {
            let entered = fields.get("address").map(AsRef::as_ref).unwrap_or_default();
            EmailAddress::parse(entered).map(Wish::ChangeAddress).map_err(|_| FormError::Address)
        }
        _ => {
            let language = fields
                .get("language")
                .and_then(|tag| i18n::languages().map(|(known, _)| known).find(|known| known == tag));
            let preferences = preferences(body, choice.preferences.clone())?;
            Ok(Wish::Choose { preferences, language })
        }
    }
}

/// Reads what was chosen. What the form has no field for stays as it was: sections and clock are not always asked about.
fn preferences(body: &[u8], mut preferences: Preferences) -> Result<Preferences, FormError> {
    let mut sections: Option<Vec<String>> = None;
    for (name, value) in form_urlencoded::parse(body) {
        match name.as_ref() {
            "cadence" => preferences.cadence = value.parse().map_err(|_| FormError::Cadence)?,
            "sections" => {
                let sections = sections.get_or_insert_default();
                // The field is there once without a value: no box that is not ticked is sent.
                if !value.is_empty() {
                    sections.push(value.into_owned());
                }
            }
            "time_zone" if value.is_empty() => preferences.time_zone = None,
            "time_zone" => {
                let zone = parse_time_zone(&value).map_err(|_| FormError::TimeZone(value.into_owned()))?;
                preferences.time_zone = Some(zone);
            }
            "send_time" if value.is_empty() => preferences.send_time = None,
            "send_time" => {
                let time = parse_send_time(&value).map_err(|_| FormError::SendTime(value.into_owned()))?;
                preferences.send_time = Some(time);
            }
            _ => {}
        }
    }
    if let Some(sections) = sections {
        let names = sections.iter().map(String::as_str);
        preferences.sections = Sections::of(names).map_err(FormError::Sections)?;
    }
    Ok(preferences)
}
