//! A reader's preferences for one newsletter.

use crate::domain::{
    newsletter::time_zone_name,
    subscriber::{cadence::Cadence, sections::Sections},
};
use jiff::{civil::Time, tz::TimeZone};

/// A reader's preferences for one newsletter: how often, about what, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Preferences {
    pub cadence: Cadence,
    pub sections: Sections,
    /// The reader's time zone; `None`: the newsletter's.
    pub time_zone: Option<TimeZone>,
    /// Delivery time in that zone; `None`: the newsletter's.
    pub send_time: Option<Time>,
}

impl Preferences {
    /// Returns the zone's name as stored.
    pub fn time_zone_name(&self) -> Option<&str> {
        self.time_zone.as_ref().map(time_zone_name)
    }

    /// Returns the delivery time as stored, `HH:MM`.
    pub fn send_time_text(&self) -> Option<String> {
        self.send_time.map(|time| time.strftime("%H:%M").to_string())
    }

    /// Returns the clock the reader is due on, in the form of `subscriptions.clock`: `ZONE|HH:MM`.
    pub fn clock(&self) -> String {
        let zone = self.time_zone_name().unwrap_or_default();
        format!("{zone}|{}", self.send_time_text().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_names_what_the_reader_chose_and_nothing_else() {
        let mut chosen = Preferences {
            cadence: Cadence::EveryIssue,
            sections: Sections::ALL,
            time_zone: None,
            send_time: None,
        };
        assert_eq!(chosen.clock(), "|");
        chosen.time_zone = TimeZone::get("europe/berlin").ok();
        assert_eq!(chosen.clock(), "Europe/Berlin|");
        chosen.send_time = Some(jiff::civil::time(6, 5, 0, 0));
        assert_eq!(chosen.clock(), "Europe/Berlin|06:05");
    }
}
