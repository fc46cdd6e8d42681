//! Tables `imports`, `import_parts` and `import_rows`: lists that operators uploaded, and the rows that were left out.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{json_rows, query, query_as, query_scalar},
    },
    domain::{
        ids::{ImportId, NewsletterId, OperatorId},
        import::uploaded::{FILE_KEPT, ImportStatus, REPORT_KEPT, SILENCE},
        subscriber::email_address::EmailAddress,
    },
};
use jiff::Timestamp;
use serde::Serialize;

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ImportRecord {
    pub id: ImportId,
    pub newsletter_id: NewsletterId,
    /// The operator who uploaded the list, unless they were removed.
    pub operator_id: Option<OperatorId>,
    pub file_name: String,
    pub file_bytes: i64,
    /// How to read the list, as JSON.
    pub options: String,
    pub status: ImportStatus,
    /// Progress, in bytes.
    pub read_bytes: i64,
    /// The last result, as JSON.
    pub summary: Option<String>,
    /// Rows that were left out. The table has only the first ones.
    pub left_out: i64,
    pub error: Option<String>,
    /// The last sign of life while the list is read.
    pub alive_at: Option<DbTime>,
    pub created_at: DbTime,
    pub finished_at: Option<DbTime>,
}

impl ImportRecord {
    /// Whether a process is reading the list.
    pub fn is_running(&self, now: Timestamp) -> bool {
        self.status.is_reading() && self.alive_at.is_some_and(|at| now.duration_since(at.0) < SILENCE)
    }
}

macro_rules! select_import {
    ($rest:literal) => {
        concat!(
            "SELECT id, newsletter_id, operator_id, file_name, file_bytes, options, status, read_bytes, summary, \
             left_out, error, alive_at, created_at, finished_at FROM imports ",
            $rest
        )
    };
}

pub async fn get(tx: &mut Tx, id: ImportId) -> Result<Option<ImportRecord>, DbError> {
    query_as!(tx, select_import!("WHERE id = $1"), id).fetch_optional().await
}

/// Returns a newsletter's latest imports.
pub async fn latest(tx: &mut Tx, newsletter: NewsletterId, limit: i64) -> Result<Vec<ImportRecord>, DbError> {
    query_as!(
        tx,
        select_import!("WHERE newsletter_id = $1 AND status <> 'receiving' ORDER BY id DESC LIMIT $2"),
        newsletter,
        limit
    )
    .fetch_all()
    .await
}

/// Begins to receive a list.
pub async fn insert(
    tx: &mut Tx,
    newsletter: NewsletterId,
    operator: Option<OperatorId>,
    file_name: &str,
    now: Timestamp,
) -> Result<ImportId, DbError> {
    query_scalar!(
        tx,
        "INSERT INTO imports (newsletter_id, operator_id, file_name, status, created_at) \
         VALUES ($1, $2, $3, 'receiving', $4) RETURNING id",
        newsletter,
        operator,
        file_name,
        DbTime(now)
    )
    .fetch_one()
    .await
}

/// Adds a part of the file.
pub async fn append(tx: &mut Tx, id: ImportId, number: i64, bytes: &[u8]) -> Result<(), DbError> {
    query!(tx, "INSERT INTO import_parts (import_id, number, bytes) VALUES ($1, $2, $3)", id, number, bytes)
        .execute()
        .await?;
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    query!(tx, "UPDATE imports SET file_bytes = file_bytes + $2 WHERE id = $1", id, length).execute().await
}

/// Returns a part of the file. `None`: the file ends before it, or was removed.
pub async fn part(tx: &mut Tx, id: ImportId, number: i64) -> Result<Option<Vec<u8>>, DbError> {
    query_scalar!(tx, "SELECT bytes FROM import_parts WHERE import_id = $1 AND number = $2", id, number)
        .fetch_optional()
        .await
}

/// The whole file has been received.
pub async fn set_received(tx: &mut Tx, id: ImportId) -> Result<(), DbError> {
    query!(tx, "UPDATE imports SET status = 'received' WHERE id = $1 AND status = 'receiving'", id)
        .execute()
        .await
}

pub async fn delete(tx: &mut Tx, id: ImportId) -> Result<(), DbError> {
    query!(tx, "DELETE FROM imports WHERE id = $1", id).execute().await
}

/// Begins to read a list, unless a process is reading it or another one already.
pub async fn begin(
    tx: &mut Tx,
    id: ImportId,
    status: ImportStatus,
    options: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE imports SET status = $2, options = $3, read_bytes = 0, summary = NULL, left_out = 0, error = NULL, \
         alive_at = $4, finished_at = NULL WHERE id = $1 AND status NOT IN ('receiving', 'done') AND NOT EXISTS \
         (SELECT 1 FROM imports o WHERE o.status IN ('checking', 'importing') AND o.alive_at > $5)",
        id,
        status,
        options,
        DbTime(now),
        DbTime(now - SILENCE)
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Records the progress.
pub async fn keep_alive(tx: &mut Tx, id: ImportId, read_bytes: i64, now: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE imports SET read_bytes = $2, alive_at = $3 WHERE id = $1 AND status IN ('checking', 'importing')",
        id,
        read_bytes,
        DbTime(now)
    )
    .execute()
    .await
}

/// The result of reading a list.
#[derive(Debug, Clone, Copy)]
pub struct Finished<'a> {
    pub status: ImportStatus,
    /// The counted outcomes, as JSON.
    pub summary: Option<&'a str>,
    pub left_out: i64,
    pub error: Option<&'a str>,
}

/// Records the result. The file is removed once its readers are imported.
pub async fn finish(tx: &mut Tx, id: ImportId, it: Finished<'_>, now: Timestamp) -> Result<(), DbError> {
    query!(
        tx,
        "UPDATE imports SET status = $2, summary = $3, left_out = $4, error = $5, finished_at = $6, \
         read_bytes = file_bytes WHERE id = $1",
        id,
        it.status,
        it.summary,
        it.left_out,
        it.error,
        DbTime(now)
    )
    .execute()
    .await?;
    if it.status == ImportStatus::Done {
        query!(tx, "DELETE FROM import_parts WHERE import_id = $1", id).execute().await?;
    }
    Ok(())
}

/// A row that was left out.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub struct ImportRow {
    pub line: i64,
    pub outcome: String,
    pub address: Option<String>,
    pub reason: String,
}

/// Removes the rows of an earlier reading.
pub async fn delete_rows(tx: &mut Tx, id: ImportId) -> Result<(), DbError> {
    query!(tx, "DELETE FROM import_rows WHERE import_id = $1", id).execute().await
}

/// Adds rows that were left out.
pub async fn insert_rows(tx: &mut Tx, id: ImportId, rows: &[ImportRow]) -> Result<(), DbError> {
    #[derive(Serialize)]
    struct Row<'a> {
        #[serde(flatten)]
        row: &'a ImportRow,
        address_key: Option<String>,
    }
    let key = |row: &ImportRow| EmailAddress::parse(row.address.as_deref()?).ok().map(|it| it.key());
    let rows: Vec<Row<'_>> = rows.iter().map(|row| Row { row, address_key: key(row) }).collect();
    query!(
        tx,
        "INSERT INTO import_rows (import_id, line, outcome, address, address_key, reason) SELECT $1, \
         CAST(value ->> 'line' AS BIGINT), value ->> 'outcome', value ->> 'address', value ->> 'address_key', \
         value ->> 'reason' FROM {rows $2} WHERE true ON CONFLICT (import_id, line) DO NOTHING",
        id,
        json_rows(&rows)?
    )
    .execute()
    .await
}

/// Returns rows that were left out, in order, after a line.
pub async fn rows(tx: &mut Tx, id: ImportId, after: i64, limit: i64) -> Result<Vec<ImportRow>, DbError> {
    query_as!(
        tx,
        "SELECT line, outcome, address, reason FROM import_rows WHERE import_id = $1 AND line > $2 \
         ORDER BY line LIMIT $3",
        id,
        after,
        limit
    )
    .fetch_all()
    .await
}

/// Removes files a day after they came, and whole imports a week after.
pub async fn expire(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    query!(tx, "DELETE FROM imports WHERE created_at < $1", DbTime(now - REPORT_KEPT)).execute().await?;
    query!(
        tx,
        "DELETE FROM import_parts WHERE import_id IN (SELECT id FROM imports WHERE created_at < $1)",
        DbTime(now - FILE_KEPT)
    )
    .execute()
    .await
}
