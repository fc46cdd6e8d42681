//! The colours of a brand, computed from its accent: for emails, pages and the box alike.
//!
//! The accent itself is never repainted: bars and buttons have it exactly as the publisher gave it. Texts and
//! edges are chosen so that they contrast with their background (WCAG 2.2, level AA): 4.5:1 for text of any
//! size, 3:1 for the edges of buttons and fields. Where the accent is text, it becomes darker or lighter in
//! OKLCH, which keeps its hue: a yellow never turns olive.

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// Lowest contrast ratio of text, of any size, with its background.
pub const TEXT_RATIO: f64 = 4.5;
/// Lowest contrast ratio of the edge of a button or field with its background.
pub const EDGE_RATIO: f64 = 3.0;
/// Contrast ratio of links with the backgrounds of the dark look, where 4.5:1 is tiring.
const DARK_LINK_RATIO: f64 = 6.0;
/// Share of the accent in the tint.
const LIGHT_TINT: f64 = 0.06;
const DARK_TINT: f64 = 0.13;
/// Distance of the hover colour from the fill.
const HOVER: f64 = 0.16;
/// Shades tried between a colour and black or white.
const STEPS: u8 = 100;

const WHITE: Rgb = [255; 3];
const BLACK: Rgb = [0; 3];
/// Text of the light look.
const INK: Rgb = [0x1a; 3];

/// The accent of a brand without one, bottle green.
pub const DEFAULT_ACCENT: Rgb = [0x0a, 0x60, 0x48];

/// The light or the dark look of a brand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// The area around the sheet.
    pub desk: Rgb,
    /// The background of texts.
    pub sheet: Rgb,
    pub ink: Rgb,
    /// Captions and other secondary text.
    pub muted: Rgb,
    /// Thin lines between parts.
    pub line: Rgb,
    /// The edge of a form's field.
    pub field: Rgb,
    /// Bars and buttons: the accent.
    pub fill: Rgb,
    /// Text on the fill.
    pub on_fill: Rgb,
    /// The edge of a button: the fill, or ink around a fill that the sheet swallows.
    pub edge: Rgb,
    /// The background of a box: the sheet with a little of the accent.
    pub tint: Rgb,
    /// Links, kickers and other text in the accent. It is readable on sheet, desk and tint.
    pub link: Rgb,
    /// The fill under the pointer.
    pub hover: Rgb,
    /// Whether the accent is too pale to be text, so that `link` is ink. An underline in the fill's colour
    /// still shows the accent.
    pub link_is_ink: bool,
}

impl Palette {
    /// Returns the look on white paper.
    pub fn light(accent: Rgb) -> Self {
        let sheet = WHITE;
        let desk = [0xf4, 0xf4, 0xf2];
        let tint = mix(sheet, accent, LIGHT_TINT);
        let link_is_ink = ratio(accent, sheet) < EDGE_RATIO;
        let link = if link_is_ink { INK } else { until(accent, BLACK, &[sheet, desk, tint], TEXT_RATIO) };
        Self {
            desk,
            sheet,
            ink: INK,
            muted: [0x5c, 0x5c, 0x58],
            line: [0xe2, 0xe0, 0xdb],
            field: [0x84, 0x81, 0x7b],
            fill: accent,
            on_fill: text_on(accent),
            edge: edge(accent, sheet, INK),
            tint,
            link,
            hover: hover(accent),
            link_is_ink,
        }
    }

    /// Returns the look in dark mode.
    pub fn dark(accent: Rgb) -> Self {
        let sheet = [0x1b, 0x1c, 0x1e];
        let desk = [0x11, 0x12, 0x13];
        let ink = [0xec, 0xec, 0xea];
        let fill = until(accent, WHITE, &[sheet], EDGE_RATIO);
        let tint = mix(sheet, fill, DARK_TINT);
        Self {
            desk,
            sheet,
            ink,
            muted: [0xaa, 0xa9, 0xa4],
            line: [0x3a, 0x3b, 0x3d],
            field: [0x85, 0x84, 0x7f],
            fill,
            on_fill: text_on(fill),
            edge: edge(fill, sheet, ink),
            tint,
            link: until(accent, WHITE, &[sheet, desk, tint], DARK_LINK_RATIO),
            hover: hover(fill),
            link_is_ink: false,
        }
    }
}

/// Formats a colour for CSS and `bgcolor`: `#0a6048`.
pub fn css([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Returns the contrast ratio of two colours (WCAG), from 1 to 21.
pub fn ratio(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Returns the text colour for a background: white if it is readable, else ink, else black. White or black is
/// readable on every colour.
pub fn text_on(background: Rgb) -> Rgb {
    [WHITE, INK].into_iter().find(|text| ratio(*text, background) >= TEXT_RATIO).unwrap_or(BLACK)
}

fn edge(fill: Rgb, sheet: Rgb, ink: Rgb) -> Rgb {
    if ratio(fill, sheet) >= EDGE_RATIO { fill } else { ink }
}

/// Moves a fill away from the colour of its text, so that the text stays readable.
fn hover(fill: Rgb) -> Rgb {
    mix(fill, if text_on(fill) == WHITE { BLACK } else { WHITE }, HOVER)
}

/// Returns the first shade of a colour, on its way to black or white, that contrasts with every background.
/// Its hue stays. Returns black or white if no shade does.
fn until(colour: Rgb, end: Rgb, backgrounds: &[Rgb], wanted: f64) -> Rgb {
    let contrasts = |shade: &Rgb| backgrounds.iter().all(|it| ratio(*shade, *it) >= wanted);
    if contrasts(&colour) {
        return colour;
    }
    let from = Oklch::from_rgb(colour);
    let target = if end == WHITE { 1.0 } else { 0.0 };
    (1..=STEPS)
        .map(|step| {
            let share = f64::from(step) / f64::from(STEPS);
            Oklch { lightness: from.lightness + (target - from.lightness) * share, ..from }.to_rgb()
        })
        .find(contrasts)
        .unwrap_or(end)
}

/// Returns a colour with a share, from 0 to 1, of another.
fn mix(colour: Rgb, other: Rgb, share: f64) -> Rgb {
    std::array::from_fn(|part| {
        let (from, to) = (f64::from(colour[part]), f64::from(other[part]));
        byte((from + (to - from) * share) / 255.0)
    })
}

/// Returns the relative luminance of an sRGB colour (WCAG), from 0 to 1.
fn luminance(colour: Rgb) -> f64 {
    let [red, green, blue] = colour.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// Converts a part of an sRGB colour to linear light, from 0 to 1.
fn linear(part: u8) -> f64 {
    let part = f64::from(part) / 255.0;
    if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
}

/// The reverse of [`linear`]. Parts out of range become the nearest that exists.
fn gamma(part: f64) -> u8 {
    let part = part.max(0.0);
    byte(if part <= 0.003_130_8 { 12.92 * part } else { 1.055 * part.powf(1.0 / 2.4) - 0.055 })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255")]
fn byte(part: f64) -> u8 {
    (part.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// A colour in OKLCH (CSS Color 4): equal steps look equally large, and lightness changes without the hue.
#[derive(Debug, Clone, Copy)]
struct Oklch {
    /// From 0 to 1.
    lightness: f64,
    chroma: f64,
    /// The angle on the colour wheel, in radians.
    hue: f64,
}

#[expect(clippy::many_single_char_names, reason = "the names of the definition (CSS Color 4)")]
impl Oklch {
    fn from_rgb(colour: Rgb) -> Self {
        let [red, green, blue] = colour.map(linear);
        let l = (0.412_221_470_8 * red + 0.536_332_536_3 * green + 0.051_445_992_9 * blue).cbrt();
        let m = (0.211_903_498_2 * red + 0.680_699_545_1 * green + 0.107_396_956_6 * blue).cbrt();
        let s = (0.088_302_461_9 * red + 0.281_718_837_6 * green + 0.629_978_700_5 * blue).cbrt();
        let lightness = 0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s;
        let a = 1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s;
        let b = 0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s;
        Self { lightness, chroma: a.hypot(b), hue: b.atan2(a) }
    }

    /// Returns the nearest sRGB colour of this lightness and hue: chroma shrinks until there is one.
    fn to_rgb(self) -> Rgb {
        const SHRINK: f64 = 0.96;
        const GREY: f64 = 0.002;
        let mut chroma = self.chroma;
        loop {
            let (a, b) = (chroma * self.hue.cos(), chroma * self.hue.sin());
            let l = (self.lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
            let m = (self.lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
            let s = (self.lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
            let parts = [
                4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
                -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
                -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
            ];
            if chroma < GREY || parts.iter().all(|part| (-0.000_1..=1.000_1).contains(part)) {
                return parts.map(gamma);
            }
            chroma *= SHRINK;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YELLOW: Rgb = [0xff, 0xd4, 0x00];

    #[test]
    fn ratios_match_published_ones() {
        // From the tables of WCAG's own techniques and of WebAIM's contrast checker.
        for (one, other, expected) in [
            (BLACK, WHITE, 21.0),
            (WHITE, WHITE, 1.0),
            ([0x76; 3], WHITE, 4.54),
            ([0x77; 3], WHITE, 4.48),
            ([0xff, 0, 0], WHITE, 4.0),
            ([0, 0, 0xff], WHITE, 8.59),
        ] {
            let found = ratio(one, other);
            assert!((found - expected).abs() < 0.01, "{one:?} on {other:?}: {found}");
        }
    }

    #[test]
    fn a_readable_accent_stays_as_it_is() {
        let palette = Palette::light(DEFAULT_ACCENT);
        assert_eq!(
            (palette.fill, palette.link, palette.edge),
            (DEFAULT_ACCENT, DEFAULT_ACCENT, DEFAULT_ACCENT)
        );
        assert_eq!(palette.on_fill, WHITE);
    }

    #[test]
    fn a_pale_accent_is_a_fill_and_never_a_text() {
        for accent in [YELLOW, WHITE, [0xfd, 0xfd, 0xf5]] {
            let palette = Palette::light(accent);
            assert_eq!(palette.fill, accent, "it is not repainted");
            assert_eq!((palette.link, palette.edge, palette.link_is_ink), (INK, INK, true));
        }
        assert_eq!(Palette::dark(YELLOW).link, YELLOW);
    }

    #[test]
    fn a_middling_accent_is_darkened_in_its_own_hue() {
        let orange = [0xe6, 0x6a, 0x00];
        let (link, hue) = (Palette::light(orange).link, |colour| Oklch::from_rgb(colour).hue);
        assert_ne!(link, orange);
        assert!((hue(link) - hue(orange)).abs() < 0.1, "{link:?}");
    }

    #[test]
    fn a_near_black_accent_is_lighter_in_the_dark() {
        let palette = Palette::dark([0x11; 3]);
        assert!(ratio(palette.fill, palette.sheet) >= EDGE_RATIO);
        assert_eq!(palette.edge, palette.fill);
    }

    #[test]
    fn a_colour_survives_oklch() {
        for colour in [DEFAULT_ACCENT, YELLOW, WHITE, BLACK, [1, 128, 254]] {
            assert_eq!(Oklch::from_rgb(colour).to_rgb(), colour);
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2000))]

        #[test]
        fn every_accent_gives_readable_looks(accent: Rgb) {
            for palette in [Palette::light(accent), Palette::dark(accent)] {
                for ground in [palette.sheet, palette.desk, palette.tint] {
                    for text in [palette.ink, palette.muted, palette.link] {
                        proptest::prop_assert!(ratio(text, ground) >= TEXT_RATIO, "{palette:02x?}");
                    }
                }
                for ground in [palette.fill, palette.hover] {
                    proptest::prop_assert!(ratio(palette.on_fill, ground) >= TEXT_RATIO, "{palette:02x?}");
                }
                for edge in [palette.edge, palette.field] {
                    proptest::prop_assert!(ratio(edge, palette.sheet) >= EDGE_RATIO, "{palette:02x?}");
                }
            }
        }
    }
}
