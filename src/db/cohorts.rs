//! Tables `cohorts` and `issue_cohorts`: readers of a newsletter with the same audience and the same past.
//!
//! The rule that everything here keeps: a subscription with a cohort is active, has its audience, and its
//! reader has received exactly the cohort's past of the newsletter's issues whose deliveries are rows. A
//! statement that makes a reader's past different calls [`forget`] in its transaction. Changes of status and
//! audience do so by a trigger. Subscriptions are sorted into cohorts only while no issue is fanned out.

use crate::{
    db::{
        DbError, Tx,
        engine::{
            columns::DbList,
            query::{json_rows, query, query_as, query_scalar},
        },
    },
    domain::{
        ids::{CohortId, DeliveryId, IssueId, NewsletterId, SubscriptionId, VariantId},
        issue::cohort::{Cohort, ReaderPast},
    },
};
use serde::Serialize;

/// Returns a newsletter's cohorts, oldest first.
pub async fn for_newsletter(tx: &mut Tx, newsletter: NewsletterId) -> Result<Vec<Cohort>, DbError> {
    let rows: Vec<(CohortId, String, String)> = query_as!(
        tx,
        "SELECT id, audience, past FROM cohorts WHERE newsletter_id = $1 ORDER BY id",
        newsletter
    )
    .fetch_all()
    .await?;
    let cohort = |(id, audience, past): (CohortId, String, String)| Cohort {
        id,
        newsletter,
        audience,
        past: ReaderPast::parse(&past),
    };
    Ok(rows.into_iter().map(cohort).collect())
}

/// The query of [`counts`].
pub const COUNTS: &str = "SELECT cohort_id, count(*) FROM subscriptions WHERE newsletter_id = $1 \
     AND status = 'active' AND cohort_id IS NOT NULL GROUP BY cohort_id";

/// Counts the readers of each cohort, in the index. Leaves out readers with a subscription to one of the
/// newsletters in `except`.
pub async fn counts(
    tx: &mut Tx,
    newsletter: NewsletterId,
    except: &[NewsletterId],
) -> Result<Vec<(CohortId, i64)>, DbError> {
    if except.is_empty() {
        return query_as!(tx, COUNTS, newsletter).fetch_all().await;
    }
    query_as!(
        tx,
        "SELECT s.cohort_id, count(*) FROM subscriptions s WHERE s.newsletter_id = $1 \
         AND s.status = 'active' AND s.cohort_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM subscriptions o \
         WHERE o.subscriber_id = s.subscriber_id AND o.newsletter_id {in $2}) GROUP BY s.cohort_id",
        newsletter,
        DbList(except)
    )
    .fetch_all()
    .await
}

/// The variant that a cohort gets of an issue. `None`: no story is left for its readers.
#[derive(Debug, Clone, Copy)]
pub struct CohortVariant {
    pub cohort: CohortId,
    pub variant: Option<VariantId>,
}

#[derive(Serialize)]
struct PastRow {
    cohort: CohortId,
    past: String,
    variant: Option<VariantId>,
}

/// Moves cohorts on by an issue: saves the variant that each gets, for the fan-out, and adds it to the past.
pub async fn move_on(
    tx: &mut Tx,
    issue: IssueId,
    moves: Vec<(Cohort, Option<VariantId>)>,
) -> Result<(), DbError> {
    let rows: Vec<PastRow> = moves
        .into_iter()
        .map(|(mut cohort, variant)| {
            if let Some(variant) = variant {
                cohort.past.push(variant);
            }
            PastRow { cohort: cohort.id, past: cohort.past.to_string(), variant }
        })
        .collect();
    query!(
        tx,
        "INSERT INTO issue_cohorts (issue_id, cohort_id, variant_id) SELECT $1, \
         CAST(value ->> 'cohort' AS BIGINT), CAST(value ->> 'variant' AS BIGINT) FROM {rows $2}",
        issue,
        json_rows(&rows)?
    )
    .execute()
    .await?;
    set_pasts(tx, &rows).await
}

/// Removes variants from the past of all cohorts of a newsletter, because their deliveries are folded.
pub async fn remove_past(
    tx: &mut Tx,
    newsletter: NewsletterId,
    variants: &[VariantId],
) -> Result<(), DbError> {
    let rows: Vec<PastRow> = for_newsletter(tx, newsletter)
        .await?
        .into_iter()
        .filter_map(|cohort| {
            let past = cohort.past.without(variants);
            (past != cohort.past).then(|| PastRow {
                cohort: cohort.id,
                past: past.to_string(),
                variant: None,
            })
        })
        .collect();
    set_pasts(tx, &rows).await
}

async fn set_pasts(tx: &mut Tx, rows: &[PastRow]) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE cohorts SET past = x.past FROM (SELECT CAST(value ->> 'cohort' AS BIGINT) AS cohort, \
         value ->> 'past' AS past FROM {rows $1}) AS x WHERE cohorts.id = x.cohort",
        json_rows(rows)?
    )
    .execute()
    .await
}

/// Removes the assignments of an issue, after its fan-out.
pub async fn end_fan_out(tx: &mut Tx, issue: IssueId) -> Result<(), DbError> {
    query!(tx, "DELETE FROM issue_cohorts WHERE issue_id = $1", issue).execute().await
}

/// Takes subscriptions out of their cohorts, because their readers' pasts have changed. On PostgreSQL this
/// locks rows without a cohort, too, so that nobody sorts them by the old past meanwhile.
pub async fn forget(tx: &mut Tx, subscriptions: &[SubscriptionId]) -> Result<(), DbError> {
    if subscriptions.is_empty() {
        return Ok(());
    }
    // All transactions lock subscriptions in the order of their ids.
    query!(
        tx,
        "UPDATE subscriptions SET cohort_id = NULL WHERE id IN (SELECT id FROM subscriptions \
         WHERE id {in $1} {sqlite AND cohort_id IS NOT NULL}{postgres ORDER BY id FOR NO KEY UPDATE})",
        DbList(subscriptions)
    )
    .execute()
    .await
}

/// Takes the readers of deliveries that failed or were skipped out of their cohorts.
pub async fn forget_readers_of(tx: &mut Tx, deliveries: &[DeliveryId]) -> Result<(), DbError> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let subscriptions: Vec<SubscriptionId> =
        query_scalar!(tx, "SELECT subscription_id FROM deliveries WHERE id {in $1}", DbList(deliveries))
            .fetch_all()
            .await?;
    forget(tx, &subscriptions).await
}

/// An active subscription without a cohort.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Unsorted {
    pub id: SubscriptionId,
    pub audience: String,
    /// The variants that its reader has received, as [`ReaderPast`] writes them.
    pub past: String,
}

/// Returns whether a newsletter has active subscriptions without a cohort.
pub async fn any_unsorted(tx: &mut Tx, newsletter: NewsletterId) -> Result<bool, DbError> {
    query_scalar!(
        tx,
        "SELECT EXISTS (SELECT 1 FROM subscriptions WHERE newsletter_id = $1 AND status = 'active' \
         AND cohort_id IS NULL)",
        newsletter
    )
    .fetch_one()
    .await
}

/// Locks active subscriptions without a cohort, at most `limit`, and returns them with their readers' pasts.
pub async fn lock_unsorted(
    tx: &mut Tx,
    newsletter: NewsletterId,
    limit: i64,
) -> Result<Vec<Unsorted>, DbError> {
    let ids: Vec<SubscriptionId> = query_scalar!(
        tx,
        "SELECT id FROM subscriptions WHERE newsletter_id = $1 AND status = 'active' AND cohort_id IS NULL \
         LIMIT $2 {skip_locked}",
        newsletter,
        limit
    )
    .fetch_all()
    .await?;
    // A statement of its own, so that on PostgreSQL it sees all that was committed before the locks.
    query_as!(
        tx,
        "SELECT s.id, s.audience, COALESCE((SELECT string_agg(CAST(h.variant_id AS TEXT), ',' \
         ORDER BY h.variant_id) FROM (SELECT d.variant_id FROM deliveries d JOIN issues i ON i.id = d.issue_id \
         WHERE d.subscriber_id = s.subscriber_id AND i.newsletter_id = s.newsletter_id AND i.folded_at IS NULL \
         AND d.status NOT IN ('failed', 'skipped') UNION SELECT w.variant_id FROM welcomes w \
         JOIN issue_variants v ON v.id = w.variant_id JOIN issues i ON i.id = v.issue_id \
         WHERE w.subscriber_id = s.subscriber_id AND i.newsletter_id = s.newsletter_id \
         AND i.folded_at IS NULL) AS h), '') AS past FROM subscriptions s WHERE s.id {in $1}",
        DbList(&ids)
    )
    .fetch_all()
    .await
}

/// Creates a cohort.
pub async fn insert(
    tx: &mut Tx,
    newsletter: NewsletterId,
    audience: &str,
    past: &ReaderPast,
) -> Result<CohortId, DbError> {
    query_scalar!(
        tx,
        "INSERT INTO cohorts (newsletter_id, audience, past) VALUES ($1, $2, $3) RETURNING id",
        newsletter,
        audience,
        past.to_string()
    )
    .fetch_one()
    .await
}

/// Sorts subscriptions, locked before, into a cohort.
pub async fn assign(tx: &mut Tx, cohort: CohortId, subscriptions: &[SubscriptionId]) -> Result<(), DbError> {
    query!(tx, "UPDATE subscriptions SET cohort_id = $1 WHERE id {in $2}", cohort, DbList(subscriptions))
        .execute()
        .await
}

/// Moves readers from one cohort to an equal one, at most `limit`. Returns their number.
pub async fn merge(
    tx: &mut Tx,
    newsletter: NewsletterId,
    from: CohortId,
    into: CohortId,
    limit: i64,
) -> Result<u64, DbError> {
    query!(
        tx,
        "UPDATE subscriptions SET cohort_id = $3 WHERE id IN (SELECT id FROM subscriptions \
         WHERE newsletter_id = $1 AND status = 'active' AND cohort_id = $2 LIMIT $4 {skip_locked})",
        newsletter,
        from,
        into,
        limit
    )
    .rows_affected()
    .await
}

/// Removes cohorts without readers.
pub async fn remove_empty(tx: &mut Tx, newsletter: NewsletterId) -> Result<(), DbError> {
    query!(
        tx,
        "DELETE FROM cohorts WHERE newsletter_id = $1 AND NOT EXISTS (SELECT 1 FROM subscriptions s \
         WHERE s.newsletter_id = $1 AND s.status = 'active' AND s.cohort_id = cohorts.id)",
        newsletter
    )
    .execute()
    .await
}
