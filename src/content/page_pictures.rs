//! The pictures that a page has for its article, the likeliest first. Whether one is good is seen only when
//! it is looked at.

use crate::content::markup;
use std::collections::HashMap;
use url::Url;

/// A picture that a page names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedPicture {
    /// As written, perhaps relative.
    pub address: String,
    pub place: Place,
    /// In pixels, as the page says.
    pub width: Option<u32>,
}

/// Where a picture is named, in the order of trust.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Open Graph, which is made for showing.
    #[default]
    Share,
    JsonLd,
    Twitter,
    Link,
    Thumbnail,
    Text,
}

/// Candidates that are kept.
const MAX_PICTURES: usize = 5;
const MAX_NAMED: usize = 40;
/// A picture said to be narrower is a thumbnail.
const THUMBNAIL_PX: u32 = 200;
/// Names of files that stand for a picture that is missing. They only come last: what they show is measured.
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
];

/// The addresses of the pictures, the likeliest first: one that several places name, then by place; what mail
/// programs don't show, thumbnails and stand-ins last.
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

/// Whether the file's ending is one that mail programs don't show.
fn is_no_photo(url: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    [".svg", ".ico", ".svgz", ".mp4", ".pdf"].iter().any(|ending| path.ends_with(ending))
}

fn is_stand_in(url: &Url) -> bool {
    let file = url.path().rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    file.split(|c: char| !c.is_ascii_alphabetic()).any(|word| STAND_INS.contains(&word))
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
