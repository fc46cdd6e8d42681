//! Chooses the part of a picture that is kept when it is cropped: the one with the most detail, near the middle
//! if several have as much.
//!
//! Detail is contrast between neighbouring points and strength of color. There is no search for faces or skin,
//! which works for some people better than for others.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "lengths are a few thousand pixels, and never negative"
)]
#![expect(clippy::needless_range_loop, reason = "pixels are found by both coordinates")]

use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};

/// The longer side of the small copy that is searched, in points.
const SAMPLE_SIDE: u32 = 96;
/// Weight of detail at the edge, relative to the middle.
const EDGE_WEIGHT: f64 = 0.5;
/// Place of the middle of interest from the top. People's faces are rarely in the lower half.
const HEIGHT_OF_INTEREST: f64 = 0.4;

/// A part of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

/// The detail in the columns and rows of a picture.
#[derive(Debug)]
pub(super) struct Detail {
    columns: Vec<f64>,
    rows: Vec<f64>,
}

impl Detail {
    /// Measures a picture with three or four bytes per pixel.
    pub fn of(picture: &ImageRef<'_>) -> Self {
        let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
        let scale = (f64::from(SAMPLE_SIDE) / width.max(height)).min(1.0);
        let (width, height) = (points(width * scale), points(height * scale));
        let mut sample = Image::new(width, height, picture.pixel_type());
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Box));
        // Both pictures have the same type of pixels, which is the only reason to fail.
        if Resizer::new().resize(picture, &mut sample, &options).is_err() {
            return Self { columns: vec![1.0; width as usize], rows: vec![1.0; height as usize] };
        }
        let channels = if picture.pixel_type() == PixelType::U8x4 { 4 } else { 3 };
        Self::of_sample(sample.buffer(), channels, width as usize, height as usize)
    }

    fn of_sample(bytes: &[u8], channels: usize, width: usize, height: usize) -> Self {
        let pixel = |x: usize, y: usize| &bytes[(y * width + x) * channels..][..channels];
        let opacity = |x, y| pixel(x, y).get(3).map_or(1.0, |alpha| f64::from(*alpha) / 255.0);
        let light = |x: usize, y: usize| {
            let [red, green, blue] = [0, 1, 2].map(|channel| f64::from(pixel(x, y)[channel]));
            0.3f64.mul_add(red, 0.59f64.mul_add(green, 0.11 * blue)) * opacity(x, y)
        };
        let (mut columns, mut rows) = (vec![0.0; width], vec![0.0; height]);
        for y in 0..height {
            for x in 0..width {
                let here = light(x, y);
                let contrast = (light((x + 1).min(width - 1), y) - here).abs()
                    + (light(x, (y + 1).min(height - 1)) - here).abs();
                let color = &pixel(x, y)[..3];
                let (least, most) = (color.iter().min(), color.iter().max());
                let strength = f64::from(most.unwrap_or(&0) - least.unwrap_or(&0)) * opacity(x, y);
                let detail = 0.1f64.mul_add(strength, contrast);
                columns[x] += detail;
                rows[y] += detail;
            }
        }
        Self { columns, rows }
    }

    /// Returns the largest part of a picture of this size that has the shape `width` × `height`.
    pub fn part(&self, size: (u32, u32), shape: (u32, u32)) -> Part {
        let (width, height) = (f64::from(size.0), f64::from(size.1));
        let ratio = f64::from(shape.0) / f64::from(shape.1);
        let (part_width, part_height) = (width.min(height * ratio), height.min(width / ratio));
        Part {
            left: (width - part_width) * offset(&self.columns, part_width / width, 0.5),
            top: (height - part_height) * offset(&self.rows, part_height / height, HEIGHT_OF_INTEREST),
            width: part_width,
            height: part_height,
        }
    }
}

fn points(length: f64) -> u32 {
    // A length is at most `SAMPLE_SIDE`.
    (length.round() as u32).max(1)
}

/// Returns where a window over `share` of the line begins, from 0 (at the start) to 1 (at the end). `middle` is the
/// place of interest.
fn offset(line: &[f64], share: f64, middle: f64) -> f64 {
    let length = line.len() as f64;
    let window = ((length * share).round() as usize).clamp(1, line.len());
    let places = line.len() - window;
    if places == 0 {
        return 0.5;
    }
    let weighted: Vec<f64> = line
        .iter()
        .zip(0_u32..)
        .map(|(detail, at)| {
            let distance = ((f64::from(at) + 0.5) / length - middle).abs() / middle.max(1.0 - middle);
            // A plain picture has no detail, and is cropped around the middle, too.
            (detail + 0.001) * EDGE_WEIGHT.mul_add(-distance, 1.0)
        })
        .collect();
    let mut sum: f64 = weighted[..window].iter().sum();
    let (mut best, mut most) = (0, sum);
    for start in 1..=places {
        sum += weighted[start + window - 1] - weighted[start - 1];
        if sum > most {
            (best, most) = (start, sum);
        }
    }
    best as f64 / places as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the kept part of a gray picture with a checked square.
    fn part_of(size: (u32, u32), square: Option<(u32, u32)>, shape: (u32, u32)) -> Part {
        let mut bytes = Vec::new();
        for y in 0..size.1 {
            for x in 0..size.0 {
                let is_in = square.is_some_and(|(left, top)| {
                    (left..left + 80).contains(&x) && (top..top + 80).contains(&y)
                });
                let level = if is_in && (x / 10 + y / 10) % 2 == 0 { 255 } else { 120 };
                bytes.extend([level; 3]);
            }
        }
        let picture = ImageRef::new(size.0, size.1, &bytes, PixelType::U8x3).unwrap();
        Detail::of(&picture).part(size, shape)
    }

    #[test]
    fn the_part_with_the_detail_is_kept() {
        for (size, square, shape) in [
            ((900, 300), (20, 100), (1, 1)),
            ((900, 300), (800, 100), (1, 1)),
            ((300, 900), (100, 20), (2, 1)),
            ((300, 900), (100, 780), (2, 1)),
        ] {
            let part = part_of(size, Some(square), shape);
            let (left, top) = (f64::from(square.0), f64::from(square.1));
            assert!(part.left <= left && left + 80.0 <= part.left + part.width, "{square:?}: {part:?}");
            assert!(part.top <= top && top + 80.0 <= part.top + part.height, "{square:?}: {part:?}");
        }
    }

    #[test]
    fn a_plain_picture_is_cropped_near_the_middle_and_a_tall_one_above_it() {
        let wide = part_of((900, 300), None, (1, 1));
        assert!((wide.left - 300.0).abs() < 15.0, "{wide:?}");
        assert_eq!((wide.top, wide.width, wide.height), (0.0, 300.0, 300.0));
        let tall = part_of((300, 900), None, (2, 1));
        assert!(tall.top > 200.0 && tall.top < 375.0, "{tall:?}");
        assert_eq!((tall.width, tall.height), (300.0, 150.0));
    }

    #[test]
    fn a_picture_in_its_shape_stays_whole() {
        let part = part_of((1200, 600), None, (2, 1));
        assert_eq!(part, Part { left: 0.0, top: 0.0, width: 1200.0, height: 600.0 });
        // Lines of one pixel have a part, too.
        assert!((part_of((400, 1), None, (1, 1)).height - 1.0).abs() < f64::EPSILON);
    }
}
