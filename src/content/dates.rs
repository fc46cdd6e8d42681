//! Parses dates in the many forms that sites use.
//!
//! jiff parses RFC 3339 and RFC 2822. All other forms are split into numbers, words and punctuation. The time
//! of day is found first, then the offset after it, then the date in the remaining parts.

use crate::content::{
    date_words::DayOrder,
    markup,
    written_date::{WrittenDate, utc},
};
use jiff::{SignedDuration, Timestamp, civil::DateTime, fmt::rfc2822::DateTimeParser, tz::TimeZone};
use std::borrow::Cow;

/// Most characters of a date.
const MAX_CHARS: usize = 120;
/// Marks between a date and other text.
const SEPARATORS: [char; 4] = ['|', '•', '·', '\n'];
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
    if text.len() > 4 * MAX_CHARS {
        return None;
    }
    let text = cleaned(text);
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\u{feff}'));
    if text.is_empty() || text.chars().count() > MAX_CHARS {
        return None;
    }
    whole(text, order).or_else(|| part(text, order))
}

/// Removes markup, which some feeds escape twice.
fn cleaned(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    let text = text.strip_prefix("<![CDATA[").and_then(|text| text.strip_suffix("]]>")).unwrap_or(text);
    let is_marked = |text: &str| text.contains(['<', '&']);
    if !is_marked(text) {
        return Cow::Borrowed(text);
    }
    let once = markup::to_text(text);
    Cow::Owned(if is_marked(&once) { markup::to_text(&once) } else { once })
}

/// Parses the first part that is a day. Parts are separated by strokes and dots: "May 14, 2024 | News".
fn part(text: &str, order: DayOrder) -> Option<Timestamp> {
    if !text.contains(SEPARATORS) {
        return None;
    }
    let is_day = |part: &&str| part.bytes().filter(u8::is_ascii_digit).count() >= 5;
    text.split(SEPARATORS).map(str::trim).filter(is_day).find_map(|part| whole(part, order))
}

fn whole(text: &str, order: DayOrder) -> Option<Timestamp> {
    // jiff treats zone names that RFC 2822 doesn't define as UTC, as that RFC says.
    let is_rfc_2822 = text.ends_with(|c: char| c.is_ascii_digit()) || text.ends_with("GMT");
    let email = || RFC_2822.parse_timestamp(text).ok().filter(|_| is_rfc_2822);
    let at = text.parse::<Timestamp>().ok().or_else(email);
    at.or_else(|| number(text)).or_else(|| WrittenDate::of(text)?.moment(order))
}

/// Finds a date in a short text, such as the line below a headline: the longest run of words that is a date.
pub fn find(text: &str, order: DayOrder) -> Option<Timestamp> {
    const MAX_WORDS: usize = 24;
    const LONGEST: usize = 12;
    let words: Vec<&str> = text.split_whitespace().take(MAX_WORDS).collect();
    let runs = (1..=words.len().min(LONGEST)).rev().flat_map(|length| words.windows(length));
    let names_a_day = |run: &&[&str]| {
        let digits = run.iter().flat_map(|word| word.bytes()).filter(u8::is_ascii_digit);
        // Other numbers of digits are counts and identifiers.
        let is_id = |word: &&str| {
            !matches!(word.len(), 1 | 2 | 4 | 8) && word.bytes().all(|byte| byte.is_ascii_digit())
        };
        digits.count() >= 5 && run[0].chars().any(char::is_alphanumeric) && !run.iter().any(is_id)
    };
    runs.filter(names_a_day)
        .find_map(|run| parse_ordered(run.join(" ").trim_end_matches([',', ';', '.', '|', ')']), order))
}

/// Parses seconds or milliseconds since 1970 (alone, as `@1714557600` or as `/Date(1714557600000)/`), or a date
/// and time written as digits only.
fn number(text: &str) -> Option<Timestamp> {
    let dot_net = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/"));
    let dot_net = dot_net.and_then(|number| number.split(['+', '-']).next());
    let text = dot_net.or_else(|| text.strip_prefix('@')).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: i64 = whole.parse().ok()?;
    match whole.len() {
        9 | 10 => {
            let digits = &fraction[..fraction.len().min(9)];
            let nanos = format!("{digits:0<9}").parse().ok()?;
            Timestamp::from_second(value).ok()?.checked_add(SignedDuration::from_nanos(nanos)).ok()
        }
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
