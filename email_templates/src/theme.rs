//! Colours and type. The light look is in inline styles, which Gmail and Outlook support reliably. The style
//! sheet adds rules for phones and dark mode. Classes are named for their role, not their colour.

use crate::contrast::{Rgb, css, darkened, lightened};

/// The look of a newsletter's emails, as its publisher configured it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Theme<'a> {
    /// URL of a picture that replaces the title. The title is its description.
    pub logo_url: Option<&'a str>,
    /// The colour of links, labels and buttons. An unreadable colour is replaced by a darker or lighter
    /// shade.
    pub accent: Option<[u8; 3]>,
    pub fonts: Fonts,
}

/// The typeface of headlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fonts {
    /// Georgia and similar typefaces.
    #[default]
    Serif,
    /// The system's typeface.
    Sans,
}

/// All text but headlines. Outlook for Windows falls back to Times if it doesn't have the first font.
pub(crate) const SANS: &str = "font-family:'Segoe UI',-apple-system,Roboto,Helvetica,Arial,sans-serif;";
const SERIF: &str = "font-family:Georgia,'Times New Roman',Times,serif;";
/// Text and thick rules.
pub(crate) const INK: &str = "color:#15201b;";
/// Color of captions and other secondary text.
pub(crate) const MUTED: &str = "color:#525d57;";
/// Breaks words that are wider than a phone.
pub(crate) const BREAK: &str = "word-break:break-word;";

/// Colours of the light look, for attributes (`bgcolor`) and rules.
pub(crate) mod light {
    /// The area around the sheet.
    pub(crate) const DESK: &str = "#e8ece9";
    pub(crate) const SHEET: &str = "#ffffff";
    pub(crate) const INK: &str = "#15201b";
    /// Thin rules between stories.
    pub(crate) const HAIRLINE: &str = "#d2d9d5";
    /// The notice above a test issue.
    pub(crate) const NOTICE: &str = "#fff0c2";
}

/// The default accent, bottle green, for light and dark.
const ACCENT: (Rgb, Rgb) = ([0x0a, 0x60, 0x48], [0x7d, 0xd0, 0xac]);
/// Colours that the accent must contrast with in the light look: backgrounds, and white text on it.
const LIGHT_BACKGROUNDS: &[Rgb] = &[[0xff, 0xff, 0xff], [0xe8, 0xec, 0xe9]];
/// Colours that the accent must contrast with in the dark look: backgrounds, and a button's dark text.
const DARK_BACKGROUNDS: &[Rgb] = &[[0x16, 0x1c, 0x19], [0x0d, 0x12, 0x10]];

/// A theme with readable colours, as CSS.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    /// `#rrggbb`: the accent of the light look.
    pub(crate) accent: String,
    /// `#rrggbb`: the accent of the dark look.
    pub(crate) dark_accent: String,
    /// `font-family:…;` of headlines and the nameplate.
    pub(crate) headlines: &'static str,
}

impl Look {
    pub(crate) fn from_theme(theme: &Theme<'_>) -> Self {
        let (light, dark) = theme.accent.map_or(ACCENT, |accent| {
            (darkened(accent, LIGHT_BACKGROUNDS), lightened(accent, DARK_BACKGROUNDS))
        });
        Self {
            accent: css(light),
            dark_accent: css(dark),
            headlines: match theme.fonts {
                Fonts::Serif => SERIF,
                Fonts::Sans => SANS,
            },
        }
    }

    /// CSS for text in the accent color: `color:#rrggbb;`.
    pub(crate) fn accent_text(&self) -> String {
        format!("color:{};", self.accent)
    }

    /// Returns the style sheets, each for a `<style>` of its own: Gmail drops a whole `<style>` with a rule
    /// it doesn't accept.
    pub(crate) fn style_sheets(&self) -> [String; 3] {
        [BASE, DARK, OUTLOOK_DARK].map(|sheet| sheet.replace("DARK_ACCENT", &self.dark_accent))
    }
}

/// Rules for all clients, and for phones.
const BASE: &str = "\
:root{color-scheme:light dark;supported-color-schemes:light dark}\
body{margin:0;padding:0;width:100%!important;-webkit-text-size-adjust:100%;text-size-adjust:100%}\
table{mso-table-lspace:0;mso-table-rspace:0}\
p,li,h1,h2,h3{mso-line-height-rule:exactly}\
img{border:0;display:block;max-width:100%;-ms-interpolation-mode:bicubic}\
a.head{text-decoration:none}\
a.head:hover{text-decoration:underline!important}\
@media (max-width:620px){\
.desk-pad{padding:0!important}\
.sheet{width:100%!important}\
.pad{padding-left:20px!important;padding-right:20px!important}\
.bleed{padding-left:0!important;padding-right:0!important}\
.hero{font-size:28px!important;line-height:34px!important}\
.gutter{width:14px!important}\
.thumb{width:88px!important}\
.thumb img{max-width:88px!important}\
.button a{display:block!important}\
.dot{display:none!important}\
.tagline{display:block!important}\
.button,.button table{width:100%!important}\
}";

/// Dark mode of clients that support the media query.
const DARK: &str = "\
@media (prefers-color-scheme:dark){\
.desk{background:#0d1210!important}\
.sheet{background:#161c19!important}\
.ink{color:#edf2ef!important}\
.muted{color:#a6b1ab!important}\
.accent{color:DARK_ACCENT!important}\
.line{border-color:#34403a!important}\
.thick{border-color:#edf2ef!important}\
.tab{background:#edf2ef!important;color:#0d1210!important}\
.quote{border-color:DARK_ACCENT!important}\
.notice{background:#453610!important;color:#ffe9ad!important}\
.logo{background:#ffffff!important;color:#15201b!important;padding:8px 12px!important}\
.button td{background:DARK_ACCENT!important}\
.button a{color:#0d1210!important;border-color:DARK_ACCENT!important}\
}";

/// Outlook's own dark mode. It marks elements it changed with `data-ogsc` (text) and `data-ogsb`
/// (backgrounds).
const OUTLOOK_DARK: &str = "\
[data-ogsc] .ink{color:#edf2ef!important}\
[data-ogsc] .muted{color:#a6b1ab!important}\
[data-ogsc] .accent{color:DARK_ACCENT!important}\
[data-ogsc] .notice{color:#ffe9ad!important}\
[data-ogsc] .tab{color:#0d1210!important}\
[data-ogsc] .thick{border-color:#edf2ef!important}\
[data-ogsc] .line{border-color:#34403a!important}\
[data-ogsc] .quote{border-color:DARK_ACCENT!important}\
[data-ogsc] .logo{color:#15201b!important}\
[data-ogsc] .button a{color:#0d1210!important;border-color:DARK_ACCENT!important}\
[data-ogsb] .desk{background:#0d1210!important}\
[data-ogsb] .sheet{background:#161c19!important}\
[data-ogsb] .notice{background:#453610!important}\
[data-ogsb] .tab{background:#edf2ef!important}\
[data-ogsb] .logo{background:#ffffff!important;padding:8px 12px!important}\
[data-ogsb] .button td{background:DARK_ACCENT!important}";
