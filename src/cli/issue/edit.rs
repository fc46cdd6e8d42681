//! `daily issue edit`

use crate::{
    actions::issue::{
        edit_fields::IssueEdit,
        edit_issue::{EditError, EditOutcome, MAX_NOTE_CHARS, edit_issue},
        send_issue::begin_issue,
    },
    app::App,
    cli::{
        CliError, CliResult,
        issue::{Which, show},
        output::Output,
        problems::usage,
    },
    domain::actor::Actor,
    jobs::plan_issue,
};
use std::{io::Read as _, path::PathBuf};

/// Edit stories, subject and note of an issue
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    daily issue edit --pin 42 --drop 17\n  \
    daily issue edit --place 42=1 --place 8=3\n  \
    daily issue edit --title \"42=The bridge is open\" --summary \"42=From today.\"\n  \
    daily issue edit --subject \"The bridge is open\" --note note.md\n  \
    daily issue edit --undo 42 --subject \"\"   revert edits\n\n\
    `daily issue show` lists the article numbers. Edits survive new articles.")]
pub struct Edit {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    changes: IssueEdit,
    /// Note above the stories: a Markdown file, or - for stdin
    #[arg(long, value_name = "FILE")]
    note: Option<PathBuf>,
}

impl Edit {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let note = self.note.as_ref().map(read_note).transpose()?;
        let edit = IssueEdit { note, ..self.changes };
        let (words, changes) = edit.checked().map_err(|problems| usage::<Self>(&problems))?;
        let (newsletter, date) = self.which.find(app).await?;
        let issue = begin_issue(&app.actions, actor, &newsletter, date).await?;
        let edited = match edit_issue(&app.actions, actor, issue.id, &words, &changes).await {
            Err(error @ (EditError::Place(_) | EditError::Text { .. })) => {
                return Err(CliError::Usage(error.to_string()));
            }
            other => other?,
        };
        if edited == EditOutcome::ApprovalEnded {
            errln!("The edit revoked the approval: check the issue and approve it again.");
        }
        plan_issue::run(&app.jobs.issues, &app.jobs.feeds, issue.id)
            .await
            .map_err(|error| CliError::Failed(error.to_string()))?;
        let it = show::shown_forecast(app, &newsletter, date).await?;
        let mut tx = app.db.read().await?;
        show::print_forecast(&mut tx, &newsletter, &it, output).await
    }
}

/// Reads a note, up to slightly more than the allowed length.
fn read_note(file: &PathBuf) -> Result<String, CliError> {
    let most = MAX_NOTE_CHARS as u64 * 4 + 1;
    let failed = |error: std::io::Error| CliError::Failed(format!("can't read {}: {error}", file.display()));
    let mut text = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin().take(most).read_to_string(&mut text).map_err(failed)?;
    } else {
        std::fs::File::open(file).map_err(failed)?.take(most).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text)
}
