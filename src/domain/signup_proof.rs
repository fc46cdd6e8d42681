//! What a browser can show for itself: that it saw the form a moment ago, and that it signed an address up.

use super::{
    email_address::EmailAddress,
    token::{KeyRing, Purpose},
};
use jiff::{SignedDuration, Timestamp};

/// The mark in a form that says when it was shown.
pub fn form_stamp(keys: &KeyRing, now: Timestamp) -> String {
    keys.sign(Purpose::Form, now.as_millisecond())
}

/// Whether a program filled the form in: it wrote into the field that no person sees, or came back sooner than anyone types, or
/// with a mark that is not ours. A form without a mark is one of another site's, and may have been open for any time.
pub fn is_automatic(
    keys: &KeyRing,
    hidden_field: Option<&str>,
    stamp: Option<&str>,
    least: SignedDuration,
    now: Timestamp,
) -> bool {
    let filled = hidden_field.is_some_and(|text| !text.is_empty());
    let hasty = stamp.is_some_and(|stamp| {
        let shown = keys.verify(Purpose::Form, stamp).map(Timestamp::from_millisecond);
        !matches!(shown, Some(Ok(shown)) if now.duration_since(shown) >= least)
    });
    filled || hasty
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
    // The clocks of several machines may be a little apart.
    same && age > SignedDuration::from_mins(-5) && age <= within
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
    fn a_program_is_known_by_haste_by_the_hidden_field_and_by_a_foreign_mark() {
        let (keys, now) = (keys(1), Timestamp::UNIX_EPOCH + DAY);
        let least = SignedDuration::from_secs(2);
        let stamp = form_stamp(&keys, now);
        let automatic = |hidden, stamp, at| is_automatic(&keys, hidden, stamp, least, at);
        assert!(!automatic(None, None, now), "a plain form of another site");
        assert!(!automatic(Some(""), Some(stamp.as_str()), now + least));
        assert!(automatic(None, Some(stamp.as_str()), now + SignedDuration::from_secs(1)));
        assert!(automatic(Some("buy"), Some(stamp.as_str()), now + least));
        assert!(automatic(Some("buy"), None, now));
        assert!(automatic(None, Some("0"), now + least));
        assert!(automatic(None, Some(form_stamp(&super::tests::keys(2), now).as_str()), now + least));
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
