//! The database: one query text for two engines.
//!
//! [`Db`] is the store, [`Tx`] a transaction in it. Functions of the table groups take `&mut Tx`; the macros of
//! [`engine::query`] compile each query once per engine. Engines differ in this folder only.

pub mod audit;
pub mod consent;
pub mod content;
pub mod deliveries;
pub mod engine;
pub mod issues;
pub mod newsletters;
pub mod operators;
pub mod rate_limits;
pub mod signups;
pub mod subscribers;
pub mod suppressions;
pub mod throttle;

pub use crate::db::engine::connect::{ConnectError, DatabaseUrl};
pub use crate::db::engine::db_time::{DbDate, DbTime};
pub use crate::db::engine::wal::Wal;
pub use crate::db::engine::worker_lock::{Taken, WorkerLock};

use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};

/// What went wrong in the database.
pub type DbError = sqlx::Error;

/// Whether the database only wants a transaction done again: two waited for each other, or saw different things.
pub fn is_retryable(error: &DbError) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| ["40001", "40P01"].contains(&code.as_ref()))
}

/// Whether a row that may be there only once was there already: another one made it at the same moment.
pub fn is_unique_violation(error: &DbError) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// The store, on either engine.
#[derive(Debug, Clone)]
pub enum Db {
    /// One file, one writer, many readers.
    Sqlite {
        /// A single connection: writers of this process queue up fairly instead of fighting for the file's lock.
        writer: SqlitePool,
        /// Readers see a snapshot and never wait for the writer.
        readers: SqlitePool,
        /// Makes what the writer committed last.
        wal: Wal,
    },
    Postgres(PgPool),
}

/// A transaction. Dropped without [`Tx::commit`], it leaves no trace.
pub struct Tx {
    inner: Inner,
    after_commit: Vec<Box<dyn FnOnce() + Send>>,
}

enum Inner {
    /// With what makes its commit last, unless it only reads.
    Sqlite(Transaction<'static, Sqlite>, Option<Wal>),
    Postgres(Transaction<'static, Postgres>),
}

impl Db {
    /// Begins a transaction that may write. On SQLite it takes the write lock at once (`BEGIN IMMEDIATE`), so that it never
    /// fails half-way for want of it.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        let inner = match self {
            Self::Sqlite { writer, wal, .. } => {
                Inner::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?, Some(wal.clone()))
            }
            Self::Postgres(pool) => Inner::Postgres(pool.begin().await?),
        };
        Ok(Tx { inner, after_commit: Vec::new() })
    }

    /// Begins a transaction that many share: a row that another one holds is not waited for long, so that one of them does not keep
    /// all. What it fails with then is the database's error.
    pub async fn begin_with_lock_timeout(&self) -> Result<Tx, DbError> {
        match self {
            // Who writes is alone.
            Self::Sqlite { .. } => self.begin().await,
            Self::Postgres(pool) => {
                let tx = pool.begin_with("BEGIN; SET LOCAL lock_timeout = '2s'").await?;
                Ok(Tx { inner: Inner::Postgres(tx), after_commit: Vec::new() })
            }
        }
    }

    /// Begins a transaction that only reads: a consistent snapshot.
    pub async fn read(&self) -> Result<Tx, DbError> {
        let inner = match self {
            Self::Sqlite { readers, .. } => Inner::Sqlite(readers.begin().await?, None),
            Self::Postgres(pool) => {
                Inner::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        };
        Ok(Tx { inner, after_commit: Vec::new() })
    }

    /// Closes all connections; on SQLite this folds the write-ahead log into the file.
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
    /// Makes everything in the transaction last, then runs what waited for that.
    pub async fn commit(self) -> Result<(), DbError> {
        match self.inner {
            Inner::Sqlite(tx, wal) => {
                tx.commit().await?;
                // The connection is free for the next by now.
                if let Some(wal) = wal {
                    wal.flush().await?;
                }
            }
            Inner::Postgres(tx) => tx.commit().await?,
        }
        self.after_commit.into_iter().for_each(|run| run());
        Ok(())
    }

    /// Undoes everything in the transaction, and returns when that is done. Dropping it does the same by and by.
    pub async fn rollback(self) -> Result<(), DbError> {
        match self.inner {
            Inner::Sqlite(tx, _) => tx.rollback().await,
            Inner::Postgres(tx) => tx.rollback().await,
        }
    }

    /// Runs `action` once the transaction has been committed, and not otherwise.
    pub fn after_commit(&mut self, action: impl FnOnce() + Send + 'static) {
        self.after_commit.push(Box::new(action));
    }

    /// Whether nobody else can write until the transaction ends, as on SQLite. Rows need no locks then.
    pub(crate) const fn is_only_writer(&self) -> bool {
        matches!(self.inner, Inner::Sqlite(..))
    }

    /// The engine's own transaction, for the queue, which must name the storage it writes to.
    pub(crate) fn by_engine(&mut self) -> EngineTx<'_> {
        match &mut self.inner {
            Inner::Sqlite(tx, _) => EngineTx::Sqlite(&mut *tx),
            Inner::Postgres(tx) => EngineTx::Postgres(&mut *tx),
        }
    }
}

/// The connection below a [`Tx`].
pub(crate) enum EngineTx<'tx> {
    Sqlite(&'tx mut sqlx::SqliteConnection),
    Postgres(&'tx mut sqlx::PgConnection),
}
