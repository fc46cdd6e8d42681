//! A story and its picture, as issues and welcome emails show them.

use jiff::civil::Date;
use maud::{Markup, html};

use crate::href;
use crate::theme::{INK, Look, MUTED, SANS};
use crate::typography::headline_markup;
use crate::wording::{shorten, tidy};

/// Smallest width of a picture across the whole sheet, in pixels.
const LEAD_MIN_WIDTH: u32 = 480;
/// Smallest width of a picture above one of two columns, in pixels.
const CARD_MIN_WIDTH: u32 = 258;
/// Shapes of uncropped pictures, as width to height, that fit across the sheet and above a column.
const LEAD_SHAPES: std::ops::RangeInclusive<f64> = 1.25..=3.2;
const CARD_SHAPES: std::ops::RangeInclusive<f64> = 1.25..=2.2;
/// Shapes of uncropped pictures beside a headline, where a panorama would be a sliver.
const THUMBNAIL_SHAPES: std::ops::RangeInclusive<f64> = 0.5..=2.6;
/// Most pixels of an uncropped picture across the sheet: 1920 × 1080. A camera's own file has several megabytes.
const LEAD_MAX_PIXELS: u64 = 2_100_000;
/// Most pixels of an uncropped picture that is shown small. Larger files weigh more than the rest of the email.
const SMALL_USE_MAX_PIXELS: u64 = 1_500_000;
const ALT_MAX_CHARS: usize = 280;

/// A story. Its content may come from any feed and is not trusted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Story<'a> {
    pub title: &'a str,
    /// One or two sentences under the headline.
    pub dek: Option<&'a str>,
    /// The story's URL. The headline becomes a link only if this is an HTTP(S) URL.
    pub url: &'a str,
    pub picture: Option<Picture<'a>>,
    pub author: Option<&'a str>,
    /// A section such as "Science".
    pub section: Option<&'a str>,
    pub site_name: Option<&'a str>,
    /// Date of publication.
    pub published: Option<Date>,
}

/// A story's picture, as its publisher has it and cropped for its uses. Where there is no crop, the original
/// is shown if its size and shape allow.
#[derive(Debug, Clone, Copy, Default)]
pub struct Picture<'a> {
    /// URL of the original.
    pub url: &'a str,
    /// The description for readers who don't see it.
    pub alt: Option<&'a str>,
    /// Width and height of the original in pixels, if known.
    pub size: Option<(u32, u32)>,
    /// Across the sheet, 2:1; best 1200 × 600 pixels.
    pub lead: Option<Crop<'a>>,
    /// Above one of two columns, 16:9; best 600 × 338 pixels.
    pub card: Option<Crop<'a>>,
    /// Beside a headline, square; best 192 × 192 pixels.
    pub thumbnail: Option<Crop<'a>>,
}

/// A picture made for one use.
#[derive(Debug, Clone, Copy)]
pub struct Crop<'a> {
    pub url: &'a str,
    pub width: u32,
    pub height: u32,
}

/// A picture's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) url: String,
    /// Width and height in pixels, if known.
    pub(crate) size: Option<(u32, u32)>,
}

/// A story's picture, ready to be displayed: a file for each use that it is fit for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PictureView {
    /// Description; may be empty.
    pub(crate) alt: String,
    pub(crate) lead: Option<File>,
    pub(crate) card: Option<File>,
    pub(crate) thumbnail: Option<File>,
}

impl PictureView {
    pub(crate) fn from_picture(picture: &Picture<'_>) -> Option<Self> {
        let crop = |crop: Option<Crop<'_>>| {
            let crop = crop.filter(|crop| crop.width > 0 && crop.height > 0)?;
            Some(File { url: href::web_url(crop.url)?.to_owned(), size: Some((crop.width, crop.height)) })
        };
        let original = href::web_url(picture.url).map(|url| File {
            url: url.to_owned(),
            size: picture.size.filter(|(width, height)| *width > 0 && *height > 0),
        });
        let is_wide = |file: &File, min: u32| file.size.is_none_or(|(width, _)| width >= min);
        let has_shape = |file: &File, shapes: &std::ops::RangeInclusive<f64>| {
            file.size.is_none_or(|(width, height)| shapes.contains(&(f64::from(width) / f64::from(height))))
        };
        let is_light = |file: &File, most: u64| {
            file.size.is_none_or(|(width, height)| u64::from(width) * u64::from(height) <= most)
        };
        let lead = crop(picture.lead).filter(|file| is_wide(file, LEAD_MIN_WIDTH)).or_else(|| {
            original.clone().filter(|file| {
                is_light(file, LEAD_MAX_PIXELS)
                    && is_wide(file, LEAD_MIN_WIDTH)
                    && has_shape(file, &LEAD_SHAPES)
            })
        });
        // Two pictures side by side must be alike, so a size that is unknown doesn't do.
        let card = crop(picture.card).filter(|file| is_wide(file, CARD_MIN_WIDTH)).or_else(|| {
            original.clone().filter(|file| {
                file.size.is_some()
                    && is_light(file, SMALL_USE_MAX_PIXELS)
                    && is_wide(file, CARD_MIN_WIDTH)
                    && has_shape(file, &CARD_SHAPES)
            })
        });
        let thumbnail = crop(picture.thumbnail).or_else(|| {
            original
                .clone()
                .filter(|file| is_light(file, SMALL_USE_MAX_PIXELS) && has_shape(file, &THUMBNAIL_SHAPES))
        });
        let is_usable = lead.is_some() || card.is_some() || thumbnail.is_some();
        let alt = shorten(&tidy(picture.alt.unwrap_or_default()), ALT_MAX_CHARS);
        is_usable.then_some(Self { alt, lead, card, thumbnail })
    }
}

/// The place of a picture: its largest width and height in pixels, whether a smaller file fills the width,
/// and further styles.
pub(crate) struct Frame {
    pub(crate) width: u32,
    pub(crate) max_height: u32,
    pub(crate) fills: bool,
    pub(crate) style: &'static str,
}

/// Renders a picture that links to its story. The headline beside it has the same link, so the keyboard skips
/// this one, and screen readers do if the picture has no description.
pub(crate) fn linked_picture(
    look: &Look,
    file: &File,
    alt: &str,
    url: Option<&str>,
    frame: &Frame,
) -> Markup {
    let image = image(look, file, alt, frame);
    html! {
        @match url {
            None => (image),
            Some(url) if !alt.is_empty() => a href=(url) tabindex="-1" style="text-decoration:none;" { (image) },
            Some(url) => a href=(url) tabindex="-1" aria-hidden="true" style="text-decoration:none;" { (image) },
        }
    }
}

/// The tint shows where pictures are blocked, around the description.
fn image(look: &Look, file: &File, alt: &str, frame: &Frame) -> Markup {
    let shown = file.size.map(|size| fitted(size, frame));
    let width = shown.map_or(frame.width, |(width, _)| width);
    // A column may be wider than the frame on a phone, where two become one.
    let max_width = if frame.fills { crate::layout::SHEET_PX } else { width };
    html! {
        // Outlook for Windows uses the attributes. Without a height it keeps the picture's proportions.
        img.muted.tint src=(file.url) alt=(alt) width=(width) height=[shown.map(|(_, height)| height)] border="0"
            style={ (SANS) (MUTED) "display:block;width:100%;max-width:" (max_width) "px;height:auto;border:0;background:" (look.tint) ";" (frame.style) "font-size:13px;line-height:18px;" };
    }
}

/// Scales a size to the frame, keeping its proportions. A file is enlarged only where it fills the width.
fn fitted((width, height): (u32, u32), frame: &Frame) -> (u32, u32) {
    let (width, height) = (u64::from(width), u64::from(height));
    let (mut shown_width, mut shown_height) = (width, height);
    if frame.fills || shown_width > u64::from(frame.width) {
        shown_width = u64::from(frame.width);
        shown_height = (height * shown_width + width / 2) / width;
    }
    if !frame.fills && shown_height > u64::from(frame.max_height) {
        shown_height = u64::from(frame.max_height);
        shown_width = (width * shown_height + height / 2) / height;
    }
    let pixels = |length: u64| u32::try_from(length.max(1)).unwrap_or(u32::MAX);
    (pixels(shown_width), pixels(shown_height))
}

/// Renders a headline, linked to its story.
pub(crate) fn linked_headline(title: &str, url: Option<&str>) -> Markup {
    html! {
        @match url {
            Some(url) => a.head.ink href=(url) style={ (INK) "text-decoration:none;" } { (headline_markup(title)) },
            None => (headline_markup(title)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Frame = Frame { width: 128, max_height: 160, fills: false, style: "" };

    #[test]
    fn a_picture_keeps_its_proportions_and_is_enlarged_only_to_fill() {
        let wide = Frame { width: 600, max_height: 300, fills: true, style: "" };
        assert_eq!(fitted((1200, 600), &wide), (600, 300));
        assert_eq!(fitted((480, 240), &wide), (600, 300));
        assert_eq!(fitted((800, 1200), &SMALL), (107, 160));
        assert_eq!(fitted((64, 48), &SMALL), (64, 48));
        assert_eq!(fitted((1, u32::MAX), &SMALL), (1, 160));
        assert_eq!(fitted((u32::MAX, 1), &SMALL), (128, 1));
    }

    fn uses(picture: &Picture<'_>) -> (bool, bool) {
        PictureView::from_picture(picture).map_or((false, false), |it| (it.lead.is_some(), it.card.is_some()))
    }

    #[test]
    fn an_original_is_used_where_its_size_and_shape_fit() {
        let original = |size| Picture { url: "https://a.example/x.png", size, ..Picture::default() };
        assert_eq!(uses(&original(Some((1200, 800)))), (true, true));
        assert_eq!(uses(&original(Some((400, 300)))), (false, true), "too small for a lead");
        let large = PictureView::from_picture(&original(Some((1920, 1080)))).unwrap();
        assert!(large.lead.is_some() && large.card.is_none(), "too heavy for a small place");
        assert_eq!(large.thumbnail, None);
        assert_eq!(PictureView::from_picture(&original(Some((4000, 3000)))), None, "too heavy for any");
        assert_eq!(uses(&original(Some((600, 900)))), (false, false), "a portrait");
        let panorama = PictureView::from_picture(&original(Some((2400, 400))));
        assert_eq!(panorama, None, "a panorama is too low for any use");
        assert_eq!(uses(&original(Some((200, 150)))), (false, false));
        assert_eq!(uses(&original(None)), (true, false));
        assert_eq!(uses(&original(Some((0, 5)))), (true, false));
    }

    #[test]
    fn crops_come_before_the_original() {
        let crop = |url, width, height| Some(Crop { url, width, height });
        let picture = Picture {
            url: "https://a.example/portrait.png",
            size: Some((600, 900)),
            lead: crop("https://d.example/lead.jpg", 1200, 600),
            card: crop("https://d.example/card.jpg", 600, 338),
            thumbnail: crop("javascript:alert(1)", 192, 192),
            ..Picture::default()
        };
        let view = PictureView::from_picture(&picture).unwrap();
        assert_eq!(view.lead.unwrap().url, "https://d.example/lead.jpg");
        assert_eq!(view.card.unwrap().size, Some((600, 338)));
        assert_eq!(view.thumbnail.unwrap().url, "https://a.example/portrait.png", "a bad URL is no crop");
        let small = Picture { lead: crop("https://d.example/lead.jpg", 300, 150), ..picture };
        assert_eq!(PictureView::from_picture(&small).unwrap().lead, None);
        assert_eq!(PictureView::from_picture(&Picture::default()), None);
    }
}
