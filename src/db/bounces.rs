//! Table `bounces`: relays' refusals of addresses, and reports that came back by email.

use crate::{
    db::{
        DbError, DbTime, Tx,
        deliveries::emails::EmailRecord,
        engine::{
            columns::DbList,
            query::{json_rows, query, query_as, query_scalar},
        },
        suppressions::BouncedAddress,
    },
    domain::{
        delivery::{
            incoming::IncomingKind,
            suppression_policy::{CopyOutcome, is_hard_enough},
        },
        ids::{DeliveryId, EmailId, IssueId, SubscriberId, SubscriptionId},
        subscriber::email_address::EmailAddress,
    },
};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashSet};

/// Copies of a reader that are looked at for a row of soft bounces.
const COPIES: i64 = 100;

/// The email that a report is about.
#[derive(Debug, Clone)]
pub struct BouncedEmail {
    pub issue: Option<IssueId>,
    pub subscription: Option<SubscriptionId>,
    pub email: Option<EmailId>,
    /// The reader. `None` for an email to an operator.
    pub subscriber: Option<SubscriberId>,
    /// The address that it was sent to.
    pub address: EmailAddress,
    /// The end of the delivery, or its due time before that.
    pub sent_at: Option<DbTime>,
    /// Whether it asked to confirm a signup.
    pub is_confirmation: bool,
}

#[derive(sqlx::FromRow)]
struct CopyRow {
    subscriber_id: SubscriberId,
    address: EmailAddress,
    sent_at: Option<DbTime>,
}

/// Returns a reader's copy of an issue.
pub async fn copy(
    tx: &mut Tx,
    issue: IssueId,
    subscription: SubscriptionId,
) -> Result<Option<BouncedEmail>, DbError> {
    // The address may have changed since, which the time of the last change tells. A bounce may come before the
    // relay's answer is recorded.
    let found: Option<CopyRow> = query_as!(
        tx,
        "SELECT d.subscriber_id, r.address, COALESCE(d.finished_at, d.due_at) AS sent_at FROM deliveries d \
         JOIN subscribers r ON r.id = d.subscriber_id JOIN subscriptions s ON s.id = d.subscription_id \
         WHERE d.issue_id = $1 AND d.subscription_id = $2 AND d.subscriber_id = s.subscriber_id \
         AND (s.moved_at IS NULL OR s.moved_at <= d.due_at) AND r.erased_at IS NULL",
        issue,
        subscription
    )
    .fetch_optional()
    .await?;
    Ok(found.map(|it| BouncedEmail {
        issue: Some(issue),
        subscription: Some(subscription),
        email: None,
        subscriber: Some(it.subscriber_id),
        address: it.address,
        sent_at: it.sent_at,
        is_confirmation: false,
    }))
}

/// Returns a single email as a report sees it.
pub async fn single(tx: &mut Tx, email: &EmailRecord) -> Result<BouncedEmail, DbError> {
    use crate::domain::delivery::email::EmailKind;
    let subscriber = reader(tx, &email.recipient.key()).await?;
    Ok(BouncedEmail {
        issue: None,
        subscription: email.subscription_id,
        email: Some(email.id),
        subscriber,
        address: email.recipient.clone(),
        sent_at: Some(email.created_at),
        is_confirmation: matches!(email.kind, EmailKind::Confirmation | EmailKind::ConfirmationReminder),
    })
}

/// Returns a subscription's reader, for a complaint without a known email.
pub async fn subscription(tx: &mut Tx, id: SubscriptionId) -> Result<Option<BouncedEmail>, DbError> {
    let found: Option<CopyRow> = query_as!(
        tx,
        "SELECT s.subscriber_id, r.address, NULL AS sent_at FROM subscriptions s \
         JOIN subscribers r ON r.id = s.subscriber_id WHERE s.id = $1 AND r.erased_at IS NULL",
        id
    )
    .fetch_optional()
    .await?;
    Ok(found.map(|it| BouncedEmail {
        issue: None,
        subscription: Some(id),
        email: None,
        subscriber: Some(it.subscriber_id),
        address: it.address,
        sent_at: None,
        is_confirmation: false,
    }))
}

/// Returns the issue and subscription of a copy, from the parts of its Message-ID.
pub async fn copy_of_message_id(
    tx: &mut Tx,
    message_key: &str,
    delivery: DeliveryId,
) -> Result<Option<(IssueId, SubscriptionId)>, DbError> {
    query_as!(
        tx,
        "SELECT d.issue_id, d.subscription_id FROM deliveries d JOIN issues i ON i.id = d.issue_id \
         WHERE d.id = $1 AND i.message_key = $2",
        delivery,
        message_key
    )
    .fetch_optional()
    .await
}

/// A report to store.
#[derive(Debug, Clone)]
pub struct NewBounce<'a> {
    /// `key` or `token`.
    pub source: &'static str,
    pub kind: IncomingKind,
    /// Why it changes nothing.
    pub ineffective: Option<String>,
    pub email: &'a BouncedEmail,
    pub reply_code: Option<i64>,
    pub enhanced_code: Option<String>,
    pub diagnostic: &'a str,
    pub reporting_mta: Option<&'a str>,
}

/// Stores a report. Returns `false` if the email has one of this kind already.
pub async fn insert(tx: &mut Tx, bounce: &NewBounce<'_>, now: Timestamp) -> Result<bool, DbError> {
    query!(
        tx,
        "INSERT INTO bounces (occurred_at, source, kind, ineffective, address_key, domain, issue_id, \
         subscription_id, email_id, reply_code, enhanced_code, diagnostic, reporting_mta) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING",
        DbTime(now),
        bounce.source,
        bounce.kind,
        &bounce.ineffective,
        bounce.email.address.key(),
        bounce.email.address.domain(),
        bounce.email.issue,
        bounce.email.subscription,
        bounce.email.email,
        bounce.reply_code,
        &bounce.enhanced_code,
        bounce.diagnostic,
        bounce.reporting_mta
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// An address that a relay permanently refused.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct RefusedAddress<'a> {
    /// The delivery with the relay's answer.
    pub delivery: DeliveryId,
    pub address_key: &'a str,
}

/// Stores relays' refusals of addresses, one per copy. A reader whose address has changed is left out,
/// and so are the readers of a held issue, whose relay may refuse everybody.
pub async fn insert_refusals(
    tx: &mut Tx,
    refused: &[RefusedAddress<'_>],
    now: Timestamp,
) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO bounces (occurred_at, source, kind, address_key, domain, issue_id, subscription_id, \
         reply_code, enhanced_code, diagnostic) SELECT $2, 'relay', 'hard', r.address_key, r.domain, \
         d.issue_id, d.subscription_id, d.reply_code, d.enhanced_code, d.reply_text FROM {rows $1} AS x \
         JOIN deliveries d ON d.id = CAST(x.value ->> 'delivery' AS BIGINT) \
         JOIN issues i ON i.id = d.issue_id AND i.status <> 'held' \
         JOIN subscribers r ON r.address_key = x.value ->> 'address_key' WHERE true ON CONFLICT DO NOTHING",
        json_rows(refused)?,
        DbTime(now)
    )
    .execute()
    .await
}

/// Returns which of these addresses have hard bounces on enough days to be suppressed, each with the last
/// server's words.
pub async fn hard_enough(tx: &mut Tx, keys: &[String]) -> Result<Vec<BouncedAddress>, DbError> {
    let rows: Vec<(String, DbTime, Option<String>, Option<IssueId>)> = query_as!(
        tx,
        "SELECT address_key, occurred_at, diagnostic, issue_id FROM bounces WHERE address_key {in $1} \
         AND kind = 'hard' AND ineffective IS NULL ORDER BY occurred_at",
        DbList(keys)
    )
    .fetch_all()
    .await?;
    let mut found: BTreeMap<String, (Vec<Timestamp>, BouncedAddress)> = BTreeMap::new();
    for (address_key, at, diagnostic, issue) in rows {
        let reason = format!("undeliverable: {}", diagnostic.unwrap_or_default());
        let last = BouncedAddress { address_key: address_key.clone(), reason, issue };
        let (times, latest) = found.entry(address_key).or_insert_with(|| (Vec::new(), last.clone()));
        times.push(at.0);
        *latest = last;
    }
    let enough = found.into_values().filter(|(times, _)| is_hard_enough(times));
    Ok(enough.map(|(_, address)| address).collect())
}

/// Makes the refusals of an issue count for nothing, because its breaker holds it: all of them, or those since
/// its breaker's score began.
pub async fn discount_refusals(tx: &mut Tx, issue: IssueId) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE bounces SET ineffective = 'the relay refused so many that the issue was held' \
         WHERE issue_id = $1 AND source = 'relay' AND ineffective IS NULL AND occurred_at >= COALESCE(\
         (SELECT resumed_at FROM issues WHERE id = $1), occurred_at)",
        issue
    )
    .execute()
    .await
}

/// Returns the outcomes of a reader's latest copies, from the newest one that bounced. A mailbox that a relay
/// refused or deferred for good (X.2.x) counts as a soft bounce.
pub async fn copy_outcomes(tx: &mut Tx, subscriber: SubscriberId) -> Result<Vec<CopyOutcome>, DbError> {
    let rows: Vec<(DbTime, i64)> = query_as!(
        tx,
        "SELECT d.due_at, CASE WHEN d.status = 'failed' THEN 1 ELSE (SELECT count(*) FROM bounces b \
         WHERE b.issue_id = d.issue_id AND b.subscription_id = d.subscription_id \
         AND b.kind IN ('soft', 'mailbox_full') AND b.ineffective IS NULL) END FROM deliveries d \
         WHERE d.subscriber_id = $1 AND (d.status = 'sent' OR d.status = 'failed' \
         AND (d.enhanced_code LIKE '4.2.%' OR d.enhanced_code LIKE '5.2.%') AND d.enhanced_code <> '5.2.1') \
         ORDER BY d.issue_id DESC LIMIT $2",
        subscriber,
        COPIES
    )
    .fetch_all()
    .await?;
    let outcomes =
        rows.into_iter().map(|(at, bounces)| CopyOutcome { at: at.0, bounced_softly: bounces > 0 });
    // Later copies may bounce yet.
    Ok(outcomes.skip_while(|it| !it.bounced_softly).collect())
}

/// Returns the reader with an address, if there is one.
pub async fn reader(tx: &mut Tx, address_key: &str) -> Result<Option<SubscriberId>, DbError> {
    query_scalar!(tx, "SELECT id FROM subscribers WHERE address_key = $1", address_key).fetch_optional().await
}

/// Returns which of these address keys bounced and have been asked to confirm a signup since a time.
pub async fn asked_since(tx: &mut Tx, keys: &[String], since: Timestamp) -> Result<HashSet<String>, DbError> {
    let found: Vec<String> = query_scalar!(
        tx,
        "SELECT DISTINCT b.address_key FROM bounces b WHERE b.address_key {in $1} AND b.kind = 'hard' \
         AND b.ineffective IS NULL AND EXISTS (SELECT 1 FROM emails m \
         WHERE lower(m.recipient) = b.address_key AND m.kind IN ('confirmation', 'confirmation_reminder') \
         AND m.created_at > $2)",
        DbList(keys),
        DbTime(since)
    )
    .fetch_all()
    .await?;
    Ok(found.into_iter().collect())
}

/// Forgets the bounces of addresses that their readers have proved to work, or that an operator has cleared.
pub async fn forgive(tx: &mut Tx, address_keys: &[String], why: &str) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE bounces SET ineffective = $2 WHERE address_key {in $1} AND ineffective IS NULL \
         AND kind <> 'complaint'",
        DbList(address_keys),
        why
    )
    .execute()
    .await
}

/// A bounce as an operator sees it.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct BounceRecord {
    pub occurred_at: DbTime,
    /// `relay`, or how a report proved itself: `key` or `token`.
    pub source: String,
    pub kind: IncomingKind,
    /// Why it changed nothing.
    pub ineffective: Option<String>,
    pub enhanced_code: Option<String>,
    pub reply_code: Option<i64>,
    pub diagnostic: Option<String>,
}

/// Returns the latest bounces of an address, newest first.
pub async fn for_address(
    tx: &mut Tx,
    address: &EmailAddress,
    limit: i64,
) -> Result<Vec<BounceRecord>, DbError> {
    query_as!(
        tx,
        "SELECT occurred_at, source, kind, ineffective, enhanced_code, reply_code, diagnostic FROM bounces \
         WHERE address_key = $1 ORDER BY occurred_at DESC, id DESC LIMIT $2",
        address.key(),
        limit
    )
    .fetch_all()
    .await
}

/// Returns whether an address bounced after a time, in a way that counts against it.
pub async fn came_back_since(tx: &mut Tx, address: &EmailAddress, since: Timestamp) -> Result<bool, DbError> {
    query_scalar!(
        tx,
        "SELECT EXISTS (SELECT 1 FROM bounces WHERE address_key = $1 AND occurred_at > $2 \
         AND ineffective IS NULL AND kind <> 'complaint')",
        address.key(),
        DbTime(since)
    )
    .fetch_one()
    .await
}

/// The number of reports of one kind.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct KindCount {
    pub kind: IncomingKind,
    pub count: i64,
}

/// Counts the reports about an issue that came back by email, by kind.
pub async fn count_by_kind(tx: &mut Tx, issue: IssueId) -> Result<Vec<KindCount>, DbError> {
    query_as!(
        tx,
        "SELECT kind, count(*) AS count FROM bounces WHERE issue_id = $1 AND source <> 'relay' \
         GROUP BY kind ORDER BY count(*) DESC, kind",
        issue
    )
    .fetch_all()
    .await
}

/// Reports of one kind from the readers of one domain.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct BouncedDomain {
    pub domain: String,
    pub kind: IncomingKind,
    pub count: i64,
    /// One of the remote server's answers.
    pub example: Option<String>,
}

/// Counts the reports about an issue by domain and kind, most frequent first.
pub async fn count_by_domain(tx: &mut Tx, issue: IssueId, limit: i64) -> Result<Vec<BouncedDomain>, DbError> {
    query_as!(
        tx,
        "SELECT domain, kind, count(*) AS count, min(diagnostic) AS example FROM bounces \
         WHERE issue_id = $1 AND source <> 'relay' AND domain IS NOT NULL GROUP BY domain, kind \
         ORDER BY count(*) DESC, domain, kind LIMIT $2",
        issue,
        limit
    )
    .fetch_all()
    .await
}
