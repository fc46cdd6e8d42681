//! The demo's steps as they happen: a spinner on a terminal, plain lines otherwise.

use crate::cli::output::on_terminal;
use indicatif::ProgressBar;
use std::time::{Duration, Instant};

/// Shows steps.
pub struct Steps {
    terminal: bool,
}

/// A step under way.
pub struct Step {
    title: String,
    bar: ProgressBar,
    begun: Instant,
}

impl Steps {
    pub fn new() -> Self {
        Self { terminal: on_terminal() }
    }

    /// Begins a step.
    pub fn begin(&self, title: &str) -> Step {
        let bar = if self.terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.set_message(title.to_owned());
        bar.enable_steady_tick(Duration::from_millis(80));
        Step { title: title.to_owned(), bar, begun: Instant::now() }
    }
}

impl Step {
    /// Ends it with what came of it.
    pub fn done(self, outcome: &str) {
        self.bar.finish_and_clear();
        outln!("✓ {}: {outcome} ({} ms)", self.title, self.begun.elapsed().as_millis());
    }
}
