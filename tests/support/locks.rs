//! Locks that a story holds to provoke a race: row locks on PostgreSQL, and the write lock of SQLite, which
//! has one writer.

use super::store::Store;
use sqlx::{
    AssertSqlSafe, Connection as _, Postgres, SqliteConnection, Transaction, sqlite::SqliteConnectOptions,
};
use std::path::Path;

/// Strength of a row lock.
#[derive(Debug, Clone, Copy)]
pub enum Strength {
    /// Blocks changing or locking the rows.
    Update,
    /// Blocks deleting the rows, like a row that refers to them.
    KeyShare,
}

/// A transaction that holds locks until it is released.
pub struct RowLocks(Transaction<'static, Postgres>);

impl RowLocks {
    /// Locks all rows of these tables. `None` on SQLite.
    pub async fn hold(store: &Store, strength: Strength, tables: &[&str]) -> Option<Self> {
        let Store::Postgres(pool) = store else { return None };
        let mut locks = Self(pool.begin().await.expect("a transaction"));
        let strength = match strength {
            Strength::Update => "FOR UPDATE",
            Strength::KeyShare => "FOR KEY SHARE",
        };
        for table in tables {
            locks.lock(&format!("SELECT id FROM {table} {strength}")).await.expect("the locks");
        }
        Some(locks)
    }

    /// Locks all rows of a table if that is possible without waiting. Returns whether it was.
    pub async fn can_take(&mut self, table: &str) -> bool {
        self.lock(&format!("SELECT id FROM {table} FOR UPDATE NOWAIT")).await.is_ok()
    }

    pub async fn release(self) {
        self.0.rollback().await.expect("a rollback");
    }

    async fn lock(&mut self, statement: &str) -> sqlx::Result<()> {
        sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut *self.0).await.map(drop)
    }
}

/// The write lock of a SQLite database, held like by another process. Dropping the value releases the lock.
pub struct WriteLock(SqliteConnection);

impl WriteLock {
    /// Waits for the lock and acquires it.
    pub async fn hold(database: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(database);
        let mut connection = SqliteConnection::connect_with(&options).await.expect("the database opens");
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.expect("the write lock");
        Self(connection)
    }

    pub async fn release(self) {
        self.0.close().await.expect("the end of the connection");
    }
}
