//! Time-based one-time passwords (RFC 6238) with SHA-1, six digits and 30 seconds, as every authenticator program knows
//! them.

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use url::form_urlencoded::byte_serialize;

/// Length of a key, as RFC 4226 section 4 recommends.
pub const KEY_BYTES: usize = 20;
const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;
/// Steps before and after the present one whose codes count, for clocks that are not exact.
const TOLERANCE: i64 = 1;

/// Returns the code of a time step (RFC 4226 section 5.3).
fn code_at(key: &[u8; KEY_BYTES], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes[bytes.len() - 1] & 0x0f);
    let word = bytes[offset..offset + 4].iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
    format!("{:0DIGITS$}", (word & 0x7fff_ffff) % 1_000_000)
}

/// Returns the present code, for tests and for those who write programs that sign in.
pub fn code(key: &[u8; KEY_BYTES], now: Timestamp) -> String {
    code_at(key, now.as_second().div_euclid(STEP_SECONDS))
}

/// Returns the time step of a valid code, or `None`. A code counts once: `last` is the step of the last used one.
pub fn verify(key: &[u8; KEY_BYTES], code: &str, last: Option<i64>, now: Timestamp) -> Option<i64> {
    let typed: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let present = now.as_second().div_euclid(STEP_SECONDS);
    let mut found = None;
    // All steps are compared, so that the time doesn't tell which one was near.
    for step in present - TOLERANCE..=present + TOLERANCE {
        let is_equal = aws_lc_rs::constant_time::verify_slices_are_equal(
            code_at(key, step).as_bytes(),
            typed.as_bytes(),
        )
        .is_ok();
        if is_equal && last.is_none_or(|last| step > last) {
            found = Some(step);
        }
    }
    found
}

/// Writes a key for people, in groups of four characters.
pub fn written_key(key: &[u8; KEY_BYTES]) -> String {
    let text = BASE32_NOPAD.encode(key);
    let groups: Vec<String> =
        text.as_bytes().chunks(4).map(|it| String::from_utf8_lossy(it).into_owned()).collect();
    groups.join(" ")
}

/// Returns the address that an authenticator program reads from a QR code.
pub fn setup_url(key: &[u8; KEY_BYTES], host: &str, account: &str) -> String {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let (issuer, account) = (encode(&format!("Daily {host}")), encode(account));
    format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", BASE32_NOPAD.encode(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 6238's test vectors.
    const KEY: &[u8; KEY_BYTES] = b"12345678901234567890";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        for (second, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(KEY, at(second)), expected);
        }
    }

    #[test]
    fn a_code_counts_once_and_near_its_time() {
        let typed = code(KEY, at(1000));
        let step = verify(KEY, &typed, None, at(1000)).unwrap();
        assert_eq!(verify(KEY, &format!("{} {}", &typed[..3], &typed[3..]), None, at(1030)), Some(step));
        assert_eq!(verify(KEY, &typed, Some(step), at(1000)), None, "it was used");
        assert_eq!(verify(KEY, &typed, None, at(1100)), None, "it is old");
        assert_eq!(verify(KEY, "12345", None, at(1000)), None);
    }

    #[test]
    fn the_setup_address_is_escaped() {
        let url = setup_url(KEY, "news.example", "ann+1@example.org");
        assert!(
            url.starts_with("otpauth://totp/Daily%20news.example:ann%2B1%40example.org?secret=GEZD"),
            "{url}"
        );
        assert_eq!(written_key(KEY).split(' ').count(), 8);
    }
}
