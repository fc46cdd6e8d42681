//! The content of an issue's page in the archive. It is made when the issue is frozen, so that the page shows
//! what was sent, in whatever layout pages have later.

use crate::{
    db::content::articles::ArticleRecord,
    domain::issue::page::{IssuePage, PagePicture, PageStory},
    issues::{edition::Edition, note},
};
use email_templates::reading::ReadingTime;

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
        crops: None,
    });
    let stories: Vec<PageStory> = stories.collect();
    let note = edition.words.note.as_deref();
    let texts = stories.iter().flat_map(|it| [Some(it.title.as_str()), it.dek.as_deref()]).flatten();
    let reading = texts.chain(note).fold(ReadingTime::default(), ReadingTime::text);
    let pictures = stories.iter().filter(|it| it.picture.is_some());
    let minutes = pictures.fold(reading, |time, _| time.picture()).minutes();
    IssuePage { note: note.map(note::to_html), minutes, stories }
}
