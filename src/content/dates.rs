//! Dates as sites write them.
//!
//! RFC 3339 and RFC 2822 are jiff's to read. All other forms are taken apart into numbers, words and marks:
//! the time of day is found first, then the offset behind it, then the date in what is left.

use crate::content::{
    date_words::DayOrder,
    written_date::{WrittenDate, utc},
};
use jiff::{Timestamp, civil::DateTime, fmt::rfc2822::DateTimeParser, tz::TimeZone};

/// A longer text is no date.
const MAX_CHARS: usize = 120;
const RFC_2822: DateTimeParser = DateTimeParser::new();

/// The moment `text` means, with the month before the day where that is open. See [`parse_ordered`].
pub fn parse(text: &str) -> Option<Timestamp> {
    parse_ordered(text, DayOrder::default())
}

/// The moment `text` means. A time without a zone is taken as UTC, a date without a time as its midnight. A
/// zero date (year 1, or the Unix epoch) is a program's way of saying "none".
pub fn parse_ordered(text: &str, order: DayOrder) -> Option<Timestamp> {
    moment(text, order).filter(|at| !is_none(*at))
}

/// Whether a text is a date that means "none": zeros only, year 1 or the Unix epoch.
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
    // jiff takes the zones that RFC 2822 does not name for UTC, as that says.
    let is_rfc_2822 = text.ends_with(|c: char| c.is_ascii_digit()) || text.ends_with("GMT");
    let email = || RFC_2822.parse_timestamp(text).ok().filter(|_| is_rfc_2822);
    let at = text.parse::<Timestamp>().ok().or_else(email);
    at.or_else(|| number(text)).or_else(|| WrittenDate::of(text)?.moment(order))
}

/// A date in a short text, such as the line below a headline: the longest run of words that is one.
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

/// Seconds or milliseconds since 1970, or the digits of a date and time without marks.
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
