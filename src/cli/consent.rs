//! `daily consent`

use crate::{
    actions::privacy::verify_consent::verify_consent,
    app::App,
    cli::{
        CliError, CliResult,
        issue::counted,
        output::{Output, table, utc_time},
    },
    db::subscribers,
    domain::subscriber::consent::UnsubscribeReason,
};
use jiff::SignedDuration;
use serde_json::json;
use std::fmt::Write as _;

/// Verify the consent ledger, show why readers unsubscribed
#[derive(Debug, clap::Subcommand)]
pub enum Consent {
    /// Show why readers unsubscribed
    #[command(after_help = "Example:\n  daily consent reasons --days 7")]
    Reasons(Reasons),
    /// Verify the hash chains of the consent ledger
    #[command(
        after_help = "Example:\n  daily consent verify\n\nExit code 1: an entry was changed, removed or slipped in."
    )]
    Verify,
}

#[derive(Debug, clap::Args)]
pub struct Reasons {
    /// Newsletter's short name; default: all
    #[arg(long)]
    newsletter: Option<String>,
    /// Look back this many days
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
    /// Show this many of the latest remarks
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(0..=1000))]
    remarks: i64,
}

impl Consent {
    pub async fn run(self, app: &App, output: Output) -> CliResult {
        match self {
            Self::Reasons(reasons) => reasons.run(app, output).await,
            Self::Verify => verify(app, output).await,
        }
    }
}

async fn verify(app: &App, output: Output) -> CliResult {
    let verdict = verify_consent(&app.db).await?;
    output.record(&verdict, || {
        let mut text = format!(
            "{} of {} intact; personal data is erased in {}\n",
            counted(verdict.verified, "entry"),
            counted(verdict.subscriptions, "subscription"),
            verdict.erased
        );
        if verdict.unlinked > 0 {
            let _ = writeln!(text, "entries without a link: {}; `daily serve` links them", verdict.unlinked);
        }
        let _ = writeln!(text, "digest over all chains: {}", verdict.digest);
        text
    })?;
    match verdict.first_broken {
        None => Ok(()),
        Some(it) => Err(CliError::Failed(format!(
            "the ledger is damaged in {}; the first is entry {} of subscription {}: {}",
            counted(verdict.broken, "entry"),
            it.event,
            it.subscription,
            it.problem
        ))),
    }
}

impl Reasons {
    async fn run(self, app: &App, output: Output) -> CliResult {
        let newsletter = match self.newsletter.as_deref() {
            Some(slug) => Some(super::newsletter(app, Some(slug)).await?.id),
            None => None,
        };
        let since = app.actions.clock.now() - SignedDuration::from_hours(24 * i64::from(self.days));
        let mut tx = app.db.read().await?;
        let left = subscribers::count_left(&mut tx, newsletter, since).await?;
        let reasons = subscribers::count_reasons(&mut tx, newsletter, since).await?;
        let remarks = subscribers::remarks(&mut tx, newsletter, since, self.remarks).await?;
        let record = json!({ "days": self.days, "left": left, "reasons": reasons, "remarks": remarks });
        output.record(&record, || {
            let mut text = format!(
                "{} unsubscribed in the last {}\n",
                counted(left, "reader"),
                counted(self.days, "day")
            );
            let row = |reason: UnsubscribeReason, readers: i64| {
                vec![reason.label().to_owned(), readers.to_string()]
            };
            let rows: Vec<_> = reasons.iter().map(|it| row(it.reason, it.readers)).collect();
            if !rows.is_empty() {
                let _ = write!(text, "\n{}", table(&["reason", "readers"], &rows));
            }
            if !remarks.is_empty() {
                text.push('\n');
            }
            for it in &remarks {
                let remark = it.remark.replace('\n', "\n    ");
                let _ = writeln!(text, "{}  {}\n    {remark}", utc_time(Some(it.left_at)), it.reason.label());
            }
            text
        })?;
        Ok(())
    }
}
