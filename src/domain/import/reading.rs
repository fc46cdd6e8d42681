//! Parses the rows of a list with the list's [`Layout`].

use crate::domain::{
    import::{
        Field, Layout, Refusal, Row, Standing,
        columns::Rule,
        vocabulary::{standing, truth},
    },
    newsletter::{parse_language, parse_send_time, parse_time_zone},
    subscriber::{
        address_text::tidy_address, cadence::Cadence, email_address::EmailAddress, pause,
        preferences::Preferences, sections::Sections,
    },
};
use csv::StringRecord;
use jiff::{
    Span, Timestamp,
    civil::{Date, DateTime},
    fmt::strtime::BrokenDownTime,
    tz::TimeZone,
};
use std::net::IpAddr;

/// A date format other than 2026-05-01 07:00, such as `%d/%m/%Y %H:%M`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateFormat(String);

impl DateFormat {
    /// Longest format, in characters.
    pub const MAX_CHARS: usize = 100;

    /// Parses a format. Fails unless it can parse its own output.
    pub fn parse(text: &str) -> Result<Self, String> {
        let sample =
            jiff::civil::date(2026, 5, 31).at(13, 7, 9, 0).in_tz("UTC").map_err(|error| error.to_string())?;
        if text.chars().count() > Self::MAX_CHARS {
            return Err(format!("longer than {} characters", Self::MAX_CHARS));
        }
        let written = BrokenDownTime::from(&sample).to_string(text).map_err(|error| error.to_string())?;
        let format = Self(text.to_owned());
        match format.read(&written, &TimeZone::UTC) {
            Some(_) => Ok(format),
            None => Err("it must name at least year, month and day, such as %d/%m/%Y".into()),
        }
    }

    fn read(&self, text: &str, zone: &TimeZone) -> Option<Timestamp> {
        let parts = BrokenDownTime::parse(&self.0, text).ok()?;
        if let Ok(at) = parts.to_timestamp() {
            return Some(at);
        }
        let date = parts.to_date().ok()?;
        let time = parts.to_time().unwrap_or(jiff::civil::Time::midnight());
        date.to_datetime(time).to_zoned(zone.clone()).ok().map(|it| it.timestamp())
    }
}

/// Settings for parsing a list's dates.
#[derive(Debug, Clone)]
pub struct Dates {
    /// Format of the dates, if it differs from 2026-05-01 07:00.
    pub format: Option<DateFormat>,
    /// Time zone of dates without one.
    pub zone: TimeZone,
    /// Current time. Later dates are rejected.
    pub now: Timestamp,
}

impl Dates {
    /// Parses a date. Returns `Ok(None)` for an empty cell.
    fn read(&self, field: Field, text: &str) -> Result<Option<Timestamp>, Refusal> {
        let text = text.trim();
        if text.is_empty() || text.starts_with("0000-00-00") || text.eq_ignore_ascii_case("null") {
            return Ok(None);
        }
        let found = match &self.format {
            Some(format) => format.read(text, &self.zone),
            None => self.plain(text),
        };
        let at = found
            .and_then(|at| Timestamp::from_microsecond(at.as_microsecond()).ok())
            // A date before 1970 or in the far future is a number in the wrong column.
            .filter(|at| at.as_second() >= 0)
            .ok_or_else(|| Refusal::Date { field: field.as_str(), text: beginning(text) })?;
        // Clocks differ, and dates may lack a time zone, so a day of tolerance is allowed.
        if at > self.now + jiff::SignedDuration::from_hours(24) {
            return Err(Refusal::Future { field: field.as_str(), text: beginning(text) });
        }
        Ok(Some(at.min(self.now)))
    }

    fn plain(&self, text: &str) -> Option<Timestamp> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Some(at);
        }
        // The format of Go programs such as listmonk: `2024-03-01 08:11:12.123456 +0000 UTC`.
        let mut parts = text.split_ascii_whitespace();
        if let (Some(day), Some(time), Some(offset), _, None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
            && offset.starts_with(['+', '-'])
        {
            return format!("{day}T{time}{offset}").parse().ok();
        }
        let (text, zone) = match text.strip_suffix("UTC").or(text.strip_suffix("GMT")) {
            Some(text) => (text.trim_end(), &TimeZone::UTC),
            None => (text, &self.zone),
        };
        text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok().map(|it| it.timestamp())
    }
}

/// Collects the unreadable cells of a row.
struct Unread {
    /// Whether the row is imported without its unreadable cells.
    taken: bool,
    first: Option<Refusal>,
}

impl Unread {
    fn pass<T>(&mut self, cell: Result<Option<T>, Refusal>) -> Result<Option<T>, Refusal> {
        match cell {
            Err(why) if self.taken => {
                self.first.get_or_insert(why);
                Ok(None)
            }
            cell => cell,
        }
    }
}

fn nothing_chosen() -> Preferences {
    Preferences { cadence: Cadence::EveryIssue, sections: Sections::ALL, time_zone: None, send_time: None }
}

/// Returns enough of a cell to find it again.
fn beginning(text: &str) -> String {
    text.trim().chars().take(80).collect()
}

impl Layout {
    /// Parses a row.
    pub fn read(&self, record: &StringRecord, dates: &Dates) -> Result<Row, Refusal> {
        let cell =
            |field: Field| self.places[field as usize].and_then(|place| record.get(place)).unwrap_or("");
        let typed = self.places[Field::Email as usize].and_then(|place| record.get(place));
        let typed = bare(typed.ok_or(Refusal::TooShort)?);
        let address =
            EmailAddress::parse(typed).map_err(|why| Refusal::Address { address: beginning(typed), why })?;
        let date = |field| dates.read(field, cell(field));
        let (ended_at, confirmed_at) = (date(Field::EndedAt), date(Field::ConfirmedAt));
        let known = |date: &Result<Option<Timestamp>, Refusal>| date.as_ref().ok().copied().flatten();
        let standing = match self.standing(record, known(&confirmed_at), known(&ended_at)) {
            Ok(standing) if self.all_unsubscribed && !standing.is_end() => Standing::Unsubscribed,
            Err(_) if self.all_unsubscribed => Standing::Unsubscribed,
            Ok(Standing::Unconfirmed) if self.all_confirmed => Standing::Confirmed,
            standing => standing?,
        };
        // Activating a reader needs readable evidence. An unsubscribe counts regardless of the other cells.
        let mut unread = Unread { taken: standing.is_end(), first: None };
        Ok(Row {
            address,
            is_tidied: tidy_address(typed) != typed.trim(),
            standing,
            requested_at: unread.pass(date(Field::RequestedAt))?,
            requested_from: ip(cell(Field::RequestedIp)),
            confirmed_at: unread.pass(confirmed_at)?,
            confirmed_from: ip(cell(Field::ConfirmedIp)),
            ended_at: unread.pass(ended_at)?,
            choices: unread.pass(choices(&cell).map(Some))?.unwrap_or_else(nothing_chosen),
            paused_until: match standing {
                Standing::Paused => paused_until(cell(Field::PausedUntil), dates.now)?,
                _ => None,
            },
            // An unreadable language counts as none.
            language: Some(cell(Field::Language).trim())
                .filter(|tag| !tag.is_empty())
                .and_then(|tag| parse_language(tag).ok()),
            unread: unread.first,
        })
    }

    /// Returns the address of a row if it is readable, regardless of other errors.
    pub fn address(&self, record: &StringRecord) -> Option<EmailAddress> {
        let typed = self.places[Field::Email as usize].and_then(|place| record.get(place))?;
        EmailAddress::parse(bare(typed)).ok()
    }

    fn standing(
        &self,
        record: &StringRecord,
        confirmed_at: Option<Timestamp>,
        ended_at: Option<Timestamp>,
    ) -> Result<Standing, Refusal> {
        let cell = |place: usize| record.get(place).unwrap_or("");
        let unknown = |text: &str| Refusal::Status(beginning(text));
        // An end date takes precedence over a status that was not updated.
        let unless_ended = |standing| if ended_at.is_some() { Standing::Unsubscribed } else { standing };
        let by_switch =
            |wanted| if wanted { unless_ended(Standing::Confirmed) } else { Standing::Unsubscribed };
        if let Some(standing) = self.switched_off(record) {
            return Ok(standing);
        }
        Ok(match self.rule {
            Rule::Word(place) => standing(cell(place)).ok_or_else(|| unknown(cell(place)))?,
            Rule::Wanted(place) => by_switch(truth(cell(place)).ok_or_else(|| unknown(cell(place)))?),
            Rule::SwitchedOff(place) => by_switch(!truth(cell(place)).ok_or_else(|| unknown(cell(place)))?),
            Rule::WhatIsWanted(place) => {
                let wanted = cell(place).trim().to_lowercase();
                by_switch(!["", "nothing", "none", "no emails"].contains(&wanted.as_str()))
            }
            Rule::AllUndeliverable => Standing::Undeliverable,
            Rule::AllUnsubscribed(place) => {
                let why = place.map_or("", cell).trim_start().to_uppercase();
                if why.starts_with("SPAM") || why.starts_with("ABUSE") {
                    Standing::Complained
                } else {
                    Standing::Unsubscribed
                }
            }
            Rule::Dates if confirmed_at.is_none() && ended_at.is_none() => Standing::Unconfirmed,
            Rule::Dates | Rule::OperatorsWord => unless_ended(Standing::Confirmed),
        })
    }
}

impl Layout {
    /// Returns the end that a column such as `email_disabled` gives a reader, whatever the status says. A cell
    /// that is neither yes nor no, such as a date or a reason, means yes.
    fn switched_off(&self, record: &StringRecord) -> Option<Standing> {
        let is_set = |place: usize| {
            let cell = record.get(place).unwrap_or("").trim();
            !cell.is_empty() && !cell.eq_ignore_ascii_case("null") && truth(cell) != Some(false)
        };
        self.switches.iter().find(|(place, _)| is_set(*place)).map(|(_, standing)| *standing)
    }
}

/// Removes the mark that `daily subscriber export` puts before cells that begin like a formula, to keep
/// spreadsheets from running them.
fn bare(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(['=', '+', '-', '@']) => rest,
        _ => text,
    }
}

/// Returns an IP address, or `None` if it is invalid. It is only evidence, so it never prevents the import of
/// a row.
fn ip(text: &str) -> Option<String> {
    text.trim().parse::<IpAddr>().ok().map(|ip| ip.to_string())
}

fn paused_until(text: &str, now: Timestamp) -> Result<Option<Date>, Refusal> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let refused = |problem: &str| {
        let problem = format!("`{}` {problem}", beginning(text));
        Refusal::Choice { field: Field::PausedUntil.as_str(), problem }
    };
    let until: Date = text.trim().parse().map_err(|_| refused("is not a day such as 2026-08-15"))?;
    // Somewhere on Earth the date is a day later.
    let last = TimeZone::UTC.to_datetime(now).date().saturating_add(Span::new().days(pause::MAX_DAYS + 1));
    if until > last {
        return Err(refused("is more than a year away"));
    }
    Ok(Some(until))
}

fn choices<'a>(cell: &impl Fn(Field) -> &'a str) -> Result<Preferences, Refusal> {
    let refused = |field: Field, problem: &dyn std::fmt::Display| Refusal::Choice {
        field: field.as_str(),
        problem: problem.to_string(),
    };
    let cadence = match cell(Field::Cadence).trim() {
        "" => Cadence::EveryIssue,
        text => text.replace('-', "_").parse().map_err(|error| refused(Field::Cadence, &error))?,
    };
    let sections =
        Sections::parse(bare(cell(Field::Sections))).map_err(|error| refused(Field::Sections, &error))?;
    let time_zone = match cell(Field::TimeZone).trim() {
        "" => None,
        text => Some(parse_time_zone(text).map_err(|error| refused(Field::TimeZone, &error))?),
    };
    let send_time = match cell(Field::SendTime).trim() {
        "" => None,
        text => Some(parse_send_time(text).map_err(|error| refused(Field::SendTime, &error))?),
    };
    Ok(Preferences { cadence, sections, time_zone, send_time })
}
