//! `daily issue preview`

use crate::{
    app::App,
    cli::{
        CliError, CliResult,
        issue::{Which, show},
        output::on_terminal,
    },
    db::issues,
    domain::{issue::status::IssueStatus, token::Purpose},
    issues::{edition, render::Rendering},
};
use std::path::{Path, PathBuf};

/// Open an issue's email in the browser
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  daily issue preview\n  daily issue preview --out issue.html\n  daily issue preview --text"
)]
pub struct Preview {
    #[command(flatten)]
    which: Which,
    /// Print the text part instead
    #[arg(long)]
    text: bool,
    /// Write the HTML part to this file instead
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Show this variant; 1 is the most common
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    variant: u16,
}

impl Preview {
    pub async fn run(self, app: &App) -> CliResult {
        let (newsletter, date) = self.which.find(app).await?;
        let mut tx = app.db.read().await?;
        let issue = issues::get_by_date(&mut tx, newsletter.id, date).await?;
        let number = usize::from(self.variant);
        let edition = edition::load_edition(
            app.jobs.issues.planning(),
            &mut tx,
            &newsletter,
            date,
            issue.as_ref(),
            number,
        )
        .await?;
        drop(tx);
        let is_open = issue.as_ref().is_none_or(|issue| issue.status == IssueStatus::Planned);
        let revision = if is_open {
            Some(show::shown_forecast(app, &newsletter, date).await?.content.revision())
        } else {
            None
        };
        if edition.stories.is_empty() {
            return Err(CliError::Failed(if number > 1 {
                format!("the issue of {date} has no variant {number}")
            } else {
                "the issue has no stories yet: add articles or feeds first".into()
            }));
        }
        let token = app.subscription.keys.sign(Purpose::Test, 0);
        let email = Rendering {
            newsletter: &newsletter,
            date,
            edition: &edition,
            number: i64::from(self.variant),
            public_url: &app.settings.http.public_url,
            pictures_url: &app.settings.pictures_url(),
            reader_token: &token,
            is_test: false,
            revision: None,
        }
        .email();
        if email.clipped() {
            errln!(
                "its HTML has {} bytes, and Gmail clips emails of this size; choose fewer stories",
                email.html_bytes()
            );
        }
        if self.text {
            outln!("{}", email.text);
        }
        if self.text && self.out.is_none() {
            return Ok(());
        }
        let file = match &self.out {
            Some(file) => file.clone(),
            None => {
                app.settings.data.folder.join(format!("preview-{}-{date}.html", newsletter.newsletter.slug))
            }
        };
        write(&file, &email.html)?;
        let revision = revision.map(|it| format!(", revision {it}")).unwrap_or_default();
        outln!("{}: {} ({} bytes{revision})", file.display(), email.subject, email.html_bytes());
        if self.out.is_none() && on_terminal() {
            opener::open(&file).map_err(|error| {
                CliError::Failed(format!("can't open it: {error}; open {} yourself", file.display()))
            })?;
        }
        Ok(())
    }
}

fn write(file: &Path, html: &str) -> CliResult {
    std::fs::write(file, html)
        .map_err(|error| CliError::Failed(format!("can't write {}: {error}", file.display())))
}
