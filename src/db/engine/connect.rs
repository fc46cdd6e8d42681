//! Connects to the database and migrates its tables.

use crate::db::{Db, Wal};
use futures_util::future::BoxFuture;
use sqlx::{
    Connection as _, Executor as _, PgConnection,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// How long a transaction waits for another process that writes to an SQLite file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// Rows that SQLite's thread reads ahead of the task that asked. A claimed batch fits, so the two don't wait for each
/// other.
const ROW_BUFFER: usize = 512;
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;

/// The database to connect to.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite://PATH`, relative to the working directory, or `sqlite:///PATH`.
    Sqlite(PathBuf),
    Postgres(String),
}

impl DatabaseUrl {
    /// Parses a URL. The error says what a URL looks like.
    pub fn parse(url: &str) -> Result<Self, String> {
        if let Some(path) = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
            let path = path.split('?').next().unwrap_or_default();
            if path.is_empty() || path == ":memory:" {
                return Err("it names no file".into());
            }
            return Ok(Self::Sqlite(path.into()));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            PgConnectOptions::from_str(url).map_err(|error| error.to_string())?;
            return Ok(Self::Postgres(url.to_owned()));
        }
        Err("it begins with neither sqlite:// nor postgres://".into())
    }
}

impl std::fmt::Display for DatabaseUrl {
    /// Leaves out the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(text) => match url::Url::parse(text) {
                Ok(mut url) => {
                    // sqlx also reads a password from the query.
                    url.set_query(None);
                    if url.password().is_some() {
                        let _ = url.set_password(Some("***"));
                    }
                    url.fmt(f)
                }
                Err(_) => f.write_str("postgres://…"),
            },
        }
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Why connecting or migrating failed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("can't create the folder {} for the database: {source}; check who may write there", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("can't open the database {url}: {source}; check database.url and that the server runs")]
    Open {
        /// Without the password.
        url: String,
        source: sqlx::Error,
    },
    #[error("can't bring the tables of {url} up to date: {source}")]
    Migrate {
        /// Without the password.
        url: String,
        source: MigrateError,
    },
}

impl Db {
    /// Connects to the database. Its tables may be those of an older version, see [`Db::migrate`].
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, ConnectError> {
        let open = |source| ConnectError::Open { url: url.to_string(), source };
        match url {
            DatabaseUrl::Sqlite(path) => {
                make_folder(path)?;
                make_file(path);
                let options = sqlite_options(path);
                let writer = sqlite_pool(1).connect_with(options.clone()).await.map_err(open)?;
                let readers = sqlite_pool(SQLITE_READERS).connect_with(options).await.map_err(open)?;
                let wal = Wal::start(path).map_err(|error| open(error.into()))?;
                Ok(Self::Sqlite { writer, readers, wal })
            }
            DatabaseUrl::Postgres(text) => {
                let options = PgConnectOptions::from_str(text).map_err(open)?.application_name("daily");
                // A pool would retry and then only report a timeout. A single connection reports the cause.
                PgConnection::connect_with(&options).await.map_err(open)?.close().await.map_err(open)?;
                let pool = PgPoolOptions::new()
                    .max_connections(POSTGRES_CONNECTIONS)
                    .acquire_timeout(Duration::from_secs(10))
                    .before_acquire(|connection, _| ready(!connection.is_in_transaction()))
                    .after_connect(|connection, _| {
                        // Our statements are short. Compiling one took half a second in each batch of an
                        // import.
                        Box::pin(async move { connection.execute("SET jit = off").await.map(drop) })
                    })
                    .connect_with(options)
                    .await
                    .map_err(open)?;
                Ok(Self::Postgres(pool))
            }
        }
    }

    /// Migrates Daily's tables; the queue migrates its own. Returns the number of migrations. Several
    /// processes may call this at once.
    pub async fn migrate(&self) -> Result<usize, MigrateError> {
        match self {
            Self::Sqlite { writer, .. } => SQLITE.run(writer).await?,
            Self::Postgres(pool) => POSTGRES.run(pool).await?,
        }
        Ok(SQLITE.iter().count())
    }
}

/// A pool that replaces connections whose commit or rollback failed. On a full disk, SQLite rolls back by itself.
/// sqlx's own rollback then fails, and the connection would count as being in a transaction for ever.
fn sqlite_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .before_acquire(|connection, _| ready(!connection.is_in_transaction()))
}

/// The answer of a pool's check: whether the connection can be used.
fn ready(is_usable: bool) -> BoxFuture<'static, Result<bool, sqlx::Error>> {
    if !is_usable {
        tracing::warn!("closing a database connection whose commit or rollback failed");
    }
    Box::pin(std::future::ready(Ok(is_usable)))
}

fn make_folder(file: &Path) -> Result<(), ConnectError> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| ConnectError::Folder { path: folder.to_owned(), source }),
        _ => Ok(()),
    }
}

/// Creates a new file so that only its owner can read the addresses in it. SQLite gives its other files the
/// same mode. SQLite reports errors better, so they are ignored here.
fn make_file(path: &Path) {
    let _ = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
}

fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // [`Wal`] makes commits durable, many with one flush.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT)
        .row_buffer_size(ROW_BUFFER)
        .foreign_keys(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::engine::query::{query, query_scalar};

    /// Makes a database with a table, and returns it with its folder.
    async fn database() -> (Db, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::connect(&DatabaseUrl::Sqlite(folder.path().join("daily.db"))).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        query!(tx, portable "CREATE TABLE notes (text TEXT)").execute().await.unwrap();
        tx.commit().await.unwrap();
        (db, folder)
    }

    async fn write(db: &Db) -> Result<(), sqlx::Error> {
        let mut tx = db.begin().await?;
        query!(tx, portable "INSERT INTO notes (text) VALUES (zeroblob(100000))").execute().await?;
        tx.commit().await
    }

    /// A connection's page limit stands for the disk: SQLite reports the same error and rolls back by itself.
    #[tokio::test]
    async fn a_writer_that_met_a_full_disk_is_replaced_by_one_that_can_write() {
        let (db, _folder) = database().await;
        let Db::Sqlite { writer, .. } = &db else { panic!("not SQLite") };
        sqlx::query("PRAGMA max_page_count = 10").execute(writer).await.unwrap();
        let full = write(&db).await.unwrap_err();
        assert!(full.to_string().contains("full"), "{full}");
        // The next connection has no limit, as after space was made.
        write(&db).await.unwrap();
        assert_eq!(writer.size(), 1);
    }

    #[tokio::test]
    async fn a_transaction_that_the_engine_rolled_back_leaves_no_half_of_it() {
        let (db, _folder) = database().await;
        let mut tx = db.begin().await.unwrap();
        query!(tx, portable "INSERT INTO notes (text) VALUES ('lost')").execute().await.unwrap();
        // As SQLite does on a full disk.
        query!(tx, portable "ROLLBACK").execute().await.unwrap();
        assert!(tx.commit().await.is_err(), "nothing was committed");
        write(&db).await.unwrap();
        let mut tx = db.read().await.unwrap();
        let rows: i64 = query_scalar!(tx, portable "SELECT count(*) FROM notes").fetch_one().await.unwrap();
        assert_eq!(rows, 1);
    }
}
