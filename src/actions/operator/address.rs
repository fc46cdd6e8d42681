//! An operator's address, with the same name on the command line, in forms and in JSON.

use crate::domain::{
    subscriber::email_address::EmailAddress,
    validation::{Code, Problems, rules},
};
use validator::Validate;

#[derive(Debug, Default, Clone, clap::Args, serde::Deserialize, Validate)]
pub struct OperatorAddress {
    /// Email address of the operator
    #[validate(custom(function = rules::address))]
    pub address: String,
}

impl OperatorAddress {
    /// Checks and returns the address.
    pub fn checked(&self) -> Result<EmailAddress, Problems> {
        Problems::check(self)?;
        EmailAddress::parse(&self.address).map_err(|_| Code::AddressForm.at("address").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_address_that_passes_the_rules_can_be_converted(address in "[a-z.]{0,5}@([a-z]{1,3}\\.){0,2}[a-z]{0,3}|\\PC{0,9}") {
            let operator = OperatorAddress { address };
            prop_assert_eq!(Problems::check(&operator).is_ok(), operator.checked().is_ok());
        }
    }
}
