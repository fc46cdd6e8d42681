//! `daily subscriber`

mod export;
mod import;
mod single;
mod unsuppress;

use crate::{
    actions::{
        privacy::erase::{ErasureOutcome, erase},
        subscription::set_preferences::set_preferences,
    },
    app::App,
    cli::{
        CliError, CliResult,
        output::{Output, confirm, table, utc_time},
        parse_address,
    },
    db::{
        bounces::{self, BounceRecord},
        deliveries::{self, DeliveryRecord},
        subscribers::{self, SubscriptionRecord},
        suppressions,
    },
    domain::{
        actor::Actor,
        ids::SubscriptionId,
        newsletter::{parse_send_time, parse_time_zone},
        subscriber::{preferences::Preferences, sections::Sections, subscription::SubscriptionStatus},
    },
};
use serde_json::json;
use std::fmt::Write as _;

/// Look up, change, import, export and erase readers
#[derive(Debug, clap::Subcommand)]
pub enum Subscriber {
    /// Show a reader's subscriptions, consent and latest issues
    #[command(after_help = "Example:\n  daily subscriber show ann@example.org")]
    Show {
        /// Email address
        address: String,
    },
    /// Change a reader's frequency, sections and time
    #[command(after_help = "Examples:\n  \
        daily subscriber set ann@example.org --cadence weekly --sections science\n  \
        daily subscriber set ann@example.org --send-time 07:00\n  \
        daily subscriber set ann@example.org --sections all --time-zone newsletter")]
    Set(Set),
    /// Import readers from another system or a CSV file
    #[command(after_help = "Examples:\n  \
        daily subscriber import subscribers.csv --dry-run\n  \
        daily subscriber import subscribers.csv --report left-out.csv\n  \
        daily subscriber import liste.csv --map \"email=E-Mail\" --date-format %d.%m.%Y\n\n\
        Confirmed readers become active, with the file as evidence. Unsubscribed and \
        bounced addresses never do. Nobody gets an email. \
        docs/guides/importing.md has every step.")]
    Import(import::ImportCommand),
    /// Export a newsletter's readers, or one reader's data
    #[command(after_help = "Examples:\n  \
        daily subscriber export --status active --out readers.csv\n  \
        daily subscriber export --json | head\n  \
        daily subscriber export ann@example.org --out ann.json   a data export")]
    Export(export::ExportCommand),
    /// Erase a reader's personal data
    #[command(
        after_help = "Example:\n  daily subscriber forget ann@example.org\n\nA hash of the address is kept, so that no import brings it back."
    )]
    Forget {
        /// Email address
        address: String,
        /// Don't ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Add one reader, with evidence or by a confirmation
    Add(single::Add),
    /// End one reader's subscriptions
    Unsubscribe(single::Unsubscribe),
    /// Send no more email to an address
    Suppress(single::Suppress),
    /// Let suppressed addresses get email again
    #[command(after_help = "Examples:\n  \
        daily subscriber unsuppress ann@example.org\n  \
        daily subscriber unsuppress --issue 2026-05-01   all of one issue\n  \
        daily subscriber unsuppress --file addresses.txt\n\n\
        Subscriptions that a suppression ended are active again.")]
    Unsuppress(unsuppress::Unsuppress),
    /// List suppressed addresses, latest first
    #[command(after_help = "Example:\n  daily --json subscriber suppressed --limit 1000")]
    Suppressed {
        /// Show at most this many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
    },
    /// List subscriptions, oldest first, and count them
    #[command(after_help = "Examples:\n  \
        daily subscriber list --status active --newsletter daily\n  \
        daily subscriber list --counts")]
    List {
        /// Only this newsletter
        #[arg(long)]
        newsletter: Option<String>,
        /// Only these, such as active or unsubscribed
        #[arg(long, value_parser = str::parse::<SubscriptionStatus>)]
        status: Option<SubscriptionStatus>,
        /// Count by newsletter and status instead
        #[arg(long)]
        counts: bool,
        /// Show at most this many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
        /// Show the page after this number
        #[arg(long, default_value_t = 0)]
        after: i64,
    },
}

#[derive(Debug, clap::Args)]
pub struct Set {
    /// Email address
    address: String,
    /// Newsletter's short name
    #[arg(long)]
    newsletter: Option<String>,
    /// Frequency
    #[arg(long, value_parser = ["every-issue", "weekdays", "weekly"])]
    cadence: Option<String>,
    /// Sections, separated by commas
    #[arg(long, value_name = "NAMES|all")]
    sections: Option<String>,
    /// Time zone of the reader, such as Europe/Berlin
    #[arg(long, value_name = "ZONE|newsletter")]
    time_zone: Option<String>,
    /// Time at which issues arrive, such as 07:00
    #[arg(long, value_name = "HH:MM|newsletter")]
    send_time: Option<String>,
}

impl Set {
    async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        let address = parse_address(&self.address)?;
        let newsletter = super::newsletter(app, self.newsletter.as_deref()).await?;
        let found = subscribers::for_address(&mut app.db.read().await?, &address).await?;
        let slug = &newsletter.newsletter.slug;
        let Some(subscription) = found.iter().find(|it| it.newsletter_id == newsletter.id) else {
            return Err(CliError::Failed(format!("{address} has never signed up for `{slug}`")));
        };
        let mut preferences = subscription.preferences();
        self.apply(&mut preferences)?;
        if !set_preferences(&app.actions, actor, subscription.id, &preferences).await? {
            return Err(CliError::Failed(format!(
                "the subscription of {address} to `{slug}` is {}: only active and paused ones can be changed",
                subscription.status
            )));
        }
        show(app, &self.address, output).await
    }

    fn apply(&self, it: &mut Preferences) -> CliResult {
        let usage = |error: &dyn std::fmt::Display| CliError::Usage(error.to_string());
        if let Some(cadence) = &self.cadence {
            it.cadence = cadence
                .replace('-', "_")
                .parse()
                .map_err(|_| usage(&format!("cadence: `{cadence}` is unknown")))?;
        }
        match self.sections.as_deref() {
            Some("all") => it.sections = Sections::ALL,
            Some(names) => it.sections = Sections::parse(names).map_err(|error| usage(&error))?,
            None => {}
        }
        match self.time_zone.as_deref() {
            Some("newsletter") => it.time_zone = None,
            Some(zone) => it.time_zone = Some(parse_time_zone(zone).map_err(|error| usage(&error))?),
            None => {}
        }
        match self.send_time.as_deref() {
            Some("newsletter") => it.send_time = None,
            Some(time) => it.send_time = Some(parse_send_time(time).map_err(|error| usage(&error))?),
            None => {}
        }
        Ok(())
    }
}

impl Subscriber {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        match self {
            Self::Show { address } => show(app, &address, output).await,
            Self::Set(set) => set.run(app, actor, output).await,
            Self::Export(export) => export.run(app, output).await,
            Self::Forget { address, yes } => forget_reader(app, actor, &address, yes, output).await,
            Self::Import(import) => import.run(app, actor, output).await,
            Self::Unsuppress(unsuppress) => unsuppress.run(app, actor, output).await,
            Self::Add(add) => add.run(app, actor, output).await,
            Self::Unsubscribe(unsubscribe) => unsubscribe.run(app, actor, output).await,
            Self::Suppress(suppress) => suppress.run(app, actor, output).await,
            Self::Suppressed { limit } => {
                let rows = suppressions::page(&mut app.db.read().await?, None, limit).await?;
                output.records(&rows, &["address", "since", "reason"], |it| {
                    vec![it.address_key.clone(), utc_time(Some(it.created_at)), it.reason.clone()]
                })?;
                Ok(())
            }
            Self::List { newsletter, status, counts, limit, after } => {
                let newsletter = match newsletter.as_deref() {
                    Some(slug) => Some(super::newsletter(app, Some(slug)).await?.id),
                    None => None,
                };
                let mut tx = app.db.read().await?;
                if counts {
                    let rows = subscribers::counts(&mut tx, newsletter, status).await?;
                    output.records(&rows, &["newsletter", "state", "readers"], |it| {
                        vec![it.newsletter.clone(), it.status.to_string(), it.readers.to_string()]
                    })?;
                    return Ok(());
                }
                let page =
                    subscribers::page(&mut tx, newsletter, status, SubscriptionId(after), limit).await?;
                output.records(&page, &["id", "address", "newsletter", "state", "since"], |it| {
                    vec![
                        it.id.to_string(),
                        it.address.to_string(),
                        it.newsletter.clone(),
                        it.status.to_string(),
                        utc_time(it.ended_at.or(it.confirmed_at).or(Some(it.requested_at))),
                    ]
                })?;
                Ok(())
            }
        }
    }
}

async fn forget_reader(app: &App, actor: &Actor, address: &str, yes: bool, output: Output) -> CliResult {
    let address = parse_address(address)?;
    if !yes {
        confirm(
            &format!("Erase all data about {address}? This can't be undone."),
            "erasure can't be undone: confirm with --yes",
            "nothing was erased",
        )?;
    }
    match erase(&app.actions, actor, &address).await? {
        ErasureOutcome::Unknown => Err(CliError::Failed(format!("there is no data about {address}"))),
        ErasureOutcome::InFlight => Err(CliError::Failed(format!(
            "{address} gets no more email, but one is being sent right now; nothing is erased yet, try again in a minute"
        ))),
        ErasureOutcome::Done => {
            output.record(&json!({ "forgotten": true }), || {
                "All data is erased. Backups and the logs of your relays may still contain some.".into()
            })?;
            Ok(())
        }
    }
}

async fn show(app: &App, address: &str, output: Output) -> CliResult {
    let address = parse_address(address)?;
    let mut tx = app.db.read().await?;
    let found = subscribers::for_address(&mut tx, &address).await?;
    let Some(first) = found.first() else {
        return Err(CliError::Failed(format!("{address} has never signed up")));
    };
    let suppressed = suppressions::get_by_address(&mut tx, &address).await?;
    let kept_out_of = suppressions::newsletters_for_address(&mut tx, &address).await?;
    let sent = deliveries::for_subscriber(&mut tx, first.subscriber_id, None, 20).await?;
    let bounced = bounces::for_address(&mut tx, &address, 20).await?;
    let mut text = format!("{}\n", first.address);
    if let Some(it) = &suppressed {
        let _ = writeln!(text, "suppressed since {}: {}", utc_time(Some(it.created_at)), it.reason);
    }
    for it in &kept_out_of {
        let since = utc_time(Some(it.created_at));
        let _ = writeln!(text, "no list brings them into {} since {since}: {}", it.newsletter, it.reason);
    }
    let mut list = Vec::new();
    for it in &found {
        let history = subscribers::consent_history(&mut tx, it.id).await?;
        let _ = writeln!(text, "{}: {} ({})", it.newsletter, it.status, format_choices(it));
        for event in &history {
            let from = event.client_address.as_deref().unwrap_or("-");
            let page = event.source_url.as_deref().unwrap_or("");
            let _ = writeln!(
                text,
                "  {}  {} ({}) {from} {page}",
                utc_time(Some(event.occurred_at)),
                event.kind,
                event.method
            );
        }
        list.push(json!({ "subscription": it, "consent": history }));
    }
    if !sent.is_empty() {
        let _ = write!(text, "\n{}", format_issues(&sent));
    }
    if !bounced.is_empty() {
        let _ = write!(text, "\n{}", format_bounces(&bounced));
    }
    let record = json!({
        "address": first.address, "suppressed": suppressed, "kept_out_of": kept_out_of, "subscriptions": list,
        "deliveries": sent, "bounces": bounced,
    });
    output.record(&record, || text)?;
    Ok(())
}

/// Formats a reader's choices on one line.
fn format_choices(it: &SubscriptionRecord) -> String {
    let sections = if it.sections.is_all() { "all sections".into() } else { it.sections.keys().join(", ") };
    let time = it.send_time.as_deref().unwrap_or("the newsletter's time");
    let zone = it.time_zone.as_deref().unwrap_or("the newsletter's clock");
    let paused = it.paused_until.map(|date| format!("; paused until {date}")).unwrap_or_default();
    let language = it.language.as_deref().map(|tag| format!("; reads {tag}")).unwrap_or_default();
    format!("{}; {sections}; {time}, {zone}{paused}{language}", it.cadence.as_str().replace('_', " "))
}

/// Lists a reader's issues, newest first.
fn format_issues(sent: &[DeliveryRecord]) -> String {
    let or_none = |text: &Option<String>| text.clone().filter(|text| !text.is_empty()).unwrap_or("-".into());
    let row = |it: &DeliveryRecord| {
        vec![
            it.issue_date.to_string(),
            it.status.to_string(),
            utc_time(it.finished_at),
            or_none(&it.relay),
            it.reply_code.map_or("-".into(), |code| code.to_string()),
            or_none(&it.enhanced_code),
            or_none(&it.reply_text),
        ]
    };
    let rows: Vec<_> = sent.iter().map(row).collect();
    table(&["issue", "state", "ended", "relay", "code", "enhanced", "text"], &rows)
}

/// Lists bounces and complaints of an address, newest first, with their effect.
fn format_bounces(bounced: &[BounceRecord]) -> String {
    let row = |it: &BounceRecord| {
        vec![
            utc_time(Some(it.occurred_at)),
            it.kind.to_string(),
            it.source.clone(),
            it.ineffective.clone().map_or_else(|| "yes".into(), |why| format!("no: {why}")),
            it.enhanced_code.clone().unwrap_or("-".into()),
            it.diagnostic.clone().unwrap_or("-".into()),
        ]
    };
    let rows: Vec<_> = bounced.iter().map(row).collect();
    table(&["bounced", "as", "by", "counts", "code", "text"], &rows)
}
