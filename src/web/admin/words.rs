//! Times, days and numbers as operators read them.

pub use crate::domain::figures::{counted, number};
use crate::domain::newsletter::Newsletter;
use jiff::{SignedDuration, Timestamp, civil::Date};

/// "Tuesday 1 December".
pub fn long_day(date: Date) -> String {
    date.strftime("%A %-d %B").to_string()
}

/// "Tue 1 Dec".
pub fn short_day(date: Date) -> String {
    date.strftime("%a %-d %b").to_string()
}

/// The day of the week, such as "Tuesday".
pub fn weekday(date: Date) -> String {
    date.strftime("%A").to_string()
}

/// "07:00", on the newsletter's clock.
pub fn clock(at: Timestamp, newsletter: &Newsletter) -> String {
    at.to_zoned(newsletter.time_zone.clone()).strftime("%H:%M").to_string()
}

/// "07:00", or "Tue 1 Dec, 07:00" on another day than today.
pub fn moment(at: Timestamp, now: Timestamp, newsletter: &Newsletter) -> String {
    let zoned = at.to_zoned(newsletter.time_zone.clone());
    let today = now.to_zoned(newsletter.time_zone.clone()).date();
    let time = zoned.strftime("%H:%M").to_string();
    if zoned.date() == today { time } else { format!("{}, {time}", short_day(zoned.date())) }
}

/// "4 Mar 2026, 19:22".
pub fn full_moment(at: Timestamp, newsletter: &Newsletter) -> String {
    at.to_zoned(newsletter.time_zone.clone()).strftime("%-d %b %Y, %H:%M").to_string()
}

/// "Today", "Tomorrow", the weekday within a week, or the whole date.
pub fn day_word(date: Date, today: Date) -> String {
    let ahead = date.since(today).map_or(i32::MAX, |span| span.get_days());
    match ahead {
        0 => "Today".into(),
        1 => "Tomorrow".into(),
        2..7 => weekday(date),
        _ => long_day(date),
    }
}

/// "in 13 h 26 min", "in 4 days" or "10 min ago".
pub fn from_now(at: Timestamp, now: Timestamp) -> String {
    let distance = at.duration_since(now);
    let text = span(distance.abs());
    if distance >= SignedDuration::ZERO { format!("in {text}") } else { format!("{text} ago") }
}

/// "13 h 26 min".
pub fn span(span: SignedDuration) -> String {
    let minutes = span.as_mins();
    match minutes {
        0 => "less than a minute".into(),
        1..60 => format!("{minutes} min"),
        60..2880 if minutes % 60 == 0 => format!("{} h", minutes / 60),
        60..2880 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} days", minutes / 1440),
    }
}

/// "two" up to "twelve", figures beyond that.
pub fn small(count: usize) -> String {
    const WORDS: [&str; 13] = [
        "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve",
    ];
    WORDS.get(count).map_or_else(|| count.to_string(), |word| (*word).to_owned())
}

/// Makes the first letter a capital, unless the text begins with a name: a URL, an address, a setting, a file.
pub fn sentence(text: &str) -> String {
    let first_word = text.split_whitespace().next().unwrap_or_default().trim_end_matches(['.', ':', ',']);
    if first_word.contains(['.', ':', '/', '@', '_']) {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_and_spans_read_well() {
        let today = date(2026, 11, 30);
        let words =
            [0, 1, 2, 6, 7].map(|days| day_word(today.saturating_add(jiff::Span::new().days(days)), today));
        assert_eq!(words, ["Today", "Tomorrow", "Wednesday", "Sunday", "Monday 7 December"]);
        let now = Timestamp::UNIX_EPOCH;
        let at = |minutes| from_now(now + SignedDuration::from_mins(minutes), now);
        assert_eq!(
            [at(0), at(6), at(60), at(806), at(5760), at(-10)],
            ["in less than a minute", "in 6 min", "in 1 h", "in 13 h 26 min", "in 4 days", "10 min ago"]
        );
        assert_eq!([small(2), small(13), sentence("two stories")], ["two", "13", "Two stories"]);
        for name in ["https://news.example.org leads elsewhere", "sending.rate is low", "a@b.example bounced"]
        {
            assert_eq!(sentence(name), name);
        }
        assert_eq!(sentence("none: it is empty"), "None: it is empty");
    }
}
