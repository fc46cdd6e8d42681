//! Beginning and finishing deliveries, many in one statement: what the recorder writes.

use crate::{
    db::{
        DbError, EngineTx, Stamp, Tx,
        deliveries::{as_array, as_json},
        engine::query::query,
    },
    domain::{
        delivery::status::{Answer, DeliveryStatus},
        ids::{ClaimId, DeliveryId, IssueId, SubscriberId, SubscriptionId},
    },
};
use jiff::{Timestamp, civil::Date};
use serde_json::{Value, json};
use std::collections::HashSet;

/// Which of a group of deliveries were begun. If one is in neither set, its claim was lost or its issue was stopped, and it must not
/// be sent.
#[derive(Debug, Clone, Default)]
pub struct Begun {
    /// These may be handed to a relay.
    pub go: HashSet<DeliveryId>,
    /// These are skipped, because their readers have unsubscribed or paused meanwhile.
    pub skipped: HashSet<DeliveryId>,
}

/// Begins deliveries: the fence. A worker may send only while it holds the claim, the issue goes out, and the subscription is active.
pub async fn begin(
    tx: &mut Tx,
    issue: IssueId,
    claim: ClaimId,
    ids: &[DeliveryId],
    now: Timestamp,
) -> Result<Begun, DbError> {
    macro_rules! begin {
        ($conn:ident, $ids:literal, $bind:expr) => {
            sqlx::query_scalar(concat!(
                "UPDATE deliveries SET status = 'sending', attempts = attempts + 1 WHERE id ",
                $ids,
                " AND claim_id = $2 AND status = 'claimed' AND (SELECT i.status FROM issues i \
                 WHERE i.id = $3) = 'sending' AND EXISTS (SELECT 1 FROM subscriptions s \
                 WHERE s.id = deliveries.subscription_id AND s.status = 'active') RETURNING id"
            ))
            .bind($bind)
            .bind(claim.0)
            .bind(issue.0)
            .fetch_all($conn)
            .await?
        };
    }
    let go: Vec<i64> = match tx.by_engine() {
        EngineTx::Sqlite(conn) => begin!(conn, "IN (SELECT value FROM json_each($1))", as_json(ids)),
        EngineTx::Postgres(conn) => begin!(conn, "= ANY($1)", as_array(ids)),
    };
    let go: HashSet<DeliveryId> = go.into_iter().map(DeliveryId).collect();
    let rest: Vec<DeliveryId> = ids.iter().copied().filter(|id| !go.contains(id)).collect();
    if rest.is_empty() {
        return Ok(Begun { go, skipped: HashSet::new() });
    }
    let skipped = skip_left(tx, claim, &rest, now).await?;
    Ok(Begun { go, skipped })
}

/// Skips those whose reader has left or paused.
async fn skip_left(
    tx: &mut Tx,
    claim: ClaimId,
    ids: &[DeliveryId],
    now: Timestamp,
) -> Result<HashSet<DeliveryId>, DbError> {
    macro_rules! skip {
        ($conn:ident, $ids:literal, $bind:expr) => {
            sqlx::query_scalar(concat!(
                "UPDATE deliveries SET status = 'skipped', claim_id = NULL, finished_at = $3, reply_text = \
                 'the reader ' || (SELECT CASE s.status WHEN 'paused' THEN 'paused' ELSE 'left' END \
                 FROM subscriptions s WHERE s.id = deliveries.subscription_id) || ' before it was sent' \
                 WHERE id ",
                $ids,
                " AND claim_id = $2 AND status = 'claimed' AND EXISTS (SELECT 1 FROM subscriptions s \
                 WHERE s.id = deliveries.subscription_id AND s.status <> 'active') RETURNING id"
            ))
            .bind($bind)
            .bind(claim.0)
            .bind(Stamp(now))
            .fetch_all($conn)
            .await?
        };
    }
    let skipped: Vec<i64> = match tx.by_engine() {
        EngineTx::Sqlite(conn) => skip!(conn, "IN (SELECT value FROM json_each($1))", as_json(ids)),
        EngineTx::Postgres(conn) => skip!(conn, "= ANY($1)", as_array(ids)),
    };
    Ok(skipped.into_iter().map(DeliveryId).collect())
}

/// Skips what a reader who has paused until a day would still get of issues before it. What a worker has claimed the fence skips: it
/// is begun at once or not at all.
pub async fn skip_paused(
    tx: &mut Tx,
    subscription: SubscriptionId,
    reader: SubscriberId,
    until: Date,
    now: Timestamp,
) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE deliveries SET status = 'skipped', finished_at = $4, reply_text = 'the reader paused before \
         it was sent' WHERE subscriber_id = $1 AND subscription_id = $2 AND status IN ('queued', 'deferred') \
         AND issue_id IN (SELECT id FROM issues WHERE issue_date < $3)",
        reader.0,
        subscription.0,
        until.to_string(),
        Stamp(now)
    )
    .execute()
    .await
}

/// What follows from a relay's answer for a delivery in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At its end, in this state.
    End(DeliveryStatus),
    /// Refused for now: again at this moment.
    Deferred(Timestamp),
    /// Not the reader's fault: again at this moment, and the attempt does not count.
    Again(Timestamp),
}

/// A delivery's answer, to be kept.
#[derive(Debug, Clone)]
pub struct Finish {
    /// The row.
    pub id: DeliveryId,
    /// The claim it was begun under.
    pub claim: ClaimId,
    /// The address that was mailed, by its key: its reader may be mailed at another one by now.
    pub address_key: String,
    /// What follows.
    pub next: Next,
    /// What the relay said.
    pub answer: Answer,
    /// When.
    pub at: Timestamp,
}

impl Finish {
    fn to_json(&self, stamp: fn(Timestamp) -> Value) -> Value {
        let (status, next, finished, uncounted) = match self.next {
            Next::End(status) => (status, None, (status != DeliveryStatus::Uncertain).then_some(self.at), 0),
            Next::Deferred(at) => (DeliveryStatus::Deferred, Some(at), None, 0),
            Next::Again(at) => (DeliveryStatus::Queued, Some(at), None, 1),
        };
        json!({
            "id": self.id.0, "claim": self.claim.0, "status": status.as_str(), "next": next.map(stamp),
            "finished": finished.map(stamp), "uncounted": uncounted, "relay": self.answer.relay,
            "code": self.answer.code, "enhanced": self.answer.enhanced.map(|code| code.to_string()),
            "text": self.answer.text,
        })
    }
}

/// Keeps answers. Returns which rows were still the claim's; what was lost meanwhile is left as it is. A row in doubt takes
/// the answer, too: its worker was only slow.
pub async fn finish(tx: &mut Tx, answers: &[&Finish]) -> Result<HashSet<DeliveryId>, DbError> {
    macro_rules! finish {
        ($conn:ident, $rows:literal, $stamp:expr) => {
            sqlx::query_scalar(concat!(
                "UPDATE deliveries SET status = x.status, next_attempt_at = COALESCE(x.next, \
                 deliveries.next_attempt_at), finished_at = x.finished, attempts = deliveries.attempts - \
                 x.uncounted, relay = x.relay, reply_code = x.code, enhanced_code = x.enhanced, reply_text = \
                 x.text, claim_id = CASE WHEN x.status = 'uncertain' THEN deliveries.claim_id END FROM ",
                $rows,
                " WHERE deliveries.id = x.id AND deliveries.claim_id = x.claim \
                 AND deliveries.status IN ('sending', 'uncertain') RETURNING deliveries.id"
            ))
            .bind(Value::Array(answers.iter().map(|answer| answer.to_json($stamp)).collect()).to_string())
            .fetch_all($conn)
            .await?
        };
    }
    let kept: Vec<i64> = match tx.by_engine() {
        EngineTx::Sqlite(conn) => finish!(
            conn,
            "(SELECT value ->> 'id' AS id, value ->> 'claim' AS claim, value ->> 'status' AS status, value \
             ->> 'next' AS next, value ->> 'finished' AS finished, value ->> 'uncounted' AS uncounted, value \
             ->> 'relay' AS relay, value ->> 'code' AS code, value ->> 'enhanced' AS enhanced, value ->> \
             'text' AS text FROM json_each($1)) AS x",
            |at| at.as_microsecond().into()
        ),
        EngineTx::Postgres(conn) => finish!(
            conn,
            "json_to_recordset($1::json) AS x (id BIGINT, claim BIGINT, status TEXT, next TIMESTAMPTZ, \
             finished TIMESTAMPTZ, uncounted BIGINT, relay TEXT, code BIGINT, enhanced TEXT, text TEXT)",
            |at| at.to_string().into()
        ),
    };
    Ok(kept.into_iter().map(DeliveryId).collect())
}
