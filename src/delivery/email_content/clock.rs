//! The newsletter's clock, as mails speak of it.

use crate::domain::newsletter::Newsletter;
use email_templates::welcome::Clock;
use jiff::{Timestamp, civil::DateTime};

/// A moment on the newsletter's clock.
pub(super) fn civil(newsletter: &Newsletter, at: Timestamp) -> DateTime {
    at.to_zoned(newsletter.time_zone.clone()).datetime()
}

/// Which clock it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// That of a place: "Berlin".
    Place(String),
    /// That of a rule: "UTC", "UTC+05".
    Rule(String),
}

impl Whose {
    /// As letters to readers speak of it.
    pub(super) fn spoken(&self) -> Clock<'_> {
        match self {
            Self::Place(place) => Clock::Of(place),
            Self::Rule(rule) => Clock::Named(rule),
        }
    }
}

/// Where the clock is. An IANA name's last part is a place; the others are rules without one.
pub(super) fn whose(newsletter: &Newsletter, at: Timestamp) -> Whose {
    let zone = newsletter.time_zone_name();
    match zone.rsplit_once('/') {
        Some((area, place)) if area != "Etc" => Whose::Place(place.replace('_', " ")),
        _ => match at.to_zoned(newsletter.time_zone.clone()).strftime("%Z").to_string() {
            offset if offset.starts_with(['+', '-']) => Whose::Rule(format!("UTC{offset}")),
            abbreviation => Whose::Rule(abbreviation),
        },
    }
}

/// That clock as letters to operators speak of it, which are in English: "Berlin time", "UTC".
pub(super) fn name(newsletter: &Newsletter, at: Timestamp) -> String {
    match whose(newsletter, at) {
        Whose::Place(place) => format!("{place} time"),
        Whose::Rule(rule) => rule,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    #[test]
    fn a_clock_is_named_after_its_place_or_its_rule() {
        let at = "2026-05-01T12:00:00Z".parse().unwrap();
        for (zone, said) in [
            ("Europe/Berlin", "Berlin time"),
            ("America/Argentina/Buenos_Aires", "Buenos Aires time"),
            ("UTC", "UTC"),
            ("Etc/GMT-5", "UTC+05"),
        ] {
            let time_zone = TimeZone::get(zone).unwrap();
            let newsletter = Newsletter { time_zone, ..Newsletter::out_of_the_box() };
            assert_eq!(name(&newsletter, at), said);
        }
    }
}
