//! `daily issue verify`

use crate::{
    app::App,
    cli::{
        CliError, CliResult,
        issue::{Which, figures::counted},
        output::Output,
    },
    db::{
        DbError,
        issues::{self, IssueRecord, variants},
        newsletters,
    },
    domain::token::token_placeholder,
    issues::{edition::Stories, render::Rendering},
};
use serde_json::json;

/// Renders what an operator approved once more, and compares it with what was sent.
pub async fn run(app: &App, which: &Which, output: Output) -> CliResult {
    let issue = which.existing(app).await?;
    let date = issue.date();
    let Some(revision) = issue.approved_revision.clone() else {
        return Err(CliError::Failed(format!(
            "no revision of the issue of {date} was approved, so there is nothing to compare with; see `daily issue \
             approve --help`"
        )));
    };
    let (checked, different) = compare(app, &issue).await?;
    if checked == 0 {
        return Err(CliError::Failed(format!(
            "the issue of {date} is {}: nothing was rendered yet",
            issue.status
        )));
    }
    if !different.is_empty() {
        let numbers: Vec<String> = different.iter().map(ToString::to_string).collect();
        return Err(CliError::Failed(format!(
            "the issue of {date} differs from revision {revision} in {} of {}: {}. Another version of Daily rendered \
             it, the newsletter was changed since, or its rows were changed",
            different.len(),
            counted(checked, "variant"),
            numbers.join(", ")
        )));
    }
    output
        .record(&json!({ "date": date, "revision": revision, "variants": checked, "same": true }), || {
            format!("the issue of {date} equals revision {revision} in {}", counted(checked, "variant"))
        })?;
    Ok(())
}

/// Returns the number of variants, and the numbers of those that differ.
async fn compare(app: &App, issue: &IssueRecord) -> Result<(usize, Vec<i64>), DbError> {
    let mut tx = app.db.read().await?;
    let newsletter = newsletters::get(&mut tx, issue.newsletter_id).await?;
    let rendered = variants::for_issue(&mut tx, issue.id).await?;
    let Some(kept) = issues::kept_plan(&mut tx, issue.id).await? else { return Ok((0, Vec::new())) };
    let mut different = Vec::new();
    for variant in &rendered {
        let number = usize::try_from(variant.number).unwrap_or(usize::MAX);
        let ids = variants::stories_for(&mut tx, issue.id, number).await?;
        let edition = Stories::load(&mut tx, Some(issue), &ids).await?.edition(&ids, &kept.inputs);
        let email = Rendering {
            newsletter: &newsletter,
            date: issue.date(),
            edition: &edition,
            number: variant.number,
            public_url: &app.settings.http.public_url,
            pictures_url: &app.settings.pictures_url(),
            reader_token: &token_placeholder(&issue.message_key),
            is_test: false,
            revision: None,
        }
        .email();
        if (&email.subject, &email.html, &email.text) != (&variant.subject, &variant.html, &variant.text) {
            different.push(variant.number);
        }
    }
    Ok((rendered.len(), different))
}
