//! The facts for an operator's decision: an issue's present revision, and the changes since the one they saw.

use crate::{
    app::App,
    cli::{CliError, issue::figures::counted, issue::show, output::interactive},
    db::{issues::revisions, newsletters::NewsletterRecord},
    domain::issue::revision::Revision,
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
    seen: Option<&Revision>,
) -> Result<(Forecast, Vec<String>), CliError> {
    let it = show::shown_forecast(app, newsletter, date).await?;
    let now = it.content.revision();
    let Some(seen) = seen.filter(|seen| **seen != now) else { return Ok((it, Vec::new())) };
    let earlier = revisions::get(&mut app.db.read().await?, newsletter.id, date, seen).await?;
    let earlier = earlier.ok_or_else(|| {
        CliError::Failed(format!(
            "the issue of {date} was never shown as revision {seen}; it is revision {now} now. See `daily issue show \
             --date {date}`"
        ))
    })?;
    let changes = it.content.changes_since(&earlier);
    let mut lines = vec![format!("the issue of {date} is revision {now} now. Since revision {seen}:")];
    lines.extend(changes.iter().take(MAX_CHANGES).map(|change| format!("  {change}")));
    if changes.len() > MAX_CHANGES {
        lines.push(format!("  and {}", counted(changes.len() - MAX_CHANGES, "more change")));
    }
    if interactive() {
        return Ok((it, lines));
    }
    Err(CliError::Failed(lines.join("\n")))
}

/// Returns why no reader would get an issue.
pub fn why_nobody(it: &Forecast) -> &'static str {
    if it.content.stories.is_empty() {
        "there are no stories for it"
    } else if it.plan.unserved.is_empty() {
        "it has too few stories, or no readers"
    } else {
        "its readers have had its stories in other issues"
    }
}
