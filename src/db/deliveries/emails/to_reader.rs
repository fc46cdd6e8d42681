//! Single emails to one address, for the support desk.

use crate::{
    db::{DbError, DbTime, Tx, engine::query::query_as},
    domain::{
        delivery::email::{EmailKind, EmailStatus},
        ids::EmailId,
        subscriber::email_address::EmailAddress,
    },
};

/// A single email as an operator sees it.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct SentEmail {
    pub id: EmailId,
    pub kind: EmailKind,
    /// The newsletter's short name.
    pub newsletter: String,
    pub status: EmailStatus,
    pub created_at: DbTime,
    pub attempts: i64,
    pub reply_code: Option<i64>,
    pub reply_text: Option<String>,
    pub finished_at: Option<DbTime>,
}

/// Returns a page of the emails to an address before an email, latest first.
pub async fn to_address(
    tx: &mut Tx,
    address: &EmailAddress,
    before: EmailId,
    limit: i64,
) -> Result<Vec<SentEmail>, DbError> {
    query_as!(
        tx,
        "SELECT m.id, m.kind, n.slug AS newsletter, m.status, m.created_at, m.attempts, m.reply_code, m.reply_text, \
         m.finished_at FROM emails m JOIN newsletters n ON n.id = m.newsletter_id WHERE lower(m.recipient) = $1 \
         AND m.id < $2 ORDER BY m.id DESC LIMIT $3",
        address.key(),
        before,
        limit
    )
    .fetch_all()
    .await
}
