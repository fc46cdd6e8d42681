//! The consent ledger.

use crate::support::store::Store;
use daily::db::DbTime;
use sqlx::FromRow;

/// An entry of the consent ledger.
#[derive(Debug, FromRow)]
pub struct LedgerRow {
    pub subscription_id: i64,
    pub kind: String,
    pub occurred_at: DbTime,
    pub method: String,
    pub address: Option<String>,
    pub client_address: Option<String>,
    pub user_agent: Option<String>,
    pub confirmation_id: Option<i64>,
    pub wording: Option<String>,
    pub wording_version: Option<i64>,
}

impl Store {
    /// Returns the consent ledger, oldest entry first.
    pub async fn ledger(&self) -> Vec<LedgerRow> {
        self.all("SELECT * FROM consent_events ORDER BY id").await
    }

    /// Returns how many entries of the ledger could still be checked against their personal data.
    pub async fn count_ledger_salts(&self) -> i64 {
        self.number("SELECT count(*) FROM consent_chain WHERE salt IS NOT NULL").await
    }
}
