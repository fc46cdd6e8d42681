//! Tables `subscribers`, `subscriptions`, `confirmations` and `consent_events`: readers, their subscriptions
//! and their consent.

mod choices;
mod clocks;
pub mod confirmations;
pub mod data_export;
pub mod erased_addresses;
pub mod erasure;
mod export;
mod import;
pub mod locks;
mod moving;
mod pauses;
mod pending;
mod reasons;
mod reminders;
pub mod requests;
pub mod search;
pub mod unsubscribe;

pub use crate::db::consent::chain::{
    Backlog, LinkedEvent, count_unlinked, erase_evidence, has_backlog, link_backlog, links_after,
    subscription_of,
};
pub use crate::db::consent::ledger::{
    BY_PREFERENCES, ConfirmationRecord, ConsentRecord, Evidence, NewEntry, came_by_preferences,
    confirmed_together, consent_history, insert_confirmation, record_consent, record_consents,
    use_confirmation,
};
pub use crate::db::subscribers::choices::{join, set_language, set_preferences};
pub use crate::db::subscribers::clocks::{clock_counts, clocks, clocks_for};
pub use crate::db::subscribers::confirmations::{
    KnownSubscription, Request, insert_confirmations, set_requested, set_signup_mailed, subscribers,
    subscriptions,
};
pub use crate::db::subscribers::export::{ListedReader, listed_readers};
pub use crate::db::subscribers::import::{
    ImportedConsent, KnownAddress, NewSubscription, activate_imported, end_imported, insert_imported,
    known_addresses, prepare_import, record_imported,
};
pub use crate::db::subscribers::locks::lock_rows;
pub use crate::db::subscribers::moving::{
    Holder, get_by_address, lock_readers, reassign, restore_from, set_address, transfer_history,
};
pub use crate::db::subscribers::pauses::{
    Resumed, any_resume_with, move_pauses, pause, pauses_for, resume, resume_due, resume_with,
};
pub use crate::db::subscribers::pending::{erase_pending, overdue};
pub use crate::db::subscribers::reasons::{
    COUNT_LEFT, ReasonCount, Remark, count_left, count_reasons, erase_remarks, remarks, set_reason,
};
pub use crate::db::subscribers::reminders::{claim_reminders, readers_to_remind, set_reminder};
pub use crate::db::subscribers::unsubscribe::{
    end, end_all, end_complained, end_unconfirmed, get_all, restore_ended,
};

use crate::{
    db::{
        DbDate, DbError, DbTime, Tx,
        engine::query::{query, query_as},
        reader_counts, suppressions,
    },
    domain::{
        ids::{NewsletterId, SubscriberId, SubscriptionId},
        subscriber::{
            cadence::Cadence, email_address::EmailAddress, erasure::is_placeholder, sections::Sections,
            subscription::SubscriptionStatus,
        },
    },
};
use jiff::Timestamp;

/// A subscriber's relation to one newsletter.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct SubscriptionRecord {
    pub id: SubscriptionId,
    pub subscriber_id: SubscriberId,
    pub newsletter_id: NewsletterId,
    /// The newsletter's short name.
    pub newsletter: String,
    pub address: EmailAddress,
    pub status: SubscriptionStatus,
    /// The last request.
    pub requested_at: DbTime,
    /// The last confirmation.
    pub confirmed_at: Option<DbTime>,
    pub ended_at: Option<DbTime>,
    /// The last email caused by a signup.
    pub signup_mailed_at: Option<DbTime>,
    pub cadence: Cadence,
    pub sections: Sections,
    /// The reader's time zone, as an IANA name. `None`: the newsletter's.
    pub time_zone: Option<String>,
    /// The reader's send time, `HH:MM`. `None`: the newsletter's.
    pub send_time: Option<String>,
    /// A BCP 47 tag. `None`: the newsletter's language.
    pub language: Option<String>,
    /// The date of the first issue after a pause.
    pub paused_until: Option<DbDate>,
    /// The last change of address.
    pub moved_at: Option<DbTime>,
}

impl SubscriptionRecord {
    /// Returns the masked address for a page. `None` after a change of address: links never expire, so an old
    /// email must not reveal the new address.
    pub fn shown_address(&self) -> Option<String> {
        self.moved_at.is_none().then(|| self.address.masked())
    }
}

/// Finds or adds the subscriber with this address.
pub async fn subscriber(
    tx: &mut Tx,
    address: &EmailAddress,
    now: Timestamp,
) -> Result<SubscriberId, DbError> {
    subscribers(tx, &[address], now).await?.pop().ok_or(DbError::RowNotFound)
}

/// Finds or adds a subscription, pending if it is new. Locks its row, so that simultaneous signups for the
/// same address wait for each other.
pub async fn subscription(
    tx: &mut Tx,
    subscriber: SubscriberId,
    newsletter: NewsletterId,
    now: Timestamp,
) -> Result<SubscriptionRecord, DbError> {
    let known = subscriptions(tx, &[(subscriber, newsletter)], now).await?;
    let id = known.first().ok_or(DbError::RowNotFound)?.id;
    get(tx, id).await?.ok_or(DbError::RowNotFound)
}

macro_rules! select_subscription {
    ($rest:literal) => {
        concat!(
            "SELECT s.id, s.subscriber_id, s.newsletter_id, n.slug AS newsletter, r.address, s.status, \
             s.requested_at, s.confirmed_at, s.ended_at, s.signup_mailed_at, s.cadence, s.sections, \
             s.time_zone, s.send_time, s.language, s.paused_until, s.moved_at FROM subscriptions s \
             JOIN subscribers r ON r.id = s.subscriber_id JOIN newsletters n ON n.id = s.newsletter_id ",
            $rest
        )
    };
}
use select_subscription;

/// Returns the subscription with this id.
pub async fn get(tx: &mut Tx, id: SubscriptionId) -> Result<Option<SubscriptionRecord>, DbError> {
    query_as!(tx, select_subscription!("WHERE s.id = $1"), id).fetch_optional().await
}

/// Returns the subscription that a reader's link refers to. `None` if its reader was erased, so that nothing
/// new is stored about that reader.
pub async fn for_link(tx: &mut Tx, id: SubscriptionId) -> Result<Option<SubscriptionRecord>, DbError> {
    Ok(get(tx, id).await?.filter(|it| !is_placeholder(it.address.as_str())))
}

/// Returns all subscriptions of an address.
pub async fn for_address(tx: &mut Tx, address: &EmailAddress) -> Result<Vec<SubscriptionRecord>, DbError> {
    query_as!(tx, select_subscription!("WHERE r.address_key = $1 ORDER BY s.id"), address.key())
        .fetch_all()
        .await
}

/// Returns all subscriptions of a subscriber, at most one per newsletter.
pub async fn for_subscriber(tx: &mut Tx, id: SubscriberId) -> Result<Vec<SubscriptionRecord>, DbError> {
    query_as!(tx, select_subscription!("WHERE s.subscriber_id = $1 ORDER BY s.id"), id).fetch_all().await
}

/// Returns a page of subscriptions after `after`, in the order they were added: of one newsletter and one
/// status, or of all.
pub async fn page(
    tx: &mut Tx,
    newsletter: Option<NewsletterId>,
    status: Option<SubscriptionStatus>,
    after: SubscriptionId,
    limit: i64,
) -> Result<Vec<SubscriptionRecord>, DbError> {
    query_as!(
        tx,
        select_subscription!(
            "WHERE s.id > $1 AND s.newsletter_id = COALESCE($2, s.newsletter_id) \
             AND s.status = COALESCE($3, s.status) ORDER BY s.id LIMIT $4"
        ),
        after,
        newsletter,
        status,
        limit
    )
    .fetch_all()
    .await
}

/// The number of a newsletter's subscriptions with one status.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct StatusCount {
    /// The newsletter's short name.
    pub newsletter: String,
    pub status: SubscriptionStatus,
    pub readers: i64,
}

/// Counts subscriptions by newsletter and status.
pub async fn counts(
    tx: &mut Tx,
    newsletter: Option<NewsletterId>,
    status: Option<SubscriptionStatus>,
) -> Result<Vec<StatusCount>, DbError> {
    query_as!(
        tx,
        "SELECT n.slug AS newsletter, s.status, count(*) AS readers FROM subscriptions s \
         JOIN newsletters n ON n.id = s.newsletter_id WHERE s.newsletter_id = COALESCE($1, s.newsletter_id) \
         AND s.status = COALESCE($2, s.status) GROUP BY n.slug, s.status ORDER BY n.slug, s.status",
        newsletter,
        status
    )
    .fetch_all()
    .await
}

/// Counts a newsletter's readers who confirmed, and those who ended, since a moment.
pub async fn joined_and_left(
    tx: &mut Tx,
    newsletter: NewsletterId,
    since: Timestamp,
) -> Result<(i64, i64), DbError> {
    query_as!(
        tx,
        "SELECT count(*) FILTER (WHERE confirmed_at >= $2), count(*) FILTER (WHERE ended_at >= $2) \
         FROM subscriptions WHERE newsletter_id = $1",
        newsletter,
        DbTime(since)
    )
    .fetch_one()
    .await
}

/// Counts a newsletter's active subscriptions.
pub async fn count_active(tx: &mut Tx, newsletter: NewsletterId) -> Result<i64, DbError> {
    reader_counts::by_status(tx, newsletter, SubscriptionStatus::Active).await
}

/// Counts a newsletter's paused subscriptions.
pub async fn count_paused(tx: &mut Tx, newsletter: NewsletterId) -> Result<i64, DbError> {
    reader_counts::by_status(tx, newsletter, SubscriptionStatus::Paused).await
}

/// Counts a newsletter's subscriptions that wait for their readers to confirm.
pub async fn count_pending(tx: &mut Tx, newsletter: NewsletterId) -> Result<i64, DbError> {
    reader_counts::by_status(tx, newsletter, SubscriptionStatus::Pending).await
}

/// Activates a pending subscription. Returns `false` if it is not pending. A reader who can confirm reads the
/// mailbox, so the pause between signup emails, which protects strangers, begins anew. An earlier unsubscribe
/// elsewhere no longer counts.
pub async fn activate(tx: &mut Tx, id: SubscriptionId, now: Timestamp) -> Result<bool, DbError> {
    suppressions::lift(tx, id).await?;
    query!(
        tx,
        "UPDATE subscriptions SET status = 'active', confirmed_at = $2, ended_at = NULL, signup_mailed_at = \
         NULL, paused_until = NULL, resumes_at = NULL WHERE id = $1 AND status = 'pending'",
        id,
        DbTime(now)
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}
