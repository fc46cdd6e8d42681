//! An operator's address and roles, with the same names on the command line, in forms and in JSON.

use crate::domain::{
    operator::role::Roles,
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

#[derive(Debug, Default, Clone, clap::Args, serde::Deserialize, Validate)]
pub struct NewOperator {
    #[command(flatten)]
    #[serde(flatten)]
    #[validate(nested)]
    pub address: OperatorAddress,
    /// Roles: viewer, editor, sender, admin
    #[arg(long, value_name = "ROLES")]
    #[validate(custom(function = rules::roles))]
    pub role: Option<String>,
}

impl NewOperator {
    /// Checks the fields, and returns the address and the roles.
    pub fn checked(&self) -> Result<(EmailAddress, Option<Roles>), Problems> {
        Problems::check(self)?;
        let roles = self.role.as_deref().map(str::parse).transpose();
        Ok((self.address.checked()?, roles.map_err(|_| Code::Roles.at("role"))?))
    }
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
        fn an_operator_that_passes_the_rules_can_be_converted(
            address in "[a-z.]{0,5}@([a-z]{1,3}\\.){0,2}[a-z]{0,3}|\\PC{0,9}",
            role in prop::option::of("(viewer|editor|sender|admin|, ?){0,4}|\\PC{0,6}"),
        ) {
            let address = OperatorAddress { address };
            prop_assert_eq!(Problems::check(&address).is_ok(), address.checked().is_ok());
            let operator = NewOperator { address, role };
            prop_assert_eq!(Problems::check(&operator).is_ok(), operator.checked().is_ok());
        }
    }
}
