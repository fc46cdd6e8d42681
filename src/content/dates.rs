//! Parses dates in the many forms that sites use.
//!
//! jiff parses RFC 3339 and RFC 2822. All other forms are split into numbers, words and punctuation. The time
//! of day is found first, then the offset after it, then the date in the remaining parts.

use crate::content::{
    date_words::DayOrder,
    written_date::{WrittenDate, utc},
};
use jiff::{Timestamp, civil::DateTime, fmt::rfc2822::DateTimeParser, tz::TimeZone};

/// Most characters of a date.
const MAX_CHARS: usize = 120;
const RFC_2822: DateTimeParser = DateTimeParser::new();

/// Parses `text`, with the month before the day if the order is ambiguous. See [`parse_ordered`].
pub fn parse(text: &str) -> Option<Timestamp> {
    parse_ordered(text, DayOrder::default())
}

/// Parses `text`. A time without a zone is in UTC, and a date without a time is midnight. Zero dates (year 1,
/// the Unix epoch) mean "none" and return `None`.
pub fn parse_ordered(text: &str, order: DayOrder) -> Option<Timestamp> {
    moment(text, order).filter(|at| !is_none(*at))
}

/// Returns whether a date means "none": only zeros, year 1 or the Unix epoch.
pub fn is_empty_date(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '0' | 'T' | 'Z') || c.is_ascii_punctuation() || c.is_whitespace())
        || moment(text, DayOrder::default()).is_some_and(is_none)
}

fn is_none(at: Timestamp) -> bool {
    at == Timestamp::UNIX_EPOCH || at.to_zoned(TimeZone::UTC).year() <= 1
}

fn moment(text: &str, order: DayOrder) -> Option<Timestamp> {
    let text = text.trim();
    if text.is_empty() || text.len() > 4 * MAX_CHARS || text.chars().count() > MAX_CHARS {
        return None;
    }
    // jiff treats zone names that RFC 2822 doesn't define as UTC, as that RFC says.
    let is_rfc_2822 = text.ends_with(|c: char| c.is_ascii_digit()) || text.ends_with("GMT");
    let email = || RFC_2822.parse_timestamp(text).ok().filter(|_| is_rfc_2822);
    let at = text.parse::<Timestamp>().ok().or_else(email);
    at.or_else(|| number(text)).or_else(|| WrittenDate::of(text)?.moment(order))
}

/// Finds a date in a short text, such as the line below a headline: the longest run of words that is a date.
pub fn find(text: &str, order: DayOrder) -> Option<Timestamp> {
    const MAX_WORDS: usize = 24;
    const LONGEST: usize = 8;
    let words: Vec<&str> = text.split_whitespace().take(MAX_WORDS).collect();
    let runs = (1..=words.len().min(LONGEST)).rev().flat_map(|length| words.windows(length));
    let names_a_day = |run: &&[&str]| {
        let digits = run.iter().flat_map(|word| word.bytes()).filter(u8::is_ascii_digit);
        digits.count() >= 5 && run[0].chars().any(char::is_alphanumeric)
    };
    runs.filter(names_a_day)
        .find_map(|run| parse_ordered(run.join(" ").trim_end_matches([',', ';', '.', '|', ')']), order))
}

/// Parses seconds or milliseconds since 1970, or a date and time written as digits only.
fn number(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: i64 = whole.parse().ok()?;
    match whole.len() {
        9 | 10 => Timestamp::from_second(value).ok(),
        13 => Timestamp::from_millisecond(value).ok(),
        16 => Timestamp::from_microsecond(value).ok(),
        12 | 14 if fraction.is_empty() => {
            let form = if whole.len() == 12 { "%Y%m%d%H%M" } else { "%Y%m%d%H%M%S" };
            utc(DateTime::strptime(form, whole).ok()?)
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "dates_tests.rs"]
mod tests;
