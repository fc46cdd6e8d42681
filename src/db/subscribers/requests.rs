//! Table `reader_requests`: readers' requests that need a link by email.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
        subscribers::Evidence,
    },
    domain::{
        ids::{RequestId, SubscriberId, SubscriptionId},
        subscriber::{email_address::EmailAddress, request::RequestKind},
    },
};
use jiff::Timestamp;

/// A reader's request.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ReaderRequest {
    pub id: RequestId,
    pub subscription_id: SubscriptionId,
    pub kind: RequestKind,
    /// When its links stop working.
    pub expires_at: DbTime,
    /// The reader's address at that time.
    pub old_address: EmailAddress,
    /// The address the reader wants.
    pub new_address: Option<EmailAddress>,
    pub old_confirmed_at: Option<DbTime>,
    pub old_client_address: Option<String>,
    pub old_user_agent: Option<String>,
    pub new_confirmed_at: Option<DbTime>,
    pub new_client_address: Option<String>,
    pub new_user_agent: Option<String>,
    pub done_at: Option<DbTime>,
}

/// How one of the two addresses confirmed a change.
#[derive(Debug, Clone)]
pub struct Press {
    pub at: Timestamp,
    pub evidence: Evidence,
}

impl ReaderRequest {
    /// Returns how an address confirmed, if it did.
    pub fn press(&self, end: End) -> Option<Press> {
        let (at, client_address, user_agent) = match end {
            End::Old => (self.old_confirmed_at, &self.old_client_address, &self.old_user_agent),
            End::New => (self.new_confirmed_at, &self.new_client_address, &self.new_user_agent),
        };
        let (client_address, user_agent) = (client_address.clone(), user_agent.clone());
        Some(Press { at: at?.0, evidence: Evidence { client_address, user_agent, source_url: None } })
    }
}

/// One of the two addresses of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The current address.
    Old,
    /// The new address.
    New,
}

/// Adds a request.
pub async fn insert(
    tx: &mut Tx,
    subscription: SubscriptionId,
    kind: RequestKind,
    old: &EmailAddress,
    new: Option<&EmailAddress>,
    now: Timestamp,
) -> Result<RequestId, DbError> {
    query_scalar!(
        tx,
        "INSERT INTO reader_requests (subscription_id, kind, requested_at, expires_at, old_address, \
         new_address, new_address_key) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
        subscription,
        kind,
        DbTime(now),
        DbTime(now + kind.lifetime()),
        old,
        new,
        new.map(EmailAddress::key)
    )
    .fetch_one()
    .await
}

macro_rules! select_request {
    ($rest:literal) => {
        concat!(
            "SELECT id, subscription_id, kind, expires_at, old_address, new_address, old_confirmed_at, \
             old_client_address, old_user_agent, new_confirmed_at, new_client_address, new_user_agent, \
             done_at FROM reader_requests ",
            $rest
        )
    };
}

/// Returns the request with this id.
pub async fn get(tx: &mut Tx, id: RequestId) -> Result<Option<ReaderRequest>, DbError> {
    query_as!(tx, select_request!("WHERE id = $1"), id).fetch_optional().await
}

/// Records that an address confirmed, and how. Only the first time counts.
pub async fn set_confirmed(
    tx: &mut Tx,
    id: RequestId,
    end: End,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<(), DbError> {
    macro_rules! set {
        ($end:literal) => {
            concat!(
                "UPDATE reader_requests SET ",
                $end,
                "_confirmed_at = $2, ",
                $end,
                "_client_address = $3, ",
                $end,
                "_user_agent = $4 WHERE id = $1 AND done_at IS NULL AND ",
                $end,
                "_confirmed_at IS NULL"
            )
        };
    }
    let statement = match end {
        End::Old => set!("old"),
        End::New => set!("new"),
    };
    query!(tx, portable statement, id, DbTime(now), &evidence.client_address, &evidence.user_agent)
        .execute()
        .await
}

/// Records that a request is done.
pub async fn set_done(tx: &mut Tx, id: RequestId, now: Timestamp) -> Result<(), DbError> {
    query!(tx, "UPDATE reader_requests SET done_at = $2 WHERE id = $1 AND done_at IS NULL", id, DbTime(now))
        .execute()
        .await
}

/// Gives the requests of one subscription, and the emails about them, to another one.
pub async fn reassign(tx: &mut Tx, from: SubscriptionId, to: SubscriptionId) -> Result<(), DbError> {
    for statement in [
        "UPDATE reader_requests SET subscription_id = $2 WHERE subscription_id = $1",
        "UPDATE emails SET subscription_id = $2 WHERE subscription_id = $1 AND request_id IS NOT NULL",
    ] {
        query!(tx, portable statement, from, to).execute().await?;
    }
    Ok(())
}

/// Ends a request that can't be done. Its links stop working.
pub async fn close(tx: &mut Tx, id: RequestId, now: Timestamp) -> Result<(), DbError> {
    query!(tx, "UPDATE reader_requests SET expires_at = $2 WHERE id = $1", id, DbTime(now)).execute().await
}

/// Removes a reader's requests.
pub async fn erase(tx: &mut Tx, reader: SubscriberId) -> Result<(), DbError> {
    query!(
        tx,
        "DELETE FROM reader_requests WHERE subscription_id IN (SELECT id FROM subscriptions \
         WHERE subscriber_id = $1)",
        reader
    )
    .execute()
    .await
}

/// Removes other readers' requests to change to this address.
pub async fn erase_incoming_address_changes(tx: &mut Tx, address: &EmailAddress) -> Result<(), DbError> {
    query!(tx, "DELETE FROM reader_requests WHERE new_address_key = $1", address.key()).execute().await
}

/// Removes requests whose links expired before a time, at most `limit`.
pub async fn tidy(tx: &mut Tx, expired_before: Timestamp, limit: i64) -> Result<(), DbError> {
    query!(
        tx,
        "DELETE FROM reader_requests WHERE id IN (SELECT id FROM reader_requests \
         WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        DbTime(expired_before),
        limit
    )
    .execute()
    .await
}
