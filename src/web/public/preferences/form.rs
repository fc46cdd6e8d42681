//! The fields of the preferences page's forms, and the request that each form makes.

use crate::{
    actions::subscription::set_preferences::ReaderPreferences,
    domain::{
        newsletter::{parse_send_time, parse_time_zone},
        subscriber::{
            cadence::Cadence, email_address::EmailAddress, pause, preferences::Preferences,
            sections::Sections,
        },
        validation::{
            Code, Problems, at_field,
            rules::{self, PauseBounds},
        },
    },
    i18n,
    web::{
        public::preferences::card::Card,
        submission::{RequestFields, one_or_many},
    },
};
use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use validator::{Validate, ValidationError};

/// A reader's request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum PreferencesRequest {
    Save {
        preferences: Preferences,
        /// The language of pages and emails.
        language: Option<&'static str>,
    },
    /// Pauses the newsletter until a day.
    Pause(Date),
    Resume,
    /// Subscribes to another newsletter, by its short name.
    Subscribe(String),
    /// Unsubscribes from another newsletter, by its short name.
    Unsubscribe(String),
    ChangeAddress(EmailAddress),
    DataExport,
}

/// All fields of the page, which is one form. Each card has its own button, and its request concerns the
/// fields of that card only.
#[derive(Debug, Default, Clone, serde::Deserialize, Validate, JsonSchema)]
#[validate(context = PauseBounds)]
#[schemars(rename = "Preferences")]
pub struct PreferencesFields {
    /// What to do: save one card (cadence, sections, clock, language), pause, resume, request a data export, or
    /// change the address. Without it, everything from cadence to language that the request has is saved.
    #[serde(rename = "do")]
    #[validate(custom(function = self::action))]
    #[schemars(extend("enum" = ACTIONS))]
    action: Option<String>,
    /// Short name of a newsletter to subscribe to. The reader gets an email about it. At most 20 a day.
    join: Option<String>,
    /// Short name of a newsletter to unsubscribe from.
    leave: Option<String>,
    /// Language of pages and emails.
    #[validate(custom(function = self::language))]
    #[schemars(extend("enum" = languages()))]
    pub(super) language: Option<String>,
    #[validate(custom(function = self::cadence))]
    #[schemars(extend("enum" = Cadence::ALL))]
    pub(super) cadence: Option<String>,
    /// Chosen sections. Every form also sends an empty one, so that no tick means everything.
    #[serde(default, deserialize_with = "some_texts")]
    #[validate(custom(function = rules::sections))]
    #[schemars(schema_with = "sections_schema")]
    pub(super) sections: Option<Vec<String>>,
    /// Time zone (IANA name). Empty: the newsletter's.
    #[validate(custom(function = rules::optional_time_zone))]
    #[schemars(extend("examples" = ["Europe/Paris"]))]
    pub(super) time_zone: Option<String>,
    /// Delivery time on the reader's clock. Empty: the newsletter's time.
    #[validate(custom(function = rules::optional_time_of_day))]
    #[schemars(regex(pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9])?$"), extend("examples" = ["07:30"]))]
    pub(super) send_time: Option<String>,
    /// Day whose issue is the first one after a break.
    #[validate(custom(function = rules::pause_until, use_context))]
    #[schemars(extend("examples" = ["2026-06-01"]))]
    pub(super) until: Option<String>,
    /// The reader's new address.
    #[validate(custom(function = rules::address))]
    pub(super) address: Option<String>,
}

/// The values of `do`.
const ACTIONS: [&str; 9] =
    ["save", "cadence", "sections", "clock", "language", "pause", "resume", "data_export", "address"];

// Which fields apply depends on the button, so they are checked later, by `PreferencesFields::checked`.
impl RequestFields for PreferencesFields {
    fn check(&self) -> Result<(), Problems> {
        Ok(())
    }
}

fn some_texts<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    one_or_many(from).map(Some)
}

fn sections_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    use crate::domain::subscriber::sections::{MAX_SECTION_CHARS, MAX_SECTIONS};
    let name = serde_json::json!({ "type": "string", "maxLength": MAX_SECTION_CHARS });
    schemars::json_schema!({
        "anyOf": [name, { "type": "array", "items": name, "maxItems": MAX_SECTIONS }],
        "examples": [["", "Science"]],
    })
}

fn languages() -> Vec<&'static str> {
    i18n::languages().map(|(tag, _)| tag).collect()
}

fn action(text: &str) -> Result<(), ValidationError> {
    rules::choice(text, &ACTIONS).map_err(|error| at_field(error, "do"))
}

fn language(text: &str) -> Result<(), ValidationError> {
    rules::choice(text, &languages())
}

fn cadence(text: &str) -> Result<(), ValidationError> {
    text.parse::<Cadence>().map(drop).map_err(|_| Code::Cadence.error())
}

impl PreferencesFields {
    /// Returns whether the form requests a data export.
    pub(super) fn is_for_data_export(&self) -> bool {
        self.action.as_deref() == Some("data_export")
    }

    /// Returns the card whose button was pressed. `None`: all preferences are saved at once, or a break ends.
    pub(super) fn card(&self) -> Option<Card> {
        if self.join.is_some() || self.leave.is_some() {
            return Some(Card::Newsletters);
        }
        let action = self.action.as_deref()?;
        Card::ALL.into_iter().find(|card| card.action() == action)
    }

    /// Checks the submitted form and returns its request.
    pub(super) fn checked(
        &self,
        reader: &ReaderPreferences,
        now: Timestamp,
    ) -> Result<PreferencesRequest, Problems> {
        let card = self.card();
        let zone =
            pause::effective_zone(&reader.newsletter.newsletter, reader.preferences.time_zone.as_ref());
        let (first, last) = pause::bounds(zone, now);
        let bounds = PauseBounds(first, last);
        let own = self.of(card);
        Problems::check_with(&own, &bounds)?;
        let is_other = |slug: &str| reader.others.iter().any(|it| it.newsletter.newsletter.slug == slug);
        let known = |slug: &String, field| {
            if is_other(slug) { Ok(slug.clone()) } else { Err(Code::NewsletterUnknown.at(field)) }
        };
        if let Some(slug) = &own.join {
            return Ok(PreferencesRequest::Subscribe(known(slug, "join")?));
        }
        if let Some(slug) = &own.leave {
            return Ok(PreferencesRequest::Unsubscribe(known(slug, "leave")?));
        }
        match card {
            Some(Card::Pause) => own.pause(&bounds).map(PreferencesRequest::Pause),
            None if own.action.as_deref() == Some("resume") => Ok(PreferencesRequest::Resume),
            Some(Card::DataExport) => Ok(PreferencesRequest::DataExport),
            Some(Card::Address) => own.new_address().map(PreferencesRequest::ChangeAddress),
            _ => Ok(PreferencesRequest::Save {
                preferences: own.preferences(reader.preferences.clone())?,
                language: own.language(),
            }),
        }
    }

    /// Returns the fields of one card. `None`: those of all cards that are saved at once.
    fn of(&self, card: Option<Card>) -> Self {
        let (all, none) = (self.clone(), Self { action: self.action.clone(), ..Self::default() });
        match card {
            Some(Card::Newsletters) => Self { join: all.join, leave: all.leave, ..Self::default() },
            Some(Card::Cadence) => Self { cadence: all.cadence, ..none },
            Some(Card::Sections) => Self { sections: all.sections, ..none },
            Some(Card::Clock) => Self { time_zone: all.time_zone, send_time: all.send_time, ..none },
            Some(Card::Language) => Self { language: all.language, ..none },
            // A missing field has the problem of an empty one.
            Some(Card::Pause) => Self { until: all.until.or_else(|| Some(String::new())), ..none },
            Some(Card::Address) => Self { address: all.address.or_else(|| Some(String::new())), ..none },
            Some(Card::DataExport) => none,
            None if self.action.as_deref() == Some("resume") => none,
            None => Self { join: None, leave: None, until: None, address: None, ..all },
        }
    }

    // Property tests check that fields passing the rules can be converted.

    fn pause(&self, bounds: &PauseBounds) -> Result<Date, Problems> {
        let until = self.until.as_deref().and_then(|text| pause::parse_until(text, (bounds.0, bounds.1)));
        until.ok_or_else(|| Code::PauseUntil.at("until").into())
    }

    fn new_address(&self) -> Result<EmailAddress, Problems> {
        let address = self.address.as_deref().unwrap_or_default();
        EmailAddress::parse(address).map_err(|_| Code::AddressForm.at("address").into())
    }

    fn language(&self) -> Option<&'static str> {
        let tag = self.language.as_deref()?;
        languages().into_iter().find(|known| *known == tag)
    }

    /// Returns the new preferences. Preferences without a field in the form stay unchanged.
    fn preferences(&self, mut preferences: Preferences) -> Result<Preferences, Problems> {
        if let Some(cadence) = &self.cadence {
            preferences.cadence = cadence.parse().map_err(|_| Code::Cadence.at("cadence"))?;
        }
        if let Some(sections) = &self.sections {
            let names = sections.iter().map(String::as_str).filter(|name| !name.is_empty());
            preferences.sections =
                Sections::from_names(names).map_err(|_| Code::SectionName.at("sections"))?;
        }
        if let Some(zone) = &self.time_zone {
            let zone = Some(zone).filter(|zone| !zone.is_empty()).map(|zone| parse_time_zone(zone));
            preferences.time_zone = zone.transpose().map_err(|_| Code::TimeZone.at("time_zone"))?;
        }
        if let Some(time) = &self.send_time {
            let time = Some(time).filter(|time| !time.is_empty()).map(|time| parse_send_time(time));
            preferences.send_time = time.transpose().map_err(|_| Code::TimeOfDay.at("send_time"))?;
        }
        Ok(preferences)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::{AppError, submission::read_form};
    use jiff::civil::date;
    use proptest::prelude::*;

    const BOUNDS: PauseBounds = PauseBounds(date(2026, 3, 1), date(2027, 3, 1));

    fn preferences() -> Preferences {
        Preferences { cadence: Cadence::Weekdays, sections: Sections::ALL, time_zone: None, send_time: None }
    }

    fn read(body: &str) -> PreferencesFields {
        read_form(body.as_bytes()).unwrap()
    }

    /// Returns the problems of the button that was pressed.
    fn problems(fields: &PreferencesFields) -> Vec<(String, Code)> {
        let checked = Problems::check_with(&fields.of(fields.card()), &BOUNDS);
        let problems = checked.err().into_iter().flat_map(Problems::into_vec);
        problems.map(|it| (it.pointer, it.code)).collect()
    }

    #[test]
    fn a_form_names_all_its_problems_at_once() {
        let body =
            "cadence=often&sections=&sections=!&sections=%3F&time_zone=Berlin&send_time=25%3A00&language=xx";
        for (body, expected) in [
            (
                body,
                &[
                    ("#/cadence", Code::Cadence),
                    ("#/language", Code::Choice),
                    ("#/sections/1", Code::SectionName),
                    ("#/sections/2", Code::SectionName),
                    ("#/send_time", Code::TimeOfDay),
                    ("#/time_zone", Code::TimeZone),
                ][..],
            ),
            ("do=nonsense&cadence=often", &[("#/cadence", Code::Cadence), ("#/do", Code::Choice)]),
            ("do=pause", &[("#/until", Code::PauseUntil)]),
            ("do=pause&until=2026-02-28", &[("#/until", Code::PauseUntil)]),
            ("do=address", &[("#/address", Code::AddressRequired)]),
        ] {
            let found = problems(&read(body));
            let expected: Vec<_> = expected.iter().map(|(at, code)| ((*at).to_owned(), *code)).collect();
            assert_eq!(found, expected, "{body}");
        }
    }

    #[test]
    fn a_repeated_field_is_named() {
        let Err(AppError::Invalid(_, problems)) =
            read_form::<PreferencesFields>(b"cadence=weekly&cadence=weekly")
        else {
            panic!("it was read")
        };
        let found: Vec<_> = problems.iter().map(|it| (it.pointer.as_str(), it.code)).collect();
        assert_eq!(found, [("#/cadence", Code::RepeatedField)]);
    }

    #[test]
    fn fields_that_a_form_lacks_stay_as_they_were() {
        assert_eq!(read("").preferences(preferences()).unwrap(), preferences());
        let chosen = read("sections=&sections=Science&time_zone=").preferences(preferences()).unwrap();
        assert_eq!((chosen.sections.to_string().as_str(), chosen.cadence), ("science", Cadence::Weekdays));
    }

    #[test]
    fn a_card_saves_its_own_fields_only() {
        let fields = read("do=cadence&cadence=weekly&sections=Science&time_zone=Nowhere&address=half&until=");
        assert_eq!(fields.card(), Some(Card::Cadence));
        assert_eq!(problems(&fields), []);
        let chosen = fields.of(fields.card()).preferences(preferences()).unwrap();
        assert_eq!(chosen, Preferences { cadence: Cadence::Weekly, ..preferences() });
        for body in ["do=save&address=half&until=", "", "do=resume&time_zone=Nowhere"] {
            assert_eq!((read(body).card(), problems(&read(body))), (None, Vec::new()), "{body}");
        }
    }

    proptest! {
        #[test]
        fn choices_that_pass_the_rules_can_be_converted(
            cadence in prop::option::of("every_issue|weekdays|weekly|\\PC{0,6}"),
            sections in prop::option::of(prop::collection::vec("[a-z ]{0,6}|\\PC{0,6}", 0..34)),
            time_zone in prop::option::of("|UTC|Europe/Berlin|\\PC{0,9}"),
            send_time in prop::option::of("|[0-2][0-9]:[0-6][0-9]|\\PC{0,6}"),
            language in prop::option::of("en|de|xx|\\PC{0,3}"),
            until in "20(26|27)-0[1-9]-[0-3][0-9]|\\PC{0,9}",
            address in "[a-z.]{0,5}@([a-z]{1,3}\\.){0,2}[a-z]{0,3}|\\PC{0,9}",
        ) {
            let none = PreferencesFields::default();
            let is_right = |fields: &PreferencesFields| Problems::check_with(fields, &BOUNDS).is_ok();
            let fields =
                PreferencesFields { cadence, sections, time_zone, send_time, ..none.clone() };
            prop_assert_eq!(is_right(&fields), fields.preferences(preferences()).is_ok());
            let pause = PreferencesFields { until: Some(until), ..none.clone() };
            prop_assert_eq!(is_right(&pause), pause.pause(&BOUNDS).is_ok());
            let change = PreferencesFields { address: Some(address), ..none.clone() };
            prop_assert_eq!(is_right(&change), change.new_address().is_ok());
            let chosen = PreferencesFields { language, ..none };
            prop_assert_eq!(is_right(&chosen), chosen.language.is_none() || chosen.language().is_some());
        }
    }
}
