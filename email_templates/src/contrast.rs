//! Readable colours by computation: the contrast of WCAG 2.2 (success criterion 1.4.3, level AA).

/// Red, green, blue.
pub(crate) type Rgb = [u8; 3];

/// What text of any size needs against its background.
pub(crate) const AA_RATIO: f64 = 4.5;

/// The shades between a colour and black or white that are tried.
const STEPS: u16 = 64;

/// The contrast of two colours, from 1 to 21; which one is the text doesn't matter.
pub(crate) fn ratio(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The colour, or the first darker shade of it that can be read on every one of the grounds: black where none can.
pub(crate) fn darkened(colour: Rgb, grounds: &[Rgb]) -> Rgb {
    towards([0; 3], colour, grounds)
}

/// The colour, or the first lighter shade of it that can be read on every one of the grounds: white where none can.
pub(crate) fn lightened(colour: Rgb, grounds: &[Rgb]) -> Rgb {
    towards([255; 3], colour, grounds)
}

fn towards(end: Rgb, colour: Rgb, grounds: &[Rgb]) -> Rgb {
    (0..=STEPS)
        .map(|step| std::array::from_fn(|part| mixed(colour[part], end[part], step)))
        .find(|shade| grounds.iter().all(|ground| ratio(*shade, *ground) >= AA_RATIO))
        .unwrap_or(end)
}

fn mixed(from: u8, to: u8, step: u16) -> u8 {
    let sum = u16::from(from) * (STEPS - step) + u16::from(to) * step;
    u8::try_from(sum / STEPS).unwrap_or(to)
}

/// How bright a colour is, from 0 to 1, as WCAG defines it for sRGB.
fn luminance(colour: Rgb) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// The colour as CSS and `bgcolor` write it.
pub(crate) fn css([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHITE: Rgb = [255; 3];
    const BLACK: Rgb = [0; 3];

    #[test]
    fn ratios_are_those_that_others_compute() {
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
    fn a_readable_colour_stays_as_it_is() {
        let green = [0x0a, 0x60, 0x48];
        assert_eq!(darkened(green, &[WHITE]), green);
        assert_eq!(lightened([0x7d, 0xd0, 0xac], &[BLACK]), [0x7d, 0xd0, 0xac]);
    }

    #[test]
    fn an_unreadable_one_keeps_its_hue() {
        let [red, green, blue] = darkened([0xff, 0xe0, 0x00], &[WHITE]);
        assert!(red > green && green > blue && blue == 0, "yellow becomes a darker yellow");
        assert_eq!(darkened(WHITE, &[WHITE])[0], darkened(WHITE, &[WHITE])[2], "white becomes grey");
    }
}
