//! `daily newsletter`: what newsletters are called, when they go out, and how they look.

use crate::{
    actions::newsletter::{add_newsletter::add_newsletter, set_newsletter::set_newsletter, settings},
    app::App,
    cli::{CliError, CliResult, output::Output},
    db::{
        newsletters::{self, NewsletterRecord},
        subscribers,
    },
    domain::{
        actor::Actor,
        issue::{days::Days, schedule},
        newsletter as domain,
        newsletter::{
            MAX_NAME_CHARS, MAX_POSTAL_ADDRESS_CHARS, NewsletterError, is_slug, parse_accent, parse_language,
            parse_line, parse_logo_url, parse_send_time, parse_stories, parse_time_zone,
        },
        subscriber::email_address::EmailAddress,
    },
};
use serde_json::{Value, json};

/// Show, add and change newsletters: what they are called, when they go out, how they look
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
    /// Add one; what is not said is as in the first one: sender, postal address, zone, time, language
    #[command(after_help = "Examples:\n  \
        daily newsletter add weekly --title \"The Weekly\" --days sat --selection round-up\n  \
        daily newsletter add morning --title \"Good Morning\" --days weekdays --clock reader --send-time 06:30")]
    Add(Box<Add>),
    /// Change one; planned issues follow, and nothing goes out at once
    #[command(after_help = "Examples:\n  \
        daily newsletter set daily --sender-address news@example.org --sender-name \"The Example\"\n  \
        daily newsletter set daily --send-time 06:30 --time-zone Europe/Berlin\n  \
        daily newsletter set daily --clock reader                 # 06:30 where each reader lives\n  \
        daily newsletter set daily --days mon,wed,fri --min-stories 3\n  \
        daily newsletter set daily --logo https://www.example.org/logo.png --accent '#0a6048'\n  \
        daily newsletter set daily --postal-address \"Example Media, 1 High Street, Springfield\"")]
    Set(Box<Set>),
}

#[derive(Debug, clap::Args)]
pub struct Add {
    /// Its short name: lower-case letters, digits and hyphens
    slug: String,
    /// What readers call it
    #[arg(long)]
    title: String,
    #[command(flatten)]
    fields: Fields,
}

#[derive(Debug, clap::Args)]
pub struct Set {
    /// Its short name
    slug: String,
    /// What readers call it
    #[arg(long)]
    title: Option<String>,
    #[command(flatten)]
    fields: Fields,
}

/// What can be said of a newsletter.
#[derive(Debug, clap::Args)]
pub struct Fields {
    /// The line below the title
    #[arg(long)]
    tagline: Option<String>,
    /// The name mails come from
    #[arg(long)]
    sender_name: Option<String>,
    /// The address mails come from
    #[arg(long)]
    sender_address: Option<String>,
    /// The days that have an issue: daily, weekdays, or such as mon,wed,fri
    #[arg(long)]
    days: Option<String>,
    /// When issues go out, such as 07:00
    #[arg(long)]
    send_time: Option<String>,
    /// On which clock, such as Europe/Berlin
    #[arg(long)]
    time_zone: Option<String>,
    /// At one moment for all, or at that time where each reader lives
    #[arg(long, value_parser = ["newsletter", "reader"])]
    clock: Option<String>,
    /// What issues are made of: what is new since the last one, or the best of the week
    #[arg(long, value_parser = ["news", "round-up"])]
    selection: Option<String>,
    /// Fewest stories of an issue; `default`: as configured
    #[arg(long, value_name = "N|default")]
    min_stories: Option<String>,
    /// Most stories of an issue; `default`: as configured
    #[arg(long, value_name = "N|default")]
    max_stories: Option<String>,
    /// Whether an issue waits for an operator's approval
    #[arg(long, value_parser = ["required", "none"])]
    approval: Option<String>,
    /// A picture in the title's place
    #[arg(long, value_name = "URL|none")]
    logo: Option<String>,
    /// The colour of links and labels
    #[arg(long, value_name = "#rrggbb|none")]
    accent: Option<String>,
    /// The letters of headlines
    #[arg(long, value_parser = ["serif", "sans"])]
    fonts: Option<String>,
    /// Where the publisher can be reached by post
    #[arg(long)]
    postal_address: Option<String>,
    /// The language it is written in, such as en or pt-BR
    #[arg(long)]
    language: Option<String>,
    /// Who may find past issues: everybody, who has a link, or nobody
    #[arg(long, value_parser = ["public", "unlisted", "none"])]
    archive: Option<String>,
}

impl Newsletter {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        match self {
            Self::List => list(app, output).await,
            Self::Show { slug } => {
                let newsletter =
                    super::newsletter(app, slug.as_deref()).await.map_err(|error| match error {
                        // Here it is no option.
                        CliError::Usage(message) => {
                            CliError::Usage(message.replace(" with --newsletter", ""))
                        }
                        failed @ CliError::Failed(_) => failed,
                    })?;
                show(app, &newsletter, output).await
            }
            Self::Add(add) => add.run(app, actor, output).await,
            Self::Set(set) => set.run(app, actor, output).await,
        }
    }
}

impl Add {
    async fn run(self: Box<Self>, app: &App, actor: &Actor, output: Output) -> CliResult {
        let Self { slug, title, fields } = *self;
        if !is_slug(&slug) {
            return Err(CliError::Usage(format!(
                "`{slug}` can't be a short name: take up to 64 lower-case letters, digits and hyphens"
            )));
        }
        let describe = |model: &domain::Newsletter| {
            let mut it = model.clone();
            it.slug.clone_from(&slug);
            // What makes a newsletter another one than the first is not copied.
            let new = domain::Newsletter::out_of_the_box();
            it.tagline = new.tagline;
            (it.days, it.clock, it.selection) = (new.days, new.clock, new.selection);
            (it.min_stories, it.max_stories, it.needs_approval) = (None, None, false);
            fields.apply(Some(title), &mut it)?;
            Ok::<_, CliError>(it)
        };
        let Some(record) = add_newsletter(&app.actions, actor, describe).await? else {
            return Err(CliError::Failed(format!(
                "there is a newsletter `{slug}` already; `daily newsletter set {slug} …` changes it"
            )));
        };
        show(app, &record, output).await
    }
}

impl Set {
    async fn run(self: Box<Self>, app: &App, actor: &Actor, output: Output) -> CliResult {
        let Self { slug, title, fields } = *self;
        let record = super::newsletter(app, Some(&slug)).await?;
        let record = set_newsletter(&app.actions, actor, record.id, |it| fields.apply(title, it)).await?;
        show(app, &record, output).await
    }
}

impl Fields {
    /// Writes what is said over what was.
    fn apply(self, title: Option<String>, it: &mut domain::Newsletter) -> CliResult {
        self.apply_fields(title, it).map_err(|error| CliError::Usage(error.to_string()))
    }

    fn apply_fields(self, title: Option<String>, it: &mut domain::Newsletter) -> Result<(), NewsletterError> {
        let line = |field, text: Option<String>, most, now: &mut String| match text {
            Some(text) => parse_line(field, &text, most).map(|text| *now = text),
            None => Ok(()),
        };
        line("title", title, MAX_NAME_CHARS, &mut it.title)?;
        line("tagline", self.tagline, MAX_NAME_CHARS * 2, &mut it.tagline)?;
        line("sender-name", self.sender_name, MAX_NAME_CHARS, &mut it.sender_name)?;
        line("postal-address", self.postal_address, MAX_POSTAL_ADDRESS_CHARS, &mut it.postal_address)?;
        if let Some(language) = self.language {
            it.language = parse_language(&language)?;
        }
        if let Some(address) = self.sender_address {
            it.sender_address = EmailAddress::parse(&address).map_err(|error| NewsletterError {
                field: "sender-address",
                problem: format!("`{address}`: {error}"),
                cure: "write one such as news@example.org",
            })?;
        }
        if let Some(days) = self.days {
            it.days = Days::parse(&days).map_err(|error| NewsletterError {
                field: "days",
                problem: error.to_string(),
                cure: "write daily, weekdays, or days such as mon,wed,fri",
            })?;
        }
        if let Some(time) = self.send_time {
            it.send_time = parse_send_time(&time)?;
        }
        if let Some(zone) = self.time_zone {
            it.time_zone = parse_time_zone(&zone)?;
        }
        set_word("clock", self.clock, &mut it.clock)?;
        set_word("selection", self.selection, &mut it.selection)?;
        set_word("fonts", self.fonts, &mut it.theme.fonts)?;
        set_word("archive", self.archive, &mut it.archive)?;
        if let Some(approval) = self.approval {
            it.needs_approval = approval == "required";
        }
        set_or("default", self.min_stories, &mut it.min_stories, |text| parse_stories("min-stories", text))?;
        set_or("default", self.max_stories, &mut it.max_stories, |text| parse_stories("max-stories", text))?;
        set_or("none", self.logo, &mut it.theme.logo_url, parse_logo_url)?;
        set_or("none", self.accent, &mut it.theme.accent, parse_accent)?;
        it.check()
    }
}

/// One of a closed set of words, written with hyphens here.
fn set_word<T: std::str::FromStr>(
    field: &'static str,
    text: Option<String>,
    now: &mut T,
) -> Result<(), NewsletterError> {
    let Some(text) = text else { return Ok(()) };
    *now = text.replace('-', "_").parse().map_err(|_| NewsletterError {
        field,
        problem: format!("`{text}` is unknown"),
        cure: "see `daily newsletter set --help`",
    })?;
    Ok(())
}

/// A value, or the word for none.
fn set_or<T>(
    none: &str,
    text: Option<String>,
    now: &mut Option<T>,
    parse: impl FnOnce(&str) -> Result<T, NewsletterError>,
) -> Result<(), NewsletterError> {
    if let Some(text) = text {
        *now = if text == none { None } else { Some(parse(&text)?) };
    }
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
    let clocks = subscribers::clocks_of(&mut app.db.read().await?, newsletter).await?;
    let (date, due) = schedule::next_slot_for(it, &clocks, app.actions.clock.now());
    let mut record = settings(it);
    record["list_id"] = json!(it.list_id());
    record["next_date"] = json!(date.to_string());
    record["next_due_at"] = json!(due.first.to_string());
    record["next_last_due_at"] = json!(due.last_of_many().map(|at| at.to_string()));
    Ok(record)
}
