//! Reads an article from its page, for an operator who gives its address.

use crate::{
    content::{
        answer_headers::Validators,
        fetch::Fetched,
        page::{PageError, read_page},
    },
    domain::content::article::FoundArticle,
    jobs::context::FeedContext,
};
use url::Url;

/// Returns the article on a page, or why there is none.
pub async fn read_article(context: &FeedContext, url: &Url) -> Result<FoundArticle, String> {
    let fetched =
        context.fetcher.fetch(url, &Validators::default()).await.map_err(|error| error.to_string())?;
    let Fetched::Page(page) = fetched else {
        return Err("the site answered 304 to an unconditional request".into());
    };
    let (body, kind, at) = (page.body, page.content_type, page.url.clone());
    let read = move || read_page(&body, kind.as_deref(), Some(&at));
    let found: Result<FoundArticle, PageError> =
        tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?;
    let mut found = found.map_err(|error| error.to_string())?;
    found.url.get_or_insert(page.url);
    Ok(found)
}
