//! Dates as sites write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;

const RFC_2822: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);

/// Written forms without a name of their own, tried in order; what has no zone is UTC.
const FORMS: &[&str] = &[
    "%B %d, %Y %I:%M %p",
    "%B %d, %Y, %I:%M %p",
    "%B %d, %Y at %I:%M %p",
    "%B %d, %Y %H:%M",
    "%B %d, %Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%d %b %Y",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
];

/// The moment `text` means: RFC 3339 and its relatives, RFC 2822 with the usual mistakes, a few written-out forms. A
/// date without a zone is taken as UTC, one without a time as midnight. A zero date (year 1, or the Unix epoch) is a
/// program's way of saying "none".
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.is_empty() || text.len() > 100 {
        return None;
    }
    let at = iso(text).or_else(|| rfc_2822(text)).or_else(|| written_out(text))?;
    (at != Timestamp::UNIX_EPOCH && at.to_zoned(TimeZone::UTC).year() > 1).then_some(at)
}

fn iso(text: &str) -> Option<Timestamp> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) && matches!(text.len(), 10 | 13) {
        let number = text.parse().ok()?;
        let at = if text.len() == 10 {
            Timestamp::from_second(number)
        } else {
            Timestamp::from_millisecond(number)
        };
        return at.ok();
    }
    // "2024-05-01 10:00:00 +0200" and "… UTC" have a space too many, or a zone spelt out.
    let joined =
        text.strip_suffix(" UTC").or_else(|| text.strip_suffix(" GMT")).map(|head| format!("{head}Z"));
    let joined = joined.unwrap_or_else(|| text.replacen(" +", "+", 1).replacen(" -", "-", 1));
    joined.parse::<Timestamp>().ok().or_else(|| utc(joined.parse::<DateTime>().ok()?))
}

fn rfc_2822(text: &str) -> Option<Timestamp> {
    // The weekday says nothing new, and may be wrong or in another language.
    let text = &text[text.find(|c: char| c.is_ascii_digit())?..];
    let mut words: Vec<&str> = text.split_whitespace().collect();
    // Months are known by their first three letters; "September" and "Sept" are common.
    if let Some(month) = words.get_mut(1)
        && month.is_ascii()
        && month.len() > 3
    {
        *month = &month[..3];
    }
    match words.last_mut() {
        Some(zone @ &mut ("UTC" | "Z" | "z")) => *zone = "GMT",
        Some(time) if time.contains(':') => words.push("GMT"),
        _ => {}
    }
    RFC_2822.parse_timestamp(words.join(" ")).ok()
}

fn written_out(text: &str) -> Option<Timestamp> {
    FORMS.iter().find_map(|form| {
        let parsed = jiff::fmt::strtime::parse(form, text).ok()?;
        utc(parsed
            .to_datetime()
            .or_else(|_| parsed.to_date().map(|date| date.to_datetime(jiff::civil::Time::midnight())))
            .ok()?)
    })
}

fn utc(at: DateTime) -> Option<Timestamp> {
    at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_the_wild_are_read() {
        for (text, at) in [
            ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z"),
            ("2024-05-01T10:00:00.123+02:00", "2024-05-01T08:00:00.123Z"),
            ("2024-05-01T10:00:00+0200", "2024-05-01T08:00:00Z"),
            ("2024-05-01 10:00:00 +0200", "2024-05-01T08:00:00Z"),
            ("2024-05-01 10:00:00 UTC", "2024-05-01T10:00:00Z"),
            ("2024-05-01T10:00", "2024-05-01T10:00:00Z"),
            ("2024-05-01 10:00:00.000000", "2024-05-01T10:00:00Z"),
            ("2024-05-01", "2024-05-01T00:00:00Z"),
            ("20240501", "2024-05-01T00:00:00Z"),
            ("1714557600", "2024-05-01T10:00:00Z"),
            ("1714557600000", "2024-05-01T10:00:00Z"),
            ("Wed, 01 May 2024 10:00:00 GMT", "2024-05-01T10:00:00Z"),
            ("Wed, 1 May 2024 10:00:00 EST", "2024-05-01T15:00:00Z"),
            ("Mon, 01 May 2024 10:00:00 +0200", "2024-05-01T08:00:00Z"),
            ("Mittwoch, 01 May 2024 10:00 UTC", "2024-05-01T10:00:00Z"),
            ("1 September 2024 10:00:00 Z", "2024-09-01T10:00:00Z"),
            ("01 May 2024 10:00:00", "2024-05-01T10:00:00Z"),
            ("May 1, 2024", "2024-05-01T00:00:00Z"),
            ("May 1, 2024 10:30 PM", "2024-05-01T22:30:00Z"),
            ("2024/05/01 10:00", "2024-05-01T10:00:00Z"),
        ] {
            assert_eq!(parse(text).map(|at| at.to_string()).as_deref(), Some(at), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["", "yesterday", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "99/99/99", "May"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
