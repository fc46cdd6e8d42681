//! Ways to look at a document: how wide, in which theme, and after what mail programs do to it.

/// A look at a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Width in CSS pixels.
    pub width: u32,
    pub theme: Theme,
    pub variation: Variation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    Light,
    /// The document's own dark mode.
    Dark,
    /// A light document that the program inverts, like Gmail for Android.
    Inverted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variation {
    None,
    /// Text at 200 %, without larger pictures or spaces.
    LargeText,
    /// Without style sheets, like some apps of Gmail.
    NoStyles,
    /// With pictures blocked.
    NoPictures,
}

impl View {
    const fn new(width: u32, theme: Theme, variation: Variation) -> Self {
        Self { width, theme, variation }
    }

    pub const DESKTOP: Self = Self::new(700, Theme::Light, Variation::None);
    pub const PHONE: Self = Self::new(390, Theme::Light, Variation::None);

    pub const WIDE: Self = Self::new(1280, Theme::Light, Variation::None);

    /// The views of every email.
    pub(crate) const EMAIL: [Self; 4] = [
        Self::DESKTOP,
        Self::PHONE,
        Self::new(700, Theme::Dark, Variation::None),
        Self::new(390, Theme::Dark, Variation::None),
    ];

    /// The views of every page.
    pub(crate) const PAGE: [Self; 4] = [
        Self::WIDE,
        Self::PHONE,
        Self::new(1280, Theme::Dark, Variation::None),
        Self::new(390, Theme::Dark, Variation::None),
    ];

    /// Further views of some pages.
    pub(crate) const PAGE_STRESS: [Self; 5] = [
        Self::new(320, Theme::Light, Variation::None),
        Self::new(390, Theme::Inverted, Variation::None),
        Self::new(390, Theme::Light, Variation::LargeText),
        Self::new(390, Theme::Light, Variation::NoPictures),
        Self::new(1280, Theme::Light, Variation::LargeText),
    ];

    /// Further views of some emails.
    pub(crate) const EMAIL_STRESS: [Self; 6] = [
        Self::new(390, Theme::Inverted, Variation::None),
        Self::new(390, Theme::Light, Variation::LargeText),
        Self::new(390, Theme::Light, Variation::NoStyles),
        Self::new(390, Theme::Light, Variation::NoPictures),
        Self::new(320, Theme::Light, Variation::None),
        Self::new(700, Theme::Light, Variation::NoStyles),
    ];

    /// Returns the name of its file, such as "digest-12.dark.390".
    pub fn name_of(&self, case: &str) -> String {
        let variation = self.variation.name();
        format!("{case}{variation}.{}.{}", self.theme.name(), self.width)
    }

    /// The document of this view.
    pub fn file_of(&self, case: &str) -> String {
        format!("{case}{}.html", self.variation.name())
    }
}

impl Theme {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
            Self::Inverted => "inverted",
        }
    }
}

impl Variation {
    const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::LargeText => ".large-text",
            Self::NoStyles => ".no-styles",
            Self::NoPictures => ".no-pictures",
        }
    }

    /// Does to a document what the variation says.
    pub fn apply(self, html: &str) -> String {
        match self {
            Self::None => html.to_owned(),
            Self::LargeText => doubled(&doubled(html, "font-size:"), "line-height:").replacen(
                "</head>",
                "<style>html{font-size:200%}</style></head>",
                1,
            ),
            Self::NoStyles => without_styles(html),
            Self::NoPictures => html.replace(" src=\"", " src=\"https://blocked.invalid/"),
        }
    }
}

/// Doubles the pixels of a property. Sizes below 4 px are those of spaces.
fn doubled(html: &str, property: &str) -> String {
    let mut out = String::with_capacity(html.len() + 512);
    let mut rest = html;
    while let Some((before, after)) = rest.split_once(property) {
        out += before;
        out += property;
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(digits);
        match number.parse::<u32>() {
            Ok(pixels) if pixels > 4 && after.starts_with("px") => out += &(pixels * 2).to_string(),
            _ => out += number,
        }
        rest = after;
    }
    out + rest
}

fn without_styles(html: &str) -> String {
    let mut parts = html.split("<style>");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.split_once("</style>").map_or("", |(_, after)| after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_doubles_and_styles_go() {
        let html =
            "<style>p{font-size:1px}</style><p style=\"font-size:17px;line-height:27px;width:5px\">a</p>";
        assert_eq!(
            Variation::LargeText.apply(html),
            "<style>p{font-size:1px}</style><p style=\"font-size:34px;line-height:54px;width:5px\">a</p>"
        );
        let page = "<head></head><p>a";
        assert_eq!(Variation::LargeText.apply(page), "<head><style>html{font-size:200%}</style></head><p>a");
        assert!(Variation::NoStyles.apply(html).starts_with("<p style"));
    }
}
