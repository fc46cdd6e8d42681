//! Metadata of the archive's page, for search engines, social networks and feed readers.

use maud::{Markup, html};

use super::Archive;
use super::story_view::Issue;
use crate::wording::tidy;
use crate::{Masthead, href};

/// Renders elements of the head: the canonical URL, Open Graph (<https://ogp.me>), the feed.
pub(super) fn render(
    masthead: &Masthead<'_>,
    archive: &Archive<'_>,
    issue: &Issue,
    subject: &str,
    preheader: &str,
) -> Markup {
    let title = tidy(masthead.title);
    let picture = issue.lead.as_ref().and_then(|lead| lead.picture.as_ref());
    html! {
        meta name="description" content=(preheader);
        @if let Some(page) = href::web_url(archive.page) {
            link rel="canonical" href=(page);
            meta property="og:url" content=(page);
        }
        meta property="og:type" content="article";
        meta property="og:site_name" content=(title);
        meta property="og:title" content=(subject);
        meta property="og:description" content=(preheader);
        @if let Some(picture) = picture {
            meta property="og:image" content=(picture.largest.url);
            @if !picture.alt.is_empty() { meta property="og:image:alt" content=(picture.alt); }
        }
        meta name="twitter:card" content=(if picture.is_some() { "summary_large_image" } else { "summary" });
        @if let Some(feed) = archive.feed.and_then(href::web_url) {
            link rel="alternate" type="application/atom+xml" title=(title) href=(feed);
        }
    }
}
