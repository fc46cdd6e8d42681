//! `daily newsletter`

use crate::{
    actions::newsletter::{
        add_newsletter::add_newsletter,
        details::{NewNewsletter, NewsletterDetails},
        remove_newsletter::remove_newsletter,
        set_newsletter::set_newsletter,
        settings,
    },
    app::App,
    cli::{
        CliError, CliResult, newsletter_stats,
        output::{Output, confirm},
        problems::usage,
    },
    db::{
        newsletters::{self, NewsletterRecord},
        subscribers,
    },
    domain::{
        actor::Actor,
        figures::counted,
        issue::schedule,
        newsletter::Newsletter as Model,
        validation::{Problems, rules},
    },
};
use serde_json::{Value, json};
use validator::Validate;

/// Show, add, change and remove newsletters
#[derive(Debug, clap::Subcommand)]
pub enum Newsletter {
    /// List newsletters
    List,
    /// Show a newsletter's settings
    #[command(after_help = "Example:\n  daily newsletter show daily")]
    Show {
        /// Short name
        slug: Option<String>,
    },
    /// Add a newsletter with the first one's settings as defaults
    #[command(after_help = "Examples:\n  \
        daily newsletter add weekly --title Weekly --days sat --selection round-up\n  \
        daily newsletter add early --title Early --clock reader --send-time 05:30")]
    Add(Box<NewNewsletter>),
    /// Change a newsletter and its planned issues
    #[command(after_help = "Examples:\n  \
        daily newsletter set daily --sender-address news@example.org\n  \
        daily newsletter set daily --send-time 06:30 --time-zone Europe/Berlin\n  \
        daily newsletter set daily --clock reader   send time where readers live\n  \
        daily newsletter set daily --days mon,wed,fri --min-stories 3\n  \
        daily newsletter set daily --site https://www.example.org\n  \
        daily newsletter set daily --utm 'utm_source=daily&utm_campaign={date}'\n  \
        daily newsletter set daily --accent '#0a6048' --fonts sans\n  \
        daily newsletter set daily --postal-address \"1 High Street, Springfield\"\n\n\
        Nothing goes out at once because of a change.")]
    Set(Box<Set>),
    /// Show readers over time, and the latest issues
    #[command(after_help = "Example:\n  daily newsletter stats daily")]
    Stats {
        /// Short name
        slug: Option<String>,
    },
    /// Remove a newsletter; its archive stays
    #[command(after_help = "Example:\n  daily newsletter remove weekly\n\n\
        It takes no more signups and has no more issues. Links in its emails go on working. \
        Its short name stays taken.")]
    Remove {
        /// Short name
        slug: String,
        /// Don't ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, clap::Args, Validate)]
pub struct Set {
    /// Short name
    #[validate(custom(function = rules::short_name))]
    slug: String,
    #[command(flatten)]
    #[validate(nested)]
    details: NewsletterDetails,
}

impl Newsletter {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        match self {
            Self::List => list(app, output).await,
            Self::Show { slug } => show(app, &named(app, slug.as_deref()).await?, output).await,
            Self::Stats { slug } => {
                newsletter_stats::run(app, &named(app, slug.as_deref()).await?, output).await
            }
            Self::Remove { slug, yes } => remove(app, actor, &slug, yes, output).await,
            Self::Add(new) => add(&new, app, actor, output).await,
            Self::Set(set) => set.run(app, actor, output).await,
        }
    }
}

async fn add(new: &NewNewsletter, app: &App, actor: &Actor, output: Output) -> CliResult {
    Problems::check(new).map_err(|problems| usage::<NewNewsletter>(&problems))?;
    let describe = |model: &Model| new.create(model).map_err(|problems| usage::<NewNewsletter>(&problems));
    let Some(record) = add_newsletter(&app.actions, actor, describe).await? else {
        let slug = &new.slug;
        return Err(CliError::Failed(format!(
            "there is a newsletter `{slug}` already; `daily newsletter set {slug} …` changes it"
        )));
    };
    show(app, &record, output).await
}

impl Set {
    async fn run(self: Box<Self>, app: &App, actor: &Actor, output: Output) -> CliResult {
        let wrong = |problems: Problems| usage::<Self>(&problems);
        Problems::check(&*self).map_err(wrong)?;
        let Self { slug, details } = *self;
        let record = super::newsletter(app, Some(&slug)).await?;
        let change = |it: &mut Model| details.apply(it).map_err(wrong);
        let record = set_newsletter(&app.actions, actor, record.id, change).await?;
        show(app, &record, output).await
    }
}

/// Returns the named newsletter, or the only one.
async fn named(app: &App, slug: Option<&str>) -> Result<NewsletterRecord, CliError> {
    super::newsletter(app, slug).await.map_err(|error| match error {
        // These commands have no such option.
        CliError::Usage(message) => CliError::Usage(message.replace(" with --newsletter", "")),
        other => other,
    })
}

async fn remove(app: &App, actor: &Actor, slug: &str, yes: bool, output: Output) -> CliResult {
    let record = super::newsletter(app, Some(slug)).await?;
    if !yes {
        let readers = subscribers::count_active(&mut app.db.read().await?, record.id).await?;
        let question = format!(
            "Remove {} ({slug}), with {}? It takes no more signups and has no more issues.",
            record.newsletter.title,
            counted(readers, "reader")
        );
        confirm(&question, "confirm with --yes", "the newsletter was not removed")?;
    }
    remove_newsletter(&app.actions, actor, record.id)
        .await
        .map_err(|error| CliError::Failed(format!("`{slug}` was not removed: {error}")))?;
    output.record(&json!({ "newsletter": slug, "removed": true }), || {
        format!("{} has no more issues; its archive stays", record.newsletter.title)
    })?;
    Ok(())
}

async fn list(app: &App, output: Output) -> CliResult {
    let mut tx = app.db.read().await?;
    let all = newsletters::list(&mut tx).await?;
    drop(tx);
    let mut records = Vec::new();
    for newsletter in &all {
        records.push(record(app, newsletter).await?);
    }
    let titles = ["name", "title", "days", "send time", "zone", "clock", "next issue due"];
    output.records(&records, &titles, |it| {
        ["slug", "title", "days", "send_time", "time_zone", "clock", "next_due_at"]
            .map(|key| cell(&it[key]))
            .to_vec()
    })?;
    Ok(())
}

async fn show(app: &App, newsletter: &NewsletterRecord, output: Output) -> CliResult {
    let record = record(app, newsletter).await?;
    output.record(&record, || {
        let lines = record.as_object().into_iter().flatten();
        lines.map(|(key, value)| format!("{key:16} {}", cell(value))).collect::<Vec<_>>().join("\n")
    })?;
    Ok(())
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

async fn record(app: &App, newsletter: &NewsletterRecord) -> Result<Value, CliError> {
    let it = &newsletter.newsletter;
    let clocks = subscribers::clocks_for(&mut app.db.read().await?, newsletter).await?;
    let (date, due) = schedule::next_slot_for(it, &clocks, app.actions.clock.now());
    let mut record = settings(it);
    record["list_id"] = json!(it.list_id());
    record["next_date"] = json!(date.to_string());
    record["next_due_at"] = json!(due.first.to_string());
    record["next_last_due_at"] = json!(due.last_of_many().map(|at| at.to_string()));
    Ok(record)
}
