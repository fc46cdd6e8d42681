//! The pictures of a story as emails and pages show them.

use crate::{
    db::content::articles::ArticleRecord,
    domain::content::made_picture::{MadePictures, Shape},
};

/// A picture with its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownPicture {
    pub url: String,
    /// Width in pixels, if known.
    pub width: Option<u32>,
    /// Height in pixels, if known.
    pub height: Option<u32>,
}

/// The pictures of a story, one for each place in an email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryPictures {
    pub lead: ShownPicture,
    pub second_tier: ShownPicture,
    pub thumbnail: ShownPicture,
}

impl StoryPictures {
    pub const fn get(&self, shape: Shape) -> &ShownPicture {
        match shape {
            Shape::Lead => &self.lead,
            Shape::SecondTier => &self.second_tier,
            Shape::Thumbnail => &self.thumbnail,
        }
    }
}

/// Returns a story's pictures: those that Daily made, else the site's own in every place. `None` if the story has no
/// picture. `base_url` is the URL of the folder with made pictures.
pub fn story_pictures(
    article: &ArticleRecord,
    made: Option<&MadePictures>,
    base_url: &str,
) -> Option<StoryPictures> {
    let original_url = article.image_url.as_ref()?;
    let side = |length: Option<i64>| length.and_then(|length| u32::try_from(length).ok());
    let shown = |shape| match made {
        Some(made) => {
            let picture = made.get(shape);
            let url = format!("{base_url}/{}", picture.file);
            ShownPicture { url, width: Some(picture.width), height: Some(picture.height) }
        }
        None => ShownPicture {
            url: original_url.clone(),
            width: side(article.image_width),
            height: side(article.image_height),
        },
    };
    Some(StoryPictures {
        lead: shown(Shape::Lead),
        second_tier: shown(Shape::SecondTier),
        thumbnail: shown(Shape::Thumbnail),
    })
}
