//! The content of an issue's page in the archive, as it was when the issue was frozen.

use serde::{Deserialize, Serialize};

/// Headlines after the first story in a summary.
const SUMMARY_HEADLINES: usize = 3;
/// Narrowest picture that fills the width of the page, in pixels.
const MIN_LEAD_WIDTH: i64 = 480;
/// Narrowest picture of a pair, in pixels.
const MIN_PAIR_WIDTH: i64 = 240;
/// Narrowest picture of a row, in pixels.
const MIN_ROW_WIDTH: i64 = 64;
/// Stories in rows, below the pair or the first story.
const MAX_ROWS: usize = 4;

/// The content of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuePage {
    /// The editor's note, as sanitized HTML.
    pub note: Option<String>,
    /// Minutes to read the issue, at least 1.
    pub minutes: u32,
    /// The stories in order.
    pub stories: Vec<PageStory>,
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

/// The stories of a page by the place they get, which depends on their pictures.
#[derive(Debug, PartialEq, Eq)]
pub struct Arrangement<'a> {
    pub lead: Option<&'a PageStory>,
    /// Two stories side by side, both with pictures.
    pub pair: Option<[&'a PageStory; 2]>,
    pub rows: Vec<&'a PageStory>,
    pub in_brief: Vec<&'a PageStory>,
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

    /// Arranges the stories: the first one leads, two with pictures make a pair, up to four follow in rows, and
    /// the rest is in brief. With one or two stories there is no pair.
    pub fn arrangement(&self) -> Arrangement<'_> {
        let stories: Vec<&PageStory> = self.stories.iter().collect();
        let (lead, rest) = match stories.split_first() {
            Some((lead, rest)) => (Some(*lead), rest),
            None => (None, stories.as_slice()),
        };
        let (pair, rest) = match rest {
            [one, other, rest @ ..] if one.pair_picture().is_some() && other.pair_picture().is_some() => {
                (Some([*one, *other]), rest)
            }
            _ => (None, rest),
        };
        // A single story in brief looks lost, so it becomes one more row.
        let rows = if rest.len() == MAX_ROWS + 1 { MAX_ROWS + 1 } else { MAX_ROWS.min(rest.len()) };
        Arrangement { lead, pair, rows: rest[..rows].to_vec(), in_brief: rest[rows..].to_vec() }
    }
}

impl PageStory {
    /// Returns the picture if it can fill the width of the page.
    pub fn lead_picture(&self) -> Option<&PagePicture> {
        self.crop(|it| &it.lead, MIN_LEAD_WIDTH)
    }

    /// Returns the picture if it is large enough for a pair.
    pub fn pair_picture(&self) -> Option<&PagePicture> {
        self.crop(|it| &it.card, MIN_PAIR_WIDTH)
    }

    /// Returns the picture if it is large enough for a row.
    pub fn row_picture(&self) -> Option<&PagePicture> {
        self.crop(|it| &it.thumbnail, MIN_ROW_WIDTH)
    }

    /// Returns the made picture, or the publisher's if it is wide enough.
    fn crop(&self, made: impl Fn(&Crops) -> &PagePicture, width: i64) -> Option<&PagePicture> {
        let own = || self.picture.as_ref().filter(|it| it.width.is_none_or(|own| own >= width));
        self.crops.as_ref().map(made).or_else(own)
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
        IssuePage { note: None, minutes: 1, stories: stories.collect() }
    }

    /// Writes an arrangement as `lead | pair | rows | in brief`.
    fn arranged(widths: &[i64]) -> String {
        let page = page(widths);
        let it = page.arrangement();
        let names =
            |stories: &[&PageStory]| stories.iter().map(|it| it.title.as_str()).collect::<Vec<_>>().join(" ");
        let pair = it.pair.map_or(String::new(), |pair| names(&pair));
        [names(it.lead.as_slice()), pair, names(&it.rows), names(&it.in_brief)].join(" | ")
    }

    #[test]
    fn stories_are_arranged_by_their_number_and_pictures() {
        assert_eq!(arranged(&[]), " |  |  | ");
        assert_eq!(arranged(&[1200]), "1 |  |  | ");
        assert_eq!(arranged(&[1200, 1200]), "1 |  | 2 | ");
        assert_eq!(arranged(&[0, 1200, 1200]), "1 | 2 3 |  | ");
        assert_eq!(arranged(&[1200, 1200, 0, 1200]), "1 |  | 2 3 4 | ");
        assert_eq!(arranged(&[1200, 1200, 100]), "1 |  | 2 3 | ");
        assert_eq!(arranged(&[1200; 8]), "1 | 2 3 | 4 5 6 7 8 | ");
        assert_eq!(arranged(&[1200; 9]), "1 | 2 3 | 4 5 6 7 | 8 9");
        assert_eq!(arranged(&[0; 7]), "1 |  | 2 3 4 5 | 6 7");
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
