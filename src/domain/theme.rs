//! How a newsletter's mails look, as far as its publisher says.

use crate::domain::string_enum::words;
use url::Url;

words! {
    /// The letters of headlines.
    Fonts {
        /// As a newspaper's: Georgia and its like.
        Serif = "serif",
        /// As a screen's: the system's own.
        Sans = "sans",
    }
}

/// How a newsletter's mails look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// A picture that stands where the title would; the title is its description.
    pub logo_url: Option<Url>,
    /// The colour of links, labels and the button: `#rrggbb`. Where it can't be read, a darker or lighter shade is used.
    pub accent: Option<Colour>,
    /// The letters of headlines.
    pub fonts: Fonts,
}

impl Default for Theme {
    fn default() -> Self {
        Self { logo_url: None, accent: None, fonts: Fonts::Serif }
    }
}

/// A colour of three bytes: red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// Reads `#0a6048` or `0a6048`. `None`: it is no colour.
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
    fn colours_are_read_and_written() {
        assert_eq!(Colour::parse("#0A6048").unwrap().to_string(), "#0a6048");
        assert_eq!(Colour::parse("ffffff"), Some(Colour([255; 3])));
        for bad in ["", "#fff", "red", "#12345g", "##123456x"] {
            assert_eq!(Colour::parse(bad), None, "{bad:?}");
        }
    }
}
