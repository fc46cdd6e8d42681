//! The sender of an issue, as it was when the issue was frozen: every copy names the same one, and a repeated copy has
//! the same Message-ID.

use crate::{
    db::{
        DbError, Tx,
        engine::query::{query, query_as},
    },
    domain::{ids::IssueId, newsletter::Newsletter, subscriber::email_address::EmailAddress},
};

/// Keeps the newsletter's present sender for an issue.
pub async fn set_sender(tx: &mut Tx, id: IssueId, newsletter: &Newsletter) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE issues SET sender_name = $2, sender_address = $3, reply_to = $4 WHERE id = $1",
        id,
        &newsletter.sender_name,
        &newsletter.sender_address,
        newsletter.reply_to.as_ref()
    )
    .execute()
    .await
}

#[derive(sqlx::FromRow)]
struct Row {
    sender_name: String,
    sender_address: EmailAddress,
    reply_to: Option<EmailAddress>,
}

/// Gives a newsletter the sender that an issue was frozen with.
pub async fn restore_sender(tx: &mut Tx, id: IssueId, newsletter: &mut Newsletter) -> Result<(), DbError> {
    let kept: Option<Row> = query_as!(
        tx,
        "SELECT sender_name, sender_address, reply_to FROM issues WHERE id = $1 AND sender_address IS NOT NULL",
        id
    )
    .fetch_optional()
    .await?;
    if let Some(kept) = kept {
        newsletter.sender_name = kept.sender_name;
        newsletter.sender_address = kept.sender_address;
        newsletter.reply_to = kept.reply_to;
    }
    Ok(())
}
