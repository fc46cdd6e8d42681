//! Everything held about one reader, for a subject access request (GDPR article 15).
//!
//! Each table that names readers has one query in [`PARTS`]. Each of its rows becomes a JSON object, so a new
//! column is exported by naming it there.

use crate::{
    db::{DbError, DbTime, Tx, engine::query::query_as},
    domain::subscriber::email_address::EmailAddress,
};
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value;
use sqlx::{Column as _, ColumnIndex, Decode, FromRow, Row, Type};

/// The most rows of a part: ten years of daily issues of ten newsletters.
const MOST: i64 = 40_000;

/// The parts of an export, in order. Their queries take the address key as `$1` and the limit as `$2`. Column
/// names become the keys of the JSON objects; those that end in `_at` are times. No column may reveal
/// anything about another reader.
const PARTS: [(&str, &str); 14] = [
    (
        "reader",
        "SELECT address, created_at AS first_seen_at FROM subscribers WHERE address_key = $1 LIMIT $2",
    ),
    ("suppressions", "SELECT reason, created_at FROM suppressions WHERE address_key = $1 LIMIT $2"),
    (
        "blocked_from_import",
        "SELECT n.slug AS newsletter, x.reason, x.created_at FROM newsletter_suppressions x \
         JOIN newsletters n ON n.id = x.newsletter_id WHERE x.address_key = $1 ORDER BY n.slug LIMIT $2",
    ),
    (
        "subscriptions",
        "SELECT n.slug AS newsletter, s.status, s.requested_at, s.confirmed_at, s.ended_at, s.moved_at, \
         s.signup_mailed_at, s.reminded_at, s.cadence, s.sections, s.time_zone, s.send_time, s.language, \
         s.paused_until, s.resumes_at FROM subscriptions s JOIN subscribers r ON r.id = s.subscriber_id \
         JOIN newsletters n ON n.id = s.newsletter_id WHERE r.address_key = $1 ORDER BY s.id LIMIT $2",
    ),
    (
        "consent",
        "SELECT n.slug AS newsletter, e.kind, e.occurred_at, e.method, e.address, e.client_address, \
         e.user_agent, e.source_url, e.wording, e.wording_version, e.confirmation_id AS confirmation_link \
         FROM consent_events e JOIN subscriptions s ON s.id = e.subscription_id \
         JOIN subscribers r ON r.id = s.subscriber_id JOIN newsletters n ON n.id = s.newsletter_id \
         WHERE r.address_key = $1 ORDER BY e.id LIMIT $2",
    ),
    (
        "confirmation_links",
        "SELECT c.id AS confirmation_link, n.slug AS newsletter, c.created_at, c.expires_at, c.used_at \
         FROM confirmations c JOIN subscriptions s ON s.id = c.subscription_id \
         JOIN subscribers r ON r.id = s.subscriber_id JOIN newsletters n ON n.id = s.newsletter_id \
         WHERE r.address_key = $1 ORDER BY c.id LIMIT $2",
    ),
    (
        "unsubscribe_reasons",
        "SELECT n.slug AS newsletter, l.left_at, l.reason, l.remark, l.given_at FROM unsubscribe_reasons l \
         JOIN subscriptions s ON s.id = l.subscription_id JOIN subscribers r ON r.id = s.subscriber_id \
         JOIN newsletters n ON n.id = s.newsletter_id WHERE r.address_key = $1 ORDER BY l.left_at LIMIT $2",
    ),
    (
        // The new address may belong to a stranger until the change is made.
        "requests",
        "SELECT n.slug AS newsletter, q.kind, q.requested_at, q.expires_at, q.old_address, \
         q.old_confirmed_at, q.old_client_address, q.old_user_agent, q.new_address, q.new_confirmed_at, CASE \
         WHEN q.done_at IS NOT NULL THEN q.new_client_address END AS new_client_address, CASE \
         WHEN q.done_at IS NOT NULL THEN q.new_user_agent END AS new_user_agent, q.done_at \
         FROM reader_requests q JOIN subscriptions s ON s.id = q.subscription_id \
         JOIN subscribers r ON r.id = s.subscriber_id JOIN newsletters n ON n.id = s.newsletter_id \
         WHERE r.address_key = $1 ORDER BY q.id LIMIT $2",
    ),
    (
        "issues",
        "SELECT n.slug AS newsletter, i.issue_date, CASE WHEN d.begun THEN 'sending' ELSE d.status END AS status, \
         d.due_at, d.finished_at, d.attempts, d.relay, \
         d.reply_code, d.enhanced_code, d.reply_text FROM deliveries d JOIN issues i ON i.id = d.issue_id \
         JOIN newsletters n ON n.id = i.newsletter_id JOIN subscribers r ON r.id = d.subscriber_id \
         WHERE r.address_key = $1 ORDER BY d.issue_id DESC LIMIT $2",
    ),
    (
        "bounces_and_complaints",
        "SELECT occurred_at, source, kind, ineffective, reply_code, enhanced_code, diagnostic, \
         reporting_mta FROM bounces WHERE address_key = $1 ORDER BY id DESC LIMIT $2",
    ),
    (
        "issues_shown_on_welcome",
        "SELECT n.slug AS newsletter, i.issue_date, w.welcomed_at FROM welcomes w \
         JOIN issue_variants v ON v.id = w.variant_id JOIN issues i ON i.id = v.issue_id \
         JOIN newsletters n ON n.id = i.newsletter_id JOIN subscribers r ON r.id = w.subscriber_id \
         WHERE r.address_key = $1 ORDER BY w.welcomed_at DESC LIMIT $2",
    ),
    (
        // Emails to the address, and emails about the reader's subscriptions, to whatever address.
        "other_emails",
        "SELECT m.kind, n.slug AS newsletter, m.recipient, m.created_at, m.status, m.finished_at, \
         m.attempts, m.relay, m.reply_code, m.reply_text FROM emails m \
         JOIN newsletters n ON n.id = m.newsletter_id WHERE m.id IN (SELECT id FROM emails \
         WHERE lower(recipient) = $1 UNION SELECT id FROM emails WHERE subscription_id IN (SELECT s.id \
         FROM subscriptions s JOIN subscribers r ON r.id = s.subscriber_id \
         WHERE r.address_key = $1)) ORDER BY m.id DESC LIMIT $2",
    ),
    (
        // The column is a JSON array of numbers. Both engines treat it as text here.
        "signups_to_be_processed",
        "SELECT (SELECT string_agg(n.slug, ', ' ORDER BY n.slug) FROM newsletters n \
         WHERE replace(replace(x.newsletters, '[', ','), ']', ',') LIKE '%,' || n.id || ',%') AS \
         newsletters, x.received_at, x.method, x.address, x.client_address, x.user_agent, x.source_url, \
         x.language, x.time_zone, x.wording, x.wording_version FROM signups x \
         WHERE x.address_key = $1 ORDER BY x.id LIMIT $2",
    ),
    (
        "incoming_address_changes",
        "SELECT q.requested_at, q.expires_at FROM reader_requests q \
         JOIN subscriptions s ON s.id = q.subscription_id JOIN subscribers r ON r.id = s.subscriber_id \
         WHERE q.new_address_key = $1 AND r.address_key <> $1 ORDER BY q.id LIMIT $2",
    ),
];

/// Everything held about one reader.
#[derive(Debug)]
pub struct DataExport {
    address: String,
    exported_at: Timestamp,
    parts: Vec<(&'static str, Vec<Object>)>,
}

impl DataExport {
    /// Returns the document for the reader.
    pub fn to_json(&self) -> Result<String, DbError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| DbError::Encode(Box::new(error)))?;
        Ok(text + "\n")
    }
}

impl Serialize for DataExport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2 + self.parts.len()))?;
        map.serialize_entry("address", &self.address)?;
        map.serialize_entry("exported_at", &self.exported_at)?;
        for (name, rows) in &self.parts {
            map.serialize_entry(name, rows)?;
        }
        map.end()
    }
}

/// A row as a JSON object, with the columns in the order of the query.
#[derive(Debug)]
struct Object(Vec<(String, Value)>);

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'r, R: Row> FromRow<'r, R> for Object
where
    usize: ColumnIndex<R>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    Option<DbTime>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, DbError> {
        let value = |(index, column): (usize, &<R::Database as sqlx::Database>::Column)| {
            let name = column.name().to_owned();
            let value = if name.ends_with("_at") {
                row.try_get::<Option<DbTime>, _>(index)?.map(|at| at.0.to_string().into())
            } else if let Ok(text) = row.try_get::<Option<String>, _>(index) {
                text.map(Value::from)
            } else {
                row.try_get::<Option<i64>, _>(index)?.map(Value::from)
            };
            Ok((name, value.unwrap_or_default()))
        };
        row.columns().iter().enumerate().map(value).collect::<Result<_, _>>().map(Self)
    }
}

/// Returns the reader's copies of issues whose deliveries are folded. Their variants and states are all that
/// is left.
async fn older_issues(tx: &mut Tx, address: &EmailAddress) -> Result<Vec<Object>, DbError> {
    query_as!(
        tx,
        "SELECT newsletter, issue_date, variant, CASE state WHEN '01' THEN 'sent' ELSE 'skipped' END AS status \
         FROM (SELECT n.slug AS newsletter, i.issue_date, i.id, v.number AS variant, \
         {sqlite hex(}{postgres encode(}substr(t.entries, CAST(2 * (r.id % 4096) + 1 AS INTEGER), 1)\
         {sqlite )}{postgres , 'hex')} AS number, {sqlite hex(}{postgres encode(}\
         substr(t.entries, CAST(2 * (r.id % 4096) + 2 AS INTEGER), 1){sqlite )}{postgres , 'hex')} AS state \
         FROM subscribers r JOIN receipts t ON t.chunk = r.id / 4096 JOIN issues i ON i.id = t.issue_id \
         JOIN newsletters n ON n.id = i.newsletter_id JOIN issue_variants v ON v.issue_id = i.id \
         WHERE r.address_key = $1) AS copies WHERE lower(number) = {sqlite printf('%02x', variant)}\
         {postgres lpad(to_hex(variant), 2, '0')} AND state IN ('01', '02') ORDER BY id DESC LIMIT $2",
        address.key(),
        MOST
    )
    .fetch_all()
    .await
}

/// Reads everything held about the reader of an address. Returns `None` if nothing is.
pub async fn read(
    tx: &mut Tx,
    address: &EmailAddress,
    now: Timestamp,
) -> Result<Option<DataExport>, DbError> {
    let mut parts = Vec::with_capacity(PARTS.len());
    for (name, query) in PARTS {
        let rows: Vec<Object> = query_as!(tx, portable query, address.key(), MOST).fetch_all().await?;
        parts.push((name, rows));
    }
    parts.push(("older_issues", older_issues(tx, address).await?));
    let is_known = parts.iter().any(|(_, rows)| !rows.is_empty());
    Ok(is_known.then(|| DataExport { address: address.to_string(), exported_at: now, parts }))
}
