//! Times on the newsletter's clock, and its name in emails.

use crate::domain::newsletter::Newsletter;
use email_templates::welcome::Clock;
use jiff::{Timestamp, civil::DateTime};

/// Converts a timestamp to the newsletter's local time.
pub(super) fn local_time(newsletter: &Newsletter, at: Timestamp) -> DateTime {
    at.to_zoned(newsletter.time_zone.clone()).datetime()
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClockName {
    /// A place: "Berlin".
    Place(String),
    /// An abbreviation or offset: "UTC", "UTC+05".
    Offset(String),
}

impl ClockName {
    /// Converts to the form that reader templates use.
    pub(super) fn for_template(&self) -> Clock<'_> {
        match self {
            Self::Place(place) => Clock::Place(place),
            Self::Offset(rule) => Clock::Zone(rule),
        }
    }
}

/// Names the newsletter's clock. The last part of an IANA name is a place, except in `Etc/`.
pub(super) fn clock_name(newsletter: &Newsletter, at: Timestamp) -> ClockName {
    let zone = newsletter.time_zone_name();
    match zone.rsplit_once('/') {
        Some((area, place)) if area != "Etc" => ClockName::Place(place.replace('_', " ")),
        _ => match at.to_zoned(newsletter.time_zone.clone()).strftime("%Z").to_string() {
            offset if offset.starts_with(['+', '-']) => ClockName::Offset(format!("UTC{offset}")),
            abbreviation => ClockName::Offset(abbreviation),
        },
    }
}

/// Returns the English name for operator emails: "Berlin time", "UTC".
pub(super) fn display_name(newsletter: &Newsletter, at: Timestamp) -> String {
    match clock_name(newsletter, at) {
        ClockName::Place(place) => format!("{place} time"),
        ClockName::Offset(rule) => rule,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    #[test]
    fn a_clock_is_named_after_its_place_or_its_rule() {
        let at = "2026-05-01T12:00:00Z".parse().unwrap();
        for (zone, expected) in [
            ("Europe/Berlin", "Berlin time"),
            ("America/Argentina/Buenos_Aires", "Buenos Aires time"),
            ("UTC", "UTC"),
            ("Etc/GMT-5", "UTC+05"),
        ] {
            let time_zone = TimeZone::get(zone).unwrap();
            let newsletter = Newsletter { time_zone, ..Newsletter::default() };
            assert_eq!(display_name(&newsletter, at), expected);
        }
    }
}
