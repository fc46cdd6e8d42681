//! What all tables share: how transactions are run.

pub mod group_commit;
