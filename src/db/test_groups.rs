//! Table `test_addresses`: named groups of addresses that tests go to.

use crate::{
    db::{
        DbError, Tx,
        engine::query::{query, query_as},
    },
    domain::{ids::NewsletterId, subscriber::email_address::EmailAddress},
};

/// A group of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestGroup {
    pub name: String,
    pub addresses: Vec<EmailAddress>,
}

/// Returns a newsletter's groups by name.
pub async fn for_newsletter(tx: &mut Tx, newsletter: NewsletterId) -> Result<Vec<TestGroup>, DbError> {
    let rows: Vec<(String, EmailAddress)> = query_as!(
        tx,
        "SELECT group_name, address FROM test_addresses WHERE newsletter_id = $1 ORDER BY group_name, address",
        newsletter
    )
    .fetch_all()
    .await?;
    let mut groups: Vec<TestGroup> = Vec::new();
    for (name, address) in rows {
        match groups.last_mut().filter(|group| group.name == name) {
            Some(group) => group.addresses.push(address),
            None => groups.push(TestGroup { name, addresses: vec![address] }),
        }
    }
    Ok(groups)
}

/// Returns a newsletter's group of this name.
pub async fn get(tx: &mut Tx, newsletter: NewsletterId, name: &str) -> Result<Option<TestGroup>, DbError> {
    Ok(for_newsletter(tx, newsletter).await?.into_iter().find(|group| group.name == name))
}

/// Replaces the addresses of a group. Without any, there is no such group any more.
pub async fn set(
    tx: &mut Tx,
    newsletter: NewsletterId,
    name: &str,
    addresses: &[EmailAddress],
) -> Result<(), DbError> {
    query!(tx, "DELETE FROM test_addresses WHERE newsletter_id = $1 AND group_name = $2", newsletter, name)
        .execute()
        .await?;
    for address in addresses {
        query!(
            tx,
            "INSERT INTO test_addresses (newsletter_id, group_name, address_key, address) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (newsletter_id, group_name, address_key) DO NOTHING",
            newsletter,
            name,
            address.key(),
            address
        )
        .execute()
        .await?;
    }
    Ok(())
}
