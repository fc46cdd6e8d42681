//! Makes colours readable, by the contrast ratio of WCAG 2.2 (success criterion 1.4.3, level AA).

/// Red, green, blue.
pub(crate) type Rgb = [u8; 3];

/// Lowest contrast ratio of text, of any size, with its background.
pub(crate) const AA_RATIO: f64 = 4.5;

/// Shades tried between a colour and black or white.
const STEPS: u16 = 64;

/// Returns the contrast ratio of two colours, from 1 to 21.
pub(crate) fn ratio(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Darkens a colour until it is readable on every background. Returns black if no shade is.
pub(crate) fn darkened(colour: Rgb, backgrounds: &[Rgb]) -> Rgb {
    towards([0; 3], colour, backgrounds)
}

/// Lightens a colour until it is readable on every background. Returns white if no shade is.
pub(crate) fn lightened(colour: Rgb, backgrounds: &[Rgb]) -> Rgb {
    towards([255; 3], colour, backgrounds)
}

fn towards(end: Rgb, colour: Rgb, backgrounds: &[Rgb]) -> Rgb {
    (0..=STEPS)
        .map(|step| std::array::from_fn(|part| mix(colour[part], end[part], step)))
        .find(|shade| backgrounds.iter().all(|background| ratio(*shade, *background) >= AA_RATIO))
        .unwrap_or(end)
}

fn mix(from: u8, to: u8, step: u16) -> u8 {
    let sum = u16::from(from) * (STEPS - step) + u16::from(to) * step;
    u8::try_from(sum / STEPS).unwrap_or(to)
}

/// Returns the relative luminance of an sRGB colour (WCAG), from 0 to 1.
fn luminance(colour: Rgb) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// Formats a colour for CSS and `bgcolor`.
pub(crate) fn css([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHITE: Rgb = [255; 3];
    const BLACK: Rgb = [0; 3];

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

    proptest::proptest! {
        #[test]
        fn any_colour_on_any_background_becomes_readable_or_is_black_or_white(colour: Rgb, background: Rgb) {
            let (dark, light) = (darkened(colour, &[background]), lightened(colour, &[background]));
            proptest::prop_assert!(ratio(dark, background) >= AA_RATIO || dark == BLACK);
            proptest::prop_assert!(ratio(light, background) >= AA_RATIO || light == WHITE);
            // At least one of the two is readable.
            proptest::prop_assert!(ratio(dark, background).max(ratio(light, background)) >= AA_RATIO);
        }
    }

    #[test]
    fn a_readable_colour_stays_as_it_is() {
        let green = [0x0a, 0x60, 0x48];
        assert_eq!(darkened(green, &[WHITE]), green);
        assert_eq!(lightened([0x7d, 0xd0, 0xac], &[BLACK]), [0x7d, 0xd0, 0xac]);
    }

    #[test]
    fn an_unreadable_colour_keeps_its_hue() {
        let [red, green, blue] = darkened([0xff, 0xe0, 0x00], &[WHITE]);
        assert!(red > green && green > blue && blue == 0, "yellow becomes a darker yellow");
        assert_eq!(darkened(WHITE, &[WHITE])[0], darkened(WHITE, &[WHITE])[2], "white becomes grey");
    }
}
