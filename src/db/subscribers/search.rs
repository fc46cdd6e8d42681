//! Finds readers by address. Every query reads an index from a known point, however many readers there are.

use crate::{
    db::{DbError, DbTime, Tx, engine::query::query_as},
    domain::{ids::SubscriberId, subscriber::email_address::EmailAddress},
};

/// A reader who was not erased.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct FoundReader {
    pub id: SubscriberId,
    pub address: EmailAddress,
    pub created_at: DbTime,
}

macro_rules! select_reader {
    ($rest:literal) => {
        concat!("SELECT id, address, created_at FROM subscribers WHERE erased_at IS NULL AND ", $rest)
    };
}

/// Returns the reader with this id.
pub async fn by_id(tx: &mut Tx, id: SubscriberId) -> Result<Option<FoundReader>, DbError> {
    query_as!(tx, select_reader!("id = $1"), id).fetch_optional().await
}

/// Returns the reader with this address.
pub async fn by_address(tx: &mut Tx, address: &EmailAddress) -> Result<Option<FoundReader>, DbError> {
    query_as!(tx, select_reader!("address_key = $1"), address.key()).fetch_optional().await
}

/// Returns readers whose addresses begin with a text, in the order of their addresses.
pub async fn by_beginning(tx: &mut Tx, text: &str, limit: i64) -> Result<Vec<FoundReader>, DbError> {
    let from = text.to_ascii_lowercase();
    // Addresses are ASCII, so everything that begins with the text sorts before this.
    let until = format!("{from}\u{7f}");
    query_as!(
        tx,
        select_reader!(
            "address_key {postgres COLLATE \"C\"} >= $1 AND address_key {postgres COLLATE \"C\"} < $2 \
             ORDER BY address_key {postgres COLLATE \"C\"} LIMIT $3"
        ),
        from,
        until,
        limit
    )
    .fetch_all()
    .await
}

/// Returns readers at a domain after `after`, in the order they first signed up.
pub async fn by_domain(
    tx: &mut Tx,
    domain: &str,
    after: SubscriberId,
    limit: i64,
) -> Result<Vec<FoundReader>, DbError> {
    query_as!(tx, select_reader!("domain = $1 AND id > $2 ORDER BY id LIMIT $3"), domain, after, limit)
        .fetch_all()
        .await
}

/// Returns the readers who signed up last, latest first.
pub async fn latest(tx: &mut Tx, limit: i64) -> Result<Vec<FoundReader>, DbError> {
    query_as!(tx, select_reader!("id > 0 ORDER BY id DESC LIMIT $1"), limit).fetch_all().await
}
