//! Query plans of the statements that make a digest.

use crate::{
    installation::Installation,
    statements::Statements,
    support::{postgres_cluster::Cluster, store::Store},
};
use sqlx::{AssertSqlSafe, Row as _};

/// Fragment of the query for an issue's candidates.
pub const CANDIDATES: &str = "WITH pool (id)";
/// Fragment of the query for stories of earlier issues.
pub const CARRIED: &str = "SELECT DISTINCT t.article_id, g.cadence";
/// Fragment of the query for the week's best positions.
pub const PLACES: &str = "min(t.position)";
/// Fragment of the query for past variants.
pub const PAST: &str = "SELECT t.variant_id, t.article_id";
/// Fragment of the query for groups of readers.
pub const GROUPS: &str = "sum(readers) OVER ()";
/// Fragment of the query for readers by cohort.
pub const COHORTS: &str = "GROUP BY cohort_id";
/// Fragment of the query for readers by clock.
pub const CLOCKS: &str = "SELECT clock, CAST(sum(readers)";
/// Fragment of the statement that inserts deliveries.
pub const DELIVERIES: &str = "INSERT INTO deliveries";

const ALL: [&str; 8] = [CANDIDATES, CARRIED, PLACES, PAST, GROUPS, COHORTS, CLOCKS, DELIVERIES];

/// Prints the query plans. SQLite explains the queries now. PostgreSQL logged the plans with auto_explain.
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
