//! The picture that a feed's entry names, and what it says the picture shows.

use feed_rs::model::{Entry, MediaObject, Text};
use url::Url;

use crate::content::markup::{self, Picture};

/// The picture the feed itself names: the widest picture of its media, then a thumbnail, then an enclosed picture.
pub fn named(entry: &Entry, thumbnail: Option<&str>, base: &Url) -> Option<Picture> {
    let contents =
        entry.media.iter().flat_map(|media| media.content.iter().map(move |content| (media, content)));
    let contents = contents.filter(|(_, content)| content.width.is_none_or(|width| width >= 48)).filter(
        |(_, content)| {
            let (kind, url) = (content.content_type.as_ref().map(ToString::to_string), content.url.as_ref());
            kind.map_or_else(|| url.is_some_and(looks_like_picture), |kind| kind.starts_with("image/"))
        },
    );
    // `max_by_key` takes the last of equals; the first is the publisher's choice.
    let content = contents.rev_widest(|(_, content)| content.width).and_then(|(media, content)| {
        Some(Picture { url: markup::picture(content.url.as_ref()?.as_str(), None)?, alt: said_of(media) })
    });
    let plain = |url| Picture { url, alt: None };
    let thumbnails = entry.media.iter().flat_map(|media| &media.thumbnails).map(|thumbnail| &thumbnail.image);
    let own =
        thumbnails.rev_widest(|image| image.width).and_then(|image| markup::picture(&image.uri, Some(base)));
    content.or(own.map(plain)).or_else(|| markup::picture(thumbnail?, Some(base)).map(plain)).or_else(|| {
        let enclosed = entry.links.iter().find(|link| {
            link.rel.as_deref() == Some("enclosure")
                && link.media_type.as_deref().is_some_and(|kind| kind.starts_with("image/"))
        })?;
        markup::picture(&enclosed.href, Some(base)).map(plain)
    })
}

/// What a medium's description says, if it is one of a picture and not a text of its own; else its title.
fn said_of(media: &MediaObject) -> Option<String> {
    let read = |text: &Text| markup::alt(&text.content);
    media.description.as_ref().and_then(read).or_else(|| media.title.as_ref().and_then(read))
}

trait Widest: Iterator + Sized {
    /// The first of the widest items; what gives no width comes after what does.
    fn rev_widest(self, width: impl Fn(&Self::Item) -> Option<u32>) -> Option<Self::Item> {
        let mut best: Option<Self::Item> = None;
        for item in self {
            if best.as_ref().is_none_or(|best| width(&item) > width(best)) {
                best = Some(item);
            }
        }
        best
    }
}

impl<I: Iterator> Widest for I {}

fn looks_like_picture(url: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    [".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif"].iter().any(|ending| path.ends_with(ending))
}
