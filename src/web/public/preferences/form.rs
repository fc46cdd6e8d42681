//! The fields of the preferences page's forms, and the request that each form makes.

use crate::{
    actions::subscription::set_preferences::ReaderPreferences,
    domain::{
        newsletter::{parse_send_time, parse_time_zone},
        subscriber::{
            cadence::Cadence, email_address::EmailAddress, pause, preferences::Preferences,
            sections::Sections,
        },
        validation::{Code, Problems, rules},
    },
    i18n,
    web::{public::preferences::card::Card, submission::one_or_many},
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
#[derive(Debug, Default, Clone, serde::Deserialize, JsonSchema)]
#[schemars(rename = "Preferences")]
pub struct PreferencesFields {
    /// What to do: save one card (cadence, sections, clock, language), pause, resume, request a data export, or
    /// change the address. Without it, everything from cadence to language that the request has is saved.
    #[serde(rename = "do")]
    #[schemars(extend("enum" = [
        "save", "cadence", "sections", "clock", "language", "pause", "resume", "data_export", "address",
    ]))]
    action: Option<String>,
    /// Short name of a newsletter to subscribe to. The reader gets an email about it. At most 20 a day.
    join: Option<String>,
    /// Short name of a newsletter to unsubscribe from.
    leave: Option<String>,
    #[serde(flatten)]
    pub(super) choices: ChoicesFields,
    #[serde(flatten)]
    pub(super) pause: PauseFields,
    #[serde(flatten)]
    pub(super) address_change: AddressChangeFields,
}

/// Frequency, topics, delivery time and language.
#[derive(Debug, Default, Clone, serde::Deserialize, Validate, JsonSchema)]
pub struct ChoicesFields {
    /// Language of pages and emails. An unsupported one is ignored.
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
}

/// The form of a break.
#[derive(Debug, Default, Clone, serde::Deserialize, Validate, JsonSchema)]
#[validate(context = PauseBounds)]
pub struct PauseFields {
    /// Day whose issue is the first one after the break.
    #[serde(default)]
    #[validate(custom(function = self::pause_until, use_context))]
    #[schemars(extend("examples" = ["2026-06-01"]))]
    pub(super) until: String,
}

/// The first and the last day that a break may end on.
pub struct PauseBounds(Date, Date);

/// The form of a change of address.
#[derive(Debug, Default, Clone, serde::Deserialize, Validate, JsonSchema)]
pub struct AddressChangeFields {
    #[serde(default)]
    #[validate(custom(function = rules::address))]
    pub(super) address: String,
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

fn cadence(text: &str) -> Result<(), ValidationError> {
    text.parse::<Cadence>().map(drop).map_err(|_| Code::Cadence.error())
}

fn pause_until(text: &str, bounds: &PauseBounds) -> Result<(), ValidationError> {
    let PauseBounds(first, last) = *bounds;
    if pause::parse_until(text, (first, last)).is_some() {
        return Ok(());
    }
    let mut error = Code::PauseUntil.error_with("first", first);
    error.add_param("last".into(), &last);
    Err(error)
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
        if let Some(slug) = &self.join {
            return Ok(PreferencesRequest::Subscribe(slug.clone()));
        }
        if let Some(slug) = &self.leave {
            return Ok(PreferencesRequest::Unsubscribe(slug.clone()));
        }
        match self.card() {
            Some(Card::Pause) => {
                let own = reader.preferences.time_zone.as_ref();
                let (first, last) =
                    pause::bounds(pause::effective_zone(&reader.newsletter.newsletter, own), now);
                self.pause.checked(&PauseBounds(first, last)).map(PreferencesRequest::Pause)
            }
            None if self.action.as_deref() == Some("resume") => Ok(PreferencesRequest::Resume),
            Some(Card::DataExport) => Ok(PreferencesRequest::DataExport),
            Some(Card::Address) => self.address_change.checked().map(PreferencesRequest::ChangeAddress),
            card => {
                let choices = self.choices.of(card);
                let language = choices.language();
                let preferences = choices.checked(reader.preferences.clone())?;
                Ok(PreferencesRequest::Save { preferences, language })
            }
        }
    }
}

// Property tests check that fields passing the rules can be converted.

impl PauseFields {
    fn checked(&self, bounds: &PauseBounds) -> Result<Date, Problems> {
        Problems::check_with(self, bounds)?;
        pause::parse_until(&self.until, (bounds.0, bounds.1))
            .ok_or_else(|| Code::PauseUntil.at("until").into())
    }
}

impl AddressChangeFields {
    fn checked(&self) -> Result<EmailAddress, Problems> {
        Problems::check(self)?;
        EmailAddress::parse(&self.address).map_err(|_| Code::AddressForm.at("address").into())
    }
}

impl ChoicesFields {
    /// Returns the fields of one card. `None`: all fields.
    fn of(&self, card: Option<Card>) -> Self {
        let (all, none) = (self.clone(), Self::default());
        match card {
            Some(Card::Cadence) => Self { cadence: all.cadence, ..none },
            Some(Card::Sections) => Self { sections: all.sections, ..none },
            Some(Card::Clock) => Self { time_zone: all.time_zone, send_time: all.send_time, ..none },
            Some(Card::Language) => Self { language: all.language, ..none },
            _ => all,
        }
    }

    fn language(&self) -> Option<&'static str> {
        let tag = self.language.as_deref()?;
        i18n::languages().map(|(known, _)| known).find(|known| *known == tag)
    }

    /// Checks the choices and returns the new preferences. Preferences without a field in the form stay
    /// unchanged.
    fn checked(&self, mut preferences: Preferences) -> Result<Preferences, Problems> {
        Problems::check(self)?;
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
    use crate::web::submission::read_form;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn preferences() -> Preferences {
        Preferences { cadence: Cadence::Weekdays, sections: Sections::ALL, time_zone: None, send_time: None }
    }

    #[test]
    fn a_form_names_all_its_problems_at_once() {
        let body = b"cadence=often&sections=&sections=!&time_zone=Berlin&send_time=25%3A00&language=xx";
        let fields: PreferencesFields = read_form(body).unwrap();
        let problems = fields.choices.checked(preferences()).unwrap_err();
        let found: Vec<_> = problems.iter().map(|it| (it.field(), it.code)).collect();
        assert_eq!(
            found,
            [
                ("cadence", Code::Cadence),
                ("sections", Code::SectionName),
                ("send_time", Code::TimeOfDay),
                ("time_zone", Code::TimeZone),
            ]
        );
    }

    #[test]
    fn fields_that_a_form_lacks_stay_as_they_were() {
        let fields: PreferencesFields = read_form(b"").unwrap();
        assert_eq!(fields.choices.checked(preferences()).unwrap(), preferences());
        let fields: PreferencesFields = read_form(b"sections=&sections=Science&time_zone=").unwrap();
        let chosen = fields.choices.checked(preferences()).unwrap();
        assert_eq!((chosen.sections.to_string().as_str(), chosen.cadence), ("science", Cadence::Weekdays));
    }

    #[test]
    fn a_card_saves_its_own_fields_only() {
        let body = b"do=cadence&cadence=weekly&sections=Science&time_zone=Nowhere&address=half&until=";
        let fields: PreferencesFields = read_form(body).unwrap();
        assert_eq!(fields.card(), Some(Card::Cadence));
        let chosen = fields.choices.of(fields.card()).checked(preferences()).unwrap();
        assert_eq!(chosen, Preferences { cadence: Cadence::Weekly, ..preferences() });
        for body in [&b"do=save"[..], b"", b"do=resume", b"do=nothing"] {
            assert_eq!(read_form::<PreferencesFields>(body).unwrap().card(), None);
        }
    }

    proptest! {
        #[test]
        fn choices_that_pass_the_rules_can_be_converted(
            cadence in prop::option::of("every_issue|weekdays|weekly|\\PC{0,6}"),
            sections in prop::option::of(prop::collection::vec("[a-z ]{0,6}|\\PC{0,6}", 0..34)),
            time_zone in prop::option::of("|UTC|Europe/Berlin|\\PC{0,9}"),
            send_time in prop::option::of("|[0-2][0-9]:[0-6][0-9]|\\PC{0,6}"),
            until in "20(26|27)-0[1-9]-[0-3][0-9]|\\PC{0,9}",
            address in "[a-z.]{0,5}@([a-z]{1,3}\\.){0,2}[a-z]{0,3}|\\PC{0,9}",
        ) {
            let fields = ChoicesFields { language: None, cadence, sections, time_zone, send_time };
            prop_assert_eq!(Problems::check(&fields).is_ok(), fields.checked(preferences()).is_ok());
            let (pause, bounds) =
                (PauseFields { until }, PauseBounds(date(2026, 3, 1), date(2027, 3, 1)));
            prop_assert_eq!(Problems::check_with(&pause, &bounds).is_ok(), pause.checked(&bounds).is_ok());
            let change = AddressChangeFields { address };
            prop_assert_eq!(Problems::check(&change).is_ok(), change.checked().is_ok());
        }
    }
}
