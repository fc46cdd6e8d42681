//! Table `installation`: this database among others, and whether it may send.

use crate::{
    db::{
        DbError, DbTime, Tx,
        engine::query::{query, query_as, query_scalar},
    },
    domain::{
        installation::GivenOut,
        issue::readiness::{PublicUrl, Setup},
    },
};
use jiff::Timestamp;

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct InstallationRecord {
    pub key: String,
    /// How often it was armed.
    pub epoch: i64,
    /// The server and database in which it was made or armed last, as [`place`] returns it.
    pub made_in: String,
    /// Since when nothing is sent.
    pub disarmed_at: Option<DbTime>,
    pub disarmed_reason: Option<String>,
}

/// Makes the row of a new database, armed, unless there is one.
pub async fn insert_if_missing(tx: &mut Tx, key: &str) -> Result<(), DbError> {
    let made_in = place(tx).await?;
    query!(
        tx,
        "INSERT INTO installation (id, key, epoch, made_in) VALUES (1, $1, 1, $2) ON CONFLICT (id) DO NOTHING",
        key,
        made_in
    )
    .execute()
    .await
}

/// Returns the row, which every started database has.
pub async fn get(tx: &mut Tx) -> Result<InstallationRecord, DbError> {
    query_as!(tx, "SELECT key, epoch, made_in, disarmed_at, disarmed_reason FROM installation WHERE id = 1")
        .fetch_one()
        .await
}

/// Returns where this database is. On PostgreSQL, a restored dump is in another place than its original.
pub async fn place(tx: &mut Tx) -> Result<String, DbError> {
    query_scalar!(
        tx,
        "SELECT {sqlite ''}{postgres (SELECT system_identifier FROM pg_control_system()) || ':' || \
         (SELECT oid FROM pg_database WHERE datname = current_database())}"
    )
    .fetch_one()
    .await
}

/// Returns the numbers that this database has given out.
pub async fn given_out(tx: &mut Tx) -> Result<GivenOut, DbError> {
    let (claim, email): (i64, i64) = query_as!(
        tx,
        "SELECT {sqlite COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'claims'), 0)}\
         {postgres (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM claims_id_seq)}, \
         {sqlite COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'emails'), 0)}\
         {postgres (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM emails_id_seq)}"
    )
    .fetch_one()
    .await?;
    Ok(GivenOut { claim, email })
}

/// Disarms the database. Returns `false` if it was disarmed before, which keeps its time and reason.
pub async fn disarm(tx: &mut Tx, reason: &str, now: Timestamp) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE installation SET disarmed_at = $1, disarmed_reason = $2 WHERE id = 1 AND disarmed_at IS NULL",
        DbTime(now),
        reason
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Records whether something else than Daily answers at the public address. Returns `false` if that was known.
pub async fn set_links_lead_elsewhere(tx: &mut Tx, elsewhere: bool) -> Result<bool, DbError> {
    query!(
        tx,
        "UPDATE installation SET links_lead_elsewhere = $1 WHERE id = 1 AND links_lead_elsewhere <> $1",
        elsewhere
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}

/// Returns the configured setup with what was found out about the public address.
pub async fn setup(tx: &mut Tx, configured: Setup) -> Result<Setup, DbError> {
    let lead_elsewhere: bool =
        query_scalar!(tx, "SELECT links_lead_elsewhere FROM installation WHERE id = 1").fetch_one().await?;
    let public_url = match configured.public_url {
        PublicUrl::Good if lead_elsewhere => PublicUrl::Elsewhere,
        configured => configured,
    };
    Ok(Setup { public_url, ..configured })
}

/// Arms the database where it is now, and begins an epoch. Returns `false` if it was armed before.
pub async fn arm(tx: &mut Tx) -> Result<bool, DbError> {
    let made_in = place(tx).await?;
    query!(
        tx,
        "UPDATE installation SET disarmed_at = NULL, disarmed_reason = NULL, epoch = epoch + 1, made_in = $1 \
         WHERE id = 1 AND disarmed_at IS NOT NULL",
        made_in
    )
    .rows_affected()
    .await
    .map(|rows| rows == 1)
}
