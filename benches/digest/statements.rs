//! Captures the library's trace events: SQL statements with their durations, and the times of log messages.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Instant,
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

/// Captures the events of this process.
#[derive(Clone, Default)]
pub struct Statements(Arc<Mutex<Captured>>);

#[derive(Default)]
struct Captured {
    /// Statements since the last call of `drain`.
    latest: Vec<Statement>,
    /// Distinct statements since the start.
    texts: BTreeSet<String>,
    logged: Vec<(String, Instant)>,
}

struct Statement {
    sql: String,
    seconds: f64,
}

/// Durations of captured statements.
pub struct Times(Vec<Statement>);

impl Times {
    /// Returns the total duration, in milliseconds, of statements that contain these words.
    pub fn total(&self, words: &str) -> f64 {
        self.matching(words).map(|it| it.seconds * 1000.0).sum()
    }

    /// Returns the duration of the slowest of these statements, in milliseconds.
    pub fn longest(&self, words: &str) -> f64 {
        self.matching(words).map(|it| it.seconds * 1000.0).fold(0.0, f64::max)
    }

    /// Returns the number of these statements.
    pub fn count(&self, words: &str) -> usize {
        self.matching(words).count()
    }

    /// Returns the slowest statement and its duration in milliseconds.
    #[allow(dead_code, reason = "the benchmark of pages asks for it")]
    pub fn slowest(&self) -> Option<(&str, f64)> {
        let slowest = self.0.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds))?;
        Some((&slowest.sql, slowest.seconds * 1000.0))
    }

    fn matching(&self, words: &str) -> impl Iterator<Item = &Statement> {
        self.0.iter().filter(move |it| it.sql.contains(words))
    }
}

impl Statements {
    pub fn start() -> Self {
        let statements = Self::default();
        let targets =
            Targets::new().with_target("sqlx::query", Level::DEBUG).with_target("daily", Level::INFO);
        tracing_subscriber::registry().with(statements.clone().with_filter(targets)).init();
        statements
    }

    /// Returns the statements since the last call.
    pub fn drain(&self) -> Times {
        Times(std::mem::take(&mut self.captured().latest))
    }

    /// Returns the time at which a message was logged last.
    pub fn last_logged(&self, message: &str) -> Option<Instant> {
        self.captured().logged.iter().rev().find(|(fields, _)| fields == message).map(|(_, at)| *at)
    }

    /// Returns the distinct statements that contain any of these words.
    pub fn texts(&self, words: &[&str]) -> Vec<String> {
        let captured = self.captured();
        captured.texts.iter().filter(|sql| words.iter().any(|it| sql.contains(it))).cloned().collect()
    }

    fn captured(&self) -> std::sync::MutexGuard<'_, Captured> {
        self.0.lock().expect("nothing panics while it is held")
    }
}

impl<S: Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = EventFields::default();
        event.record(&mut fields);
        let mut captured = self.captured();
        if event.metadata().target() == "sqlx::query" {
            // For a short statement, sqlx leaves the full text empty.
            let sql = if fields.statement.is_empty() { fields.summary } else { fields.statement };
            if !captured.texts.contains(&sql) {
                captured.texts.insert(sql.clone());
            }
            captured.latest.push(Statement { sql, seconds: fields.seconds });
        } else {
            captured.logged.push((fields.message, Instant::now()));
        }
    }
}

#[derive(Default)]
struct EventFields {
    summary: String,
    statement: String,
    message: String,
    seconds: f64,
}

impl Visit for EventFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.trim().clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.seconds = value;
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}
