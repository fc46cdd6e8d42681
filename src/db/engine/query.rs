//! Queries: one text for both engines, followed by its arguments.
//!
//! `query_as!(tx, "SELECT … WHERE id = $1", id).fetch_optional().await` compiles the text for both engines.
//! Tokens stand for the parts that the engines write differently:
//!
//! | token | SQLite | PostgreSQL |
//! |---|---|---|
//! | `{in $1}` | `IN (SELECT value FROM json_each($1))` | `= ANY ($1)` |
//! | `{list $1}` | `json_each($1)` | `unnest($1) AS value` |
//! | `{rows $1}` | `json_each($1)` | `jsonb_array_elements($1::jsonb)` |
//! | `{micros x}` | `CAST(x AS BIGINT)` | the time that many microseconds after 1970 |
//! | `{skip_locked}` | | `FOR UPDATE SKIP LOCKED` |
//! | `{sqlite …}` | `…` | |
//! | `{postgres …}` | | `…` |
//!
//! A text chosen at run time can't have tokens: `query!(tx, portable text, id)`.
//!
//! `{in}` and `{list}` take a [`DbList`](super::columns::DbList); `{list}` makes rows of it with one column,
//! `value`. `{rows}` takes [`json_rows`] of structs and makes rows whose fields are `value ->> 'name'`.

use crate::db::DbError;
use sqlx::{
    FromRow, PgConnection, Postgres, Sqlite, SqliteConnection,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};

/// A statement that returns no rows, made by `query!`.
pub(crate) enum Query<'a> {
    Sqlite(sqlx::query::Query<'a, Sqlite, SqliteArguments>, &'a mut SqliteConnection),
    Postgres(sqlx::query::Query<'a, Postgres, PgArguments>, &'a mut PgConnection),
}

/// A statement whose rows become records, made by `query_as!`.
pub(crate) enum QueryAs<'a, O> {
    Sqlite(sqlx::query::QueryAs<'a, Sqlite, O, SqliteArguments>, &'a mut SqliteConnection),
    Postgres(sqlx::query::QueryAs<'a, Postgres, O, PgArguments>, &'a mut PgConnection),
}

/// A statement whose rows have one column, made by `query_scalar!`.
pub(crate) enum QueryScalar<'a, O> {
    Sqlite(sqlx::query::QueryScalar<'a, Sqlite, O, SqliteArguments>, &'a mut SqliteConnection),
    Postgres(sqlx::query::QueryScalar<'a, Postgres, O, PgArguments>, &'a mut PgConnection),
}

impl Query<'_> {
    pub(crate) async fn execute(self) -> Result<(), DbError> {
        self.rows_affected().await.map(drop)
    }

    pub(crate) async fn rows_affected(self) -> Result<u64, DbError> {
        match self {
            Self::Sqlite(query, conn) => Ok(query.execute(conn).await?.rows_affected()),
            Self::Postgres(query, conn) => Ok(query.execute(conn).await?.rows_affected()),
        }
    }
}

macro_rules! fetches {
    ($name:ident, $($bound:tt)+) => {
        impl<O: Send + Unpin> $name<'_, O>
        where
            $($bound)+
        {
            pub(crate) async fn fetch_all(self) -> Result<Vec<O>, DbError> {
                match self {
                    Self::Sqlite(query, conn) => query.fetch_all(conn).await,
                    Self::Postgres(query, conn) => query.fetch_all(conn).await,
                }
            }

            pub(crate) async fn fetch_one(self) -> Result<O, DbError> {
                match self {
                    Self::Sqlite(query, conn) => query.fetch_one(conn).await,
                    Self::Postgres(query, conn) => query.fetch_one(conn).await,
                }
            }

            pub(crate) async fn fetch_optional(self) -> Result<Option<O>, DbError> {
                match self {
                    Self::Sqlite(query, conn) => query.fetch_optional(conn).await,
                    Self::Postgres(query, conn) => query.fetch_optional(conn).await,
                }
            }
        }
    };
}
fetches!(QueryAs, O: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>);
fetches!(QueryScalar, (O,): for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>);

/// Prepares a statement that returns no rows: `query!(tx, "text", arguments…)`.
macro_rules! query {
    ($($query:tt)+) => { $crate::db::engine::query::prepare!(Query, query, $($query)+) };
}

/// Prepares a statement whose rows become records: `query_as!(tx, "text", arguments…)`.
macro_rules! query_as {
    ($($query:tt)+) => { $crate::db::engine::query::prepare!(QueryAs, query_as, $($query)+) };
}

/// Prepares a statement whose rows have one column: `query_scalar!(tx, "text", arguments…)`.
macro_rules! query_scalar {
    ($($query:tt)+) => { $crate::db::engine::query::prepare!(QueryScalar, query_scalar, $($query)+) };
}

macro_rules! prepare {
    ($query:ident, $prepare:ident, $tx:expr, portable $text:expr $(, $argument:expr)* $(,)?) => {
        match $tx.by_engine() {
            $crate::db::EngineTx::Sqlite(conn) => {
                $crate::db::engine::query::$query::Sqlite(sqlx::$prepare($text)$(.bind($argument))*, conn)
            }
            $crate::db::EngineTx::Postgres(conn) => {
                $crate::db::engine::query::$query::Postgres(sqlx::$prepare($text)$(.bind($argument))*, conn)
            }
        }
    };
    ($query:ident, $prepare:ident, $tx:expr, $text:expr $(, $argument:expr)* $(,)?) => {
        match $tx.by_engine() {
            $crate::db::EngineTx::Sqlite(conn) => $crate::db::engine::query::$query::Sqlite(
                sqlx::$prepare($crate::db::engine::query::sql!($text, Sqlite))$(.bind($argument))*,
                conn,
            ),
            $crate::db::EngineTx::Postgres(conn) => $crate::db::engine::query::$query::Postgres(
                sqlx::$prepare($crate::db::engine::query::sql!($text, Postgres))$(.bind($argument))*,
                conn,
            ),
        }
    };
}

/// Replaces the tokens of a text, at compile time.
macro_rules! sql {
    ($text:expr, $engine:ident) => {{
        use $crate::db::engine::query::{Engine, expand, expanded_len};
        const PORTABLE: &str = $text;
        const BYTES: [u8; expanded_len(PORTABLE, Engine::$engine)] = expand(PORTABLE, Engine::$engine);
        const {
            match str::from_utf8(&BYTES) {
                Ok(text) => text,
                Err(_) => panic!("a token was cut within a character"),
            }
        }
    }};
}
pub(crate) use {prepare, query, query_as, query_scalar, sql};

/// Serializes rows for `{rows}`. Times must be serialized as microseconds, for `{micros}`.
pub(crate) fn json_rows(rows: &(impl serde::Serialize + ?Sized)) -> Result<String, DbError> {
    serde_json::to_string(rows).map_err(|error| DbError::Encode(Box::new(error)))
}

/// The engine to expand a text for.
#[derive(Clone, Copy)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// Returns the length of a text with its tokens replaced.
pub(crate) const fn expanded_len(text: &str, engine: Engine) -> usize {
    let mut nowhere = Output { bytes: &mut [], len: 0 };
    replace_tokens(text.as_bytes(), engine, &mut nowhere);
    nowhere.len
}

/// Returns a text with its tokens replaced. `N` is its [`expanded_len`].
pub(crate) const fn expand<const N: usize>(text: &str, engine: Engine) -> [u8; N] {
    let mut bytes = [0; N];
    replace_tokens(text.as_bytes(), engine, &mut Output { bytes: &mut bytes, len: 0 });
    bytes
}

/// Collects bytes. Those that don't fit are only counted.
struct Output<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl Output<'_> {
    const fn push(&mut self, text: &[u8], from: usize, to: usize) {
        let mut at = from;
        while at < to {
            if self.len < self.bytes.len() {
                self.bytes[self.len] = text[at];
            }
            self.len += 1;
            at += 1;
        }
    }

    const fn push_all(&mut self, text: &str) {
        self.push(text.as_bytes(), 0, text.len());
    }
}

const fn replace_tokens(text: &[u8], engine: Engine, output: &mut Output<'_>) {
    let mut at = 0;
    while at < text.len() {
        let mut next = at;
        while next < text.len() && text[next] != b'{' {
            next += 1;
        }
        output.push(text, at, next);
        if next == text.len() {
            return;
        }
        let mut end = next;
        while text[end] != b'}' {
            end += 1;
        }
        replace_token(text, next + 1, end, engine, output);
        at = end + 1;
    }
}

/// Replaces the token at `from..to`, without its braces.
const fn replace_token(text: &[u8], from: usize, to: usize, engine: Engine, output: &mut Output<'_>) {
    let mut space = from;
    while space < to && text[space] != b' ' {
        space += 1;
    }
    let argument = if space < to { space + 1 } else { to };
    let (before, after) = match (text[from], text[space - 1], engine) {
        // in
        (b'i', b'n', Engine::Sqlite) => ("IN (SELECT value FROM json_each(", "))"),
        (b'i', b'n', Engine::Postgres) => ("= ANY (", ")"),
        // list
        (b'l', b't', Engine::Postgres) => ("unnest(", ") AS value"),
        // list, rows
        (b'l', b't', Engine::Sqlite) | (b'r', b's', Engine::Sqlite) => ("json_each(", ")"),
        // rows
        (b'r', b's', Engine::Postgres) => ("jsonb_array_elements(", "::jsonb)"),
        // micros
        (b'm', b's', Engine::Sqlite) => ("CAST(", " AS BIGINT)"),
        (b'm', b's', Engine::Postgres) => {
            ("(TIMESTAMPTZ 'epoch' + INTERVAL '1 microsecond' * CAST(", " AS BIGINT))")
        }
        // skip_locked
        (b's', b'd', Engine::Postgres) => ("FOR UPDATE SKIP LOCKED", ""),
        // sqlite, postgres
        (b's', b'e', Engine::Sqlite) | (b'p', b's', Engine::Postgres) => ("", ""),
        (b's', b'd', Engine::Sqlite) | (b's', b'e', Engine::Postgres) | (b'p', b's', Engine::Sqlite) => {
            return;
        }
        _ => panic!("unknown token in a query"),
    };
    output.push_all(before);
    output.push(text, argument, to);
    output.push_all(after);
}

#[cfg(test)]
mod tests {
    #[test]
    fn tokens_become_what_each_engine_writes() {
        const TEXT: &str = "SELECT {sqlite 1}{postgres 2} FROM {rows $2} WHERE id {in $1} {skip_locked}";
        assert_eq!(
            sql!(TEXT, Sqlite),
            "SELECT 1 FROM json_each($2) WHERE id IN (SELECT value FROM json_each($1)) "
        );
        assert_eq!(
            sql!(TEXT, Postgres),
            "SELECT 2 FROM jsonb_array_elements($2::jsonb) WHERE id = ANY ($1) FOR UPDATE SKIP LOCKED"
        );
        assert_eq!(sql!("SELECT {micros value ->> 'at'}", Sqlite), "SELECT CAST(value ->> 'at' AS BIGINT)");
        assert_eq!(
            sql!("SELECT {micros x}", Postgres),
            "SELECT (TIMESTAMPTZ 'epoch' + INTERVAL '1 microsecond' * CAST(x AS BIGINT))"
        );
        assert_eq!(sql!("SELECT value FROM {list $1}", Sqlite), "SELECT value FROM json_each($1)");
        assert_eq!(sql!("SELECT value FROM {list $1}", Postgres), "SELECT value FROM unnest($1) AS value");
        assert_eq!(sql!("no token: é", Sqlite), "no token: é");
    }
}
