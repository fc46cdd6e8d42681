//! Modules of the tests' support and of other benchmarks that this one uses.

#[path = "../../tests/support/postgres_cluster.rs"]
pub mod postgres_cluster;
#[path = "../../tests/support/store.rs"]
pub mod store;
#[path = "../../tests/support/supervisor.rs"]
#[allow(dead_code)]
pub mod supervisor;
#[path = "../support/table.rs"]
#[allow(dead_code)]
pub mod table;
