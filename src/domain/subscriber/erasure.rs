//! Readers who asked to be forgotten: what remains of an address.

use crate::domain::subscriber::email_address::EmailAddress;
use aws_lc_rs::hmac;

/// An address that nobody can read back: a hash (HMAC-SHA-256) under this installation's salt. Who has both could still try
/// addresses they suspect.
pub fn print(salt: &str, address_key: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, salt.as_bytes());
    hex::encode(hmac::sign(&key, address_key.as_bytes()))
}

/// What stands in the place of a forgotten reader's address: one that never takes mail (RFC 2606 section 2).
pub fn placeholder(subscriber: i64) -> Option<EmailAddress> {
    EmailAddress::parse(&format!("forgotten-{subscriber}@forgotten.invalid")).ok()
}

/// Whether an address stands in the place of one that was erased. Nobody has it, so nobody signs up with it or acts in its name.
pub fn is_placeholder(address: &str) -> bool {
    address.ends_with("@forgotten.invalid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_print_needs_the_salt_and_does_not_show_the_address() {
        let found = print("salt", "ann@example.org");
        assert_eq!(found.len(), 64);
        assert_eq!(found, print("salt", "ann@example.org"));
        assert_ne!(found, print("other", "ann@example.org"));
        assert!(placeholder(i64::MAX).is_some_and(|it| is_placeholder(it.as_str())));
        assert!(!is_placeholder("ann@example.org"));
    }
}
