//! Table `reader_requests`: what readers asked for on their own page that takes a link by mail.

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

/// A request's row.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ReaderRequest {
    pub id: RequestId,
    pub subscription_id: SubscriptionId,
    pub kind: RequestKind,
    /// Until when its links work.
    pub expires_at: DbTime,
    /// The reader's address then.
    pub old_address: EmailAddress,
    /// The address they want.
    pub new_address: Option<EmailAddress>,
    /// When the old address confirmed it.
    pub old_confirmed_at: Option<DbTime>,
    /// From which IP address.
    pub old_client_address: Option<String>,
    /// With which browser.
    pub old_user_agent: Option<String>,
    /// When the new address did.
    pub new_confirmed_at: Option<DbTime>,
    /// From which IP address.
    pub new_client_address: Option<String>,
    /// With which browser.
    pub new_user_agent: Option<String>,
    /// When it was done.
    pub done_at: Option<DbTime>,
}

/// How an end of a change of address was confirmed.
#[derive(Debug, Clone)]
pub struct Press {
    pub at: Timestamp,
    /// How it reached us.
    pub evidence: Evidence,
}

impl ReaderRequest {
    /// How an end was confirmed, if it was.
    pub fn press(&self, end: End) -> Option<Press> {
        let (at, client_address, user_agent) = match end {
            End::Old => (self.old_confirmed_at, &self.old_client_address, &self.old_user_agent),
            End::New => (self.new_confirmed_at, &self.new_client_address, &self.new_user_agent),
        };
        let (client_address, user_agent) = (client_address.clone(), user_agent.clone());
        Some(Press { at: at?.0, evidence: Evidence { client_address, user_agent, source_url: None } })
    }
}

/// An end of a change of address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The address that is left.
    Old,
    /// The one that is taken.
    New,
}

/// Keeps a request.
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

/// The request with this row.
pub async fn get(tx: &mut Tx, id: RequestId) -> Result<Option<ReaderRequest>, DbError> {
    query_as!(tx, select_request!("WHERE id = $1"), id).fetch_optional().await
}

/// Writes down that one end has confirmed, and how; the first time counts.
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

/// Writes down that it is done.
pub async fn set_done(tx: &mut Tx, id: RequestId, now: Timestamp) -> Result<(), DbError> {
    query!(tx, "UPDATE reader_requests SET done_at = $2 WHERE id = $1 AND done_at IS NULL", id, DbTime(now))
        .execute()
        .await
}

/// Gives the requests made with one subscription, and the emails about them, to another one.
pub async fn reassign(tx: &mut Tx, from: SubscriptionId, to: SubscriptionId) -> Result<(), DbError> {
    for statement in [
        "UPDATE reader_requests SET subscription_id = $2 WHERE subscription_id = $1",
        "UPDATE emails SET subscription_id = $2 WHERE subscription_id = $1 AND request_id IS NOT NULL",
    ] {
        query!(tx, portable statement, from, to).execute().await?;
    }
    Ok(())
}

/// Ends a request that can't be done: its links work no more.
pub async fn close(tx: &mut Tx, id: RequestId, now: Timestamp) -> Result<(), DbError> {
    query!(tx, "UPDATE reader_requests SET expires_at = $2 WHERE id = $1", id, DbTime(now)).execute().await
}

/// Removes what a reader asked for.
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

/// Removes the requests for an address by others: nobody asks them any more.
pub async fn erase_incoming_address_changes(tx: &mut Tx, address: &EmailAddress) -> Result<(), DbError> {
    query!(tx, "DELETE FROM reader_requests WHERE new_address_key = $1", address.key()).execute().await
}

/// Removes requests whose links expired before a moment, at most so many.
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
