//! What a browser can show for itself: that it saw the form a moment ago, and that it signed an address up.

use crate::domain::{
    subscriber::email_address::EmailAddress,
    token::{KeyRing, Purpose},
};
use jiff::{SignedDuration, Timestamp};

/// The mark in a form that says when it was shown.
pub fn form_stamp(keys: &KeyRing, now: Timestamp) -> String {
    keys.sign(Purpose::Form, now.as_millisecond())
}

/// Our form's mark says something for so long: longer than anybody leaves the page open, and no program has much of an old one.
const MARK_LIFETIME: SignedDuration = SignedDuration::from_hours(48);
/// The clocks of several machines may be a little apart.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(5);

/// Who filled a form in, as far as it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilledIn {
    /// Somebody who had our own form before them.
    Here,
    /// Somebody with a form of another site's, or with ours in a page that was open for days.
    Elsewhere,
    /// Somebody who came back with our form sooner than people type. Some are that quick: the browser fills the address in.
    TooSoon,
    /// A program: it wrote into the field that no person sees, or made up a mark.
    ByProgram,
}

impl FilledIn {
    /// Whether the mark that came with it is ours, so that the same form may have it again.
    pub const fn has_mark(self) -> bool {
        matches!(self, Self::Here | Self::TooSoon)
    }
}

/// Who filled a form in. A form without a mark is one of another site's, and may have been open for any time.
pub fn filled_in(
    keys: &KeyRing,
    hidden_field: Option<&str>,
    stamp: Option<&str>,
    least: SignedDuration,
    now: Timestamp,
) -> FilledIn {
    if hidden_field.is_some_and(|text| !text.is_empty()) {
        return FilledIn::ByProgram;
    }
    let Some(stamp) = stamp else { return FilledIn::Elsewhere };
    let Some(Ok(shown)) = keys.verify(Purpose::Form, stamp).map(Timestamp::from_millisecond) else {
        return FilledIn::ByProgram;
    };
    let age = now.duration_since(shown);
    if age > MARK_LIFETIME || age < -CLOCKS_APART {
        FilledIn::Elsewhere
    } else if (SignedDuration::ZERO..least).contains(&age) {
        FilledIn::TooSoon
    } else {
        FilledIn::Here
    }
}

/// What the browser keeps that signed an address up: the time, and a keyed hash of it and the address. It tells nobody which.
pub fn browser_mark(keys: &KeyRing, address: &EmailAddress, now: Timestamp) -> String {
    let second = now.as_second();
    format!("{second}.{}", keys.fingerprint(&marked(second, address)))
}

/// Whether this browser signed this address up, no longer than `within` ago.
pub fn is_marked(
    keys: &KeyRing,
    mark: &str,
    address: &EmailAddress,
    within: SignedDuration,
    now: Timestamp,
) -> bool {
    let Some((second, hash)) = mark.split_once('.') else { return false };
    let Ok(second) = second.parse::<i64>() else { return false };
    let Ok(at) = Timestamp::from_second(second) else { return false };
    let age = now.duration_since(at);
    let right = keys.fingerprint(&marked(second, address));
    let same = aws_lc_rs::constant_time::verify_slices_are_equal(right.as_bytes(), hash.as_bytes()).is_ok();
    same && age > -CLOCKS_APART && age <= within
}

fn marked(second: i64, address: &EmailAddress) -> String {
    format!("browser {second} {}", address.key())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    fn keys(byte: u8) -> KeyRing {
        KeyRing::new(&[[byte; 32]]).unwrap()
    }

    #[test]
    fn a_program_is_known_by_the_hidden_field_and_by_a_foreign_mark_and_a_quick_reader_is_none() {
        use FilledIn::{ByProgram, Elsewhere, Here, TooSoon};
        let (keys, now) = (keys(1), Timestamp::UNIX_EPOCH + DAY);
        let (second, least) = (SignedDuration::from_secs(1), SignedDuration::from_secs(2));
        let own = form_stamp(&keys, now);
        let foreign = form_stamp(&super::tests::keys(2), now);
        for (hidden, stamp, at, expected) in [
            (None, None, now, Elsewhere),
            (Some(""), Some(own.as_str()), now + least, Here),
            (None, Some(&own), now + second, TooSoon),
            (None, Some(&own), now, TooSoon),
            // Shown by a machine whose clock is ahead.
            (None, Some(&own), now - second, Here),
            (None, Some(&own), now + DAY + DAY, Here),
            (None, Some(&own), now + DAY + DAY + second, Elsewhere),
            (None, Some(&own), now - DAY, Elsewhere),
            (Some("buy"), Some(&own), now + least, ByProgram),
            (Some("buy"), None, now, ByProgram),
            (None, Some("0"), now + least, ByProgram),
            (None, Some(&foreign), now + least, ByProgram),
        ] {
            assert_eq!(filled_in(&keys, hidden, stamp, least, at), expected, "{hidden:?} {at}");
        }
    }

    #[test]
    fn a_browser_is_known_for_its_address_and_its_time_only() {
        let (keys, now) = (keys(1), Timestamp::UNIX_EPOCH + DAY);
        let ann = EmailAddress::parse("Ann@example.org").unwrap();
        let other = EmailAddress::parse("bob@example.org").unwrap();
        let mark = browser_mark(&keys, &ann, now);
        assert!(is_marked(&keys, &mark, &EmailAddress::parse("ann@example.org").unwrap(), DAY, now));
        assert!(!is_marked(&keys, &mark, &other, DAY, now));
        assert!(!is_marked(&keys, &mark, &ann, DAY, now + DAY + DAY));
        assert!(!is_marked(&super::tests::keys(2), &mark, &ann, DAY, now));
        for wrong in ["", ".", "1.", &mark[1..], "x.y", "9999999999999999.abc"] {
            assert!(!is_marked(&keys, wrong, &ann, DAY, now), "{wrong}");
        }
    }
}
