//! Reads an article's page for data that its feed lacks, above all the date, and checks that its picture
//! suits email.

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
            same_article::{Known, Likeness, leads_up},
        },
        ids::ArticleId,
    },
    jobs::context::FeedContext,
    queue::JobFailure,
};
use jiff::SignedDuration;
use std::time::Duration;
use url::Url;

/// Pauses after failed attempts. After the last one the article is not tried again.
const PAUSES: [SignedDuration; 4] = [
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(6),
];

/// State of an article's page, right before the article is emailed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recheck {
    Unchanged,
    /// The page answers with 404 or 410.
    Gone,
    /// The page redirects permanently to the same article.
    Moved(Url),
    /// The page is provably the article, and its headline differs from the one stored by an earlier check.
    Retitled(String),
    /// Another page stands in for the article, or its headline is too different to be believed.
    Doubtful(String),
    /// The site is slow, fails, or denies access.
    Unknown(String),
}

/// Reasons why a page says nothing about its article.
#[derive(Debug, thiserror::Error)]
enum PageReadError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Page(#[from] PageError),
    #[error("its URL redirects to the front page of {0}")]
    FrontPage(String),
    #[error("its URL redirects to a section page: {0}")]
    SectionPage(Url),
    #[error("its URL shows another page: “{0}”")]
    OtherPage(String),
    #[error("reading the page was stopped; the next start reads it")]
    Stopping,
    #[error("reading the page was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
    #[error("its URL is invalid: {0}")]
    Address(#[from] url::ParseError),
    #[error("{0} answered 304 to an unconditional request")]
    UnexpectedNotModified(String),
}

struct Page {
    article: FoundArticle,
    /// URL after redirects.
    url: Url,
    permanent_url: Option<Url>,
}

/// Checks an article's page, if that is due.
pub async fn run(context: &FeedContext, id: ArticleId) -> Result<(), JobFailure> {
    let mut tx = context.db.read().await?;
    let look = articles::to_check(&mut tx, id).await?;
    drop(tx);
    match look {
        Some(look) if look.check_after.is_some_and(|at| at.0 <= context.clock.now()) => {
            Ok(check_page(context, &look).await?)
        }
        _ => Ok(()),
    }
}

/// Checks an article's page and picture. Stores the result, or the problem and the time of the next attempt.
pub async fn check_page(context: &FeedContext, look: &Look) -> Result<(), DbError> {
    let page = fetch_page(context, &look.url, context.settings.feeds.timeout()).await;
    let page = page.and_then(|page| {
        let url = Url::parse(&look.url)?;
        let known = Known { url: &url, title: &look.title, text: look.text.as_deref() };
        match Likeness::of(&known, &page.article) {
            Likeness::Other => Err(PageReadError::OtherPage(page.article.title)),
            _ => Ok(page),
        }
    });
    let (page, picture) = match page {
        Err(PageReadError::Stopping) => return Ok(()),
        Ok(page) => {
            let picture = check_picture(context, look, &page.article).await;
            (Ok(page), picture)
        }
        // Sites that block programs from their pages may still serve their pictures.
        Err(PageReadError::Fetch(busy @ FetchError::HostBusy { .. })) => {
            (Err(PageReadError::Fetch(busy)), Ok(None))
        }
        Err(error) => (Err(error), check_picture(context, look, &FoundArticle::titled("")).await),
    };
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    if let Ok(Some(picture)) = &picture {
        articles::set_picture(&mut tx, look.id, picture, now).await?;
    }
    match (page, picture) {
        (Err(PageReadError::Fetch(FetchError::HostBusy { wait, .. })), _)
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
            // The page's data is stored now, and only the picture is checked again.
            articles::set_checked(&mut tx, look.id, &page.article, now).await?;
            record_failure(context, &mut tx, look, &format!("its picture: {error}")).await?;
        }
        (Err(error), _) => {
            tracing::debug!(article = %look.id, url = look.url, %error, "could not read an article's page");
            if !switch_to_new_url(context, &mut tx, look, &error).await? {
                record_failure(context, &mut tx, look, &error.to_string()).await?;
            }
        }
    }
    tx.commit().await
}

/// If an article's old URL is gone and its feed gives another one, switches to that one. Returns whether it
/// did.
async fn switch_to_new_url(
    context: &FeedContext,
    tx: &mut Tx,
    look: &Look,
    error: &PageReadError,
) -> Result<bool, DbError> {
    let is_gone = match error {
        PageReadError::Fetch(error) => error.is_absent(),
        PageReadError::FrontPage(_) | PageReadError::SectionPage(_) => true,
        _ => false,
    };
    let Some(Ok(url)) = look.moved_to.as_deref().map(Url::parse) else { return Ok(false) };
    if !is_gone || !articles::set_url(tx, look.id, &url).await? {
        return Ok(false);
    }
    articles::request_check(tx, look.id, context.clock.now()).await?;
    Ok(true)
}

async fn record_failure(
    context: &FeedContext,
    tx: &mut Tx,
    look: &Look,
    problem: &str,
) -> Result<(), DbError> {
    let pause = usize::try_from(look.check_tries).ok().and_then(|tries| PAUSES.get(tries));
    let retry_at = pause.map(|pause| context.clock.now() + *pause);
    if retry_at.is_none() {
        tracing::warn!(article = %look.id, url = look.url, problem, "giving up an article's page");
    }
    articles::set_failed(tx, look.id, problem, retry_at).await
}

/// Checks the article's picture, unless that was done before: the first suitable one of the feed and the
/// page. An unsuitable picture is a result; an error means that a later attempt may succeed.
async fn check_picture(
    context: &FeedContext,
    look: &Look,
    page: &FoundArticle,
) -> Result<Option<FoundPicture>, FetchError> {
    if look.image_ok {
        return Ok(None);
    }
    let feed_picture = look.image_url.as_deref().and_then(|url| Url::parse(url).ok());
    let feed_picture =
        feed_picture.filter(|_| look.image_checked_at.is_none()).map(|url| (url, look.image_alt.clone()));
    let page_picture = page.image_url.clone().map(|url| (url, page.image_alt.clone()));
    let others = page.other_images.iter().map(|url| (url.clone(), None));
    let mut candidates: Vec<(Url, Option<String>)> = Vec::new();
    for candidate in feed_picture.into_iter().chain(page_picture).chain(others) {
        if !candidates.iter().any(|(url, _)| *url == candidate.0) {
            candidates.push(candidate);
        }
    }
    let mut unfit: Option<FoundPicture> = None;
    let mut trouble = None;
    for (url, alt) in candidates {
        match picture_size(context, &url).await {
            Ok(Ok((width, height))) => {
                let alt =
                    alt.or_else(|| page.image_alt.clone().filter(|_| page.image_url.as_ref() == Some(&url)));
                return Ok(Some(FoundPicture { url, alt, size: Ok((width.into(), height.into())) }));
            }
            // Of several unsuitable pictures, the first is the most likely and gets reported.
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

/// Returns a picture's width and height, or why it does not suit email. An error means that a later attempt
/// may succeed.
async fn picture_size(context: &FeedContext, url: &Url) -> Result<Result<(u32, u32), String>, FetchError> {
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

/// Checks an article's page within `limit`, right before the article is emailed. The wait for the page's host
/// is not counted, and is a few seconds at most; a longer one returns [`Recheck::Unknown`]. Stores nothing.
/// The caller must have no open transaction.
pub async fn recheck(context: &FeedContext, article: &ArticleRecord, limit: Duration) -> Recheck {
    match fetch_page(context, &article.url, limit).await {
        Ok(page) => compare(article, page),
        Err(PageReadError::Fetch(error)) if error.is_absent() => Recheck::Gone,
        Err(error @ (PageReadError::FrontPage(_) | PageReadError::SectionPage(_))) => {
            Recheck::Doubtful(error.to_string())
        }
        Err(error) => Recheck::Unknown(error.to_string()),
    }
}

/// Compares a page with its stored article. The stored values stay unless the page is provably the article.
fn compare(article: &ArticleRecord, page: Page) -> Recheck {
    let title = page.article.title.clone();
    let other = || Recheck::Doubtful(PageReadError::OtherPage(title.clone()).to_string());
    let Ok(url) = Url::parse(&article.url) else { return other() };
    let likeness = Likeness::of(&Known { url: &url, title: &article.title, text: None }, &page.article);
    let is_known = article.page_title.as_deref().is_some_and(|known| title_key(known) == title_key(&title));
    if let Some(target) = page.permanent_url.filter(|target| url_key(target) != url_key(&url)) {
        let is_same = is_known || likeness >= Likeness::Headline;
        let landed = url_key(&page.url) == url_key(&target);
        return if is_same && landed { Recheck::Moved(target) } else { other() };
    }
    if is_known || article.page_title.is_none() && likeness >= Likeness::Likely {
        return Recheck::Unchanged;
    }
    match likeness {
        Likeness::Proven if article.page_title.is_some() => Recheck::Retitled(title),
        Likeness::Headline if title_key(&article.title) == title_key(&title) => Recheck::Unchanged,
        _ => other(),
    }
}

async fn fetch_page(context: &FeedContext, url: &str, limit: Duration) -> Result<Page, PageReadError> {
    let url = Url::parse(url)?;
    let page = match context.fetcher.fetch_within(&url, &Validators::default(), limit).await? {
        Fetched::Page(page) => page,
        Fetched::NotModified(_) => return Err(PageReadError::UnexpectedNotModified(url.into())),
    };
    let is_front = |url: &Url| url.path() == "/" && url.query().is_none();
    if is_front(&page.url) && !is_front(&url) {
        return Err(PageReadError::FrontPage(page.url.host_str().unwrap_or_default().to_owned()));
    }
    if leads_up(&url, &page.url) {
        return Err(PageReadError::SectionPage(page.url));
    }
    let (body, kind, at) = (page.body, page.content_type, page.url.clone());
    let article = context.parse(move || read_page(&body, kind.as_deref(), Some(&at))).await?;
    let article = article.ok_or(PageReadError::Stopping)??;
    Ok(Page { article, url: page.url, permanent_url: page.permanent_url })
}
