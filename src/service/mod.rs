//! The processes of `daily serve`: start, run and shut down.

mod arming;
mod chores;
pub mod desk_work;
pub mod disk;
pub mod gauges;
pub mod incoming;
mod machine;
pub mod open_files;
pub mod recovery;
pub mod run;
pub mod scheduler;
pub mod shutdown;
pub mod surroundings;
pub mod watchdog;
mod wrong_clock;
