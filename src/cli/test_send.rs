//! `daily test-send`

use crate::{
    actions::issue::test_send::test_send,
    app::App,
    cli::{
        CliError, CliResult,
        issue::{date_or_next, shown_forecast},
        output::Output,
    },
    db::{deliveries::emails, issues, test_groups},
    domain::{
        actor::Actor,
        delivery::email::EmailStatus,
        ids::{EmailId, NewsletterId},
        issue::{date_word::DateWord, status::IssueStatus},
        subscriber::email_address::EmailAddress,
    },
};
use serde_json::json;
use std::time::Duration;

/// A relay that took a test, and what it said.
struct Answer {
    relay: String,
    said: String,
}

/// Send an issue to yourself, marked as a test
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    daily test-send --to you@example.org                      the next issue\n  \
    daily test-send --to you@example.org --issue 2026-05-01   that day's issue\n  \
    daily test-send --group desk                              a saved group\n\n\
    The email goes through the queue, and the command waits for the relay's answer.")]
pub struct TestSend {
    /// Send to this address
    #[arg(long, required_unless_present = "group")]
    to: Option<String>,
    /// Send to the addresses of this group
    #[arg(long, value_name = "NAME", conflicts_with = "to")]
    group: Option<String>,
    /// Issue of this date, as with `daily issue show`
    #[arg(long, value_name = "DATE", value_parser = DateWord::parse)]
    issue: Option<DateWord>,
    /// Newsletter's short name
    #[arg(long)]
    newsletter: Option<String>,
    /// Wait this many seconds for the relay's answer
    #[arg(long, default_value_t = 60)]
    wait: u64,
}

impl TestSend {
    /// Returns the addresses that get the test.
    async fn addresses(&self, app: &App, newsletter: NewsletterId) -> Result<Vec<EmailAddress>, CliError> {
        if let Some(to) = &self.to {
            let parsed = EmailAddress::parse(to);
            return Ok(vec![parsed.map_err(|error| CliError::Usage(format!("--to `{to}`: {error}")))?]);
        }
        let groups = test_groups::for_newsletter(&mut app.db.read().await?, newsletter).await?;
        let name = self.group.as_deref().unwrap_or_default();
        if let Some(group) = groups.iter().find(|group| group.name == name) {
            return Ok(group.addresses.clone());
        }
        let known: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        let known = if known.is_empty() { "there is none".into() } else { known.join(", ") };
        Err(CliError::Failed(format!(
            "there is no group `{name}` ({known}); groups are kept on the page that sends tests"
        )))
    }

    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let newsletter = super::newsletter(app, self.newsletter.as_deref()).await?;
        let addresses = self.addresses(app, newsletter.id).await?;
        let date = date_or_next(app, &newsletter, self.issue).await?;
        let mut tx = app.db.read().await?;
        let known = issues::get_by_date(&mut tx, newsletter.id, date).await?;
        drop(tx);
        if known.is_none() && self.issue.is_some() {
            return Err(CliError::Failed(format!("there is no issue of {date}; see `daily issue list`")));
        }
        let is_open = known.as_ref().is_none_or(|issue| issue.status == IssueStatus::Planned);
        let revision = if is_open {
            Some(shown_forecast(app, &newsletter, date).await?.content.revision())
        } else {
            None
        };
        let issue = known.map(|issue| issue.id);
        super::require_worker(app).await?;
        let mut mails = Vec::new();
        for to in &addresses {
            mails.push((to, test_send(&app.actions, actor, &newsletter, (date, issue), to).await?));
        }
        for (to, mail) in mails {
            let answer = self.answer(app, to, mail).await?;
            output.record(
                &json!({
                    "to": to.as_str(), "date": date, "revision": revision, "status": EmailStatus::Sent,
                    "relay": answer.relay, "answer": answer.said,
                }),
                || {
                    let revision = revision.as_ref().map(|it| format!(", revision {it},")).unwrap_or_default();
                    let (relay, said) = (&answer.relay, &answer.said);
                    format!("the issue of {date}{revision} was sent to {to} through {relay}, which answered: {said}")
                },
            )?;
        }
        Ok(())
    }

    /// Waits for the relay's answer to a test.
    async fn answer(&self, app: &App, to: &EmailAddress, mail: EmailId) -> Result<Answer, CliError> {
        let waited = tokio::time::timeout(Duration::from_secs(self.wait), async {
            let mut interval = tokio::time::interval(Duration::from_millis(100));
            loop {
                interval.tick().await;
                let mut tx = app.db.read().await?;
                let record = emails::get(&mut tx, mail).await?.ok_or(crate::db::DbError::RowNotFound)?;
                if matches!(record.status, EmailStatus::Sent | EmailStatus::Failed) {
                    return Ok::<_, CliError>(record);
                }
            }
        });
        let Ok(record) = waited.await else {
            let mut tx = app.db.read().await?;
            let record = emails::get(&mut tx, mail).await?;
            let said = record.and_then(|it| it.reply_text).unwrap_or_else(|| "nothing yet".into());
            return Err(CliError::Failed(format!(
                "the test to {to} was not sent within {} s and stays in the queue. Last answer: {said}",
                self.wait
            )));
        };
        let record = record?;
        let said = format!(
            "{}{}",
            record.reply_code.map(|code| format!("{code} ")).unwrap_or_default(),
            record.reply_text.unwrap_or_default()
        );
        if record.status == EmailStatus::Failed {
            return Err(CliError::Failed(format!("the test to {to} was not sent: {said}")));
        }
        Ok(Answer { relay: record.relay.unwrap_or_default(), said })
    }
}
