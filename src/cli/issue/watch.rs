//! Shows the progress of an issue: a bar on a terminal, elsewhere a line for each change of status.

use crate::{
    app::App,
    cli::{
        CliError,
        issue::figures,
        output::{Output, on_terminal},
    },
    db::{
        deliveries::{self, Counts},
        engine::processes,
        issues::{self, IssueRecord},
    },
    domain::{ids::IssueId, issue::status::IssueStatus},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::{fmt::Write, time::Duration};
use tokio::time::Instant;

/// Shortest pause between two queries.
const SHORTEST_PAUSE: Duration = Duration::from_millis(150);
/// Each pause lasts at least this many times as long as the query before it, because counting a large issue
/// slows down sending.
const PAUSE_FACTOR: u32 = 10;

/// Reasons why watching ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The issue is finished, or waits for an operator.
    AtRest,
    /// The remaining deliveries are in doubt and wait for an operator.
    InDoubt,
    NoWorker,
    /// The operator pressed Ctrl-C.
    Interrupted,
}

/// The last state that was shown.
pub struct LastState {
    pub issue: IssueRecord,
    pub counts: Counts,
    pub end_reason: EndReason,
}

/// Shows progress until watching ends, and returns the last state.
pub async fn watch(app: &App, id: IssueId, output: Output) -> Result<LastState, CliError> {
    let on_bar = on_terminal() && !output.json;
    let mut bar = ProgressBar::hidden();
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    let mut shown = None;
    let mut is_bar_of_counts = None;
    loop {
        let begun = Instant::now();
        let (issue, counts, workers) = load_progress(app, id).await?;
        let has_counts = counts.total() > 0;
        if on_bar && is_bar_of_counts != Some(has_counts) {
            bar.finish_and_clear();
            bar = if has_counts { bar_at(&counts) } else { spinner() };
            is_bar_of_counts = Some(has_counts);
        }
        bar.set_length(counts.total().unsigned_abs());
        bar.set_position(figures::finished(&counts).unsigned_abs());
        bar.set_message(bar_message(&issue, &counts));
        if !on_bar && !output.json && shown != Some(issue.status) {
            errln!("{}: {}", issue.issue_date, issue.status);
        }
        shown = Some(issue.status);
        let awaits_operator = issue.status == IssueStatus::Planned && issue.waits_for.is_some();
        let end_reason = if issue.status.is_final() || waits_for_operator(issue.status) || awaits_operator {
            Some(EndReason::AtRest)
        } else if counts.uncertain > 0
            && counts.open() == counts.uncertain
            && app.settings.sending.hold_uncertain()
        {
            Some(EndReason::InDoubt)
        } else {
            (workers == 0).then_some(EndReason::NoWorker)
        };
        if let Some(end_reason) = end_reason {
            bar.finish_and_clear();
            return Ok(LastState { issue, counts, end_reason });
        }
        tokio::select! {
            () = tokio::time::sleep(pause_after(begun.elapsed())) => {}
            signal = &mut interrupted => {
                signal?;
                bar.finish_and_clear();
                return Ok(LastState { issue, counts, end_reason: EndReason::Interrupted });
            }
        }
    }
}

/// Returns whether an issue continues only after an operator's command.
pub const fn waits_for_operator(status: IssueStatus) -> bool {
    matches!(status, IssueStatus::Paused | IssueStatus::Held)
}

async fn load_progress(app: &App, id: IssueId) -> Result<(IssueRecord, Counts, i64), CliError> {
    let mut tx = app.db.read().await?;
    let issue = issues::get(&mut tx, id).await?.ok_or(crate::db::DbError::RowNotFound)?;
    let counts = deliveries::counts(&mut tx, id).await?;
    let workers = processes::count_workers(&mut tx, app.actions.clock.now()).await?;
    Ok((issue, counts, workers))
}

/// Returns the pause after a query that took this long.
pub fn pause_after(query: Duration) -> Duration {
    (query * PAUSE_FACTOR).max(SHORTEST_PAUSE)
}

fn bar_message(issue: &IssueRecord, counts: &Counts) -> String {
    if issue.status == IssueStatus::Planned && counts.total() == 0 {
        return "checking the stories’ pages and making their pictures".into();
    }
    let mut text = issue.status.to_string();
    for (count, what) in
        [(counts.deferred, "deferred"), (counts.failed, "failed"), (counts.uncertain, "uncertain")]
    {
        if count > 0 {
            let _ = write!(text, " · {count} {what}");
        }
    }
    text
}

/// Creates what is shown before there are deliveries to count.
fn spinner() -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    spinner.enable_steady_tick(SHORTEST_PAUSE);
    spinner
}

/// Creates a bar at the current count, so that emails sent before don't count towards the rate.
fn bar_at(counts: &Counts) -> ProgressBar {
    let bar =
        ProgressBar::with_draw_target(Some(counts.total().unsigned_abs()), ProgressDrawTarget::hidden());
    // Resetting keeps the position and restarts the clock of the estimate.
    bar.set_position(figures::finished(counts).unsigned_abs());
    bar.reset_eta();
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {rate}  ETA {time_left}  {msg}");
    if let Ok(style) = style {
        let style = style
            .with_key("rate", |state: &ProgressState, text: &mut dyn Write| {
                let _ = text.write_str(&figures::rate(state.per_sec()));
            })
            .with_key("time_left", |state: &ProgressState, text: &mut dyn Write| {
                let known = state.per_sec() > 0.0;
                let _ = text.write_str(&if known { figures::duration(state.eta()) } else { "-".into() });
            });
        bar.set_style(style);
    }
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_costs_more_comes_less_often() {
        assert_eq!(pause_after(Duration::from_millis(1)), SHORTEST_PAUSE);
        assert_eq!(pause_after(Duration::from_millis(80)), Duration::from_millis(800));
    }
}
