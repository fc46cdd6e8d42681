//! The content of an issue's page in the archive. It is made when the issue is frozen, so that the page shows
//! what was sent, in whatever layout pages have later.

use crate::{
    db::content::articles::ArticleRecord,
    domain::issue::page::{IssuePage, PagePicture, PageStory},
    issues::{edition::Edition, note},
};

/// Words a minute. Digests are skimmed.
const WORDS_PER_MINUTE: usize = 130;

/// Makes the content of a page. `url_of` returns a story's URL with link tags.
pub fn issue_page(edition: &Edition, url_of: impl Fn(&ArticleRecord) -> String) -> IssuePage {
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
    });
    let stories: Vec<PageStory> = stories.collect();
    let note = edition.words.note.as_deref();
    let texts = stories.iter().flat_map(|it| [Some(it.title.as_str()), it.dek.as_deref()]).flatten();
    let words: usize = texts.chain(note).map(|text| text.split_whitespace().count()).sum();
    let minutes = u32::try_from(words.div_ceil(WORDS_PER_MINUTE)).unwrap_or(u32::MAX).max(1);
    IssuePage { note: note.map(note::to_html), minutes, stories }
}
