//! The pictures of a story that Daily made, as emails and pages show them.

use crate::domain::content::made_picture::{MadePictures, Shape};
use email_templates::digest::Crop;

/// A picture with its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownPicture {
    pub url: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl ShownPicture {
    pub const fn crop(&self) -> Crop<'_> {
        Crop { url: self.url.as_str(), width: self.width, height: self.height }
    }
}

/// The pictures of a story, one for each place in an email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryPictures {
    pub lead: ShownPicture,
    /// Above one of two columns.
    pub card: ShownPicture,
    pub thumbnail: ShownPicture,
}

/// Returns the pictures that Daily made for a story. `base_url` is the URL of the folder with made pictures.
pub fn story_pictures(made: &MadePictures, base_url: &str) -> StoryPictures {
    let shown = |shape| {
        let picture = made.get(shape);
        ShownPicture {
            url: format!("{base_url}/{}", picture.file),
            width: picture.width,
            height: picture.height,
        }
    };
    StoryPictures {
        lead: shown(Shape::Lead),
        card: shown(Shape::SecondTier),
        thumbnail: shown(Shape::Thumbnail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lead, a pair and nine rows are the heaviest email of twelve stories.
    #[test]
    fn an_email_of_twelve_stories_weighs_less_than_600_kb() {
        let weight = |shape: Shape| shape.max_bytes();
        let pictures = weight(Shape::Lead) + 2 * weight(Shape::SecondTier) + 9 * weight(Shape::Thumbnail);
        let most = pictures + email_templates::CLIP_BYTES;
        assert!(most < 600_000, "{most} bytes");
    }
}
