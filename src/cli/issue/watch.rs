//! Watching an issue go out: a progress bar on a terminal, a line for each change of state elsewhere.

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

/// The shortest time from one look at the store to the next.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// As many times as long as a look took is the least that the next one waits: counting a large issue costs something, and the
/// mail shall not wait for it.
const REST: u32 = 10;

/// Why there is nothing more to watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The issue is at its end, or waits for an operator to let it go on.
    AtRest,
    /// All that is left is in doubt, and waits for an operator.
    InDoubt,
    /// No worker is alive.
    NoWorker,
    /// Ctrl-C.
    Interrupted,
}

/// What was seen last.
pub struct Seen {
    /// The issue.
    pub issue: IssueRecord,
    /// Its deliveries.
    pub counts: Counts,
    /// Why it was the last.
    pub ended: Ended,
}

/// Shows progress until there is nothing more to see.
pub async fn watch(app: &App, id: IssueId, output: Output) -> Result<Seen, CliError> {
    let on_bar = on_terminal() && !output.json;
    let mut bar = ProgressBar::hidden();
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    let mut shown = None;
    loop {
        let begun = Instant::now();
        let (issue, counts, workers) = look(app, id).await?;
        if shown.is_none() && on_bar {
            bar = bar_at(&counts);
        }
        bar.set_length(counts.total().unsigned_abs());
        bar.set_position(figures::done(&counts).unsigned_abs());
        bar.set_message(message(&issue, &counts));
        if !on_bar && !output.json && shown != Some(issue.status) {
            errln!("{}: {}", issue.issue_date, issue.status);
        }
        shown = Some(issue.status);
        let is_asked_about = issue.status == IssueStatus::Planned && issue.waits_for.is_some();
        let ended = if issue.status.is_final() || waits_for_operator(issue.status) || is_asked_about {
            Some(Ended::AtRest)
        } else if counts.uncertain > 0
            && counts.open() == counts.uncertain
            && app.settings.sending.hold_uncertain()
        {
            Some(Ended::InDoubt)
        } else {
            (workers == 0).then_some(Ended::NoWorker)
        };
        if let Some(ended) = ended {
            bar.finish_and_clear();
            return Ok(Seen { issue, counts, ended });
        }
        tokio::select! {
            () = tokio::time::sleep(pause_after(begun.elapsed())) => {}
            signal = &mut interrupted => {
                signal?;
                bar.finish_and_clear();
                return Ok(Seen { issue, counts, ended: Ended::Interrupted });
            }
        }
    }
}

/// Whether an issue goes on only when an operator says so.
pub const fn waits_for_operator(status: IssueStatus) -> bool {
    matches!(status, IssueStatus::Paused | IssueStatus::Held)
}

async fn look(app: &App, id: IssueId) -> Result<(IssueRecord, Counts, i64), CliError> {
    let mut tx = app.db.read().await?;
    let issue = issues::get(&mut tx, id).await?.ok_or(crate::db::DbError::RowNotFound)?;
    let counts = deliveries::counts(&mut tx, id).await?;
    let workers = processes::count_workers(&mut tx, app.actions.clock.now()).await?;
    Ok((issue, counts, workers))
}

/// How long to leave the store alone after a look that took so long.
pub fn pause_after(look: Duration) -> Duration {
    (look * REST).max(LOOK_EVERY)
}

fn message(issue: &IssueRecord, counts: &Counts) -> String {
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

/// A bar that begins where an issue stands: what was sent before anybody looked says nothing about the rate.
fn bar_at(counts: &Counts) -> ProgressBar {
    let bar =
        ProgressBar::with_draw_target(Some(counts.total().unsigned_abs()), ProgressDrawTarget::hidden());
    // Resetting keeps the position that was noted last, and forgets how long it took. Nothing of this is shown.
    bar.set_position(figures::done(counts).unsigned_abs());
    bar.reset_eta();
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {rate}  ETA {time_left}  {msg}");
    if let Ok(style) = style {
        let style = style
            .with_key("rate", |state: &ProgressState, text: &mut dyn Write| {
                let _ = text.write_str(&figures::rate(state.per_sec()));
            })
            .with_key("time_left", |state: &ProgressState, text: &mut dyn Write| {
                let known = state.per_sec() > 0.0;
                let _ = text.write_str(&if known { figures::span(state.eta()) } else { "-".into() });
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
        assert_eq!(pause_after(Duration::from_millis(1)), LOOK_EVERY);
        assert_eq!(pause_after(Duration::from_millis(80)), Duration::from_millis(800));
    }
}
