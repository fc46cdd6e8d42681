//! Looking at an article's page: what its feed did not say, its date above all, and whether its picture is fit for mail.

use crate::{
    content::{
        answer_headers::Validators,
        fetch::Fetched,
        fetch_error::FetchError,
        page::{PageError, read_page},
        picture,
    },
    db::{
        DbError, Tx,
        content::articles::{self, ArticleRecord, FoundPicture, Look},
    },
    domain::{
        content::{
            article::{FoundArticle, title_key, url_key},
            picture::{Unfit, is_counter},
        },
        ids::ArticleId,
    },
    jobs::context::FeedContext,
    queue::JobFailure,
};
use jiff::SignedDuration;
use std::time::Duration;
use url::Url;

/// How long to wait after each failed look. After the last there is no other one.
const PAUSES: [SignedDuration; 4] = [
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(6),
];

/// How an article's page is, right before the article goes into mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recheck {
    /// As it was.
    Unchanged,
    /// The page is not there any more (404, 410).
    Gone,
    /// The page has moved for good.
    Moved(Url),
    /// The page has another headline than when it was looked at first.
    Retitled(String),
    /// It could not be told: the site is slow, has trouble, or does not let us in.
    Unknown(String),
}

/// Why a page tells nothing about its article.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Page(#[from] PageError),
    #[error("its address leads to the front page of {0} now")]
    FrontPage(String),
    #[error("reading the page was left for the next start")]
    Stopping,
    #[error("reading the page was cut short: {0}")]
    CutShort(#[from] tokio::task::JoinError),
    #[error("its address is none: {0}")]
    Address(#[from] url::ParseError),
    #[error("{0} says that it has not changed, which was not asked")]
    NotAsked(String),
}

/// A page as it was read.
struct Page {
    article: FoundArticle,
    permanent_url: Option<Url>,
}

/// Looks at an article that is due.
pub async fn run(context: &FeedContext, id: ArticleId) -> Result<(), JobFailure> {
    let mut tx = context.db.read().await?;
    let look = articles::to_check(&mut tx, id).await?;
    drop(tx);
    match look {
        Some(look) if look.check_after.is_some_and(|at| at.0 <= context.clock.now()) => {
            Ok(look_at(context, &look).await?)
        }
        _ => Ok(()),
    }
}

/// Looks at an article's page and picture, and keeps what is found; or records what is wrong and when to look again.
pub async fn look_at(context: &FeedContext, look: &Look) -> Result<(), DbError> {
    let page = read(context, &look.url, context.settings.feeds.timeout()).await;
    let (page, picture) = match page {
        Err(Unread::Stopping) => return Ok(()),
        Ok(page) => {
            let picture = look_at_picture(context, look, &page.article).await;
            (Ok(page), picture)
        }
        // A site that hides its pages from programs may still show its pictures.
        Err(Unread::Fetch(busy @ FetchError::HostBusy { .. })) => (Err(Unread::Fetch(busy)), Ok(None)),
        Err(error) => (Err(error), look_at_picture(context, look, &FoundArticle::titled("")).await),
    };
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    if let Ok(Some(picture)) = &picture {
        articles::set_picture(&mut tx, look.id, picture, now).await?;
    }
    match (page, picture) {
        (Err(Unread::Fetch(FetchError::HostBusy { wait, .. })), _)
        | (_, Err(FetchError::HostBusy { wait, .. })) => {
            let wait = SignedDuration::try_from(wait).unwrap_or(PAUSES[0]);
            articles::postpone(&mut tx, look.id, now + wait).await?;
        }
        (Ok(page), Ok(_)) => {
            articles::set_checked(&mut tx, look.id, &page.article, now).await?;
            if let Some(url) = page.permanent_url {
                articles::set_url(&mut tx, look.id, &url).await?;
            }
        }
        (Ok(page), Err(error)) => {
            // What the page says is kept at once; only the picture is looked at again.
            articles::set_checked(&mut tx, look.id, &page.article, now).await?;
            failed(context, &mut tx, look, &format!("its picture: {error}")).await?;
        }
        (Err(error), _) => {
            tracing::debug!(article = %look.id, url = look.url, %error, "page not read");
            if !take_new_address(context, &mut tx, look, &error).await? {
                failed(context, &mut tx, look, &error.to_string()).await?;
            }
        }
    }
    tx.commit().await
}

/// Where the old address of an article is gone and its feed gives another one, that one is taken and looked at.
async fn take_new_address(
    context: &FeedContext,
    tx: &mut Tx,
    look: &Look,
    error: &Unread,
) -> Result<bool, DbError> {
    let is_gone = match error {
        Unread::Fetch(error) => error.is_absent(),
        Unread::FrontPage(_) => true,
        _ => false,
    };
    let Some(Ok(url)) = look.moved_to.as_deref().map(Url::parse) else { return Ok(false) };
    if !is_gone || !articles::set_url(tx, look.id, &url).await? {
        return Ok(false);
    }
    articles::request_check(tx, look.id, context.clock.now()).await?;
    Ok(true)
}

async fn failed(context: &FeedContext, tx: &mut Tx, look: &Look, problem: &str) -> Result<(), DbError> {
    let pause = usize::try_from(look.check_tries).ok().and_then(|tries| PAUSES.get(tries));
    let again = pause.map(|pause| context.clock.now() + *pause);
    if again.is_none() {
        tracing::warn!(article = %look.id, url = look.url, problem, "page given up");
    }
    articles::set_failed(tx, look.id, problem, again).await
}

/// The article's picture, looked at unless that was done before: the first good one of its feed's and its page's. An error is trouble that may
/// pass; a picture that is not fit is none.
async fn look_at_picture(
    context: &FeedContext,
    look: &Look,
    page: &FoundArticle,
) -> Result<Option<FoundPicture>, FetchError> {
    if look.image_ok {
        return Ok(None);
    }
    let feeds = look.image_url.as_deref().and_then(|url| Url::parse(url).ok());
    let feeds = feeds.filter(|_| look.image_checked_at.is_none()).map(|url| (url, look.image_alt.clone()));
    let named = page.image_url.clone().map(|url| (url, page.image_alt.clone()));
    let others = page.other_images.iter().map(|url| (url.clone(), None));
    let mut candidates: Vec<(Url, Option<String>)> = Vec::new();
    for candidate in feeds.into_iter().chain(named).chain(others) {
        if !candidates.iter().any(|(url, _)| *url == candidate.0) {
            candidates.push(candidate);
        }
    }
    let mut unfit: Option<FoundPicture> = None;
    let mut trouble = None;
    for (url, alt) in candidates {
        match size_of(context, &url).await {
            Ok(Ok((width, height))) => {
                let alt =
                    alt.or_else(|| page.image_alt.clone().filter(|_| page.image_url.as_ref() == Some(&url)));
                return Ok(Some(FoundPicture { url, alt, size: Ok((width.into(), height.into())) }));
            }
            // Of several that are no good, the likeliest is told of.
            Ok(Err(problem)) => {
                unfit.get_or_insert(FoundPicture { url, alt, size: Err(problem) });
            }
            Err(error) => trouble = Some(error),
        }
    }
    match trouble {
        Some(error) => Err(error),
        None => Ok(unfit),
    }
}

/// A picture's width and height, or why it is not fit for mail. An error is trouble that may pass.
async fn size_of(context: &FeedContext, url: &Url) -> Result<Result<(u32, u32), String>, FetchError> {
    if is_counter(url.as_str()) {
        return Ok(Err(Unfit::Counter.to_string()));
    }
    match context.fetcher.picture_head(url).await {
        Ok(head) if is_counter(head.url.as_str()) => Ok(Err(Unfit::Counter.to_string())),
        Ok(head) => Ok(picture::size(&head.bytes).map_err(|unfit| unfit.to_string())),
        Err(FetchError::TooLarge { .. }) => Ok(Err(Unfit::TooHeavy.to_string())),
        Err(error) if error.is_temporary() => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// Looks at the page of an article right before the article goes into mail, in no more time than `limit`. Waiting for a turn at
/// the page's host is not counted: it takes some seconds at most, and longer waits are [`Recheck::Unknown`]. Nothing is
/// written down; no transaction may be open meanwhile.
pub async fn recheck(context: &FeedContext, article: &ArticleRecord, limit: Duration) -> Recheck {
    let page = match read(context, &article.url, limit).await {
        Ok(page) => page,
        Err(Unread::Fetch(error)) if error.is_absent() => return Recheck::Gone,
        Err(error) => return Recheck::Unknown(error.to_string()),
    };
    if let Some(url) = page.permanent_url
        && Url::parse(&article.url).is_ok_and(|old| url_key(&old) != url_key(&url))
    {
        return Recheck::Moved(url);
    }
    match &article.page_title {
        Some(title) if title_key(title) != title_key(&page.article.title) => {
            Recheck::Retitled(page.article.title)
        }
        _ => Recheck::Unchanged,
    }
}

async fn read(context: &FeedContext, url: &str, limit: Duration) -> Result<Page, Unread> {
    let url = Url::parse(url)?;
    let page = match context.fetcher.fetch_within(&url, &Validators::default(), limit).await? {
        Fetched::Page(page) => page,
        Fetched::NotModified(_) => return Err(Unread::NotAsked(url.into())),
    };
    let is_front = |url: &Url| url.path() == "/" && url.query().is_none();
    if is_front(&page.url) && !is_front(&url) {
        return Err(Unread::FrontPage(page.url.host_str().unwrap_or_default().to_owned()));
    }
    let (body, kind, at) = (page.body, page.content_type, page.url);
    let article = context.parse(move || read_page(&body, kind.as_deref(), Some(&at))).await?;
    let article = article.ok_or(Unread::Stopping)??;
    Ok(Page { article, permanent_url: page.permanent_url })
}
