//! Table `audit`: who changed what, with the values before and after.
//!
//! An action records its entry in the transaction that makes the change, so neither exists without the other.

use super::{DbError, DbTime, Tx};
use crate::db::engine::columns::DbList;
use crate::db::engine::query::{query, query_as, query_scalar};
use crate::domain::{actor::Actor, ids::AuditId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// A change to record.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The person or part of Daily that made it.
    pub actor: &'a Actor,
    /// Subject and verb, such as `issue.approve`.
    pub action: &'static str,
    /// The row that was changed.
    pub subject: Option<i64>,
    /// The fields as they were. Null: the row is new.
    pub before: Value,
    /// The fields as they are now. Null: the row is gone.
    pub after: Value,
}

/// An entry of the log.
#[derive(Debug, Clone, Serialize)]
pub struct AuditRecord {
    pub id: AuditId,
    pub occurred_at: DbTime,
    pub actor: Actor,
    pub action: String,
    pub subject_id: Option<i64>,
    pub before: Value,
    pub after: Value,
}

/// Keeps the fields that differ between two versions of a row. Other values than objects stay as they are.
fn changes(mut before: Value, mut after: Value) -> (Value, Value) {
    if let (Value::Object(old), Value::Object(new)) = (&mut before, &mut after) {
        let same: Vec<String> = old
            .iter()
            .filter(|(field, value)| new.get(*field) == Some(*value))
            .map(|(it, _)| it.clone())
            .collect();
        old.retain(|field, _| !same.contains(field));
        new.retain(|field, _| !same.contains(field));
    }
    (before, after)
}

fn serialized(actor: &Actor) -> Result<String, DbError> {
    serde_json::to_string(actor).map_err(|error| DbError::Encode(Box::new(error)))
}

/// Adds an entry with the fields that changed. Adds nothing if none did.
pub async fn record(tx: &mut Tx, entry: Entry<'_>, now: Timestamp) -> Result<(), DbError> {
    let (before, after) = changes(entry.before, entry.after);
    if before == after {
        return Ok(());
    }
    let text = |value: &Value| (!value.is_null()).then(|| value.to_string());
    let actor = serialized(entry.actor)?;
    query!(
        tx,
        "INSERT INTO audit (occurred_at, actor, action, subject_id, before_values, after_values) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        DbTime(now),
        actor,
        entry.action,
        entry.subject,
        text(&before),
        text(&after)
    )
    .execute()
    .await
}

/// Entries before an id, newest first; before none: the newest.
pub async fn page(tx: &mut Tx, before: Option<AuditId>, limit: i64) -> Result<Vec<AuditRecord>, DbError> {
    let rows: Vec<Row> = query_as!(
        tx,
        "SELECT id, occurred_at, actor, action, subject_id, before_values, after_values FROM audit \
         WHERE id < $1 ORDER BY id DESC LIMIT $2",
        before.unwrap_or(AuditId(i64::MAX)),
        limit
    )
    .fetch_all()
    .await?;
    rows.into_iter().map(read).collect()
}

/// Most entries about one row that are read.
const MOST_OF_SUBJECT: i64 = 500;

/// Returns the entries of one action about a row, newest first.
pub async fn for_subject(tx: &mut Tx, action: &str, subject: i64) -> Result<Vec<AuditRecord>, DbError> {
    let rows: Vec<Row> = query_as!(
        tx,
        "SELECT id, occurred_at, actor, action, subject_id, before_values, after_values FROM audit \
         WHERE action = $1 AND subject_id = $2 ORDER BY id DESC LIMIT $3",
        action,
        subject,
        MOST_OF_SUBJECT
    )
    .fetch_all()
    .await?;
    rows.into_iter().map(read).collect()
}

/// Returns whether an actor has made one of these changes of one of these rows since a time.
pub async fn has_entry(
    tx: &mut Tx,
    actor: &Actor,
    actions: &[&str],
    subjects: &[i64],
    since: Timestamp,
) -> Result<bool, DbError> {
    let found: i64 = query_scalar!(
        tx,
        "SELECT count(*) FROM (SELECT 1 FROM audit WHERE action {in $1} AND subject_id {in $2} AND actor = $3 \
         AND occurred_at >= $4 LIMIT 1) AS found",
        DbList(actions),
        DbList(subjects),
        serialized(actor)?,
        DbTime(since)
    )
    .fetch_one()
    .await?;
    Ok(found > 0)
}

type Row = (AuditId, DbTime, String, String, Option<i64>, Option<String>, Option<String>);

fn read((id, occurred_at, actor, action, subject_id, before, after): Row) -> Result<AuditRecord, DbError> {
    Ok(AuditRecord {
        id,
        occurred_at,
        actor: from_text(&actor)?,
        action,
        subject_id,
        before: before.as_deref().map(from_text).transpose()?.unwrap_or_default(),
        after: after.as_deref().map(from_text).transpose()?.unwrap_or_default(),
    })
}

fn from_text<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Decode(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_fields_that_differ_are_kept() {
        let before = json!({"title": "A", "days": "mon"});
        let after = json!({"title": "B", "days": "mon", "new": 1});
        assert_eq!(changes(before.clone(), after), (json!({"title": "A"}), json!({"title": "B", "new": 1})));
        assert_eq!(changes(before.clone(), before.clone()), (json!({}), json!({})));
        assert_eq!(changes(before.clone(), Value::Null), (before, Value::Null));
    }
}
