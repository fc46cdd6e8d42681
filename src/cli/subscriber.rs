//! `daily subscriber`: who gets what.

use super::{
    CliError, CliResult,
    output::{Output, moment, table},
};
use crate::{
    app::App,
    db::{
        deliveries::{self, DeliveryRecord},
        subscriptions, suppressions,
    },
    domain::{email_address::EmailAddress, ids::SubscriptionId},
};
use serde_json::json;
use std::fmt::Write as _;

/// Look up readers
#[derive(Debug, clap::Subcommand)]
pub enum Subscriber {
    /// Show an address's subscriptions, its consent and its latest issues
    #[command(after_help = "Example:\n  daily subscriber show ann@example.org")]
    Show {
        /// The address
        address: String,
    },
    /// List subscriptions in the order they were made
    List {
        /// How many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
        /// Only those after this number, for the next page
        #[arg(long, default_value_t = 0)]
        after: i64,
    },
}

impl Subscriber {
    pub async fn run(self, app: &App, output: Output) -> CliResult {
        match self {
            Self::Show { address } => show(app, &address, output).await,
            Self::List { limit, after } => {
                let mut tx = app.db.read().await?;
                let page = subscriptions::page(&mut tx, SubscriptionId(after), limit).await?;
                output.records(&page, &["id", "address", "newsletter", "state", "since"], |it| {
                    vec![
                        it.id.to_string(),
                        it.address.clone(),
                        it.newsletter.clone(),
                        it.status.to_string(),
                        moment(it.ended_at.or(it.confirmed_at).or(Some(it.requested_at))),
                    ]
                })?;
                Ok(())
            }
        }
    }
}

async fn show(app: &App, address: &str, output: Output) -> CliResult {
    let address =
        EmailAddress::parse(address).map_err(|error| CliError::Usage(format!("`{address}`: {error}")))?;
    let mut tx = app.db.read().await?;
    let found = subscriptions::of_address(&mut tx, &address).await?;
    let Some(first) = found.first() else {
        return Err(CliError::Failed(format!("{address} has never signed up")));
    };
    let suppressed = suppressions::of_address(&mut tx, &address).await?;
    let sent = deliveries::of_subscriber(&mut tx, first.subscriber_id, 20).await?;
    let mut text = format!("{}\n", first.address);
    if let Some(it) = &suppressed {
        let _ = writeln!(text, "suppressed since {}: {}", moment(Some(it.created_at)), it.reason);
    }
    let mut list = Vec::new();
    for it in &found {
        let history = subscriptions::consent_history(&mut tx, it.id).await?;
        let _ = writeln!(text, "{}: {}", it.newsletter, it.status);
        for event in &history {
            let from = event.client_address.as_deref().unwrap_or("-");
            let page = event.source_url.as_deref().unwrap_or("");
            let _ = writeln!(
                text,
                "  {}  {} ({}) {from} {page}",
                moment(Some(event.occurred_at)),
                event.kind,
                event.method
            );
        }
        list.push(json!({ "subscription": it, "consent": history }));
    }
    if !sent.is_empty() {
        let _ = write!(text, "\n{}", issues(&sent));
    }
    let record = json!({
        "address": first.address, "suppressed": suppressed, "subscriptions": list, "deliveries": sent,
    });
    output.record(&record, || text)?;
    Ok(())
}

/// A reader's issues, newest first.
fn issues(sent: &[DeliveryRecord]) -> String {
    let or_none = |text: &Option<String>| text.clone().filter(|text| !text.is_empty()).unwrap_or("-".into());
    let row = |it: &DeliveryRecord| {
        vec![
            it.issue_date.clone(),
            it.status.to_string(),
            moment(it.finished_at),
            or_none(&it.relay),
            it.reply_code.map_or("-".into(), |code| code.to_string()),
            or_none(&it.enhanced_code),
            or_none(&it.reply_text),
        ]
    };
    let rows: Vec<_> = sent.iter().map(row).collect();
    table(&["issue", "state", "ended", "relay", "code", "enhanced", "text"], &rows)
}
