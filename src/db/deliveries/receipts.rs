//! Tables `receipts` and `delivery_figures`: what is kept of an issue's deliveries once they are folded.
//!
//! A receipt row holds two bytes for each of 4,096 subscribers with neighbouring ids: the number of the
//! variant, and the state. Copies that failed or came back keep their rows in `deliveries`, and are in no
//! receipt.

use crate::{
    db::{
        DbError, DbTime, Tx, cohorts,
        deliveries::report::ReaderDelivery,
        engine::query::{json_rows, query, query_as, query_scalar},
    },
    domain::{
        delivery::{receipt::Receipts, status::DeliveryStatus},
        ids::{IssueId, NewsletterId, SubscriberId, VariantId},
    },
};
use jiff::{Timestamp, fmt::serde::timestamp::microsecond};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Destination domains with figures of their own. Readers of the others count together.
const DOMAINS: i64 = 100;
/// Copies below which a domain has no figures of its own, because it may be one person's.
const FEW: i64 = 3;

/// An issue whose deliveries can be folded.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Foldable {
    pub issue: IssueId,
    pub newsletter: NewsletterId,
    /// The last subscriber whose delivery is folded. `None`: folding has not begun.
    pub folded_to: Option<i64>,
}

/// Returns the oldest issue that was closed before a time and is not wholly folded.
pub async fn next_to_fold(tx: &mut Tx, closed_before: Timestamp) -> Result<Option<Foldable>, DbError> {
    query_as!(
        tx,
        "SELECT id AS issue, newsletter_id AS newsletter, folded_to FROM issues \
         WHERE status IN ('sent', 'cancelled') AND closed_at < $1 AND frozen_at IS NOT NULL \
         AND fanned_out_to IS NULL AND (folded_at IS NULL OR folded_to IS NOT NULL) ORDER BY closed_at, id \
         LIMIT 1",
        DbTime(closed_before)
    )
    .fetch_optional()
    .await
}

/// Begins to fold an issue. From now on its variants are in no cohort's past, and its readers' pasts are
/// looked up in rows and receipts.
pub async fn begin(
    tx: &mut Tx,
    issue: IssueId,
    newsletter: NewsletterId,
    now: Timestamp,
) -> Result<(), DbError> {
    query!(tx, "UPDATE issues SET folded_at = $2, folded_to = 0 WHERE id = $1", issue, DbTime(now))
        .execute()
        .await?;
    let variants: Vec<VariantId> =
        query_scalar!(tx, "SELECT id FROM issue_variants WHERE issue_id = $1", issue).fetch_all().await?;
    cohorts::remove_past(tx, newsletter, &variants).await
}

#[derive(sqlx::FromRow)]
struct Folded {
    subscriber_id: SubscriberId,
    number: i64,
    variant_id: VariantId,
    domain: String,
    due_at: DbTime,
    status: DeliveryStatus,
    relay: Option<String>,
    reply_code: Option<i64>,
    enhanced_code: Option<String>,
    reason: Option<String>,
}

/// Deliveries that count together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
struct Figure {
    variant: VariantId,
    #[serde(with = "microsecond::required")]
    due: Timestamp,
    status: &'static str,
    /// The relay's name, or nothing.
    relay: String,
    /// The relay's reply code, or 0.
    code: i64,
    /// The enhanced status code, or nothing.
    enhanced: String,
    /// Why they were skipped.
    reason: String,
}

#[derive(Serialize)]
struct FigureRow<'a> {
    #[serde(flatten)]
    figure: &'a Figure,
    count: i64,
}

#[derive(Serialize)]
struct DomainRow<'a> {
    domain: &'a str,
    status: &'static str,
    count: i64,
}

/// Folds the ended deliveries of the next 4,096 subscriber ids into a receipt and figures. Returns their
/// number, or `None` if none was left and the issue is folded.
pub async fn fold_portion(tx: &mut Tx, issue: IssueId, after: i64) -> Result<Option<usize>, DbError> {
    let next: Option<i64> = query_scalar!(
        tx,
        "SELECT min(subscriber_id) FROM deliveries WHERE issue_id = $1 AND subscriber_id > $2",
        issue,
        after
    )
    .fetch_one()
    .await?;
    let Some(next) = next else {
        finish(tx, issue).await?;
        return Ok(None);
    };
    let chunk = Receipts::chunk_of(SubscriberId(next));
    let last = Receipts::last_of(chunk).0;
    let mut receipts = load_to_change(tx, issue, chunk).await?;
    // Copies that came back keep their rows, as failed ones do.
    let rows: Vec<Folded> = query_as!(
        tx,
        "DELETE FROM deliveries WHERE issue_id = $1 AND subscriber_id > $2 AND subscriber_id <= $3 \
         AND status IN ('sent', 'skipped') AND NOT EXISTS (SELECT 1 FROM bounces b \
         WHERE b.issue_id = deliveries.issue_id AND b.subscription_id = deliveries.subscription_id) \
         RETURNING subscriber_id, variant_id, COALESCE((SELECT v.number FROM issue_variants v \
         WHERE v.id = deliveries.variant_id), 0) AS number, COALESCE((SELECT r.domain FROM subscribers r \
         WHERE r.id = deliveries.subscriber_id), '') AS domain, due_at, status, relay, reply_code, \
         enhanced_code, CASE WHEN status = 'skipped' THEN reply_text END AS reason",
        issue,
        next - 1,
        last
    )
    .fetch_all()
    .await?;
    let (mut figures, mut domains) = (BTreeMap::<Figure, i64>::new(), BTreeMap::new());
    for row in &rows {
        receipts.set(row.subscriber_id, row.number, row.status);
        let status = row.status.as_str();
        let figure = Figure {
            variant: row.variant_id,
            due: row.due_at.0,
            status,
            relay: row.relay.clone().unwrap_or_default(),
            code: row.reply_code.unwrap_or_default(),
            enhanced: row.enhanced_code.clone().unwrap_or_default(),
            reason: row.reason.clone().unwrap_or_default(),
        };
        *figures.entry(figure).or_default() += 1;
        *domains.entry((row.domain.as_str(), status)).or_default() += 1;
    }
    save(tx, issue, chunk, &receipts).await?;
    add_figures(tx, issue, &figures, &domains).await?;
    query!(tx, "UPDATE issues SET folded_to = $2 WHERE id = $1", issue, last).execute().await?;
    Ok(Some(rows.len()))
}

async fn add_figures(
    tx: &mut Tx,
    issue: IssueId,
    figures: &BTreeMap<Figure, i64>,
    domains: &BTreeMap<(&str, &'static str), i64>,
) -> Result<(), DbError> {
    let figures: Vec<FigureRow<'_>> =
        figures.iter().map(|(figure, count)| FigureRow { figure, count: *count }).collect();
    query!(
        tx,
        "INSERT INTO delivery_figures (issue_id, variant_id, due_at, status, relay, reply_code, enhanced_code, \
         reason, count) SELECT $1, CAST(value ->> 'variant' AS BIGINT), {micros value ->> 'due'}, \
         value ->> 'status', value ->> 'relay', CAST(value ->> 'code' AS BIGINT), value ->> 'enhanced', \
         value ->> 'reason', CAST(value ->> 'count' AS BIGINT) FROM {rows $2} WHERE true \
         ON CONFLICT (issue_id, variant_id, due_at, status, relay, reply_code, enhanced_code, reason) \
         DO UPDATE SET count = delivery_figures.count + excluded.count",
        issue,
        json_rows(&figures)?
    )
    .execute()
    .await?;
    let domains: Vec<DomainRow<'_>> =
        domains.iter().map(|((domain, status), count)| DomainRow { domain, status, count: *count }).collect();
    query!(
        tx,
        "INSERT INTO domain_figures (issue_id, domain, status, count) SELECT $1, value ->> 'domain', \
         value ->> 'status', CAST(value ->> 'count' AS BIGINT) FROM {rows $2} WHERE true \
         ON CONFLICT (issue_id, domain, status) DO UPDATE SET count = domain_figures.count + excluded.count",
        issue,
        json_rows(&domains)?
    )
    .execute()
    .await
}

/// Marks an issue as wholly folded, and counts the readers of small domains together.
async fn finish(tx: &mut Tx, issue: IssueId) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO domain_figures (issue_id, domain, status, count) SELECT $1, '', status, \
         CAST(sum(count) AS BIGINT) FROM domain_figures WHERE issue_id = $1 AND domain NOT IN (SELECT domain \
         FROM domain_figures WHERE issue_id = $1 GROUP BY domain HAVING sum(count) >= $3 \
         ORDER BY sum(count) DESC, domain LIMIT $2) GROUP BY status ON CONFLICT (issue_id, domain, status) DO UPDATE \
         SET count = domain_figures.count + excluded.count",
        issue,
        DOMAINS,
        FEW
    )
    .execute()
    .await?;
    query!(
        tx,
        "DELETE FROM domain_figures WHERE issue_id = $1 AND domain <> '' AND domain NOT IN (SELECT domain \
         FROM domain_figures WHERE issue_id = $1 AND domain <> '' GROUP BY domain \
         HAVING sum(count) >= $3 ORDER BY sum(count) DESC, domain LIMIT $2)",
        issue,
        DOMAINS,
        FEW
    )
    .execute()
    .await?;
    query!(tx, "UPDATE issues SET folded_to = NULL WHERE id = $1", issue).execute().await
}

async fn load(tx: &mut Tx, issue: IssueId, chunk: i64) -> Result<Receipts, DbError> {
    let entries: Option<Vec<u8>> =
        query_scalar!(tx, "SELECT entries FROM receipts WHERE issue_id = $1 AND chunk = $2", issue, chunk)
            .fetch_optional()
            .await?;
    Ok(Receipts::from_bytes(entries.unwrap_or_default()))
}

/// Loads receipts that this transaction changes, and keeps others from changing them meanwhile.
async fn load_to_change(tx: &mut Tx, issue: IssueId, chunk: i64) -> Result<Receipts, DbError> {
    if tx.is_only_writer() {
        return load(tx, issue, chunk).await;
    }
    query!(
        tx,
        "INSERT INTO receipts (issue_id, chunk, entries) VALUES ($1, $2, $3) ON CONFLICT (issue_id, chunk) DO NOTHING",
        issue,
        chunk,
        Receipts::default().as_bytes()
    )
    .execute()
    .await?;
    let entries: Vec<u8> = query_scalar!(
        tx,
        "SELECT entries FROM receipts WHERE issue_id = $1 AND chunk = $2 {postgres FOR UPDATE}",
        issue,
        chunk
    )
    .fetch_one()
    .await?;
    Ok(Receipts::from_bytes(entries))
}

async fn save(tx: &mut Tx, issue: IssueId, chunk: i64, receipts: &Receipts) -> Result<(), DbError> {
    query!(
        tx,
        "INSERT INTO receipts (issue_id, chunk, entries) VALUES ($1, $2, $3) \
         ON CONFLICT (issue_id, chunk) DO UPDATE SET entries = excluded.entries",
        issue,
        chunk,
        receipts.as_bytes()
    )
    .execute()
    .await
}

/// Gives a reader's receipts of a newsletter's issues to another reader, except for issues of which that
/// reader has a receipt or a delivery.
pub async fn transfer(
    tx: &mut Tx,
    newsletter: NewsletterId,
    from: SubscriberId,
    to: SubscriberId,
) -> Result<(), DbError> {
    let issues: Vec<IssueId> = query_scalar!(
        tx,
        "SELECT i.id FROM issues i JOIN receipts t ON t.issue_id = i.id AND t.chunk = $2 \
         WHERE i.newsletter_id = $1 AND i.folded_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM deliveries d \
         WHERE d.issue_id = i.id AND d.subscriber_id = $3)",
        newsletter,
        Receipts::chunk_of(from),
        to
    )
    .fetch_all()
    .await?;
    let (old, new) = (Receipts::chunk_of(from), Receipts::chunk_of(to));
    for issue in issues {
        // In the order of their numbers, so that two transfers never wait for each other.
        let lower = load_to_change(tx, issue, old.min(new)).await?;
        let higher = if old == new { lower.clone() } else { load_to_change(tx, issue, old.max(new)).await? };
        let (mut of_from, mut of_to) = if old <= new { (lower, higher) } else { (higher, lower) };
        let Some((number, status)) = of_from.get(from) else { continue };
        if of_to.get(to).is_some() {
            continue;
        }
        of_from.clear(from);
        if old == new {
            of_from.set(to, number, status);
        } else {
            of_to.set(to, number, status);
            save(tx, issue, new, &of_to).await?;
        }
        save(tx, issue, old, &of_from).await?;
    }
    Ok(())
}

/// The two bytes of subscriber `r`, in hex.
macro_rules! entry {
    ($subscriber:literal) => {
        concat!(
            "{sqlite hex(}{postgres encode(}substr(t.entries, CAST(2 * (",
            $subscriber,
            " % 4096) + 1 AS INTEGER), 2){sqlite )}{postgres , 'hex')}"
        )
    };
}

/// Returns whether a reader has a receipt of an issue.
pub async fn has(tx: &mut Tx, subscriber: SubscriberId, issue: IssueId) -> Result<bool, DbError> {
    Ok(load(tx, issue, Receipts::chunk_of(subscriber)).await?.get(subscriber).is_some())
}

#[derive(sqlx::FromRow)]
struct ReceiptRow {
    subscriber_id: SubscriberId,
    address: String,
    entry: String,
    due_at: DbTime,
}

/// Returns a page of a folded issue's receipts after a reader, in the order of readers' ids. With a status,
/// only those in it.
pub(super) async fn page(
    tx: &mut Tx,
    issue: IssueId,
    status: Option<DeliveryStatus>,
    after: SubscriberId,
    limit: i64,
) -> Result<Vec<ReaderDelivery>, DbError> {
    let state = match status.map(Receipts::state) {
        Some(None) => return Ok(Vec::new()),
        Some(Some(state)) => format!("{state:02x}"),
        None => String::new(),
    };
    let rows: Vec<ReceiptRow> = query_as!(
        tx,
        concat!(
            "SELECT r.id AS subscriber_id, r.address, ",
            entry!("r.id"),
            " AS entry, i.due_at FROM receipts t JOIN issues i ON i.id = t.issue_id JOIN subscribers r \
             ON r.id >= t.chunk * 4096 AND r.id < (t.chunk + 1) * 4096 WHERE t.issue_id = $1 \
             AND t.chunk >= $2 / 4096 AND r.id > $2 AND ",
            entry!("r.id"),
            " LIKE '__' || CASE WHEN $4 = '' THEN '%' ELSE $4 END AND ",
            entry!("r.id"),
            " NOT LIKE '00%' ORDER BY t.chunk, r.id LIMIT $3"
        ),
        issue,
        after,
        limit,
        state
    )
    .fetch_all()
    .await?;
    into_deliveries(tx, issue, rows).await
}

/// Returns a reader's receipt of a folded issue.
pub(super) async fn get_by_subscriber(
    tx: &mut Tx,
    issue: IssueId,
    subscriber: SubscriberId,
) -> Result<Option<ReaderDelivery>, DbError> {
    let rows: Vec<ReceiptRow> = query_as!(
        tx,
        concat!(
            "SELECT r.id AS subscriber_id, r.address, ",
            entry!("r.id"),
            " AS entry, i.due_at FROM receipts t JOIN issues i ON i.id = t.issue_id JOIN subscribers r \
             ON r.id = $2 WHERE t.issue_id = $1 AND t.chunk = $2 / 4096 AND ",
            entry!("r.id"),
            " <> '' AND ",
            entry!("r.id"),
            " NOT LIKE '00%'"
        ),
        issue,
        subscriber
    )
    .fetch_all()
    .await?;
    Ok(into_deliveries(tx, issue, rows).await?.pop())
}

async fn into_deliveries(
    tx: &mut Tx,
    issue: IssueId,
    rows: Vec<ReceiptRow>,
) -> Result<Vec<ReaderDelivery>, DbError> {
    let variants: Vec<(i64, VariantId)> =
        query_as!(tx, "SELECT number, id FROM issue_variants WHERE issue_id = $1", issue).fetch_all().await?;
    let variants: HashMap<i64, VariantId> = variants.into_iter().collect();
    let delivery = |row: ReceiptRow| {
        let (number, status) = Receipts::parse_entry(&row.entry)?;
        Some(ReaderDelivery {
            id: None,
            subscriber_id: row.subscriber_id,
            variant_id: variants.get(&number).copied()?,
            address: row.address,
            status,
            attempts: 1,
            next_attempt_at: row.due_at,
            relay: None,
            reply_code: None,
            enhanced_code: None,
            reply_text: None,
            finished_at: None,
            came_back: None,
        })
    };
    Ok(rows.into_iter().filter_map(delivery).collect())
}

/// A reader's receipt of one issue.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct PastReceipt {
    pub issue_id: IssueId,
    pub newsletter: String,
    pub issue_date: crate::db::DbDate,
    /// The two bytes in hex.
    pub entry: String,
}

/// Returns a reader's latest receipts before an issue, newest issue first.
pub(super) async fn for_subscriber(
    tx: &mut Tx,
    subscriber: SubscriberId,
    before: IssueId,
    limit: i64,
) -> Result<Vec<PastReceipt>, DbError> {
    query_as!(
        tx,
        concat!(
            "SELECT i.id AS issue_id, n.slug AS newsletter, i.issue_date, ",
            entry!("$1"),
            " AS entry FROM receipts t JOIN issues i ON i.id = t.issue_id \
             JOIN newsletters n ON n.id = i.newsletter_id WHERE t.chunk = $1 / 4096 AND t.issue_id < $3 AND ",
            entry!("$1"),
            " <> '' AND ",
            entry!("$1"),
            " NOT LIKE '00%' ORDER BY t.issue_id DESC LIMIT $2"
        ),
        subscriber,
        limit,
        before
    )
    .fetch_all()
    .await
}
