//! Table `receipts`: who got an issue whose deliveries are folded.
//!
//! A row holds two bytes for each of 4,096 subscribers with neighbouring ids: the number of the variant, and the
//! state. Copies that failed or came back keep their rows in `deliveries`, and are in no receipt.

use crate::{
    db::{
        DbError, DbTime, Tx,
        deliveries::report::ReaderDelivery,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{
        delivery::{receipt::Receipts, status::DeliveryStatus},
        ids::{IssueId, NewsletterId, SubscriberId, VariantId},
    },
};
use std::collections::HashMap;

async fn load(tx: &mut Tx, issue: IssueId, chunk: i64) -> Result<Receipts, DbError> {
    let entries: Option<Vec<u8>> =
        query_scalar!(tx, "SELECT entries FROM receipts WHERE issue_id = $1 AND chunk = $2", issue, chunk)
            .fetch_optional()
            .await?;
    Ok(Receipts::from_bytes(entries.unwrap_or_default()))
}

/// Loads receipts that this transaction changes, and keeps others from changing them meanwhile.
pub(super) async fn load_to_change(tx: &mut Tx, issue: IssueId, chunk: i64) -> Result<Receipts, DbError> {
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

pub(super) async fn save(
    tx: &mut Tx,
    issue: IssueId,
    chunk: i64,
    receipts: &Receipts,
) -> Result<(), DbError> {
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
