//! Connections, transactions and queries, and the tables that coordinate processes.

pub mod columns;
pub mod connect;
pub mod copy;
pub mod db_time;
pub mod group_commit;
pub mod leases;
pub mod processes;
pub(crate) mod query;
pub mod scheduler_clock;
pub mod wal;
pub mod worker_lock;
pub mod writer_health;
