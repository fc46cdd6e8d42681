//! The facts for an operator's decision: an issue's present revision, and the changes since the one they saw.

pub use crate::actions::issue::decide::why_nobody;

use crate::{
    actions::issue::decide,
    app::App,
    cli::{CliError, issue::figures::counted, issue::show, output::interactive},
    db::{issues::IssueRecord, newsletters::NewsletterRecord},
    domain::{actor::Actor, issue::revision::TypedRevision},
    issues::forecast::Forecast,
};
use jiff::civil::Date;

/// Most changes that are listed.
const MAX_CHANGES: usize = 40;

/// Forecasts the issue and compares it with the revision that the operator saw. If they differ, fails with the
/// changes, or returns them where the operator can be asked.
pub async fn look(
    app: &App,
    newsletter: &NewsletterRecord,
    date: Date,
    typed: Option<&TypedRevision>,
) -> Result<(Forecast, Vec<String>), CliError> {
    let it = show::shown_forecast(app, newsletter, date).await?;
    let now = it.content.revision();
    let Some(typed) = typed else { return Ok((it, Vec::new())) };
    let shown = decide::shown_as(&app.actions, newsletter, date, typed).await?;
    let changes = match &shown[..] {
        [] => None,
        [seen] => decide::changes_since(&app.actions, newsletter, &it, seen).await?,
        _ => {
            return Err(CliError::Failed(format!(
                "different contents of the issue of {date} were shown as revision {typed}, which happens only if \
                 somebody makes it so. Edit the issue, and see `daily issue show --date {date}`"
            )));
        }
    };
    let changes = changes.ok_or_else(|| {
        CliError::Failed(format!(
            "the issue of {date} was never shown as revision {typed}; it is revision {now} now. See `daily issue show \
             --date {date}`"
        ))
    })?;
    // Only its pictures were made since.
    if changes.is_empty() {
        return Ok((it, changes));
    }
    let mut lines = vec![format!("the issue of {date} is revision {now} now. Since revision {typed}:")];
    lines.extend(changes.iter().take(MAX_CHANGES).map(|change| format!("  {change}")));
    if changes.len() > MAX_CHANGES {
        lines.push(format!("  and {}", counted(changes.len() - MAX_CHANGES, "more change")));
    }
    if interactive() {
        return Ok((it, lines));
    }
    Err(CliError::Failed(lines.join("\n")))
}

/// Approves the issue as the operator saw it. A plan that was made again meanwhile and comes out the same is
/// approved, too; a different one fails with the changes.
pub async fn approve_seen(
    app: &App,
    actor: &Actor,
    newsletter: &NewsletterRecord,
    seen: &Forecast,
) -> Result<Option<IssueRecord>, CliError> {
    let rules = app.jobs.issues.plan_rules();
    decide::approve_seen(&app.actions, rules, actor, newsletter, seen)
        .await
        .map_err(|error| CliError::Failed(format!("the issue of {}: {error}", seen.date)))
}
