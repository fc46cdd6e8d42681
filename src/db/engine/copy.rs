//! Copies a whole database into a file and back, while others write to it.
//!
//! SQLite copies itself with `VACUUM INTO`. PostgreSQL's own programs `pg_dump` and `pg_restore` copy the other.

use crate::db::{DatabaseUrl, Db, DbError};
use sqlx::{Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};
use tokio::process::Command;
use url::Url;

#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("database error: {0}")]
    Db(#[from] DbError),
    #[error("the copy is damaged: {0}")]
    Damaged(String),
    #[error("can't run {program}: {source}; install PostgreSQL's client programs (postgresql-client)")]
    Program { program: &'static str, source: std::io::Error },
    #[error("{program} failed: {said}")]
    Failed { program: &'static str, said: String },
    #[error("{0} holds data already; restore into a new database")]
    NotEmpty(String),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
}

/// Copies the database as it is at one moment into a new file, and verifies the copy by reading it.
pub async fn copy_to(db: &Db, url: &DatabaseUrl, file: &Path) -> Result<(), CopyError> {
    match (db, url) {
        (Db::Sqlite { readers, .. }, _) => {
            sqlx::query("VACUUM INTO $1").bind(file.to_string_lossy().as_ref()).execute(readers).await?;
            verify_sqlite(file).await
        }
        (Db::Postgres(_), DatabaseUrl::Postgres(text)) => {
            let mut command = client("pg_dump", text);
            command.args(["--format=custom", "--no-owner", "--no-privileges", "--file"]).arg(file);
            run("pg_dump", command).await?;
            // Reads and unpacks the whole dump.
            let mut command = Command::new("pg_restore");
            command.args(["--file", "/dev/null"]).arg(file);
            run("pg_restore", command).await.map(drop)
        }
        (Db::Postgres(_), DatabaseUrl::Sqlite(_)) => unreachable!("a URL that is not the database's"),
    }
}

/// Fails unless the database is new, so that a restore replaces nothing.
pub async fn require_new(url: &DatabaseUrl) -> Result<(), CopyError> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            let has_data = |path: &Path| std::fs::metadata(path).is_ok_and(|it| it.len() > 0);
            if has_data(path) || has_data(&beside(path, "-wal")) {
                return Err(CopyError::NotEmpty(path.display().to_string()));
            }
            Ok(())
        }
        DatabaseUrl::Postgres(text) => {
            let mut connection = sqlx::PgConnection::connect(text).await?;
            let tables: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM information_schema.tables \
                 WHERE table_schema NOT IN ('pg_catalog', 'information_schema')",
            )
            .fetch_one(&mut connection)
            .await?;
            connection.close().await?;
            if tables > 0 { Err(CopyError::NotEmpty(url.to_string())) } else { Ok(()) }
        }
    }
}

/// Makes the new database from a copy. On SQLite, the copy becomes the database's file once `prepare` has changed it.
/// On PostgreSQL, `prepare` changes the database after it was made.
pub async fn restore_from(
    file: &Path,
    url: &DatabaseUrl,
    prepare: impl AsyncFnOnce(&Db) -> Result<(), DbError>,
) -> Result<(), CopyError> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            verify_sqlite(file).await?;
            let db = Db::connect(&DatabaseUrl::Sqlite(file.to_owned()))
                .await
                .map_err(|error| CopyError::Damaged(error.to_string()))?;
            let prepared = prepare(&db).await;
            db.close().await;
            prepared?;
            let renamed = std::fs::rename(file, path);
            renamed.map_err(|source| CopyError::File { path: path.clone(), source })
        }
        DatabaseUrl::Postgres(text) => {
            let mut command = client("pg_restore", text);
            command
                .args(["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"])
                .arg(file);
            run("pg_restore", command).await?;
            let db = Db::connect(url).await.map_err(|error| CopyError::Damaged(error.to_string()))?;
            let prepared = prepare(&db).await;
            db.close().await;
            Ok(prepared?)
        }
    }
}

async fn verify_sqlite(file: &Path) -> Result<(), CopyError> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let found = sqlx::query("PRAGMA integrity_check(1)").fetch_one(&mut connection).await?;
    let said: String = found.try_get(0)?;
    let has_tables: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'installation')")
            .fetch_one(&mut connection)
            .await?;
    connection.close().await?;
    match (said.as_str(), has_tables) {
        ("ok", true) => Ok(()),
        ("ok", false) => Err(CopyError::Damaged("it has none of Daily's tables".into())),
        _ => Err(CopyError::Damaged(said)),
    }
}

/// Returns one of PostgreSQL's programs for a database. The password is in its environment, because others can
/// see its arguments.
fn client(program: &'static str, url: &str) -> Command {
    let mut command = Command::new(program);
    let mut shown = url.to_owned();
    if let Ok(mut parsed) = Url::parse(url) {
        if let Some(password) = parsed.password() {
            let password = percent_encoding::percent_decode_str(password).decode_utf8_lossy().into_owned();
            command.env("PGPASSWORD", password);
            let _ = parsed.set_password(None);
        }
        shown = parsed.into();
    }
    command.arg("--dbname").arg(shown);
    command
}

async fn run(program: &'static str, mut command: Command) -> Result<Output, CopyError> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|source| CopyError::Program { program, source })?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(CopyError::Failed { program, said })
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
