//! `daily subscriber add`, `unsubscribe` and `suppress`: single readers.

use crate::{
    actions::{
        signup::{
            request::{Proof, Signup},
            subscribe::subscribe,
        },
        subscription::by_operator::{add_with_evidence, method_of, suppress_readers, unsubscribe_reader},
    },
    app::App,
    cli::{CliError, CliResult, output::Output, parse_address},
    db::subscribers::Evidence,
    domain::actor::Actor,
};
use serde_json::json;

/// Longest text of evidence or of a reason, in characters.
const MAX_TEXT_CHARS: usize = 200;

/// Add one reader
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    daily subscriber add ann@example.org\n  \
    daily subscriber add ann@example.org --evidence \"signed card, 1 May\"\n\n\
    With evidence the reader is active at once. Without it the reader gets an \
    email and has to confirm, as with the form.")]
pub struct Add {
    /// Email address
    address: String,
    /// Newsletter's short name
    #[arg(long)]
    newsletter: Option<String>,
    /// How you can show that the reader agreed, for the consent ledger
    #[arg(long, value_parser = text)]
    evidence: Option<String>,
}

/// End one reader's subscriptions
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  daily subscriber unsubscribe ann@example.org --newsletter daily")]
pub struct Unsubscribe {
    /// Email address
    address: String,
    /// Only this newsletter
    #[arg(long)]
    newsletter: Option<String>,
}

/// Send no more email to an address
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    daily subscriber suppress ann@example.org --reason \"asked by phone\"\n\n\
    `daily subscriber unsuppress` undoes it.")]
pub struct Suppress {
    /// Email addresses
    #[arg(required = true)]
    addresses: Vec<String>,
    /// Reason, shown by `daily subscriber show`
    #[arg(long, value_parser = text, default_value = "by command")]
    reason: String,
}

fn text(text: &str) -> Result<String, String> {
    let text: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match text.chars().count() {
        0 => Err("it is empty".into()),
        1..=MAX_TEXT_CHARS => Ok(text),
        count => Err(format!("it has {count} characters; {MAX_TEXT_CHARS} are kept")),
    }
}

impl Add {
    pub(super) async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let address = parse_address(&self.address)?;
        let newsletter = crate::cli::newsletter(app, self.newsletter.as_deref()).await?;
        let slug = newsletter.newsletter.slug.clone();
        let Some(evidence) = self.evidence else {
            let signup = Signup {
                address: address.clone(),
                newsletters: vec![slug.clone()],
                method: method_of(actor),
                language: None,
                wording: None,
                time_zone: None,
                evidence: Evidence::default(),
                proof: Proof::NotRequired,
            };
            subscribe(&app.signup, signup).await.map_err(|error| CliError::Failed(error.to_string()))?;
            output.record(
                &json!({ "address": address.as_str(), "newsletter": slug, "active": false }),
                || format!("{address} gets an email that asks to confirm `{slug}`"),
            )?;
            return Ok(());
        };
        let is_new = add_with_evidence(&app.actions, actor, newsletter.id, &address, &evidence)
            .await
            .map_err(|why| CliError::Failed(format!("{address} was not added: {why}")))?;
        output.record(
            &json!({ "address": address.as_str(), "newsletter": slug, "active": true, "new": is_new }),
            || {
                let was = if is_new { "is subscribed to" } else { "was subscribed already to" };
                format!("{address} {was} `{slug}`")
            },
        )?;
        Ok(())
    }
}

impl Unsubscribe {
    pub(super) async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let address = parse_address(&self.address)?;
        let newsletter = match self.newsletter.as_deref() {
            Some(slug) => Some(crate::cli::newsletter(app, Some(slug)).await?.id),
            None => None,
        };
        let ended = unsubscribe_reader(&app.actions, actor, &address, newsletter).await?;
        if ended == 0 {
            return Err(CliError::Failed(format!("{address} has no subscription to end")));
        }
        output.record(&json!({ "address": address.as_str(), "ended": ended }), || {
            format!("{address} is unsubscribed (subscriptions ended: {ended})")
        })?;
        Ok(())
    }
}

impl Suppress {
    pub(super) async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let addresses = self.addresses.iter().map(|address| parse_address(address));
        let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
        let new = suppress_readers(&app.actions, actor, &addresses, &self.reason).await?;
        let known = addresses.len() - new;
        output.record(&json!({ "suppressed": new, "known": known }), || {
            format!("suppressed: {new}; suppressed before: {known}")
        })?;
        Ok(())
    }
}
