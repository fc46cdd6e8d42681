//! Measures the bytes that an issue takes: its deliveries, and what is left when they are folded.

use crate::{
    installation::Installation,
    planning::since,
    support::{
        store::Store,
        table::{Table, milliseconds},
    },
};
use daily::jobs::periodic::apply_retention::apply_retention;
use jiff::SignedDuration;
use std::time::Instant;

/// Folds all deliveries, and adds what a reader of daily issues takes in a year.
pub async fn run(installation: &Installation, table: &mut Table) {
    let settings = &installation.app.settings.retention;
    let store = &installation.store;
    let rows = store.number("SELECT count(*) FROM deliveries").await;
    let before = bytes(store, &["deliveries"]).await;
    installation.clock.advance(settings.deliveries() + SignedDuration::from_hours(24));
    let begun = Instant::now();
    let folded = apply_retention(&installation.app.jobs.readers).await.expect("folded deliveries").deliveries;
    let time = since(begun);
    let after = bytes(store, &["deliveries"]).await;
    let receipts = bytes(store, &["receipts", "delivery_figures", "domain_figures"]).await;
    // SQLite tells only the bytes of all tables together.
    let (row, receipt) = match store {
        Store::Sqlite(_) => (before - after + receipts, receipts),
        Store::Postgres(_) => (before, receipts),
    };
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let per = |bytes: i64, rows: i64| bytes as f64 / rows.max(1) as f64;
    let (row, receipt) = (per(row, rows), per(receipt, i64::try_from(folded).unwrap_or(i64::MAX)));
    let rate = format!("{folded} of {rows} deliveries");
    table.row(&["fold deliveries", &milliseconds(time), &rate]);
    let days = f64::from(settings.deliveries_days);
    let year = |days: f64| days * row + (365.0 - days) * receipt;
    table.row(&[
        "bytes per reader",
        "",
        &format!(
            "{row:.0} a delivery, {receipt:.1} a receipt; {:.0} a year of daily issues, {:.0} without folding",
            year(days),
            year(365.0)
        ),
    ]);
}

/// Returns the size of tables with their indexes. On SQLite, that of the receipts alone or of all tables.
async fn bytes(store: &Store, tables: &[&str]) -> i64 {
    match store {
        Store::Sqlite(_) if tables.contains(&"receipts") => {
            store.number("SELECT sum(length(entries)) FROM receipts").await
        }
        Store::Sqlite(_) => {
            store
                .number(
                    "SELECT (page_count - freelist_count) * page_size \
                     FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
                )
                .await
        }
        Store::Postgres(_) => {
            let sizes: Vec<String> =
                tables.iter().map(|table| format!("pg_total_relation_size('{table}')")).collect();
            store.number(&format!("SELECT {}", sizes.join(" + "))).await
        }
    }
}
