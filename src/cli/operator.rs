//! `daily operator`

use crate::{
    actions::operator::{
        add_operator::{AddOutcome, MOST_OPERATORS, add_operator},
        address::OperatorAddress,
        remove_operator::remove_operator,
    },
    app::App,
    cli::{
        CliError, CliResult,
        output::{Output, utc_time},
        problems::usage,
    },
    db::{operators, suppressions},
    domain::{actor::Actor, subscriber::email_address::EmailAddress},
};
use serde_json::json;

/// Manage who gets alerts
#[derive(Debug, clap::Subcommand)]
pub enum Operator {
    /// Add an address that gets alerts
    #[command(after_help = "Example:\n  daily operator add desk@example.org\n\n\
        Alerts: an issue waits, is stopped or was missed; a feed is in trouble; \
        signups look like an attack.")]
    Add(OperatorAddress),
    /// List addresses
    List,
    /// Remove an address
    #[command(after_help = "Example:\n  daily operator remove desk@example.org")]
    Remove(OperatorAddress),
}

#[derive(serde::Serialize)]
struct Listed {
    #[serde(flatten)]
    operator: operators::OperatorRecord,
    /// Why the address can't get email.
    problem: Option<String>,
}

impl Operator {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        match self {
            Self::Add(address) => add(app, actor, &checked(&address)?, output).await,
            Self::List => list(app, output).await,
            Self::Remove(address) => {
                let address = checked(&address)?;
                if !remove_operator(&app.actions, actor, &address).await? {
                    return Err(CliError::Failed(format!(
                        "{address} is not an operator's address; see `daily operator list`"
                    )));
                }
                let record = json!({ "address": address.as_str(), "removed": true });
                output.record(&record, || format!("{address} gets no more alerts"))?;
                Ok(())
            }
        }
    }
}

fn checked(address: &OperatorAddress) -> Result<EmailAddress, CliError> {
    address.checked().map_err(|problems| usage::<OperatorAddress>(&problems))
}

async fn add(app: &App, actor: &Actor, address: &EmailAddress, output: Output) -> CliResult {
    let added = add_operator(&app.actions, actor, address).await?;
    if added == AddOutcome::TooMany {
        return Err(CliError::Failed(format!(
            "there are {MOST_OPERATORS} operators already; a mailing list's address reaches more, or remove one: daily \
             operator remove ADDRESS"
        )));
    }
    let new = added == AddOutcome::New;
    let mut tx = app.db.read().await?;
    let problem = suppressions::reason(&mut tx, address).await?;
    let record = json!({ "address": address.as_str(), "new": new, "problem": problem });
    output.record(&record, || {
        let mut said = if new {
            format!("{address} gets alerts from now on")
        } else {
            format!("{address} already gets alerts")
        };
        if let Some(problem) = &problem {
            said = format!("{said}, but can't get email: {problem}");
        }
        said
    })?;
    Ok(())
}

async fn list(app: &App, output: Output) -> CliResult {
    let mut tx = app.db.read().await?;
    let mut all = Vec::new();
    for operator in operators::list(&mut tx).await? {
        let problem = suppressions::reason(&mut tx, &operator.address).await?;
        all.push(Listed { operator, problem });
    }
    output.records(&all, &["address", "since", "problem"], |it| {
        vec![
            it.operator.address.to_string(),
            utc_time(Some(it.operator.created_at)),
            it.problem.clone().unwrap_or_default(),
        ]
    })?;
    Ok(())
}
