//! The picture that a feed's entry names, and its description.

use crate::content::{
    feed_element::{Element, Space},
    markup::{self, Picture},
};
use url::Url;

/// Smallest width in pixels. Narrower pictures are spacers and tracking pixels.
const MIN_WIDTH_PX: u32 = 48;

/// Returns the picture that the feed names. In order of preference: the widest picture in its media, a
/// thumbnail, an enclosure, an episode's cover.
pub fn named(entry: &Element<'_>, base: &Url) -> Option<Picture> {
    let groups: Vec<&Element<'_>> = entry.all(Space::Media, "group").chain([entry]).collect();
    let contents: Vec<(&Element<'_>, &Element<'_>)> = groups
        .iter()
        .flat_map(|group| group.all(Space::Media, "content").map(|content| (*group, content)))
        .collect();
    let pictures = contents.iter().filter(|(_, content)| is_picture(content));
    let content = pictures.rev_widest(|(_, content)| width(content)).and_then(|(group, content)| {
        let url = markup::picture(content.attribute("url")?, Some(base))?;
        Some(Picture { url, alt: said_of(content).or_else(|| said_of(group)) })
    });
    let in_contents = contents.iter().map(|(_, content)| *content);
    let thumbnails =
        groups.iter().copied().chain(in_contents).flat_map(|of| of.all(Space::Media, "thumbnail"));
    let own = || {
        let thumbnail = thumbnails.rev_widest(|thumbnail| width(thumbnail))?;
        let address = thumbnail.attribute("url").or_else(|| Some(thumbnail.text.trim()))?;
        markup::picture(address, Some(base))
    };
    let enclosed = || {
        let links = entry.all(Space::Core, "link").filter(|link| link.attribute("rel") == Some("enclosure"));
        let addresses = links.map(|link| (link, link.attribute("href")));
        let enclosures = entry.all(Space::Core, "enclosure").map(|it| (it, it.attribute("url")));
        addresses
            .chain(enclosures)
            .filter(|(it, address)| has_picture_type(it, *address))
            .find_map(|(_, address)| markup::picture(address?, Some(base)))
    };
    let cover = || {
        let covers = entry.all(Space::Podcast, "image").chain(entry.all(Space::Core, "image"));
        covers
            .filter_map(|image| {
                image
                    .attribute("href")
                    .or_else(|| image.text_of(Space::Core, "url"))
                    .or_else(|| image.attribute("url"))
                    .or(Some(image.text.trim()))
            })
            .find_map(|address| markup::picture(address, Some(base)))
    };
    let plain = |url| Picture { url, alt: None };
    content.or_else(|| own().or_else(enclosed).or_else(cover).map(plain))
}

fn is_picture(content: &Element<'_>) -> bool {
    let is_large = width(content).is_none_or(|width| width >= MIN_WIDTH_PX);
    let said = content.attribute("medium").map(|medium| medium.eq_ignore_ascii_case("image"));
    let url = content.attribute("url");
    is_large && url.is_some() && said.unwrap_or_else(|| has_picture_type(content, url))
}

fn has_picture_type(element: &Element<'_>, address: Option<&str>) -> bool {
    match element.attribute("type") {
        Some(kind) => kind.starts_with("image"),
        None => address.is_some_and(looks_like_picture),
    }
}

fn width(element: &Element<'_>) -> Option<u32> {
    element.attribute("width")?.trim_end_matches("px").parse().ok()
}

/// Returns a medium's description if it describes a picture and is not an article text, else its title.
fn said_of(media: &Element<'_>) -> Option<String> {
    if media.space != Space::Media {
        return None;
    }
    let read = |name| markup::alt(media.text_of(Space::Media, name)?);
    read("description").or_else(|| read("title"))
}

trait Widest: Iterator + Sized {
    /// Returns the first of the widest items. Items without a width come last.
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

fn looks_like_picture(address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or(address).to_ascii_lowercase();
    [".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif"].iter().any(|ending| path.ends_with(ending))
}
