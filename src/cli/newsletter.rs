//! `daily newsletter`: what newsletters are called and when they go out.

use super::{CliError, CliResult, output::Output};
use crate::{
    actions::set_newsletter::set_newsletter,
    app::App,
    db::newsletters::{self, NewsletterRecord},
    domain::{
        email_address::EmailAddress,
        newsletter::{
            self as domain, MAX_NAME_CHARS, MAX_POSTAL_ADDRESS_CHARS, NewsletterError, parse_language,
            parse_line, parse_send_time, parse_time_zone,
        },
        schedule,
    },
};
use serde_json::json;

/// Show and change what newsletters are called and when they go out
#[derive(Debug, clap::Subcommand)]
pub enum Newsletter {
    /// List newsletters
    List,
    /// Show everything about one
    #[command(after_help = "Example:\n  daily newsletter show daily")]
    Show {
        /// Its short name
        slug: Option<String>,
    },
    /// Change it
    #[command(after_help = "Examples:\n  \
        daily newsletter set daily --sender-address news@example.org --sender-name \"The Example\"\n  \
        daily newsletter set daily --send-time 06:30 --time-zone Europe/Berlin\n  \
        daily newsletter set daily --postal-address \"Example Media, 1 High Street, Springfield\"")]
    Set(Set),
}

#[derive(Debug, clap::Args)]
pub struct Set {
    /// Its short name
    slug: String,
    /// What readers call it
    #[arg(long)]
    title: Option<String>,
    /// The line below the title
    #[arg(long)]
    tagline: Option<String>,
    /// The name mails come from
    #[arg(long)]
    sender_name: Option<String>,
    /// The address mails come from
    #[arg(long)]
    sender_address: Option<String>,
    /// When issues go out, such as 07:00
    #[arg(long)]
    send_time: Option<String>,
    /// On which clock, such as Europe/Berlin
    #[arg(long)]
    time_zone: Option<String>,
    /// Where the publisher can be reached by post
    #[arg(long)]
    postal_address: Option<String>,
    /// The language it is written in, such as en or pt-BR
    #[arg(long)]
    language: Option<String>,
}

impl Newsletter {
    pub async fn run(self, app: &App, output: Output) -> CliResult {
        match self {
            Self::List => {
                let mut tx = app.db.read().await?;
                let all: Vec<_> =
                    newsletters::list(&mut tx).await?.iter().map(|it| record(app, it)).collect();
                let cell =
                    |value: &serde_json::Value, key: &str| value[key].as_str().unwrap_or("-").to_owned();
                output.records(&all, &["name", "title", "send time", "zone", "next issue due"], |it| {
                    ["slug", "title", "send_time", "time_zone", "next_due_at"]
                        .map(|key| cell(it, key))
                        .to_vec()
                })?;
                Ok(())
            }
            Self::Show { slug } => {
                let newsletter = super::newsletter(app, slug.as_deref()).await?;
                show(app, &newsletter, output)
            }
            Self::Set(set) => set.run(app, output).await,
        }
    }
}

impl Set {
    async fn run(self, app: &App, output: Output) -> CliResult {
        let record = super::newsletter(app, Some(&self.slug)).await?;
        let record = set_newsletter(&app.actions, record.id, |newsletter| self.apply(newsletter)).await?;
        show(app, &record, output)
    }

    fn apply(self, it: &mut domain::Newsletter) -> CliResult {
        let problem = |error: NewsletterError| CliError::Usage(error.to_string());
        let line = |field, text: Option<String>, most, now: &mut String| match text {
            Some(text) => parse_line(field, &text, most).map(|text| *now = text).map_err(problem),
            None => Ok(()),
        };
        line("title", self.title, MAX_NAME_CHARS, &mut it.title)?;
        line("tagline", self.tagline, MAX_NAME_CHARS * 2, &mut it.tagline)?;
        line("sender-name", self.sender_name, MAX_NAME_CHARS, &mut it.sender_name)?;
        line("postal-address", self.postal_address, MAX_POSTAL_ADDRESS_CHARS, &mut it.postal_address)?;
        if let Some(language) = self.language {
            it.language = parse_language(&language).map_err(problem)?;
        }
        if let Some(address) = self.sender_address {
            it.sender_address = EmailAddress::parse(&address)
                .map_err(|error| CliError::Usage(format!("sender-address: `{address}`: {error}")))?;
        }
        if let Some(time) = self.send_time {
            it.send_time = parse_send_time(&time).map_err(problem)?;
        }
        if let Some(zone) = self.time_zone {
            it.time_zone = parse_time_zone(&zone).map_err(problem)?;
        }
        Ok(())
    }
}

fn show(app: &App, newsletter: &NewsletterRecord, output: Output) -> CliResult {
    let record = record(app, newsletter);
    output.record(&record, || {
        let lines = record.as_object().into_iter().flatten();
        lines
            .map(|(key, value)| format!("{key:15} {}", value.as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
            .join("\n")
    })?;
    Ok(())
}

fn record(app: &App, newsletter: &NewsletterRecord) -> serde_json::Value {
    let it = &newsletter.newsletter;
    json!({
        "slug": it.slug,
        "title": it.title,
        "tagline": it.tagline,
        "sender_name": it.sender_name,
        "sender_address": it.sender_address.as_str(),
        "send_time": it.send_time.strftime("%H:%M").to_string(),
        "time_zone": it.time_zone_name(),
        "postal_address": it.postal_address,
        "language": it.language,
        "list_id": it.list_id(),
        "next_due_at": schedule::next_slot(it, app.actions.clock.now()).1.to_string(),
    })
}
