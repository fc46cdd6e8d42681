//! The content of an issue's page in the archive. It is made when the issue is frozen, so that the page shows
//! what was sent, in whatever layout pages have later.

use crate::{
    db::content::articles::ArticleRecord,
    domain::issue::page::{IssuePage, PagePicture, PageStory},
    issues::{edition::Edition, note},
};

/// Makes the content of a page. `minutes` is the reading time. `url_of` returns a story's URL with link tags.
pub fn issue_page(edition: &Edition, minutes: u32, url_of: impl Fn(&ArticleRecord) -> String) -> IssuePage {
    let stories = edition.stories.iter().map(|it| PageStory {
        title: it.title.clone(),
        dek: it.dek.clone(),
        url: url_of(it),
        section: it.section.clone(),
        author: it.author.clone(),
        picture: it.image_url.as_ref().map(|url| PagePicture {
            url: url.clone(),
            alt: it.image_alt.clone().unwrap_or_default(),
            width: it.image_width,
            height: it.image_height,
        }),
        crops: None,
    });
    let stories: Vec<PageStory> = stories.collect();
    let note = edition.words.note.as_deref();
    IssuePage { note: note.map(note::to_html), minutes, stories, headings: edition.headings.clone() }
}
