//! Passwords: their strength, and their argon2id hashes (RFC 9106).

use argon2::{
    Argon2, PasswordHash, PasswordHasher as _, PasswordVerifier as _,
    password_hash::{Error, SaltString},
};

/// Shortest password, in characters.
pub const MIN_CHARS: usize = 10;
/// Longest password, in bytes. Longer ones would only cost time.
pub const MAX_BYTES: usize = 1024;
/// Length of a salt.
pub const SALT_BYTES: usize = 16;
/// The lowest acceptable score of zxcvbn, from 0 to 4: safe from guessing over the network, and hard to guess offline.
const MIN_SCORE: zxcvbn::Score = zxcvbn::Score::Three;
/// Characters that zxcvbn looks at. Its time grows with the square of the length.
const SCORED_CHARS: usize = 100;

/// Returns why a password is too weak, with advice, or `None` if it is strong enough. `personal` are words that an
/// attacker would try, such as the operator's name and address.
pub fn weakness(password: &str, personal: &[&str]) -> Option<String> {
    if password.len() > MAX_BYTES {
        return Some(format!("It is longer than {MAX_BYTES} bytes."));
    }
    if password.chars().count() < MIN_CHARS {
        return Some(format!(
            "It needs at least {MIN_CHARS} characters. Several words in a row are easy to remember."
        ));
    }
    let scored: String = password.chars().take(SCORED_CHARS).collect();
    let entropy = zxcvbn::zxcvbn(&scored, personal);
    if entropy.score() >= MIN_SCORE {
        return None;
    }
    let warning = entropy.feedback().and_then(|it| it.warning()).map(|it| it.to_string());
    let advice = "Add another word or two. Uncommon words are better.";
    Some(warning.map_or(format!("It is easy to guess. {advice}"), |it| format!("{it} {advice}")))
}

/// Hashes a password. The salt must be random. Takes about 20 MB and a good part of a second.
pub fn hash(password: &str, salt: [u8; SALT_BYTES]) -> Result<String, Error> {
    let salt = SaltString::encode_b64(&salt)?;
    Ok(Argon2::default().hash_password(password.as_bytes(), &salt)?.to_string())
}

/// A hash that no password matches, in the form and with the cost of real ones.
const NO_PASSWORD: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Whether a password matches a hash. Without a hash, does the same work and returns `false`, so that the time tells
/// nobody which accounts exist.
pub fn matches(password: &str, hash: Option<&str>) -> bool {
    let Ok(parsed) = PasswordHash::new(hash.unwrap_or(NO_PASSWORD)) else { return false };
    let is_right = password.len() <= MAX_BYTES
        && Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
    is_right && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused_with_a_reason() {
        for weak in
            ["short", "password123", "qwertyuiop", "aaaaaaaaaaaaaa", "ines.marlow1", &"x".repeat(1025)]
        {
            assert!(weakness(weak, &["ines.marlow", "ines"]).is_some(), "{weak}");
        }
        for strong in ["gravel lantern otter quay", "vB7#kq2!xTz9"] {
            assert_eq!(weakness(strong, &["ines"]), None, "{strong}");
        }
    }

    #[test]
    fn only_the_right_password_matches() {
        let hashed = hash("gravel lantern otter", [7; SALT_BYTES]).unwrap();
        assert!(hashed.starts_with("$argon2id$"), "{hashed}");
        assert!(matches("gravel lantern otter", Some(&hashed)));
        assert!(!matches("gravel lantern otters", Some(&hashed)));
        assert!(!matches("", None) && !matches("gravel lantern otter", None));
        assert!(PasswordHash::new(NO_PASSWORD).is_ok(), "unknown accounts cost as much as known ones");
    }
}
