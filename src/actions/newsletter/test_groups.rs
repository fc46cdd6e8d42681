//! An operator keeps groups of addresses that tests go to.

use crate::{
    actions::Context,
    db::{DbError, audit, newsletters::NewsletterRecord, test_groups},
    domain::{actor::Actor, subscriber::email_address::EmailAddress},
};
use serde_json::json;

/// Most addresses of a group, and of one test.
pub const MOST_ADDRESSES: usize = 20;
/// Most groups of a newsletter.
pub const MOST_GROUPS: usize = 20;
/// Longest name of a group, in characters.
const MAX_NAME_CHARS: usize = 40;

/// Why addresses or a group are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    #[error("“{0}” is not an email address")]
    Address(String),
    #[error("these are more than {MOST_ADDRESSES} addresses")]
    TooManyAddresses,
    #[error("there are {MOST_GROUPS} groups already")]
    TooManyGroups,
    #[error("a group has a name of at most {MAX_NAME_CHARS} characters")]
    Name,
}

/// Parses addresses that are separated by commas, semicolons or spaces.
pub fn parse_addresses(text: &str) -> Result<Vec<EmailAddress>, GroupError> {
    let parts = text.split([',', ';', ' ', '\n', '\r', '\t']).filter(|part| !part.is_empty());
    let mut addresses: Vec<EmailAddress> = Vec::new();
    for part in parts {
        let address = EmailAddress::parse(part)
            .map_err(|_| GroupError::Address(part.chars().take(MAX_NAME_CHARS).collect()))?;
        if !addresses.iter().any(|known| known.key() == address.key()) {
            addresses.push(address);
        }
    }
    if addresses.len() > MOST_ADDRESSES { Err(GroupError::TooManyAddresses) } else { Ok(addresses) }
}

/// Replaces the addresses of a newsletter's group. Without any, the group is removed. The audit log has their number
/// only, because they may be anybody's.
pub async fn set_test_group(
    context: &Context,
    actor: &Actor,
    newsletter: &NewsletterRecord,
    name: &str,
    addresses: &[EmailAddress],
) -> Result<Result<(), GroupError>, DbError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        return Ok(Err(GroupError::Name));
    }
    let mut tx = context.db.begin().await?;
    let groups = test_groups::for_newsletter(&mut tx, newsletter.id).await?;
    let before = groups.iter().find(|group| group.name == name).map(|group| group.addresses.len());
    if before.is_none() && !addresses.is_empty() && groups.len() >= MOST_GROUPS {
        return Ok(Err(GroupError::TooManyGroups));
    }
    test_groups::set(&mut tx, newsletter.id, name, addresses).await?;
    let entry = audit::Entry {
        actor,
        action: "newsletter.test_group",
        subject: Some(newsletter.id.0),
        before: json!({ "group": name, "addresses": before }),
        after: json!({ "group": name, "addresses": addresses.len() }),
    };
    audit::record(&mut tx, entry, context.clock.now()).await?;
    tx.commit().await?;
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_once_each() {
        let parsed = parse_addresses("ann@example.org, Ann@example.org;\r\nben@example.org").unwrap();
        let texts: Vec<&str> = parsed.iter().map(EmailAddress::as_str).collect();
        assert_eq!(texts, ["ann@example.org", "ben@example.org"]);
        assert_eq!(parse_addresses("ann@example.org nobody"), Err(GroupError::Address("nobody".into())));
        let many: Vec<String> = (0..=MOST_ADDRESSES).map(|number| format!("a{number}@example.org")).collect();
        let many = many.join(" ");
        assert_eq!(parse_addresses(&many), Err(GroupError::TooManyAddresses));
        assert_eq!(parse_addresses(" "), Ok(Vec::new()));
    }
}
