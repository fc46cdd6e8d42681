//! The appearance of a newsletter's emails.

use crate::domain::string_enum::string_enum;
use url::Url;

string_enum! {
    /// The typeface of headlines.
    Fonts {
        /// Georgia and similar.
        Serif = "serif",
        /// The system font.
        Sans = "sans",
    }
}

/// The appearance of a newsletter's emails, as set by its publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// A logo shown instead of the title, which becomes its alternative text.
    pub logo_url: Option<Url>,
    /// The colour of bars, buttons and links. `email_templates::colour` computes readable texts from it.
    pub accent: Option<Colour>,
    /// The typeface of headlines.
    pub fonts: Fonts,
}

impl Default for Theme {
    fn default() -> Self {
        Self { logo_url: None, accent: None, fonts: Fonts::Serif }
    }
}

/// An RGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// Parses `#0a6048` or `0a6048`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().trim_start_matches('#');
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let number = u32::from_str_radix(digits, 16).ok()?;
        let [_, red, green, blue] = number.to_be_bytes();
        Some(Self([red, green, blue]))
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self([red, green, blue]) = self;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_parsed_and_displayed() {
        assert_eq!(Colour::parse("#0A6048").unwrap().to_string(), "#0a6048");
        assert_eq!(Colour::parse("ffffff"), Some(Colour([255; 3])));
        for bad in ["", "#fff", "red", "#12345g", "##123456x"] {
            assert_eq!(Colour::parse(bad), None, "{bad:?}");
        }
    }
}
