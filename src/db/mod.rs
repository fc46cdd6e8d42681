//! The database: one query text for two engines.
//!
//! [`Db`] is the database, [`Tx`] a transaction. Functions of the table groups take `&mut Tx`. The macros of
//! [`engine::query`] compile each query for both engines. Only this folder knows that the engines differ.

pub mod audit;
pub mod bounces;
pub mod cohorts;
pub mod consent;
pub mod content;
pub mod deliveries;
pub mod engine;
pub mod figures;
pub mod imports;
pub mod incoming_messages;
pub mod installation;
pub mod issues;
pub mod newsletters;
pub mod operators;
pub mod rate_limits;
pub mod reader_counts;
pub mod signups;
pub mod subscribers;
pub mod suppressions;
pub mod test_groups;
pub mod throttle;
pub mod undeliverable;

pub use crate::db::engine::connect::{ConnectError, DatabaseUrl};
pub use crate::db::engine::db_time::{DbDate, DbTime};
pub use crate::db::engine::wal::Wal;
pub use crate::db::engine::worker_lock::{Taken, WorkerLock};

use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};

pub type DbError = sqlx::Error;

/// Returns whether the transaction failed only because of a deadlock or a serialization conflict, so that it
/// can be tried again.
pub fn is_retryable(error: &DbError) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| ["40001", "40P01"].contains(&code.as_ref()))
}

/// Returns whether a row that must be unique existed already, because another transaction has just inserted
/// it.
pub fn is_unique_violation(error: &DbError) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// The database, on either engine.
#[derive(Debug, Clone)]
pub enum Db {
    /// A file with one writer and many readers.
    Sqlite {
        /// A single connection, so that writers of this process queue up fairly instead of fighting for the
        /// file's lock.
        writer: SqlitePool,
        /// Readers see a snapshot and never wait for the writer.
        readers: SqlitePool,
        /// Flushes commits to the disk.
        wal: Wal,
    },
    Postgres(PgPool),
}

/// A transaction. Dropping it without [`Tx::commit`] rolls it back.
pub struct Tx {
    inner: Inner,
    after_commit: Vec<Box<dyn FnOnce() + Send>>,
}

enum Inner {
    /// `None` for a transaction that only reads.
    Sqlite(Transaction<'static, Sqlite>, Option<Wal>),
    Postgres(Transaction<'static, Postgres>),
}

impl Db {
    /// Begins a transaction that may write. On SQLite it takes the write lock at once (`BEGIN IMMEDIATE`), so
    /// a later statement can't fail for want of the lock.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        let inner = match self {
            Self::Sqlite { writer, wal, .. } => {
                Inner::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?, Some(wal.clone()))
            }
            Self::Postgres(pool) => Inner::Postgres(pool.begin().await?),
        };
        Ok(Tx { inner, after_commit: Vec::new() })
    }

    /// Begins a transaction that many requests share. On PostgreSQL it fails if a row stays locked for two
    /// seconds, so that one locked row doesn't delay every request.
    pub async fn begin_with_lock_timeout(&self) -> Result<Tx, DbError> {
        match self {
            // SQLite has one writer, so no row can be locked.
            Self::Sqlite { .. } => self.begin().await,
            Self::Postgres(pool) => {
                let tx = pool.begin_with("BEGIN; SET LOCAL lock_timeout = '2s'").await?;
                Ok(Tx { inner: Inner::Postgres(tx), after_commit: Vec::new() })
            }
        }
    }

    /// Begins a transaction that only reads. It sees a consistent snapshot.
    pub async fn read(&self) -> Result<Tx, DbError> {
        let inner = match self {
            Self::Sqlite { readers, .. } => Inner::Sqlite(readers.begin().await?, None),
            Self::Postgres(pool) => {
                Inner::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        };
        Ok(Tx { inner, after_commit: Vec::new() })
    }

    /// Closes all connections. On SQLite this folds the write-ahead log into the file.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers, .. } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Commits, waits until the commit is durable, then runs the actions of [`Tx::after_commit`].
    pub async fn commit(self) -> Result<(), DbError> {
        match self.inner {
            Inner::Sqlite(tx, wal) => {
                tx.commit().await?;
                // The connection is free for the next transaction by now.
                if let Some(wal) = wal {
                    wal.flush().await?;
                }
            }
            Inner::Postgres(tx) => tx.commit().await?,
        }
        self.after_commit.into_iter().for_each(|run| run());
        Ok(())
    }

    /// Rolls back and returns when that is done. Dropping the transaction rolls it back some time later.
    pub async fn rollback(self) -> Result<(), DbError> {
        match self.inner {
            Inner::Sqlite(tx, _) => tx.rollback().await,
            Inner::Postgres(tx) => tx.rollback().await,
        }
    }

    /// Runs `action` after the commit. Never runs it if the transaction is rolled back.
    pub fn after_commit(&mut self, action: impl FnOnce() + Send + 'static) {
        self.after_commit.push(Box::new(action));
    }

    /// Returns whether this transaction is the only one that can write, as on SQLite. Rows need no locks
    /// then, and others wait for its end.
    pub(crate) const fn is_only_writer(&self) -> bool {
        matches!(self.inner, Inner::Sqlite(..))
    }

    /// The engine's own connection. The queue needs it, because apalis has a type of storage per engine.
    pub(crate) fn by_engine(&mut self) -> EngineTx<'_> {
        match &mut self.inner {
            Inner::Sqlite(tx, _) => EngineTx::Sqlite(&mut *tx),
            Inner::Postgres(tx) => EngineTx::Postgres(&mut *tx),
        }
    }
}

/// The connection of a [`Tx`].
pub(crate) enum EngineTx<'tx> {
    Sqlite(&'tx mut sqlx::SqliteConnection),
    Postgres(&'tx mut sqlx::PgConnection),
}
