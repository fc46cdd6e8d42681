//! `daily newsletter stats`

use crate::{
    app::App,
    cli::{
        CliResult,
        output::{Output, table},
    },
    db::{issues, newsletters::NewsletterRecord, subscribers},
    domain::figures::{counted, number},
};
use jiff::{SignedDuration, civil::Date};
use serde_json::json;
use std::fmt::Write as _;

/// Days for which joined and lost readers are counted.
const PERIODS: [i64; 3] = [7, 28, 84];
/// Issues that are listed.
const ISSUES: i64 = 30;

pub(super) async fn run(app: &App, record: &NewsletterRecord, output: Output) -> CliResult {
    let now = app.actions.clock.now();
    let mut tx = app.db.read().await?;
    let readers = subscribers::counts(&mut tx, Some(record.id), None).await?;
    let mut periods = Vec::new();
    for days in PERIODS {
        let since = now - SignedDuration::from_hours(24 * days);
        periods.push((days, subscribers::joined_and_left(&mut tx, record.id, since).await?));
    }
    let latest = issues::page(&mut tx, record.id, Date::MAX, ISSUES).await?;
    drop(tx);
    let record = json!({
        "newsletter": record.newsletter.slug,
        "readers": readers.iter().map(|it| (it.status.as_str(), it.readers)).collect::<std::collections::BTreeMap<_, _>>(),
        "periods": periods.iter().map(|(days, (joined, left))| json!({ "days": days, "joined": joined, "left": left }))
            .collect::<Vec<_>>(),
        "issues": latest.iter().map(|it| json!({
            "date": it.issue_date, "status": it.status, "readers": it.recipients, "refused": it.refused,
            "reason": it.reason,
        })).collect::<Vec<_>>(),
    });
    output.record(&record, || {
        let mut text = String::new();
        for it in &readers {
            let _ = writeln!(text, "{:>10}  {}", number(it.readers), it.status);
        }
        for (days, (joined, left)) in &periods {
            let _ = writeln!(
                text,
                "in {days} days: {} joined, {} left",
                counted(*joined, "reader"),
                number(*left)
            );
        }
        let rows: Vec<Vec<String>> = latest
            .iter()
            .map(|it| {
                let reason = it.reason.clone().unwrap_or_default();
                vec![
                    it.issue_date.to_string(),
                    it.status.to_string(),
                    number(it.recipients),
                    number(it.refused),
                    reason,
                ]
            })
            .collect();
        text.push('\n');
        text.push_str(&table(&["issue", "status", "readers", "refused", "reason"], &rows));
        text
    })?;
    Ok(())
}
