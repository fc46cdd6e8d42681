//! Form tokens and browser bindings: signed by us, kept by the browser, and sent back with a signup or
//! confirmation.

use crate::domain::{
    subscriber::email_address::EmailAddress,
    token::{KeyRing, Purpose},
};
use jiff::{SignedDuration, Timestamp};

/// Returns a token with the time at which the form was shown.
pub fn form_token(keys: &KeyRing, now: Timestamp) -> String {
    keys.sign(Purpose::Form, now.as_millisecond())
}

/// How long a form token is accepted. Few readers leave a page open longer, and an old token is of little use
/// to a bot.
const LIFETIME: SignedDuration = SignedDuration::from_hours(48);
/// Tolerance between the clocks of several servers.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmissionOrigin {
    /// Our own form.
    OwnForm,
    /// A form on another site, or ours in a page that was open for days.
    OtherForm,
    /// Our own form, submitted faster than people type. Browsers with autofill do that too.
    TooFast,
    /// A bot: it filled in the hidden field, or forged the token.
    Automated,
}

impl SubmissionOrigin {
    /// Whether the submitted token is ours, so that the form can be shown with it again.
    pub const fn has_token(self) -> bool {
        matches!(self, Self::OwnForm | Self::TooFast)
    }
}

/// Determines the origin of a submission. `min_time` is the minimum time for filling in the form. A form
/// without a token belongs to another site and may have been open for any time.
pub fn submission_origin(
    keys: &KeyRing,
    hidden_field: Option<&str>,
    token: Option<&str>,
    min_time: SignedDuration,
    now: Timestamp,
) -> SubmissionOrigin {
    if hidden_field.is_some_and(|text| !text.is_empty()) {
        return SubmissionOrigin::Automated;
    }
    let Some(token) = token else { return SubmissionOrigin::OtherForm };
    let Some(Ok(shown_at)) = keys.verify(Purpose::Form, token).map(Timestamp::from_millisecond) else {
        return SubmissionOrigin::Automated;
    };
    let age = now.duration_since(shown_at);
    if age > LIFETIME || age < -CLOCK_TOLERANCE {
        SubmissionOrigin::OtherForm
    } else if (SignedDuration::ZERO..min_time).contains(&age) {
        SubmissionOrigin::TooFast
    } else {
        SubmissionOrigin::OwnForm
    }
}

/// Returns the binding that a browser stores after a signup: the time, and a keyed hash of time and address.
/// It doesn't reveal the address.
pub fn browser_binding(keys: &KeyRing, address: &EmailAddress, now: Timestamp) -> String {
    let second = now.as_second();
    format!("{second}.{}", keys.fingerprint(&bound_text(second, address)))
}

/// Whether this browser signed up this address, at most `within` ago.
pub fn is_bound_browser(
    keys: &KeyRing,
    binding: &str,
    address: &EmailAddress,
    within: SignedDuration,
    now: Timestamp,
) -> bool {
    let Some((second, hash)) = binding.split_once('.') else { return false };
    let Ok(second) = second.parse::<i64>() else { return false };
    let Ok(at) = Timestamp::from_second(second) else { return false };
    let age = now.duration_since(at);
    let expected = keys.fingerprint(&bound_text(second, address));
    let is_equal =
        aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), hash.as_bytes()).is_ok();
    is_equal && age > -CLOCK_TOLERANCE && age <= within
}

fn bound_text(second: i64, address: &EmailAddress) -> String {
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
    fn a_hidden_field_or_a_forged_token_reveals_a_bot_but_speed_alone_does_not() {
        use SubmissionOrigin::{Automated, OtherForm, OwnForm, TooFast};
        let (keys, now) = (keys(1), Timestamp::UNIX_EPOCH + DAY);
        let (second, min_time) = (SignedDuration::from_secs(1), SignedDuration::from_secs(2));
        let own = form_token(&keys, now);
        let foreign = form_token(&super::tests::keys(2), now);
        for (hidden, token, at, expected) in [
            (None, None, now, OtherForm),
            (Some(""), Some(own.as_str()), now + min_time, OwnForm),
            (None, Some(&own), now + second, TooFast),
            (None, Some(&own), now, TooFast),
            // Shown by a server whose clock is ahead.
            (None, Some(&own), now - second, OwnForm),
            (None, Some(&own), now + DAY + DAY, OwnForm),
            (None, Some(&own), now + DAY + DAY + second, OtherForm),
            (None, Some(&own), now - DAY, OtherForm),
            (Some("buy"), Some(&own), now + min_time, Automated),
            (Some("buy"), None, now, Automated),
            (None, Some("0"), now + min_time, Automated),
            (None, Some(&foreign), now + min_time, Automated),
        ] {
            assert_eq!(submission_origin(&keys, hidden, token, min_time, at), expected, "{hidden:?} {at}");
        }
    }

    #[test]
    fn a_binding_is_valid_for_its_address_and_time_only() {
        let (keys, now) = (keys(1), Timestamp::UNIX_EPOCH + DAY);
        let ann = EmailAddress::parse("Ann@example.org").unwrap();
        let other = EmailAddress::parse("bob@example.org").unwrap();
        let binding = browser_binding(&keys, &ann, now);
        assert!(is_bound_browser(
            &keys,
            &binding,
            &EmailAddress::parse("ann@example.org").unwrap(),
            DAY,
            now
        ));
        assert!(!is_bound_browser(&keys, &binding, &other, DAY, now));
        assert!(!is_bound_browser(&keys, &binding, &ann, DAY, now + DAY + DAY));
        assert!(!is_bound_browser(&super::tests::keys(2), &binding, &ann, DAY, now));
        for wrong in ["", ".", "1.", &binding[1..], "x.y", "9999999999999999.abc"] {
            assert!(!is_bound_browser(&keys, wrong, &ann, DAY, now), "{wrong}");
        }
    }
}
