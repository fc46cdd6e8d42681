//! Beginning and finishing deliveries, many in one statement. The recorder calls these.

use crate::{
    db::{
        DbDate, DbError, DbTime, Tx, cohorts,
        engine::{
            columns::DbList,
            query::{json_rows, query, query_scalar},
        },
    },
    domain::{
        delivery::status::{Answer, DeliveryStatus},
        ids::{ClaimId, DeliveryId, IssueId, SubscriberId, SubscriptionId},
    },
};
use jiff::{Timestamp, civil::Date, fmt::serde::timestamp::microsecond};
use serde::Serialize;
use std::collections::HashSet;

/// The result of [`begin`]. A delivery in neither set has lost its claim, or its issue was stopped. It must
/// not be sent.
#[derive(Debug, Clone, Default)]
pub struct Begun {
    /// These may be sent.
    pub go: HashSet<DeliveryId>,
    /// These are skipped, because their readers have unsubscribed or paused meanwhile.
    pub skipped: HashSet<DeliveryId>,
}

/// Begins deliveries. This is the fence: a worker may send only while it has the claim, the issue is sending,
/// and the subscription is active.
pub async fn begin(
    tx: &mut Tx,
    issue: IssueId,
    claim: ClaimId,
    ids: &[DeliveryId],
    now: Timestamp,
) -> Result<Begun, DbError> {
    let go: Vec<DeliveryId> = query_scalar!(
        tx,
        "UPDATE deliveries SET begun = TRUE, attempts = attempts + 1 WHERE id {in $1} \
         AND claim_id = $2 AND status = 'claimed' AND NOT begun AND (SELECT i.status FROM issues i \
         WHERE i.id = $3) = 'sending' AND EXISTS (SELECT 1 FROM subscriptions s \
         WHERE s.id = deliveries.subscription_id AND s.status = 'active') RETURNING id",
        DbList(ids),
        claim,
        issue
    )
    .fetch_all()
    .await?;
    let go: HashSet<DeliveryId> = go.into_iter().collect();
    let rest: Vec<DeliveryId> = ids.iter().copied().filter(|id| !go.contains(id)).collect();
    if rest.is_empty() {
        return Ok(Begun { go, skipped: HashSet::new() });
    }
    let skipped = skip_left(tx, claim, &rest, now).await?;
    Ok(Begun { go, skipped })
}

/// Skips deliveries whose readers have unsubscribed or paused.
async fn skip_left(
    tx: &mut Tx,
    claim: ClaimId,
    ids: &[DeliveryId],
    now: Timestamp,
) -> Result<HashSet<DeliveryId>, DbError> {
    let skipped: Vec<DeliveryId> = query_scalar!(
        tx,
        "UPDATE deliveries SET status = 'skipped', claim_id = NULL, finished_at = $3, reply_text = \
         'the reader ' || (SELECT CASE s.status WHEN 'paused' THEN 'paused' ELSE 'left' END \
         FROM subscriptions s WHERE s.id = deliveries.subscription_id) || ' before it was sent' \
         WHERE id {in $1} AND claim_id = $2 AND status = 'claimed' AND NOT begun AND EXISTS (SELECT 1 FROM subscriptions s \
         WHERE s.id = deliveries.subscription_id AND s.status <> 'active') RETURNING id",
        DbList(ids),
        claim,
        DbTime(now)
    )
    .fetch_all()
    .await?;
    cohorts::forget_readers_of(tx, &skipped).await?;
    Ok(skipped.into_iter().collect())
}

/// Skips the waiting deliveries of a paused reader, for issues before the pause ends. The fence skips
/// deliveries that are claimed already.
pub async fn skip_paused(
    tx: &mut Tx,
    subscription: SubscriptionId,
    reader: SubscriberId,
    until: Date,
    now: Timestamp,
) -> Result<(), DbError> {
    let skipped = query!(
        tx,
        "UPDATE deliveries SET status = 'skipped', finished_at = $4, reply_text = 'the reader paused before \
         it was sent' WHERE subscriber_id = $1 AND subscription_id = $2 AND status IN ('queued', 'deferred') \
         AND issue_id IN (SELECT id FROM issues WHERE issue_date < $3)",
        reader,
        subscription,
        DbDate(until),
        DbTime(now)
    )
    .rows_affected()
    .await?;
    if skipped > 0 { cohorts::forget(tx, &[subscription]).await } else { Ok(()) }
}

/// The consequence of a relay's answer for a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is finished, in this state.
    End(DeliveryStatus),
    /// It is refused temporarily and tried again at this time.
    Deferred(Timestamp),
    /// The relay was the cause. It is tried again at this time, and the attempt doesn't count.
    Again(Timestamp),
}

/// A delivery's answer to record.
#[derive(Debug, Clone)]
pub struct Finish {
    pub id: DeliveryId,
    /// The claim it was begun under.
    pub claim: ClaimId,
    /// The key of the address it was sent to. The reader may have another address by now.
    pub address_key: String,
    pub next: Next,
    pub answer: Answer,
    pub at: Timestamp,
}

impl Finish {
    /// Returns whether a relay took the message without an answer, so that the reader may have it.
    pub fn is_in_doubt(&self) -> bool {
        match self.next {
            Next::End(status) => status == DeliveryStatus::Uncertain,
            Next::Deferred(_) => self.answer.code.is_none_or(|code| code < 400),
            Next::Again(_) => false,
        }
    }

    /// Returns whether the reader may have the message although it failed. Without a refusal, the last attempt was in
    /// doubt, or nothing was sent that could be sent later.
    fn is_doubted(&self) -> bool {
        let is_unrefused =
            self.next == Next::End(DeliveryStatus::Failed) && self.answer.code.is_none_or(|code| code < 400);
        self.is_in_doubt() || is_unrefused
    }
}

/// A row of `{rows}`.
#[derive(Serialize)]
struct Row<'a> {
    id: DeliveryId,
    claim: ClaimId,
    status: DeliveryStatus,
    #[serde(with = "microsecond::optional")]
    next: Option<Timestamp>,
    #[serde(with = "microsecond::optional")]
    finished: Option<Timestamp>,
    /// Attempts that don't count.
    uncounted: i64,
    doubts: i64,
    doubted: bool,
    relay: &'a str,
    code: Option<u16>,
    enhanced: Option<String>,
    text: &'a str,
}

impl<'a> From<&'a Finish> for Row<'a> {
    fn from(it: &'a Finish) -> Self {
        let (status, next, finished, uncounted) = match it.next {
            Next::End(status) => (status, None, (status != DeliveryStatus::Uncertain).then_some(it.at), 0),
            Next::Deferred(at) => (DeliveryStatus::Deferred, Some(at), None, 0),
            Next::Again(at) => (DeliveryStatus::Queued, Some(at), None, 1),
        };
        Self {
            id: it.id,
            claim: it.claim,
            status,
            next,
            finished,
            uncounted,
            doubts: it.is_in_doubt().into(),
            doubted: it.is_doubted(),
            relay: &it.answer.relay,
            code: it.answer.code,
            enhanced: it.answer.enhanced.map(|code| code.to_string()),
            text: &it.answer.text,
        }
    }
}

/// Records answers. Returns the deliveries that still had the claim; others stay as they are. Uncertain
/// deliveries are updated, too: their worker was only slow.
pub async fn finish(tx: &mut Tx, answers: &[&Finish]) -> Result<HashSet<DeliveryId>, DbError> {
    let rows: Vec<Row<'_>> = answers.iter().map(|answer| Row::from(*answer)).collect();
    // PostgreSQL reads a record set in half the time of single fields.
    let kept: Vec<DeliveryId> = query_scalar!(
        tx,
        "UPDATE deliveries SET status = x.status, next_attempt_at = COALESCE({micros x.next}, \
         deliveries.next_attempt_at), finished_at = {micros x.finished}, \
         begun = FALSE, attempts = deliveries.attempts - x.uncounted, doubts = deliveries.doubts + x.doubts, \
         doubted = deliveries.doubted OR x.doubted, relay = x.relay, reply_code = x.code, \
         enhanced_code = x.enhanced, reply_text = x.text, \
         claim_id = CASE WHEN x.status = 'uncertain' THEN deliveries.claim_id END FROM \
         {sqlite (SELECT value ->> 'id' AS id, value ->> 'claim' AS claim, value ->> 'status' AS status, \
         value ->> 'next' AS next, value ->> 'finished' AS finished, value ->> 'uncounted' AS uncounted, \
         value ->> 'doubts' AS doubts, value ->> 'doubted' AS doubted, \
         value ->> 'relay' AS relay, value ->> 'code' AS code, value ->> 'enhanced' AS enhanced, \
         value ->> 'text' AS text FROM json_each($1)) AS x}\
         {postgres json_to_recordset($1::json) AS x (id BIGINT, claim BIGINT, status TEXT, next BIGINT, \
         finished BIGINT, uncounted BIGINT, doubts BIGINT, doubted BOOLEAN, relay TEXT, code BIGINT, enhanced TEXT, text TEXT)} \
         WHERE deliveries.id = x.id AND deliveries.claim_id = x.claim \
         AND (deliveries.begun OR deliveries.status = 'uncertain') RETURNING deliveries.id",
        json_rows(&rows)?
    )
    .fetch_all()
    .await?;
    let kept: HashSet<DeliveryId> = kept.into_iter().collect();
    let is_unsent = |it: &&&Finish| {
        matches!(it.next, Next::End(DeliveryStatus::Failed | DeliveryStatus::Skipped))
            && kept.contains(&it.id)
    };
    let unsent: Vec<DeliveryId> = answers.iter().filter(is_unsent).map(|it| it.id).collect();
    cohorts::forget_readers_of(tx, &unsent).await?;
    Ok(kept)
}
