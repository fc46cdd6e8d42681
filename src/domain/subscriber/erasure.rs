//! Erased readers: the fingerprint and placeholder that remain of an address.

use crate::domain::subscriber::email_address::EmailAddress;
use aws_lc_rs::hmac;

/// Returns a fingerprint of an address: an HMAC-SHA-256 under this installation's salt. It can't be reversed,
/// but with the salt a suspected address can be tested.
pub fn fingerprint(salt: &str, address_key: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, salt.as_bytes());
    hex::encode(hmac::sign(&key, address_key.as_bytes()))
}

/// Returns the placeholder for an erased reader's address. Its domain never accepts email (RFC 2606 section
/// 2).
pub fn placeholder(subscriber: i64) -> Option<EmailAddress> {
    EmailAddress::parse(&format!("forgotten-{subscriber}@forgotten.invalid")).ok()
}

/// Whether an address is the placeholder of an erased reader. It can't sign up or act as a reader.
pub fn is_placeholder(address: &str) -> bool {
    address.ends_with("@forgotten.invalid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_the_salt() {
        let found = fingerprint("salt", "ann@example.org");
        assert_eq!(found.len(), 64);
        assert_eq!(found, fingerprint("salt", "ann@example.org"));
        assert_ne!(found, fingerprint("other", "ann@example.org"));
        assert!(placeholder(i64::MAX).is_some_and(|it| is_placeholder(it.as_str())));
        assert!(!is_placeholder("ann@example.org"));
    }
}
