//! The addresses that are not accepted, at signup or as a reader's new address.

use super::blocked_domains::BlockedDomains;
use crate::domain::{
    signup::mail_domains::is_role_address,
    subscriber::{email_address::EmailAddress, erasure::is_placeholder},
};
use jiff::Timestamp;

/// The operator's rules about addresses.
#[derive(Debug)]
pub struct AddressPolicy {
    pub blocked_domains: BlockedDomains,
    /// Whether role addresses, such as info@, are accepted.
    pub allow_role_accounts: bool,
}

/// Why an address is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressRejection {
    /// A placeholder, or an address at a blocked domain.
    Blocked,
    /// A role address.
    RoleAccount,
}

impl AddressPolicy {
    /// Checks an address without looking anything up.
    pub fn check(&self, address: &EmailAddress, now: Timestamp) -> Result<(), AddressRejection> {
        if is_placeholder(address.as_str()) || self.blocked_domains.contains(address.domain(), now) {
            return Err(AddressRejection::Blocked);
        }
        if !self.allow_role_accounts && is_role_address(address) {
            return Err(AddressRejection::RoleAccount);
        }
        Ok(())
    }
}
