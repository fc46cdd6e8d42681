//! Row locks that a story holds on PostgreSQL, to meet a race at the moment it would happen. SQLite has one writer.

use super::store::Store;
use sqlx::{AssertSqlSafe, Postgres, Transaction};

/// A transaction that holds locks until it is released.
pub struct RowLocks(Transaction<'static, Postgres>);

impl RowLocks {
    /// Locks all rows of these tables, `FOR UPDATE` or `FOR KEY SHARE`. `None` on SQLite.
    pub async fn hold(store: &Store, strength: &str, tables: &[&str]) -> Option<Self> {
        let Store::Postgres(pool) = store else { return None };
        let mut locks = Self(pool.begin().await.expect("a transaction"));
        for table in tables {
            locks.lock(&format!("SELECT id FROM {table} {strength}")).await.expect("the locks");
        }
        Some(locks)
    }

    /// Returns whether this transaction could lock all rows of a table without waiting, and has them if so.
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
