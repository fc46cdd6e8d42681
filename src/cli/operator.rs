//! `daily operator`

use crate::{
    actions::operator::{
        add_operator::{AddOutcome, MOST_OPERATORS, add_operator},
        address::{NewOperator, OperatorAddress},
        change_operator::change_operator,
        links::make_link,
        oidc::forget_identity,
        remove_operator::remove_operator,
        second_factor,
    },
    app::App,
    cli::{
        CliError, CliResult,
        output::{Output, utc_time},
        problems::usage,
    },
    db::{operators, suppressions},
    domain::{actor::Actor, ids::OperatorId, subscriber::email_address::EmailAddress},
};
use serde_json::json;

/// Manage who gets alerts and may sign in
#[derive(Debug, clap::Subcommand)]
pub enum Operator {
    /// Add an operator, who gets alerts and may sign in
    #[command(after_help = "Examples:\n  daily operator add desk@example.org\n  \
        daily operator add ines@example.org --role editor,sender\n\n\
        Alerts: an issue waits, is stopped or was missed; a feed is in trouble; \
        signups look like an attack. With a role, the operator may sign in, and a \
        link to choose a password is printed.")]
    Add(Add),
    /// Print a new link to choose a password
    #[command(after_help = "Example:\n  daily operator link ines@example.org --reset-second-factor")]
    Link {
        #[command(flatten)]
        address: OperatorAddress,
        /// Forget the second factor, so that a new one is set up
        #[arg(long)]
        reset_second_factor: bool,
        /// Forget the account at the OpenID provider
        #[arg(long)]
        unlink_provider: bool,
    },
    /// List operators
    List,
    /// Remove an operator
    #[command(after_help = "Example:\n  daily operator remove desk@example.org")]
    Remove(OperatorAddress),
}

#[derive(Debug, clap::Args)]
pub struct Add {
    #[command(flatten)]
    operator: NewOperator,
    /// Send no alerts to this address
    #[arg(long, requires = "role")]
    no_alerts: bool,
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
            Self::Add(new) => add(app, actor, &new, output).await,
            Self::Link { address, reset_second_factor, unlink_provider } => {
                let address = checked(&address)?;
                let found = operators::get_by_address(&mut app.db.read().await?, &address).await?;
                let Some(operator) = found.filter(|it| !it.roles.is_empty()) else {
                    return Err(CliError::Failed(format!(
                        "{address} can't sign in; give a role: daily operator add {address} --role viewer"
                    )));
                };
                if reset_second_factor {
                    second_factor::reset_second_factor(&app.operators, actor, operator.id, None).await?;
                }
                if unlink_provider {
                    forget_identity(&app.operators, actor, operator.id, None).await?;
                }
                let link = password_link(app, actor, operator.id).await?;
                output.record(&json!({ "address": address.as_str(), "link": link }), || {
                    format!("{address} chooses a password here, once, within three days:\n{link}")
                })?;
                Ok(())
            }
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

/// Makes a link to choose a password, and returns its URL.
async fn password_link(app: &App, actor: &Actor, operator: OperatorId) -> Result<String, CliError> {
    let token = make_link(&app.actions, actor, operator).await?;
    Ok(format!("{}/admin/welcome/{token}", app.settings.admin.url(&app.settings.http.public_url)))
}

async fn add(app: &App, actor: &Actor, new: &Add, output: Output) -> CliResult {
    let (address, roles) = new.operator.checked().map_err(|problems| usage::<Add>(&problems))?;
    let (address, roles) = (&address, roles.as_ref());
    let added = add_operator(&app.actions, actor, address).await?;
    if added == AddOutcome::TooMany {
        return Err(CliError::Failed(format!(
            "there are {MOST_OPERATORS} operators already; a mailing list's address reaches more, or remove one: daily \
             operator remove ADDRESS"
        )));
    }
    let is_new = added == AddOutcome::New;
    let mut link = None;
    let found = operators::get_by_address(&mut app.db.read().await?, address).await?;
    if let (Some(roles), Some(operator)) = (roles, found) {
        let change = change_operator(&app.actions, actor, operator.id, &operator.name, roles, !new.no_alerts);
        change.await.map_err(|error| CliError::Failed(error.to_string()))?;
        if !roles.is_empty() && !operator.has_signed_in() {
            link = Some(password_link(app, actor, operator.id).await?);
        }
    }
    let mut tx = app.db.read().await?;
    let problem = suppressions::reason(&mut tx, address).await?;
    let mut record = json!({ "address": address.as_str(), "new": is_new, "problem": problem });
    if roles.is_some() {
        record["link"] = json!(link);
    }
    output.record(&record, || {
        let mut said = match (is_new, roles) {
            (_, Some(roles)) if !roles.is_empty() => format!("{address} may sign in as {roles}"),
            (true, _) => format!("{address} gets alerts from now on"),
            (false, _) => format!("{address} already gets alerts"),
        };
        if let Some(problem) = &problem {
            said = format!("{said}, but can't get email: {problem}");
        }
        if let Some(link) = &link {
            said = format!("{said}, after choosing a password here, once, within three days:\n{link}");
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
    output.records(&all, &["address", "roles", "alerts", "since", "problem"], |it| {
        let roles = it.operator.roles.to_string();
        vec![
            it.operator.address.to_string(),
            if roles.is_empty() { "-".into() } else { roles },
            if it.operator.gets_alerts { "yes".into() } else { "no".into() },
            utc_time(Some(it.operator.created_at)),
            it.problem.clone().unwrap_or_default(),
        ]
    })?;
    Ok(())
}
