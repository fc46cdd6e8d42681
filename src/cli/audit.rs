//! `daily audit`

use crate::{
    app::App,
    cli::{
        CliResult,
        output::{Output, utc_time},
    },
    db::audit::{self, AuditRecord},
    domain::ids::AuditId,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Show changes by operators, latest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    daily audit\n  \
    daily audit --limit 500 --json\n\n\
    An entry has the time, the person, the action, the row and the changed fields.")]
pub struct Audit {
    /// Show at most this many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
    /// Show the page before this entry
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
}

impl Audit {
    pub async fn run(self, app: &App, output: Output) -> CliResult {
        let mut tx = app.db.read().await?;
        let page = audit::page(&mut tx, self.before.map(AuditId), self.limit).await?;
        output.records(&page, &["id", "time", "who", "action", "subject", "changes"], |it| {
            vec![
                it.id.to_string(),
                utc_time(Some(it.occurred_at)),
                it.actor.to_string(),
                it.action.clone(),
                it.subject_id.map_or_else(|| "-".into(), |id| id.to_string()),
                format_changes(it),
            ]
        })?;
        Ok(())
    }
}

/// Formats the changed fields of an entry. Created and deleted rows show only fields with a value.
fn format_changes(entry: &AuditRecord) -> String {
    let names: BTreeSet<&String> = [&entry.before, &entry.after]
        .into_iter()
        .filter_map(Value::as_object)
        .flat_map(|it| it.keys())
        .collect();
    let change = |name: &String| match (entry.before.get(name), entry.after.get(name)) {
        (Some(old), Some(new)) => Some(format!("{name}: {} → {}", format_value(old), format_value(new))),
        (Some(Value::Null), None) | (None, Some(Value::Null) | None) => None,
        (Some(old), None) => Some(format!("{name}: {} → -", format_value(old))),
        (None, Some(new)) => Some(format!("{name}: {}", format_value(new))),
    };
    names.into_iter().filter_map(change).collect::<Vec<_>>().join(", ")
}

fn format_value(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{db::DbTime, domain::actor::Actor};
    use serde_json::json;

    #[test]
    fn changes_are_shown_with_their_values_before_and_after() {
        let entry = |before, after| AuditRecord {
            id: AuditId(1),
            occurred_at: DbTime(jiff::Timestamp::UNIX_EPOCH),
            actor: Actor::Reader,
            action: "issue.pause".into(),
            subject_id: None,
            before,
            after,
        };
        let changed = entry(json!({"a": "x", "b": null}), json!({"a": "y", "b": 1}));
        assert_eq!(format_changes(&changed), "a: x → y, b: - → 1");
        assert_eq!(format_changes(&entry(Value::Null, json!({"a": true, "b": null}))), "a: true");
        assert_eq!(format_changes(&entry(json!({"a": 1}), Value::Null)), "a: 1 → -");
    }
}
