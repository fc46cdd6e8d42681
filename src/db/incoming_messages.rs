//! Table `incoming_messages`: messages that changed nothing, kept for an operator.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as},
    },
    domain::delivery::incoming::IncomingKind,
};
use jiff::Timestamp;

/// A message to keep.
#[derive(Debug, Clone)]
pub struct NewMessage<'a> {
    /// In the envelope.
    pub recipient: Option<&'a str>,
    /// The address in its `From` header.
    pub sender: &'a str,
    pub kind: IncomingKind,
    /// Why it changed nothing.
    pub reason: &'a str,
    /// SHA-256 in hexadecimal digits.
    pub hash: &'a str,
    pub message: &'a [u8],
}

/// Keeps a message. The same message is kept once.
pub async fn insert(tx: &mut Tx, it: &NewMessage<'_>, now: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO incoming_messages (received_at, recipient, sender, kind, reason, message_hash, message) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        DbTime(now),
        it.recipient,
        it.sender,
        it.kind,
        it.reason,
        it.hash,
        it.message
    )
    .execute()
    .await
}

/// A kept message without its text.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct KeptMessage {
    pub id: i64,
    pub received_at: DbTime,
    pub recipient: Option<String>,
    pub sender: String,
    pub kind: IncomingKind,
    pub reason: String,
}

/// Returns the latest kept messages, newest first.
pub async fn latest(tx: &mut Tx, limit: i64) -> Result<Vec<KeptMessage>, DbError> {
    query_as!(
        tx,
        "SELECT id, received_at, recipient, sender, kind, reason FROM incoming_messages \
         ORDER BY received_at DESC, id DESC LIMIT $1",
        limit
    )
    .fetch_all()
    .await
}

/// Returns the text of a kept message.
pub async fn text(tx: &mut Tx, id: i64) -> Result<Option<Vec<u8>>, DbError> {
    let found: Option<(Vec<u8>,)> =
        query_as!(tx, "SELECT message FROM incoming_messages WHERE id = $1", id).fetch_optional().await?;
    Ok(found.map(|(message,)| message))
}

/// Removes messages received by a time, at most `limit`. Returns their number.
pub async fn erase_until(tx: &mut Tx, until: Timestamp, limit: i64) -> Result<u64, DbError> {
    query!(
        tx,
        "DELETE FROM incoming_messages WHERE id IN (SELECT id FROM incoming_messages WHERE received_at <= $1 \
         ORDER BY received_at LIMIT $2)",
        DbTime(until),
        limit
    )
    .rows_affected()
    .await
}
