//! The content of an issue's page in the archive, as it was when the issue was frozen.

use crate::domain::issue::sections::Heading;
use serde::{Deserialize, Serialize};

/// Headlines after the first story in a summary.
const SUMMARY_HEADLINES: usize = 3;
/// Narrowest picture that fills the width of the page, in pixels.
const MIN_LEAD_WIDTH: i64 = 480;
/// Narrowest picture of a pair, in pixels, and the shapes that fit there, as width to height. As in the email.
const MIN_PAIR_WIDTH: i64 = 258;
const PAIR_SHAPES: std::ops::RangeInclusive<f64> = 1.25..=2.2;
/// Most pixels of a publisher's picture across the page, as in the email.
const MAX_LEAD_PIXELS: i64 = 2_100_000;
/// Most pixels of a publisher's picture in a pair or a row, as in the email.
const MAX_SMALL_PIXELS: i64 = 1_500_000;
/// Narrowest picture of a row, in pixels.
const MIN_ROW_WIDTH: i64 = 64;

/// The content of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuePage {
    /// The editor's note, as sanitized HTML.
    pub note: Option<String>,
    /// Minutes to read the issue, at least 1.
    pub minutes: u32,
    /// The stories in order.
    pub stories: Vec<PageStory>,
    /// The headings above them, in order.
    #[serde(default)]
    pub headings: Vec<Heading>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageStory {
    pub title: String,
    pub dek: Option<String>,
    /// The story's URL with the newsletter's link tags.
    pub url: String,
    pub section: Option<String>,
    pub author: Option<String>,
    /// The publisher's picture.
    pub picture: Option<PagePicture>,
    /// The pictures that Daily made of it.
    pub crops: Option<Crops>,
}

/// A picture in the shape of each place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crops {
    pub lead: PagePicture,
    /// Above one of two columns.
    pub card: PagePicture,
    pub thumbnail: PagePicture,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PagePicture {
    pub url: String,
    /// Description. Empty if there is none.
    pub alt: String,
    /// Width in pixels, if known.
    pub width: Option<i64>,
    /// Height in pixels, if known.
    pub height: Option<i64>,
}

/// The beginning of an issue, for lists and for the signup page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueSummary {
    pub title: String,
    pub dek: Option<String>,
    pub section: Option<String>,
    pub picture: Option<PagePicture>,
    /// The headlines of the next stories.
    pub headlines: Vec<String>,
    pub minutes: u32,
}

impl IssuePage {
    pub fn summary(&self) -> Option<IssueSummary> {
        let lead = self.stories.first()?;
        Some(IssueSummary {
            title: lead.title.clone(),
            dek: lead.dek.clone(),
            section: lead.section.clone(),
            picture: lead.lead_picture().cloned(),
            headlines: self
                .stories
                .iter()
                .skip(1)
                .take(SUMMARY_HEADLINES)
                .map(|it| it.title.clone())
                .collect(),
            minutes: self.minutes,
        })
    }
}

impl PageStory {
    /// Returns the picture if it can fill the width of the page.
    pub fn lead_picture(&self) -> Option<&PagePicture> {
        self.crop(|it| &it.lead, MIN_LEAD_WIDTH).filter(|it| it.is_light(MAX_LEAD_PIXELS))
    }

    /// Returns the picture if its size is known and fit for a pair.
    pub fn pair_picture(&self) -> Option<&PagePicture> {
        self.crop(|it| &it.card, MIN_PAIR_WIDTH)
            .filter(|it| it.fits(PAIR_SHAPES) && it.is_light(MAX_SMALL_PIXELS))
    }

    /// Returns the picture if it is large enough for a row.
    pub fn row_picture(&self) -> Option<&PagePicture> {
        self.crop(|it| &it.thumbnail, MIN_ROW_WIDTH).filter(|it| it.is_light(MAX_SMALL_PIXELS))
    }

    /// Returns the made picture, or the publisher's if it is wide enough.
    fn crop(&self, made: impl Fn(&Crops) -> &PagePicture, width: i64) -> Option<&PagePicture> {
        let own = || self.picture.as_ref().filter(|it| it.width.is_none_or(|own| own >= width));
        self.crops.as_ref().map(made).or_else(own)
    }
}

impl PagePicture {
    /// Returns whether the shape is known and one of these, as width to height.
    #[expect(clippy::cast_precision_loss, reason = "pixels are far below 2^52")]
    fn fits(&self, shapes: std::ops::RangeInclusive<f64>) -> bool {
        let (Some(width), Some(height)) = (self.width, self.height) else { return false };
        height > 0 && shapes.contains(&(width as f64 / height as f64))
    }

    /// Returns whether the picture has at most this many pixels, as far as its size is known.
    fn is_light(&self, most: i64) -> bool {
        let pixels = self.width.zip(self.height).map(|(width, height)| width.saturating_mul(height));
        pixels.is_none_or(|pixels| pixels <= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a page whose stories have pictures of these widths; 0: none.
    fn page(widths: &[i64]) -> IssuePage {
        let picture = |width: i64| PagePicture {
            url: "https://lamp.example/a.jpg".into(),
            alt: String::new(),
            width: Some(width),
            height: Some(width / 2),
        };
        let stories = widths.iter().zip(1..).map(|(width, number): (&i64, i32)| PageStory {
            title: number.to_string(),
            dek: None,
            url: "https://lamp.example/a".into(),
            section: None,
            author: None,
            picture: (*width > 0).then(|| picture(*width)),
            crops: None,
        });
        IssuePage { note: None, minutes: 1, stories: stories.collect(), headings: Vec::new() }
    }

    #[test]
    fn a_pair_needs_pictures_of_a_known_and_fitting_size() {
        let fits = |widths: &[i64]| page(widths).stories[0].pair_picture().is_some();
        assert!(fits(&[1200]) && !fits(&[200]) && !fits(&[0]));
        let mut tall = page(&[1200]).stories.remove(0);
        tall.picture.as_mut().unwrap().height = Some(1800);
        assert_eq!(tall.pair_picture(), None);
        tall.picture.as_mut().unwrap().height = None;
        assert_eq!(tall.pair_picture(), None);
    }

    #[test]
    fn a_picture_too_heavy_for_its_place_is_not_shown() {
        let shown = |width| {
            let story = page(&[width]).stories.remove(0);
            (story.lead_picture().is_some(), story.pair_picture().is_some(), story.row_picture().is_some())
        };
        assert_eq!(shown(1600), (true, true, true));
        assert_eq!(shown(2000), (true, false, false));
        assert_eq!(shown(2400), (false, false, false));
    }

    #[test]
    fn a_summary_has_the_first_story_and_the_next_headlines() {
        let summary = page(&[100, 0, 0, 0, 0]).summary().unwrap();
        assert_eq!(
            (summary.title.as_str(), summary.headlines),
            ("1", vec!["2".into(), "3".into(), "4".into()])
        );
        assert_eq!(summary.picture, None, "too small");
        assert_eq!(page(&[]).summary(), None);
    }
}
