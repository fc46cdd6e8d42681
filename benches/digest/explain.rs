//! How the database answers the queries of a digest.

use crate::{
    installation::Installation,
    statements::Statements,
    support::{postgres_cluster::Cluster, store::Store},
};
use sqlx::{AssertSqlSafe, Row as _};

/// Words of the queries: the candidates of an issue.
pub const CANDIDATES: &str = "WITH pool (id)";
/// What earlier issues carried.
pub const CARRIED: &str = "SELECT DISTINCT t.article_id, g.cadence";
/// Places of the week.
pub const PLACES: &str = "min(t.position)";
/// Variants of the past.
pub const PAST: &str = "SELECT t.variant_id, t.article_id";
/// Readers in groups.
pub const GROUPS: &str = "sum(readers) OVER ()";
/// Readers by clock.
pub const CLOCKS: &str = "SELECT clock, CAST(sum(readers)";
/// A portion of deliveries.
pub const DELIVERIES: &str = "INSERT INTO deliveries";

const ALL: [&str; 7] = [CANDIDATES, CARRIED, PLACES, PAST, GROUPS, CLOCKS, DELIVERIES];

/// Prints the plans: SQLite makes them now; PostgreSQL wrote them down (auto_explain) as it ran the queries.
pub async fn run(installation: &Installation, statements: &Statements, cluster: Option<&Cluster>) {
    if let Store::Sqlite(pool) = &installation.store {
        for sql in statements.texts(&ALL) {
            println!("\n{sql}");
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
            let rows = sqlx::query(explain).fetch_all(pool).await.expect("a plan");
            for row in rows {
                println!("    {}", row.get::<String, _>("detail"));
            }
        }
    }
    if let Some(cluster) = cluster {
        let log = std::fs::read_to_string(cluster.folder().join("log")).expect("the server writes a log");
        println!("{log}");
    }
}
