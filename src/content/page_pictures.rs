//! Ranks the pictures that a page has for its article, the likeliest first. The caller must fetch a picture
//! to know whether it is usable.

use crate::content::markup;
use std::collections::HashMap;
use url::Url;

/// A picture that a page names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedPicture {
    /// Address as written, perhaps relative.
    pub address: String,
    pub place: Place,
    /// Width in pixels, according to the page.
    pub width: Option<u32>,
}

/// Places that name a picture, the most trusted first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Open Graph, which is meant for sharing.
    #[default]
    Share,
    JsonLd,
    Twitter,
    Link,
    Thumbnail,
    Text,
}

/// Most candidates that are kept.
const MAX_PICTURES: usize = 5;
const MAX_NAMED: usize = 40;
/// Smallest declared width, in pixels. Narrower pictures are thumbnails.
const THUMBNAIL_PX: u32 = 200;
/// File names of placeholders for missing pictures. They rank last, because only their size shows whether
/// they are real.
const STAND_INS: &[&str] = &[
    "placeholder",
    "default",
    "logo",
    "blank",
    "avatar",
    "icon",
    "favicon",
    "dummy",
    "noimage",
    "spacer",
    "transparent",
    "fallback",
    "missing",
    "loading",
    "lazyload",
    "nopic",
    "nophoto",
    "defaultthumb",
    "defaultimage",
];
/// Beginnings of such names, without punctuation.
const STAND_IN_BEGINNINGS: &[&str] =
    &["noimage", "nophoto", "imagenotfound", "imagenotavailable", "socialshare", "shareimage", "ogimage"];

/// Returns the addresses of the pictures, the likeliest first. Pictures that several places name come first,
/// then the order of places decides. Formats that mail programs don't show, thumbnails and placeholders come
/// last.
pub fn ranked(named: &[NamedPicture], base: Option<&Url>) -> Vec<Url> {
    let found: Vec<(Url, &NamedPicture)> = named
        .iter()
        .take(MAX_NAMED)
        .filter_map(|picture| Some((markup::picture(&picture.address, base)?, picture)))
        .collect();
    let mut places: HashMap<&Url, Vec<Place>> = HashMap::new();
    for (url, picture) in &found {
        let of = places.entry(url).or_default();
        if !of.contains(&picture.place) {
            of.push(picture.place);
        }
    }
    let rank = |url: &Url, picture: &NamedPicture| {
        let is_small =
            picture.width.is_some_and(|width| width < THUMBNAIL_PX) || picture.place == Place::Thumbnail;
        (
            is_no_photo(url),
            is_stand_in(url),
            is_small,
            places.get(url).map_or(0, |of| usize::from(of.len() < 2)),
            picture.place,
        )
    };
    let mut ordered: Vec<_> = found.iter().map(|(url, picture)| (rank(url, picture), url)).collect();
    ordered.sort_by_key(|(rank, _)| *rank);
    let mut pictures: Vec<Url> = Vec::new();
    for (_, url) in ordered {
        if !pictures.contains(url) && pictures.len() < MAX_PICTURES {
            pictures.push(url.clone());
        }
    }
    pictures
}

/// Returns whether the file extension is that of a format that mail programs don't show.
fn is_no_photo(url: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    [".svg", ".ico", ".svgz", ".mp4", ".pdf"].iter().any(|ending| path.ends_with(ending))
}

fn is_stand_in(url: &Url) -> bool {
    let file = url.path().rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let letters: String = file.chars().filter(char::is_ascii_alphabetic).collect();
    file.split(|c: char| !c.is_ascii_alphabetic()).any(|word| STAND_INS.contains(&word))
        || STAND_IN_BEGINNINGS.iter().any(|beginning| letters.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_picture_comes_first_and_others_stay_candidates() {
        let named = |place, address: &str| NamedPicture { address: address.to_owned(), place, width: None };
        let files = |named: &[NamedPicture]| {
            let base = Url::parse("https://a.example/").ok();
            ranked(named, base.as_ref()).iter().map(|url| url.path()[1..].to_owned()).collect::<Vec<_>>()
        };
        let (share, json_ld) = (named(Place::Share, "share.jpg"), named(Place::JsonLd, "data.jpg"));
        assert_eq!(files(&[json_ld.clone(), share.clone()]), ["share.jpg", "data.jpg"]);
        assert_eq!(files(&[named(Place::JsonLd, "x.svg"), share.clone()]), ["share.jpg", "x.svg"]);
        assert_eq!(
            files(&[named(Place::Share, "site-logo.png"), json_ld.clone()]),
            ["data.jpg", "site-logo.png"]
        );
        assert_eq!(
            files(&[named(Place::Thumbnail, "t.jpg"), named(Place::Text, "text.jpg")]),
            ["text.jpg", "t.jpg"]
        );
        let small = NamedPicture { width: Some(100), ..share.clone() };
        assert_eq!(files(&[small, json_ld.clone()]), ["data.jpg", "share.jpg"]);
        let twice = [share, json_ld.clone(), named(Place::Twitter, "data.jpg")];
        assert_eq!(files(&twice), ["data.jpg", "share.jpg"]);
    }
}
