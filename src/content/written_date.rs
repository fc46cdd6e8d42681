//! Parses dates in free form, written for people or by programs, piece by piece.

use crate::content::date_words::{
    DayOrder, is_afternoon, is_hour_word, is_silent, month, place, precedes_hour, simplified,
    with_short_zones, zone,
};
use jiff::{
    SignedDuration, Timestamp, Zoned,
    civil::{Date, DateTime, ISOWeekDate, Weekday},
    tz::TimeZone,
};

/// Two-digit years below this are in the current century.
const CENTURY_TURNS_AT: u64 = 70;

/// Converts a civil time in UTC to a timestamp.
pub fn utc(at: DateTime) -> Option<Timestamp> {
    at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Number { value: u64, digits: usize },
    Word(String),
    Mark(char),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    part: Part,
    /// Whether white space precedes it.
    apart: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Clock {
    hour: u64,
    minute: u64,
    second: u64,
    nanosecond: u64,
}

/// A date split into pieces. Parsed pieces are marked in `used`.
pub struct WrittenDate {
    pieces: Vec<Piece>,
    used: Vec<bool>,
    /// Time zone that the text names by its IANA name.
    named_zone: Option<TimeZone>,
}

impl WrittenDate {
    /// Splits `text`. Returns `None` if it contains a number that is too large for any date.
    pub fn of(text: &str) -> Option<Self> {
        // The monotonic clock that Go adds.
        let text = text.split(" m=").next().unwrap_or(text);
        let (text, named_zone) = without_zone_name(text);
        let text = without_remark(with_short_zones(simplified(&text)));
        let mut pieces: Vec<Piece> = Vec::new();
        let mut apart = false;
        let mut rest = text.as_str();
        while let Some(c) = rest.chars().next() {
            let length = |is: fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
            let (part, taken) = if c.is_ascii_digit() {
                let digits = length(|c| c.is_ascii_digit());
                // A missing space before the hour: "14 May 202410:00:00".
                let joined = matches!(digits, 6 | 10) && rest[digits..].starts_with(':');
                let digits = if joined { digits - 2 } else { digits };
                (Part::Number { value: rest[..digits].parse().ok()?, digits }, digits)
            } else if c.is_alphabetic() {
                let end = length(char::is_alphabetic);
                (Part::Word(half_of_day(&rest[..end], &mut pieces)), end)
            } else {
                (Part::Mark(c), c.len_utf8())
            };
            if c.is_whitespace() {
                apart = true;
            } else {
                pieces.push(Piece { part, apart: std::mem::take(&mut apart) });
            }
            rest = &rest[taken..];
        }
        let used = vec![false; pieces.len()];
        Some(Self { pieces, used, named_zone })
    }

    /// Returns the timestamp, or `None` if any piece is not understood.
    pub fn moment(mut self, order: DayOrder) -> Option<Timestamp> {
        let (clock, end) = match self.clock() {
            Some((clock, end)) => (Some(clock), end),
            None => (None, self.pieces.len()),
        };
        let offset = if clock.is_some() { self.offset(end) } else { self.pass_over_offset() };
        let date = self.date(order)?;
        let Some(clock) = clock else { return utc(date.to_datetime(jiff::civil::Time::midnight())) };
        // 24:00 is the end of the day. A leap second becomes the last second of its minute.
        let (date, hour) = if clock.hour == 24 { (date.tomorrow().ok()?, 0) } else { (date, clock.hour) };
        let at = date.at(
            i8::try_from(hour).ok()?,
            i8::try_from(clock.minute).ok()?,
            i8::try_from(clock.second.min(59)).ok()?,
            i32::try_from(clock.nanosecond).ok()?,
        );
        if let (None, Some(zone)) = (offset, &self.named_zone) {
            return at.to_zoned(zone.clone()).ok().map(|at: Zoned| at.timestamp());
        }
        utc(at)?.checked_sub(SignedDuration::from_mins(offset.unwrap_or(0).into())).ok()
    }

    fn number(&self, at: usize) -> Option<(u64, usize)> {
        match self.pieces.get(at)?.part {
            Part::Number { value, digits } => Some((value, digits)),
            _ => None,
        }
    }

    fn word(&self, at: usize) -> Option<&str> {
        match &self.pieces.get(at)?.part {
            Part::Word(word) => Some(word),
            _ => None,
        }
    }

    fn mark(&self, at: usize) -> Option<char> {
        match self.pieces.get(at)?.part {
            Part::Mark(mark) => Some(mark),
            _ => None,
        }
    }

    fn use_up(&mut self, from: usize, to: usize) {
        self.used[from..to].fill(true);
    }

    /// Finds the time of day and the index after it. Of two times, the second one counts if it has seconds.
    fn clock(&mut self) -> Option<(Clock, usize)> {
        let mut found: Option<(usize, usize, Clock)> = None;
        let mut at = 0;
        while at < self.pieces.len() {
            let Some((end, clock)) = self.clock_at(at) else {
                at += 1;
                continue;
            };
            let is_offset = at > 0 && matches!(self.mark(at - 1), Some('+' | '-'));
            let has_seconds = end - at >= 5;
            // The zone of a date without a time: "2024-05-14+02:00".
            if at > 0 && self.mark(at - 1) == Some('+') && !has_seconds && found.is_none() {
                at = end;
                continue;
            }
            if found.is_none() || (has_seconds && !is_offset) {
                if let Some((from, to, _)) = found {
                    self.use_up(from, to);
                }
                found = Some((at, end, clock));
            }
            at = end;
        }
        let (from, mut end, mut clock) = found.or_else(|| self.clock_without_colon())?;
        self.use_up(from, end);
        let said_before = from.checked_sub(1).and_then(|at| Some((at, is_afternoon(self.word(at)?)?)));
        let said_behind = self.word(end).and_then(is_afternoon).map(|afternoon| (end, afternoon));
        if let Some((at, afternoon)) = said_behind.or(said_before) {
            self.use_up(at, at + 1);
            end = end.max(at + 1);
            clock.hour = match (clock.hour, afternoon) {
                (12, false) => 0,
                (hour @ ..12, true) => hour + 12,
                (hour, _) => hour,
            };
        }
        Some((clock, end))
    }

    /// Parses a time that begins at `at`: 10:00, 10:00:00, 10:00:00.123.
    fn clock_at(&self, at: usize) -> Option<(usize, Clock)> {
        let (hour, minute) = (self.small(at, 24)?, self.small(at + 2, 59)?);
        // Apache's logs have a colon between the year and the hour.
        let follows_year = at > 1 && self.number(at - 2).is_some_and(|(_, digits)| digits == 4);
        if self.mark(at + 1) != Some(':') || (at > 0 && self.mark(at - 1) == Some(':') && !follows_year) {
            return None;
        }
        let mut clock = Clock { hour, minute, second: 0, nanosecond: 0 };
        let mut end = at + 3;
        if let (Some(':'), Some(second)) = (self.mark(end), self.small(end + 1, 60)) {
            clock.second = second;
            end += 2;
            if let (Some('.' | ','), Some((value, digits))) = (self.mark(end), self.number(end + 1))
                && !self.pieces[end + 1].apart
            {
                let digits = u32::try_from(digits).ok()?;
                clock.nanosecond = match digits {
                    ..=9 => value * 10_u64.pow(9 - digits),
                    _ => value.checked_div(10_u64.checked_pow(digits - 9)?)?,
                };
                end += 2;
            } else if let (Some(':'), Some(_)) = (self.mark(end), self.small(end + 1, 99)) {
                // A fourth number, which is ignored.
                end += 2;
            }
        }
        Some((end, clock))
    }

    /// Returns a number of at most two digits and at most `most`.
    fn small(&self, at: usize, most: u64) -> Option<u64> {
        self.number(at).filter(|(value, digits)| *digits <= 2 && *value <= most).map(|(value, _)| value)
    }

    /// Finds a time in another form: T100000, 10h30, 10.30 Uhr, 3 pm, or an hour alone before an offset.
    fn clock_without_colon(&self) -> Option<(usize, usize, Clock)> {
        let clock = |hour, minute, second| Clock { hour, minute, second, nanosecond: 0 };
        (0..self.pieces.len()).find_map(|at| {
            if self.word(at) == Some("t")
                && let Some((value, digits)) = self.number(at + 1)
            {
                if let Some((end, clock)) = self.digits_behind_year(at + 1).filter(|_| digits == 2) {
                    return Some((at, end, clock));
                }
                let clock = match digits {
                    6 => clock(value / 10_000, value / 100 % 100, value % 100),
                    4 => clock(value / 100, value % 100, 0),
                    2 => clock(value, 0, 0),
                    _ => return None,
                };
                return (clock.hour <= 24 && clock.minute < 60).then_some((at, at + 2, clock));
            }
            if let Some((end, clock)) = self.digits_behind_year(at) {
                return Some((at, end, clock));
            }
            let hour = self.small(at, 24)?;
            let is_hours = |at| self.word(at).is_some_and(is_hour_word);
            if is_hours(at + 1) {
                let is_h = self.word(at + 1) == Some("h");
                let is_last = |at| {
                    self.number(at).is_none() && self.mark(at) != Some('.') && self.month_at(at).is_none()
                };
                let minute = self.small(at + 2, 59).filter(|_| is_h || is_last(at + 3));
                let end = at + 2 + usize::from(minute.is_some());
                return Some((at, end, clock(hour, minute.unwrap_or(0), 0)));
            }
            let has_half = || self.word(at + 3).is_some_and(|word| is_afternoon(word).is_some());
            if self.mark(at + 1) == Some('.') && (is_hours(at + 3) || has_half()) {
                return Some((at, at + 3, clock(hour, self.small(at + 2, 59)?, 0)));
            }
            if self.word(at + 1).is_some_and(|word| is_afternoon(word).is_some()) {
                return Some((at, at + 1, clock(hour, 0, 0)));
            }
            if at + 1 == self.pieces.len() && at > 0 && self.word(at - 1).is_some_and(precedes_hour) {
                return self.has_year_before(at).then(|| (at, at + 1, clock(hour, 0, 0)));
            }
            let offset = self.number(at + 2).is_some_and(|(_, digits)| digits == 4);
            let behind_a_year = at > 0 && self.number(at - 1).is_some_and(|(_, digits)| digits == 4);
            (behind_a_year && matches!(self.mark(at + 1), Some('+' | '-')) && offset)
                .then(|| (at, at + 1, clock(hour, 0, 0)))
        })
    }

    /// Parses a time that begins at `at` behind a date with a year: T10-00-00, 10.00.00, 10.30, 1000, 100000.
    fn digits_behind_year(&self, at: usize) -> Option<(usize, Clock)> {
        let (value, digits) = self.number(at).filter(|_| self.has_year_before(at))?;
        let clock = |hour, minute, second| Clock { hour, minute, second, nanosecond: 0 };
        let is_valid = |clock: &Clock| clock.hour < 24 && clock.minute < 60 && clock.second < 60;
        let follows_t = self.word(at - 1) == Some("t") || self.mark(at - 1) == Some('_');
        if !(self.pieces[at].apart || follows_t) {
            return None;
        }
        match digits {
            4 => Some((at + 1, clock(value / 100, value % 100, 0))),
            6 => Some((at + 1, clock(value / 10_000, value / 100 % 100, value % 100))),
            1 | 2 => {
                let mark = self.mark(at + 1).filter(|mark| *mark == '.' || (*mark == '-' && follows_t))?;
                let pair = |at| self.number(at).filter(|(_, digits)| *digits == 2 && !self.pieces[at].apart);
                let (minute, _) = pair(at + 2)?;
                let second = pair(at + 4).filter(|_| self.mark(at + 3) == Some(mark));
                let end = at + 3 + if second.is_some() { 2 } else { 0 };
                // The rest of a date.
                let is_whole = self.mark(end) != Some(mark) || self.number(end + 1).is_none();
                is_whole.then(|| (end, clock(value, minute, second.map_or(0, |(second, _)| second))))
            }
            _ => None,
        }
        .filter(|(_, clock)| is_valid(clock))
    }

    /// Returns whether a year or a date in eight digits precedes the piece at `at`.
    fn has_year_before(&self, at: usize) -> bool {
        (0..at).any(|at| self.number(at).is_some_and(|(_, digits)| matches!(digits, 4 | 8)))
    }

    fn month_at(&self, at: usize) -> Option<i8> {
        month(self.word(at)?)
    }

    /// Finds the offset from UTC in minutes, after the time that ends at `end`. A number takes precedence
    /// over a name.
    fn offset(&mut self, end: usize) -> Option<i32> {
        let (mut named, mut numeric) = (None, None);
        // Directly after the time or after a name, a minus begins an offset.
        let mut follows = true;
        let mut at = end;
        while at < self.pieces.len() {
            let mut behind = at + 1;
            let mark = self.mark(at);
            if self.names_zone(at, follows) {
                named = named.or(self.word(at).and_then(zone));
                self.use_up(at, behind);
                follows = true;
            } else if numeric.is_none()
                && let Some((minutes, to)) = self.offset_at(at, end, follows)
            {
                numeric = Some(minutes);
                self.use_up(at, to);
                behind = to;
            } else {
                follows = follows && matches!(mark, Some('+' | '-' | ':' | '(' | '['));
            }
            at = behind;
        }
        if numeric.is_none() && named.is_none() {
            let place = (end..self.pieces.len()).find_map(|at| place(self.word(at)?));
            self.named_zone = self.named_zone.take().or_else(|| TimeZone::get(place?).ok());
        }
        // No place is farther from UTC, so such an offset is a mistake.
        numeric.map(|minutes| if minutes.abs() > 15 * 60 { 0 } else { minutes }).or(named)
    }

    /// Skips the offset of a date without a time: it doesn't change the day.
    fn pass_over_offset(&mut self) -> Option<i32> {
        if let Some(at) = self.pieces.len().checked_sub(2).filter(|at| self.is_late_offset(*at)) {
            self.use_up(at, at + 2);
        }
        let plus = (1..self.pieces.len()).rfind(|at| self.mark(*at) == Some('+'));
        if let Some(at) =
            plus.filter(|at| self.hours_at(at + 1).is_some_and(|(_, to)| to == self.pieces.len()))
        {
            self.use_up(at, self.pieces.len());
        }
        None
    }

    /// Returns whether the word at `at` names a zone. Directly after the time, unknown words do too.
    fn names_zone(&self, at: usize, follows: bool) -> bool {
        self.word(at).is_some_and(|word| {
            let is_other = || month(word).is_none() && !is_silent(word) && (2..=5).contains(&word.len());
            zone(word).is_some() || place(word).is_some() || (follows && is_other())
        })
    }

    /// Returns the minutes of the offset that begins at `at`, and the index after it.
    fn offset_at(&self, at: usize, end: usize, follows: bool) -> Option<(i32, usize)> {
        if let Some(sign @ ('+' | '-')) = self.mark(at) {
            let (minutes, to) = self.hours_at(at + 1)?;
            let is_meant = follows || sign == '+' || self.is_late_offset(at);
            return is_meant.then_some((if sign == '-' { -minutes } else { minutes }, to));
        }
        // A plus that was decoded to a space, and "00" for no offset: "10:00:00 02:00", "10:00:00 00".
        let (minutes, to) = self.hours_at(at).filter(|_| at == end)?;
        (self.mark(at + 1) == Some(':') || self.number(at) == Some((0, 2))).then_some((minutes, to))
    }

    /// Returns whether the minus at `at` begins an offset although the date is between it and the time.
    fn is_late_offset(&self, at: usize) -> bool {
        let is_sign = matches!(self.mark(at), Some('+' | '-'));
        let is_spaced = self.pieces[at].apart && !self.pieces.get(at + 1).is_none_or(|piece| piece.apart);
        is_sign
            && is_spaced
            && self
                .number(at + 1)
                .is_some_and(|(value, digits)| digits == 4 && value <= 1400 && value % 100 < 60)
    }

    /// Returns the offset, in minutes, whose digits begin at `at`, and the index after it.
    fn hours_at(&self, at: usize) -> Option<(i32, usize)> {
        let (value, digits) = self.number(at)?;
        let is_plus = at > 0 && self.mark(at - 1) == Some('+');
        let (hours, minutes, end) = match digits {
            1 | 2 => match (self.mark(at + 1), self.small(at + 2, 59)) {
                (Some(':'), Some(minutes)) => (value, minutes, at + 3),
                (Some('.'), Some(minutes @ (0 | 30 | 45))) if is_plus => (value, minutes, at + 3),
                (Some('-' | '/' | '.'), Some(_)) => return None,
                _ => (value, 0, at + 1),
            },
            3 | 4 => (value / 100, value % 100, at + 1),
            6 => (value / 10_000, value / 100 % 100, at + 1),
            _ => return None,
        };
        // Seconds, which no current offset has.
        let end =
            if self.mark(end) == Some(':') && self.small(end + 1, 59) == Some(0) { end + 2 } else { end };
        Some((i32::try_from(hours * 60 + minutes).ok()?, end))
    }

    /// Parses a week date, whose "w" is at `at`: 2024-W20-2, 2024W202, 2024-W20.
    fn week_date(&self, at: usize) -> Option<Date> {
        let before = at.checked_sub(if at > 0 && self.mark(at - 1) == Some('-') { 2 } else { 1 })?;
        let (year, 4) = self.number(before)? else { return None };
        let (week, day) = match self.number(at + 1)? {
            (week, 2) => (week, self.number(at + 3).filter(|_| self.mark(at + 2) == Some('-'))),
            (both, 3) => (both / 10, Some((both % 10, 1))),
            _ => return None,
        };
        let day = match day {
            None => Weekday::Monday,
            Some((day, _)) => Weekday::from_monday_one_offset(i8::try_from(day).ok()?).ok()?,
        };
        let date = ISOWeekDate::new(i16::try_from(year).ok()?, i8::try_from(week).ok()?, day).ok()?;
        Some(date.date())
    }

    /// Parses the date from the remaining pieces.
    fn date(&self, order: DayOrder) -> Option<Date> {
        let left = || (0..self.pieces.len()).filter(|at| !self.used[*at]);
        let numbers: Vec<(usize, u64, usize)> =
            left().filter_map(|at| self.number(at).map(|(value, digits)| (at, value, digits))).collect();
        let mut words: Vec<(usize, &str)> = left().filter_map(|at| Some((at, self.word(at)?))).collect();
        if let Some(week) = words.iter().position(|(_, word)| *word == "w") {
            let (at, _) = words.remove(week);
            let all_silent = words.iter().all(|(_, word)| is_silent(word));
            return all_silent.then(|| self.week_date(at)).flatten();
        }
        // Of two months, the first is a weekday: "mar. 14 mai".
        let named = words.iter().rev().find_map(|(at, word)| Some((*at, month(word)?)));
        let is_known = |(at, word): &(usize, &str)| {
            let is_weekday = *at == 0 && matches!(self.mark(1), Some(',' | '.'));
            is_silent(word) || month(word).is_some() || is_weekday || zone(word).is_some()
        };
        if !words.iter().all(is_known) {
            return None;
        }
        if let Some((_, month)) = named {
            return match numbers.as_slice() {
                [(_, year, 4)] => date(*year, month, 1),
                [(_, year, 4), (_, day, ..=2)] | [(_, day, ..=2), (_, year, 4)] => date(*year, month, *day),
                [(_, day, ..=2), (_, year, 2)] => date(century(*year), month, *day),
                _ => None,
            };
        }
        let separator = |at: usize| self.mark(at + 1).unwrap_or(' ');
        match numbers.as_slice() {
            [(_, all, 8)] => date(all / 10_000, i8::try_from(all / 100 % 100).ok()?, all % 100),
            [(_, all @ 1_900_001..=2_100_366, 7)] => day_of_year(all / 1000, all % 1000),
            [(_, year @ 1900..=2100, 4)] => date(*year, 1, 1),
            [(at, month, 2), (_, year @ 1900..=2100, 4)] if separator(*at) == '/' => {
                date(*year, i8::try_from(*month).ok()?, 1)
            }
            [(_, year, 4), (_, day, 3)] => day_of_year(*year, *day),
            [(_, year @ 1900..=2100, 4), (_, month, ..=2)] => date(*year, i8::try_from(*month).ok()?, 1),
            // A day of one digit can't be a year.
            [(_, year, 2), (_, month, ..=2), (_, day, 1)] => {
                date(century(*year), i8::try_from(*month).ok()?, *day)
            }
            [(_, year, 4), (_, a, ..=2), (_, b, ..=2)] => any_order(*year, (*b, *a), (*a, *b)),
            [(at, a, ..=2), (_, b, ..=2), (_, year, digits @ (2 | 4))] => {
                let two_digits = *digits == 2;
                if two_digits
                    && separator(*at) == '-'
                    && *a > 12
                    && let Some(date) = any_order(century(*a), (*year, *b), (*year, *b))
                {
                    return Some(date);
                }
                let year = if two_digits { century(*year) } else { *year };
                let day_first = match separator(*at) {
                    '/' => order == DayOrder::DayFirst,
                    _ => true,
                };
                if day_first {
                    any_order(year, (*a, *b), (*b, *a))
                } else {
                    any_order(year, (*b, *a), (*a, *b))
                }
            }
            _ => None,
        }
    }
}

fn day_of_year(year: u64, day: u64) -> Option<Date> {
    let first = date(year, 1, 1)?;
    let of_year = 1..=u64::try_from(first.days_in_year()).ok()?;
    let days = jiff::Span::new().try_days(i64::try_from(day).ok()? - 1).ok()?;
    first.checked_add(days).ok().filter(|_| of_year.contains(&day))
}

/// Joins the halves of "a.m." and "a. m." into one word, and removes the first half from the pieces.
fn half_of_day(word: &str, pieces: &mut Vec<Piece>) -> String {
    let is_half = |piece: &Piece| matches!(&piece.part, Part::Word(half) if half == "a" || half == "p");
    let is_dot = pieces.last().is_some_and(|piece| piece.part == Part::Mark('.'));
    let first = pieces.len().checked_sub(if is_dot { 2 } else { 1 });
    let Some(at) = first.filter(|at| word == "m" && is_half(&pieces[*at])) else {
        return word.to_owned();
    };
    let joined = match &pieces[at].part {
        Part::Word(half) => format!("{half}m"),
        _ => word.to_owned(),
    };
    pieces.truncate(at);
    joined
}

/// Returns the date with the usual order of day and month, or else with the other order.
fn any_order(year: u64, usual: (u64, u64), other: (u64, u64)) -> Option<Date> {
    let of = |(day, month): (u64, u64)| date(year, i8::try_from(month).ok()?, day);
    of(usual).or_else(|| of(other))
}

fn date(year: u64, month: i8, day: u64) -> Option<Date> {
    Date::new(i16::try_from(year).ok()?, month, i8::try_from(day).ok()?).ok()
}

/// Adds the century to a two-digit year.
fn century(year: u64) -> u64 {
    if year < CENTURY_TURNS_AT { 2000 + year } else { 1900 + year }
}

/// Removes remarks in brackets and an IANA zone name ("Europe/Berlin"). Returns the text and the zone.
fn without_zone_name(text: &str) -> (String, Option<TimeZone>) {
    let mut kept = String::with_capacity(text.len());
    let mut named = None;
    for (at, word) in
        text.split_inclusive(|c: char| c.is_whitespace() || matches!(c, '[' | ']' | '(' | ')')).enumerate()
    {
        let name = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_name = at > 0 && name.contains('/') && name.starts_with(|c: char| c.is_ascii_alphabetic());
        match is_name.then(|| TimeZone::get(name).ok()).flatten() {
            Some(zone) => named = Some(zone),
            None => kept.push_str(word),
        }
    }
    (kept, named)
}

/// Removes a remark in brackets: "(Heure d’été)" repeats the offset before it. A zone in brackets stays.
fn without_remark(text: String) -> String {
    let Some((before, rest)) = text.split_once('(') else { return text };
    let Some((remark, behind)) = rest.split_once(')') else { return text };
    let word = remark.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let is_zone = zone(remark).is_some() || place(remark).is_some() || matches!(word, "gmt" | "utc");
    if !is_zone && before.contains(|c: char| c.is_ascii_digit()) {
        format!("{before} {behind}")
    } else {
        text
    }
}
