//! Modules of the tests' support and of the other benchmark that this one uses.

#[path = "../../tests/support/postgres_cluster.rs"]
pub mod postgres_cluster;
#[path = "../sending/processes.rs"]
#[allow(dead_code)]
pub mod processes;
#[path = "../../tests/support/store.rs"]
pub mod store;
#[path = "../../tests/support/supervisor.rs"]
#[allow(dead_code)]
pub mod supervisor;
#[path = "../sending/table.rs"]
#[allow(dead_code)]
pub mod table;
