//! Pictures that Daily makes for emails from the picture of a story.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

use crate::domain::string_enum::string_enum;

/// Hex digits of a picture's hash: 128 bits, beyond any search for two pictures with the same hash.
pub const HASH_DIGITS: usize = 32;

string_enum! {
    /// A place in an email, which decides the shape of a picture.
    Shape {
        /// Across the whole email.
        Lead = "lead",
        /// One of two side by side.
        SecondTier = "second_tier",
        /// A square beside a headline.
        Thumbnail = "thumbnail",
    }
}

impl Shape {
    /// Returns the width and height in pixels, twice those of the place, for screens with two pixels per point.
    pub const fn size(self) -> (u32, u32) {
        match self {
            Self::Lead => (1200, 600),
            Self::SecondTier => (600, 338),
            Self::Thumbnail => (192, 192),
        }
    }

    /// Returns the most bytes of a file. The pictures of a long email weigh less than 500 KB together: a lead,
    /// two of the second tier and nine thumbnails.
    pub const fn max_bytes(self) -> usize {
        match self {
            Self::Lead => 180_000,
            Self::SecondTier => 70_000,
            Self::Thumbnail => 18_000,
        }
    }
}

string_enum! {
    /// A file format that all mail programs show.
    Format {
        Jpeg = "jpeg",
        /// For pictures with transparent parts.
        Png = "png",
    }
}

impl Format {
    /// Returns the ending of file names.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }

    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

/// The name of a picture's file, which is the same for the same bytes only: `9f86d081884c7d659a2feaa0c55ad015.jpg`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName {
    /// The beginning of the SHA-256 of the file, in hex.
    pub hash: String,
    pub format: Format,
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.hash, self.format.extension())
    }
}

/// A text that is not the name of a picture's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not the name of a picture, such as 9f86d081884c7d659a2feaa0c55ad015.jpg")]
pub struct NotAFileName;

impl FromStr for FileName {
    type Err = NotAFileName;

    fn from_str(text: &str) -> Result<Self, NotAFileName> {
        let (hash, extension) = text.split_once('.').ok_or(NotAFileName)?;
        let is_hash = hash.len() == HASH_DIGITS
            && hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        let format = Format::ALL.iter().copied().find(|format| format.extension() == extension);
        match format {
            Some(format) if is_hash => Ok(Self { hash: hash.to_owned(), format }),
            _ => Err(NotAFileName),
        }
    }
}

impl TryFrom<String> for FileName {
    type Error = NotAFileName;

    fn try_from(text: String) -> Result<Self, NotAFileName> {
        text.parse()
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.to_string()
    }
}

/// A picture in one shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadePicture {
    pub file: FileName,
    /// Width in pixels. Less than the shape's if the original is smaller.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// The pictures of a story, one for each shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadePictures {
    pub lead: MadePicture,
    pub second_tier: MadePicture,
    pub thumbnail: MadePicture,
}

impl MadePictures {
    pub const fn get(&self, shape: Shape) -> &MadePicture {
        match shape {
            Shape::Lead => &self.lead,
            Shape::SecondTier => &self.second_tier,
            Shape::Thumbnail => &self.thumbnail,
        }
    }

    pub fn hashes(&self) -> impl Iterator<Item = &str> {
        Shape::ALL.iter().map(|shape| self.get(*shape).file.hash.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_pictures_are_read() {
        let name = "9f86d081884c7d659a2feaa0c55ad015.jpg";
        let parsed: FileName = name.parse().unwrap();
        assert_eq!((parsed.format, parsed.to_string().as_str()), (Format::Jpeg, name));
        assert_eq!(serde_json::from_str::<FileName>(&format!("\"{name}\"")).unwrap(), parsed);
        for other in [
            "",
            "9f86d081884c7d659a2feaa0c55ad015",
            "9F86D081884C7D659A2FEAA0C55AD015.jpg",
            "9f86d081884c7d659a2feaa0c55ad01.jpg",
            "9f86d081884c7d659a2feaa0c55ad015.gif",
            "9f86d081884c7d659a2feaa0c55ad015.jpg.png",
            "../../../../../../../etc/passwd00.jpg",
        ] {
            assert_eq!(other.parse::<FileName>(), Err(NotAFileName), "{other}");
        }
    }

    #[test]
    fn the_pictures_of_a_long_email_are_light_together() {
        let all =
            Shape::Lead.max_bytes() + 2 * Shape::SecondTier.max_bytes() + 9 * Shape::Thumbnail.max_bytes();
        assert!(all < 500_000, "{all}");
    }
}
