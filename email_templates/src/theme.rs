//! Colours and type. Inline styles carry the light look (all that Gmail and Outlook read reliably); the style sheet
//! adds phones and dark mode for the clients that know them. A class is named for its role, never for its colour.

use crate::contrast::{Rgb, css, darkened, lightened};

/// How a newsletter's mails look, as far as its publisher says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Theme<'a> {
    /// A picture that stands where the title would, by web address; the title is its description.
    pub logo_url: Option<&'a str>,
    /// The colour of links, labels and buttons. Where it can't be read, a darker or lighter shade of it is used.
    pub accent: Option<[u8; 3]>,
    /// The letters of headlines.
    pub fonts: Fonts,
}

/// The letters of headlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fonts {
    /// As a newspaper's: Georgia and its like.
    #[default]
    Serif,
    /// As a screen's: the system's own.
    Sans,
}

/// Everything but headlines. Outlook for Windows falls back to Times where it doesn't know the first one.
pub(crate) const SANS: &str = "font-family:'Segoe UI',-apple-system,Roboto,Helvetica,Arial,sans-serif;";
const SERIF: &str = "font-family:Georgia,'Times New Roman',Times,serif;";
/// Text, thick rules.
pub(crate) const INK: &str = "color:#15201b;";
/// Secondary text.
pub(crate) const MUTED: &str = "color:#525d57;";
/// Breaks words that would push the page wider than a phone.
pub(crate) const BREAK: &str = "word-break:break-word;overflow-wrap:anywhere;";

/// The light colours that attributes (`bgcolor`) and rules need by value.
pub(crate) mod light {
    /// Around the sheet.
    pub(crate) const DESK: &str = "#e8ece9";
    /// The sheet itself.
    pub(crate) const SHEET: &str = "#ffffff";
    /// Text and thick rules.
    pub(crate) const INK: &str = "#15201b";
    /// Thin rules between stories.
    pub(crate) const HAIRLINE: &str = "#d2d9d5";
    /// The notice above a test send.
    pub(crate) const NOTICE: &str = "#fff0c2";
}

/// Bottle green, the accent of a newsletter that names none, for light and dark.
const ACCENT: (Rgb, Rgb) = ([0x0a, 0x60, 0x48], [0x7d, 0xd0, 0xac]);
/// What the accent stands on in the light look, and the white that stands on it.
const LIGHT_GROUNDS: &[Rgb] = &[[0xff, 0xff, 0xff], [0xe8, 0xec, 0xe9]];
/// What the accent stands on in the dark look, and the dark letters of a button.
const DARK_GROUNDS: &[Rgb] = &[[0x16, 0x1c, 0x19], [0x0d, 0x12, 0x10]];

/// A theme ready for use: readable colours, as CSS.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    /// `#rrggbb`: the accent on the light sheet and desk, and the ground of white letters.
    pub(crate) accent: String,
    /// `#rrggbb`: the accent on the dark sheet and desk, and the ground of dark letters.
    pub(crate) accent_in_the_dark: String,
    /// `font-family:…;` of headlines and of the nameplate.
    pub(crate) headlines: &'static str,
}

impl Look {
    pub(crate) fn of(theme: &Theme<'_>) -> Self {
        let (light, dark) = theme
            .accent
            .map_or(ACCENT, |accent| (darkened(accent, LIGHT_GROUNDS), lightened(accent, DARK_GROUNDS)));
        Self {
            accent: css(light),
            accent_in_the_dark: css(dark),
            headlines: match theme.fonts {
                Fonts::Serif => SERIF,
                Fonts::Sans => SANS,
            },
        }
    }

    /// `color:#rrggbb;`
    pub(crate) fn accent_text(&self) -> String {
        format!("color:{};", self.accent)
    }

    /// The style sheets, one `<style>` each. Gmail drops a whole `<style>` where a part of it displeases it.
    pub(crate) fn style_sheets(&self) -> [String; 3] {
        [BASE, DARK, OUTLOOK_DARK].map(|sheet| {
            sheet.replace("DARK_ACCENT", &self.accent_in_the_dark).replace("ACCENT", &self.accent)
        })
    }
}

/// Every client, and phones.
const BASE: &str = "\
:root{color-scheme:light dark;supported-color-schemes:light dark}\
body{margin:0;padding:0;width:100%!important;-webkit-text-size-adjust:100%;text-size-adjust:100%}\
table{border-spacing:0;mso-table-lspace:0;mso-table-rspace:0}\
img{border:0;display:block;max-width:100%;-ms-interpolation-mode:bicubic}\
a.head{text-decoration:none}\
a.head:hover{text-decoration:underline!important}\
a:focus-visible{outline:2px solid ACCENT;outline-offset:2px}\
@media (max-width:620px){\
.desk-pad{padding:0!important}\
.sheet{width:100%!important}\
.pad{padding-left:20px!important;padding-right:20px!important}\
.hero{font-size:28px!important;line-height:34px!important}\
.gutter{width:14px!important}\
.thumb{width:88px!important}\
.thumb img{max-width:88px!important}\
.button a{display:block!important}\
.dot{display:none!important}\
.tagline{display:block!important}\
.button,.button table{width:100%!important}\
}";

/// Clients that know the media query.
const DARK: &str = "\
@media (prefers-color-scheme:dark){\
.desk{background:#0d1210!important}\
.sheet{background:#161c19!important}\
.ink{color:#edf2ef!important}\
.muted{color:#a6b1ab!important}\
.accent{color:DARK_ACCENT!important}\
.line{border-color:#34403a!important}\
.thick{border-color:#edf2ef!important}\
.notice{background:#453610!important;color:#ffe9ad!important}\
.logo{background:#ffffff!important;color:#15201b!important;padding:8px 12px!important}\
.button td{background:DARK_ACCENT!important}\
.button a{color:#0d1210!important;border-color:DARK_ACCENT!important}\
a:focus-visible{outline-color:DARK_ACCENT}\
}";

/// Outlook's own dark mode, which marks what it changed with `data-ogsc` (text) and `data-ogsb` (backgrounds).
const OUTLOOK_DARK: &str = "\
[data-ogsc] .ink{color:#edf2ef!important}\
[data-ogsc] .muted{color:#a6b1ab!important}\
[data-ogsc] .accent{color:DARK_ACCENT!important}\
[data-ogsc] .notice{color:#ffe9ad!important}\
[data-ogsc] .logo{color:#15201b!important}\
[data-ogsc] .button a{color:#0d1210!important;border-color:DARK_ACCENT!important}\
[data-ogsb] .desk{background:#0d1210!important}\
[data-ogsb] .sheet{background:#161c19!important}\
[data-ogsb] .notice{background:#453610!important}\
[data-ogsb] .logo{background:#ffffff!important;padding:8px 12px!important}\
[data-ogsb] .button td{background:DARK_ACCENT!important}";
