//! `daily article`

use crate::{
    actions::feed::{
        add_article::{add_article, hide_article, pin_article},
        source::{ArticleSource, Source},
    },
    app::App,
    cli::{
        CliError, CliResult,
        output::{Output, fields, utc_time},
        problems::usage,
    },
    content::{
        local_file,
        page::{PageError, read_page},
    },
    db::content::articles::{self, Stored},
    domain::{actor::Actor, content::article::FoundArticle, ids::ArticleId},
    jobs,
};
use url::Url;

/// Add, list, pin and hide articles
#[derive(Debug, clap::Subcommand)]
pub enum Article {
    /// Add an article from its page
    #[command(after_help = "Examples:\n  \
        daily article add https://www.example.org/2026/05/a-story\n  \
        daily article add saved-page.html --url https://www.example.org/a-story\n\n\
        Pages saved as text work too.")]
    Add(ArticleSource),
    /// List articles, latest first
    List {
        /// Show at most this many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
        /// Show the page before this article number
        #[arg(long)]
        before: Option<i64>,
    },
    /// Pin an article to the top of the next issue
    Pin {
        /// Article number, from `daily article list`
        id: i64,
        /// Remove the pin
        #[arg(long)]
        off: bool,
    },
    /// Keep an article out of issues
    Hide {
        /// Article number, from `daily article list`
        id: i64,
        /// Allow it again
        #[arg(long)]
        off: bool,
    },
}

impl Article {
    pub async fn run(self, app: &App, actor: &Actor, output: Output) -> CliResult {
        match self {
            Self::Add(article) => add(app, actor, &article, output).await,
            Self::List { limit, before } => {
                let mut tx = app.db.read().await?;
                let page = articles::page(&mut tx, ArticleId(before.unwrap_or(i64::MAX)), limit).await?;
                output.records(&page, &["id", "published", "section", "title", "url", ""], |it| {
                    let marks = [(it.pinned, "pinned"), (it.hidden, "hidden")];
                    vec![
                        it.id.to_string(),
                        utc_time(it.published_at),
                        it.section.clone().unwrap_or_default(),
                        it.title.clone(),
                        it.url.clone(),
                        marks
                            .iter()
                            .filter(|(set, _)| *set)
                            .map(|(_, mark)| *mark)
                            .collect::<Vec<_>>()
                            .join(" "),
                    ]
                })?;
                Ok(())
            }
            Self::Pin { id, off } => {
                let found = pin_article(&app.actions, actor, ArticleId(id), !off).await?;
                report_change(
                    found,
                    id,
                    if off { "is no longer pinned" } else { "comes first in the next issue" },
                )
            }
            Self::Hide { id, off } => {
                let found = hide_article(&app.actions, actor, ArticleId(id), !off).await?;
                report_change(found, id, if off { "may be in issues again" } else { "stays out of issues" })
            }
        }
    }
}

fn report_change(found: bool, id: i64, what: &str) -> CliResult {
    if !found {
        return Err(CliError::Failed(format!("there is no article {id}; see `daily article list`")));
    }
    outln!("article {id} {what}");
    Ok(())
}

async fn add(app: &App, actor: &Actor, article: &ArticleSource, output: Output) -> CliResult {
    let (source, url, title) = article.checked().map_err(|problems| usage::<ArticleSource>(&problems))?;
    let read = read_article(app, &source, url.as_ref()).await;
    let read = match (read, &title, &source) {
        (Err(CliError::Failed(why)), Some(title), source) if why == PageError::NoTitle.to_string() => {
            let named = match source {
                Source::Url(url) => Some(url.clone()),
                Source::Path(_) => None,
            };
            Ok(FoundArticle { url: named, ..FoundArticle::titled(title) })
        }
        (read, ..) => read,
    };
    let mut found = read.map_err(|error| match error {
        CliError::Failed(why) => CliError::Failed(format!("{}: {why}", article.source)),
        other => other,
    })?;
    found.url = url.or(found.url);
    if let Some(title) = title {
        found.title = title;
    }
    let source = &article.source;
    let stored = add_article(&app.actions, actor, &found).await?.ok_or_else(|| {
        CliError::Failed(format!(
            "{source} does not name its URL; add it: daily article add {source} --url https://…"
        ))
    })?;
    let mut tx = app.db.read().await?;
    let record = articles::get(&mut tx, stored.id()).await?;
    output.record(&record, || {
        let Some(it) = &record else { return String::new() };
        let state = if matches!(stored, Stored::New(_)) { "added" } else { "known already" };
        let image = found.image_url.as_ref().map(|url| match &it.image_url {
            Some(fit) => fit.clone(),
            None => format!("{url} (checked before it is emailed)"),
        });
        let about = fields(&[
            ("title", Some(it.title.clone())),
            ("dek", it.dek.clone()),
            ("author", it.author.clone()),
            ("section", it.section.clone()),
            ("site", it.site_name.clone()),
            ("published", it.published_at.map(|at| utc_time(Some(at)))),
            ("image", image),
            ("url", Some(it.url.clone())),
        ]);
        format!("article {} {state}\n{about}", it.id)
    })?;
    Ok(())
}

async fn read_article(app: &App, source: &Source, url: Option<&Url>) -> Result<FoundArticle, CliError> {
    let path = match source {
        Source::Url(url) if url.scheme() == "file" => url.to_file_path().map_err(|()| invalid_path())?,
        Source::Path(path) => path.clone(),
        Source::Url(address) => {
            return jobs::read_article::read_article(&app.jobs.feeds, address)
                .await
                .map_err(CliError::Failed);
        }
    };
    let body = local_file::read(&path, app.settings.feeds.max_bytes).await?;
    Ok(parse(body, None, url.cloned()).await??)
}

fn invalid_path() -> CliError {
    CliError::Failed("it is not the path of a file on this machine".into())
}

/// Parses on a blocking thread, because a large page takes a while.
async fn parse(
    body: Vec<u8>,
    content_type: Option<String>,
    url: Option<Url>,
) -> Result<Result<FoundArticle, PageError>, CliError> {
    Ok(tokio::task::spawn_blocking(move || read_page(&body, content_type.as_deref(), url.as_ref())).await?)
}
