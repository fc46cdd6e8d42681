//! Colours and type. The light look is in inline styles, which Gmail and Outlook support reliably. The style
//! sheets add rules for phones and dark mode. Classes are named for their role, not their colour.

use crate::colour::{DEFAULT_ACCENT, Palette, Rgb, css};

/// The look of a newsletter's emails, as its publisher configured it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Theme<'a> {
    /// URL of a picture that replaces the title. The title is its description.
    pub logo_url: Option<&'a str>,
    /// The colour of bars, buttons and links. [`crate::colour`] says what becomes of it where it is text.
    pub accent: Option<Rgb>,
    pub fonts: Fonts,
}

/// The typeface of headlines and of the newsletter's name.
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
/// Colour of text.
pub(crate) const INK: &str = "color:#1a1a1a;";
/// Colour of captions and other secondary text.
pub(crate) const MUTED: &str = "color:#5c5c58;";
/// Breaks words that are wider than a phone.
pub(crate) const BREAK: &str = "word-break:break-word;";

/// Colours of the light look that no accent changes, for attributes (`bgcolor`) and rules.
pub(crate) mod light {
    /// The area around the sheet.
    pub(crate) const DESK: &str = "#f4f4f2";
    pub(crate) const SHEET: &str = "#ffffff";
    pub(crate) const INK: &str = "#1a1a1a";
    /// Thin rules between stories.
    pub(crate) const LINE: &str = "#e2e0db";
    /// The notice above a test issue.
    pub(crate) const NOTICE: &str = "#fff0c2";
}

/// A theme with readable colours, as CSS.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    /// `#rrggbb`: bars and buttons, the accent itself.
    pub(crate) fill: String,
    /// `#rrggbb`: the background of boxes.
    pub(crate) tint: String,
    /// `#rrggbb`: the edge of a button.
    pub(crate) edge: String,
    /// `color:#rrggbb;`: text on a button.
    pub(crate) on_fill: String,
    /// `color:#rrggbb;`: text in the accent, or ink if the accent is too pale.
    pub(crate) accent: String,
    /// The decoration of links. It is in the accent if the link itself is ink.
    pub(crate) underline: String,
    /// `font-family:…;` of headlines, the note and the name.
    pub(crate) headlines: &'static str,
    /// `letter-spacing:…;` of the largest headlines.
    pub(crate) tight: &'static str,
    dark: Palette,
}

impl Look {
    pub(crate) fn from_theme(theme: &Theme<'_>) -> Self {
        let accent = theme.accent.unwrap_or(DEFAULT_ACCENT);
        let (light, dark) = (Palette::light(accent), Palette::dark(accent));
        let (headlines, tight) = match theme.fonts {
            Fonts::Serif => (SERIF, "letter-spacing:-.4px;"),
            Fonts::Sans => (SANS, "letter-spacing:-.5px;"),
        };
        let decoration = if light.link_is_ink {
            format!("text-decoration-color:{};", css(light.fill))
        } else {
            String::new()
        };
        Self {
            fill: css(light.fill),
            tint: css(light.tint),
            edge: css(light.edge),
            on_fill: format!("color:{};", css(light.on_fill)),
            accent: format!("color:{};", css(light.link)),
            underline: format!("text-decoration:underline;{decoration}"),
            headlines,
            tight,
            dark,
        }
    }

    /// Returns the style sheets, each for a `<style>` of its own: Gmail drops a whole `<style>` with a rule
    /// it doesn't accept.
    pub(crate) fn style_sheets(&self) -> [String; 3] {
        let (mut dark, mut outlook) = (String::new(), String::new());
        for Rule { selector, text, background } in self.dark_rules() {
            dark.extend([selector, "{", &joined([&text, &background]), "}"]);
            for (mark, declarations) in [("[data-ogsc]", text), ("[data-ogsb]", background)] {
                if !declarations.is_empty() {
                    outlook.extend([mark, " ", selector, "{", &declarations, "}"]);
                }
            }
        }
        [BASE.to_owned(), format!("@media (prefers-color-scheme:dark){{{dark}}}"), outlook]
    }

    /// Returns the rules of dark mode. Outlook marks elements whose text it changed with `data-ogsc`, and
    /// those whose background it changed with `data-ogsb`, so each rule has both parts.
    fn dark_rules(&self) -> Vec<Rule> {
        let dark = &self.dark;
        let text = |colour: Rgb| format!("color:{}!important", css(colour));
        let ground = |colour: Rgb| format!("background:{}!important", css(colour));
        let edge = |colour: Rgb| format!("border-color:{}!important", css(colour));
        let rule = |selector, text: &str, background: &str| Rule {
            selector,
            text: text.to_owned(),
            background: background.to_owned(),
        };
        vec![
            rule(".desk", "", &ground(dark.desk)),
            rule(".sheet", "", &ground(dark.sheet)),
            rule(".ink", &text(dark.ink), ""),
            rule(".muted", &text(dark.muted), ""),
            rule(".accent", &text(dark.link), ""),
            rule(".line", &edge(dark.line), ""),
            rule(".rule", &edge(dark.muted), ""),
            rule(".quote", &edge(dark.fill), ""),
            rule(".tint", "", &ground(dark.tint)),
            rule(".bar", "", &ground(dark.fill)),
            rule(".btn", "", &ground(dark.fill)),
            rule(".btn a", &joined([&text(dark.on_fill), &edge(dark.edge)]), ""),
            rule(".ghost a", &joined([&text(dark.link), &edge(dark.link)]), ""),
            rule(".notice", "color:#ffe9ad!important", "background:#453610!important"),
            // Most logos are drawn for white paper.
            rule(
                ".logo",
                &text(Palette::light(DEFAULT_ACCENT).ink),
                "background:#ffffff!important;padding:8px 12px!important;border-radius:6px!important",
            ),
        ]
    }
}

/// A rule of dark mode: its declarations for text and edges, and those for backgrounds.
struct Rule {
    selector: &'static str,
    text: String,
    background: String,
}

fn joined(declarations: [&String; 2]) -> String {
    declarations.into_iter().filter(|it| !it.is_empty()).cloned().collect::<Vec<_>>().join(";")
}

/// Rules for all clients, and for phones. Without them a phone still stacks what stands side by side.
const BASE: &str = "\
:root{color-scheme:light dark;supported-color-schemes:light dark}\
body{margin:0;padding:0;width:100%!important;-webkit-text-size-adjust:100%;text-size-adjust:100%}\
table{mso-table-lspace:0;mso-table-rspace:0}\
p,li,h1,h2,h3{mso-line-height-rule:exactly}\
img{border:0;display:block;max-width:100%;-ms-interpolation-mode:bicubic}\
a.head:hover{text-decoration:underline!important}\
@media (max-width:620px){\
.desk-pad{padding:0!important}\
.pad{padding-left:20px!important;padding-right:20px!important}\
.two{padding-left:10px!important;padding-right:10px!important}\
.col{max-width:100%!important}\
.hero{font-size:28px!important;line-height:33px!important}\
.name{font-size:30px!important;line-height:34px!important}\
.thumb{width:84px!important}\
.thumb img{max-width:84px!important}\
}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_light_palette() {
        let palette = Palette::light(DEFAULT_ACCENT);
        let colours = [palette.desk, palette.sheet, palette.ink, palette.line].map(css);
        assert_eq!(colours, [light::DESK, light::SHEET, light::INK, light::LINE]);
        assert_eq!(
            (INK, MUTED),
            (
                format!("color:{};", css(palette.ink)).as_str(),
                format!("color:{};", css(palette.muted)).as_str(),
            )
        );
    }
}
