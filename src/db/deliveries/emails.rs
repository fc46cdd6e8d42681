//! Table `emails`: single emails, each sent by a job of its own.

mod to_reader;

pub use to_reader::{SentEmail, to_address};

use crate::{
    db::{
        DbDate, DbError, DbTime, Tx,
        engine::{
            columns::DbList,
            query::{json_rows, query, query_as, query_scalar},
        },
    },
    domain::{
        delivery::{
            email::{EmailKind, EmailStatus},
            status::Answer,
            suppression_policy::CONFIRMATION_INTERVAL,
        },
        ids::{ConfirmationId, EmailId, FeedId, IssueId, NewsletterId, RequestId, SubscriptionId},
        issue::revision::Revision,
        subscriber::email_address::EmailAddress,
    },
};
use jiff::{SignedDuration, Timestamp, civil::Date};
use std::collections::{HashMap, HashSet};

/// An email to add.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NewEmail<'a> {
    pub kind: EmailKind,
    pub newsletter: NewsletterId,
    pub recipient: &'a EmailAddress,
    /// The subscription it is about.
    pub subscription: Option<SubscriptionId>,
    /// The confirmation its link refers to.
    pub confirmation: Option<ConfirmationId>,
    /// The issue it shows.
    pub issue: Option<IssueId>,
    /// The feed it is about.
    pub feed: Option<FeedId>,
    /// The Message-ID, the same at each attempt, without angle brackets.
    pub message_id: &'a str,
}

/// A single email.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EmailRecord {
    pub id: EmailId,
    pub kind: EmailKind,
    pub newsletter_id: NewsletterId,
    pub recipient: EmailAddress,
    /// The subscription it is about.
    pub subscription_id: Option<SubscriptionId>,
    /// The confirmation its link refers to.
    pub confirmation_id: Option<ConfirmationId>,
    /// The issue it shows.
    pub issue_id: Option<IssueId>,
    /// The feed it is about.
    pub feed_id: Option<FeedId>,
    /// The reader's request it is about.
    pub request_id: Option<RequestId>,
    /// The date of the issue that a test shows.
    pub issue_date: Option<DbDate>,
    /// The revision that a test showed.
    pub revision: Option<Revision>,
    pub message_id: String,
    pub status: EmailStatus,
    pub created_at: DbTime,
    pub attempts: i64,
    /// Attempts that failed because of the relay.
    pub relay_waits: i64,
    /// The relay that answered last.
    pub relay: Option<String>,
    pub reply_code: Option<i64>,
    pub reply_text: Option<String>,
}

/// An attempt to send an email. Its number distinguishes it from later attempts, so a worker without the
/// lease changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    pub email: EmailId,
    /// The attempt's number, from 1.
    pub number: i64,
}

impl EmailRecord {
    /// Returns the attempt that [`begin`] began.
    pub const fn attempt(&self) -> Attempt {
        Attempt { email: self.id, number: self.attempts }
    }
}

macro_rules! email_columns {
    () => {
        "id, kind, newsletter_id, recipient, subscription_id, confirmation_id, issue_id, feed_id, \
         request_id, issue_date, revision, message_id, status, created_at, attempts, relay_waits, relay, reply_code, reply_text"
    };
}

/// Adds an email, due at once.
pub async fn insert(tx: &mut Tx, email: &NewEmail<'_>, now: Timestamp) -> Result<EmailId, DbError> {
    query_scalar!(
        tx,
        "INSERT INTO emails (kind, newsletter_id, recipient, subscription_id, confirmation_id, issue_id, \
         message_id, status, created_at, next_attempt_at, woken_at, feed_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued', $8, $8, $8, $9) RETURNING id",
        email.kind,
        email.newsletter,
        email.recipient,
        email.subscription,
        email.confirmation,
        email.issue,
        email.message_id,
        DbTime(now),
        email.feed
    )
    .fetch_one()
    .await
}

/// Adds emails, due at once. Returns their ids in the order of the list.
pub async fn insert_all(
    tx: &mut Tx,
    emails: &[NewEmail<'_>],
    now: Timestamp,
) -> Result<Vec<EmailId>, DbError> {
    if emails.is_empty() {
        return Ok(Vec::new());
    }
    let made: Vec<(String, EmailId)> = query_as!(
        tx,
        "INSERT INTO emails (kind, newsletter_id, recipient, message_id, subscription_id, confirmation_id, \
         issue_id, feed_id, status, created_at, next_attempt_at, woken_at) SELECT value ->> 'kind', \
         CAST(value ->> 'newsletter' AS BIGINT), value ->> 'recipient', value ->> 'message_id', \
         CAST(value ->> 'subscription' AS BIGINT), CAST(value ->> 'confirmation' AS BIGINT), \
         CAST(value ->> 'issue' AS BIGINT), CAST(value ->> 'feed' AS BIGINT), 'queued', $2, $2, $2 \
         FROM {rows $1} RETURNING message_id, id",
        json_rows(emails)?,
        DbTime(now)
    )
    .fetch_all()
    .await?;
    let made: HashMap<String, EmailId> = made.into_iter().collect();
    emails.iter().map(|it| made.get(it.message_id).copied().ok_or(DbError::RowNotFound)).collect()
}

/// Returns the latest tests of an issue, newest first.
pub async fn tests(
    tx: &mut Tx,
    newsletter: NewsletterId,
    date: Date,
    limit: i64,
) -> Result<Vec<EmailRecord>, DbError> {
    query_as!(
        tx,
        concat!(
            "SELECT ",
            email_columns!(),
            " FROM emails WHERE newsletter_id = $1 AND kind = 'test' AND issue_date = $2 ORDER BY id DESC LIMIT $3"
        ),
        newsletter,
        DbDate(date),
        limit
    )
    .fetch_all()
    .await
}

/// Returns the email with this id.
pub async fn get(tx: &mut Tx, id: EmailId) -> Result<Option<EmailRecord>, DbError> {
    query_as!(tx, concat!("SELECT ", email_columns!(), " FROM emails WHERE id = $1"), id)
        .fetch_optional()
        .await
}

/// Begins attempts and leases their emails until `claimed_until`. Only one worker gets each email. Leaves out
/// emails that are finished, not due, or leased by another worker.
pub async fn begin(
    tx: &mut Tx,
    ids: &[EmailId],
    now: Timestamp,
    claimed_until: Timestamp,
) -> Result<Vec<EmailRecord>, DbError> {
    query_as!(
        tx,
        concat!(
            "UPDATE emails SET status = 'sending', attempts = attempts + 1, claimed_until = $3 \
             WHERE ((status = 'queued' AND next_attempt_at <= $2) OR (status = 'sending' \
             AND claimed_until < $2)) AND id {in $1} RETURNING ",
            email_columns!()
        ),
        DbList(ids),
        DbTime(now),
        DbTime(claimed_until)
    )
    .fetch_all()
    .await
}

/// Counts the emails without a final answer that were added before `since`, by kind.
pub async fn open_by_kind(tx: &mut Tx, since: Timestamp) -> Result<Vec<(EmailKind, i64)>, DbError> {
    query_as!(
        tx,
        "SELECT kind, count(*) FROM emails WHERE finished_at IS NULL AND created_at < $1 \
         GROUP BY kind ORDER BY kind",
        DbTime(since)
    )
    .fetch_all()
    .await
}

/// Lets the scheduler wake every waiting email.
pub async fn reset_woken(tx: &mut Tx) -> Result<(), DbError> {
    query!(tx, "UPDATE emails SET woken_at = NULL WHERE finished_at IS NULL").execute().await
}

/// Makes up to `limit` unfinished emails that were added before `since` uncertain. Returns their number.
pub async fn doubt_open(
    tx: &mut Tx,
    since: Timestamp,
    reason: &str,
    now: Timestamp,
    limit: i64,
) -> Result<u64, DbError> {
    query!(
        tx,
        "UPDATE emails SET status = 'uncertain', reply_text = $2, finished_at = $3, claimed_until = NULL \
         WHERE id IN (SELECT id FROM emails WHERE finished_at IS NULL AND created_at < $1 LIMIT $4)",
        DbTime(since),
        reason,
        DbTime(now),
        limit
    )
    .rows_affected()
    .await
}

/// Renews an attempt's lease while it is the email's latest attempt.
pub async fn renew(tx: &mut Tx, attempt: Attempt, claimed_until: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE emails SET claimed_until = $3 WHERE id = $1 AND attempts = $2 AND status = 'sending'",
        attempt.email,
        attempt.number,
        DbTime(claimed_until)
    )
    .execute()
    .await
}

/// The end of an attempt that is the last one.
#[derive(Debug, Clone, Copy)]
pub struct EmailEnd<'a> {
    pub attempt: Attempt,
    pub status: EmailStatus,
    pub answer: &'a Answer,
}

#[derive(serde::Serialize)]
struct EndRow<'a> {
    id: EmailId,
    number: i64,
    status: EmailStatus,
    relay: &'a str,
    code: Option<u16>,
    text: &'a str,
}

/// Finishes emails. Leaves out those whose lease a later attempt has, and returns the others.
pub async fn finish_all(
    tx: &mut Tx,
    ends: &[EmailEnd<'_>],
    now: Timestamp,
) -> Result<HashSet<EmailId>, DbError> {
    if ends.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<EndRow<'_>> = ends
        .iter()
        .map(|it| EndRow {
            id: it.attempt.email,
            number: it.attempt.number,
            status: it.status,
            relay: &it.answer.relay,
            code: it.answer.code,
            text: &it.answer.text,
        })
        .collect();
    let finished: Vec<EmailId> = query_scalar!(
        tx,
        "UPDATE emails SET status = x.status, relay = x.relay, reply_code = x.code, reply_text = x.text, \
         finished_at = $2, claimed_until = NULL FROM (SELECT CAST(value ->> 'id' AS BIGINT) AS id, \
         CAST(value ->> 'number' AS BIGINT) AS number, value ->> 'status' AS status, \
         value ->> 'relay' AS relay, CAST(value ->> 'code' AS BIGINT) AS code, value ->> 'text' AS text \
         FROM {rows $1}) AS x WHERE emails.id = x.id AND emails.attempts = x.number \
         AND emails.status = 'sending' RETURNING emails.id",
        json_rows(&rows)?,
        DbTime(now)
    )
    .fetch_all()
    .await?;
    Ok(finished.into_iter().collect())
}

/// Finishes an email. Returns `false` if a later attempt has the lease.
pub async fn finish(
    tx: &mut Tx,
    attempt: Attempt,
    status: EmailStatus,
    answer: &Answer,
    now: Timestamp,
) -> Result<bool, DbError> {
    let finished = finish_all(tx, &[EmailEnd { attempt, status, answer }], now).await?;
    Ok(finished.contains(&attempt.email))
}

/// Postpones an email. `counts` tells whether the recipient was the cause. Returns `false` if a later attempt
/// has the lease.
pub async fn postpone(
    tx: &mut Tx,
    attempt: Attempt,
    answer: &Answer,
    next: Timestamp,
    counts: bool,
) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE emails SET status = 'queued', relay = $2, reply_code = $3, reply_text = $4, next_attempt_at \
         = $5, relay_waits = relay_waits + $6, claimed_until = NULL, woken_at = $5 WHERE id = $1 \
         AND attempts = $7 AND status = 'sending'",
        attempt.email,
        &answer.relay,
        answer.code.map(i64::from),
        &answer.text,
        DbTime(next),
        i64::from(!counts),
        attempt.number
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Saves the issue that an email shows, so that each attempt shows the same.
pub async fn set_issue(tx: &mut Tx, id: EmailId, issue: IssueId) -> Result<(), DbError> {
    query!(tx, "UPDATE emails SET issue_id = $2 WHERE id = $1", id, issue).execute().await
}

/// Saves the reader's request that an email is about.
pub async fn set_request(tx: &mut Tx, id: EmailId, request: RequestId) -> Result<(), DbError> {
    query!(tx, "UPDATE emails SET request_id = $2 WHERE id = $1", id, request).execute().await
}

/// Saves the date of the issue that tests show.
pub async fn set_issue_date(tx: &mut Tx, ids: &[EmailId], date: Date) -> Result<(), DbError> {
    query!(tx, "UPDATE emails SET issue_date = $2 WHERE id {in $1}", DbList(ids), DbDate(date))
        .execute()
        .await
}

/// Saves the revision that a test shows.
pub async fn set_revision(tx: &mut Tx, id: EmailId, revision: &Revision) -> Result<(), DbError> {
    query!(tx, "UPDATE emails SET revision = $2 WHERE id = $1", id, revision).execute().await
}

/// Returns whether a subscription got a goodbye after a time.
pub async fn said_goodbye(tx: &mut Tx, id: SubscriptionId, since: Timestamp) -> Result<bool, DbError> {
    query_scalar!(
        tx,
        "SELECT EXISTS (SELECT 1 FROM emails WHERE kind = 'goodbye' AND subscription_id = $1 \
         AND created_at > $2)",
        id,
        DbTime(since)
    )
    .fetch_one()
    .await
}

/// Returns whether a subscription got a welcome after a time.
pub async fn said_welcome(tx: &mut Tx, id: SubscriptionId, since: Timestamp) -> Result<bool, DbError> {
    query_scalar!(
        tx,
        "SELECT EXISTS (SELECT 1 FROM emails WHERE kind = 'welcome' AND subscription_id = $1 \
         AND created_at > $2)",
        id,
        DbTime(since)
    )
    .fetch_one()
    .await
}

/// Erases emails that finished by a time, at most `limit`. Returns their number.
pub async fn erase_finished(
    tx: &mut Tx,
    until: Timestamp,
    now: Timestamp,
    limit: i64,
) -> Result<u64, DbError> {
    query!(
        tx,
        "DELETE FROM emails WHERE id IN (SELECT id FROM emails WHERE finished_at <= $1 \
         AND status IN ('sent', 'failed', 'uncertain') AND (kind <> 'confirmation' OR finished_at <= $3 \
         OR NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.address_key = lower(recipient))) \
         ORDER BY finished_at LIMIT $2)",
        DbTime(until),
        limit,
        DbTime(until.min(now - CONFIRMATION_INTERVAL))
    )
    .rows_affected()
    .await
}

/// Ends every lease and lets the scheduler wake every open email. Returns the number of leases.
pub async fn end_leases(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    query!(tx, "UPDATE emails SET woken_at = NULL WHERE finished_at IS NULL").rows_affected().await?;
    query!(
        tx,
        "UPDATE emails SET claimed_until = $1 WHERE status = 'sending' AND claimed_until > $1",
        DbTime(now - SignedDuration::from_secs(1))
    )
    .rows_affected()
    .await
}

/// Marks emails as woken that are due, or whose lease has expired, and that were not woken since
/// `woken_before`. Returns them.
pub async fn wake_due(
    tx: &mut Tx,
    now: Timestamp,
    woken_before: Timestamp,
    limit: i64,
) -> Result<Vec<EmailId>, DbError> {
    query_scalar!(
        tx,
        "UPDATE emails SET woken_at = $1 WHERE id IN (SELECT id FROM emails \
         WHERE finished_at IS NULL AND next_attempt_at <= $1 AND (claimed_until IS NULL \
         OR claimed_until < $1) AND (woken_at IS NULL OR woken_at < $2) ORDER BY next_attempt_at LIMIT $3) \
         AND (woken_at IS NULL OR woken_at < $2) RETURNING id",
        DbTime(now),
        DbTime(woken_before),
        limit
    )
    .fetch_all()
    .await
}
