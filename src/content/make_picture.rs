//! Makes the pictures of emails from a picture of the web: decoded within limits, turned upright, cropped, scaled
//! down and saved without its metadata.
//!
//! The original comes from strangers. Its size is read first, and a picture with too many pixels is not decoded.
//! Decoding takes bounded memory and time: the library allocates no more than its limit, and reads no more than
//! a hundred scans of a progressive JPEG.

use crate::{
    content::crop::Detail,
    domain::content::{
        made_picture::{FileName, Format, HASH_DIGITS, MadePicture, Shape},
        picture::{MAX_SIDE_PX, PictureKind, Unfit, judge},
    },
};
use aws_lc_rs::digest;
use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits,
    codecs::png::{CompressionType, FilterType as PngFilter, PngEncoder},
};
use std::io::Cursor;

/// Most pixels of an original, about those of a 24-megapixel camera.
const MAX_PIXELS: u64 = 27_000_000;
/// Most memory for a decoded original: four bytes per pixel.
const MAX_DECODED_BYTES: u64 = MAX_PIXELS * 4;
/// Qualities of JPEG, tried in order until the file is small enough.
const QUALITIES: [u8; 5] = [82, 74, 66, 56, 44];
/// Sizes that are tried with all qualities, relative to the shape. Even noise becomes small enough.
const SCALES: [f64; 4] = [1.0, 0.7, 0.5, 0.35];
/// Largest color profile that is kept. That of a printer can be larger than the picture.
const MAX_PROFILE_BYTES: usize = 4_096;
/// The background of transparent pictures whose PNG would be too large.
const PAPER: u32 = 255;

/// A picture file, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureFile {
    pub picture: MadePicture,
    pub bytes: Vec<u8>,
}

/// The files of one original, in the order of [`Shape::ALL`].
pub type PictureFiles = [PictureFile; 3];

/// Why no pictures were made. Another attempt with the same original fails, too.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("it has {0} pixels; at most {MAX_PIXELS} are decoded")]
    TooManyPixels(u64),
    #[error("it can't be decoded: {0}")]
    Decode(#[from] image::ImageError),
    #[error("it can't be scaled: {0}")]
    Scale(String),
    #[error("it can't be saved: {0}")]
    Save(String),
}

/// A decoded, upright original.
struct Original {
    bytes: Vec<u8>,
    size: (u32, u32),
    /// RGB, or RGBA if parts are transparent.
    pixels: PixelType,
    /// The color profile, if it is needed and small.
    profile: Option<Vec<u8>>,
}

/// Makes the picture for each shape. Takes up to a second of computing for the largest originals, so call it from
/// a blocking thread. Of a moving picture, the first frame is used.
pub fn make_pictures(bytes: &[u8]) -> Result<PictureFiles, MakeError> {
    let original = decode(bytes)?;
    let (width, height) = original.size;
    let picture = ImageRef::new(width, height, &original.bytes, original.pixels)
        .map_err(|error| MakeError::Scale(error.to_string()))?;
    let detail = Detail::of(&picture);
    Ok([
        make(&original, &picture, &detail, Shape::Lead)?,
        make(&original, &picture, &detail, Shape::SecondTier)?,
        make(&original, &picture, &detail, Shape::Thumbnail)?,
    ])
}

fn decode(bytes: &[u8]) -> Result<Original, MakeError> {
    let format = match PictureKind::of(bytes).ok_or(Unfit::Kind)? {
        PictureKind::Jpeg => ImageFormat::Jpeg,
        PictureKind::Png => ImageFormat::Png,
        PictureKind::Gif => ImageFormat::Gif,
        PictureKind::WebP => ImageFormat::WebP,
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE_PX);
    limits.max_image_height = Some(MAX_SIDE_PX);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    judge(width, height)?;
    let count = u64::from(width) * u64::from(height);
    if count > MAX_PIXELS {
        return Err(MakeError::TooManyPixels(count));
    }
    // Damaged metadata is no reason to go without the picture.
    let orientation = decoder.orientation().ok();
    let profile = decoder.icc_profile().ok().flatten().filter(|profile| is_rgb_profile(profile));
    let mut picture = DynamicImage::from_decoder(decoder)?;
    if let Some(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    let size = (picture.width(), picture.height());
    if picture.color().has_alpha() {
        let picture = picture.into_rgba8();
        if picture.pixels().any(|pixel| pixel.0[3] < u8::MAX) {
            return Ok(Original { bytes: picture.into_raw(), size, pixels: PixelType::U8x4, profile });
        }
        let opaque = DynamicImage::ImageRgba8(picture).into_rgb8().into_raw();
        return Ok(Original { bytes: opaque, size, pixels: PixelType::U8x3, profile });
    }
    Ok(Original { bytes: picture.into_rgb8().into_raw(), size, pixels: PixelType::U8x3, profile })
}

/// Returns whether a color profile describes screen colors and is small. Without one, colors are sRGB.
fn is_rgb_profile(profile: &[u8]) -> bool {
    profile.len() <= MAX_PROFILE_BYTES && profile.get(16..20) == Some(b"RGB ")
}

/// Makes the picture for one shape. It is never larger than the original.
fn make(
    original: &Original,
    picture: &ImageRef<'_>,
    detail: &Detail,
    shape: Shape,
) -> Result<PictureFile, MakeError> {
    let part = detail.part(original.size, shape.size());
    let largest = (part.width / f64::from(shape.size().0)).min(1.0);
    for scale in SCALES {
        let side = |length: u32| ((f64::from(length) * largest * scale).round() as u32).max(1);
        let (width, height) = (side(shape.size().0), side(shape.size().1));
        let mut scaled = Image::new(width, height, original.pixels);
        let options = ResizeOptions::new()
            .crop(part.left, part.top, part.width, part.height)
            .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
        Resizer::new()
            .resize(picture, &mut scaled, &options)
            .map_err(|error| MakeError::Scale(error.to_string()))?;
        let mut pixels = scaled.into_vec();
        if original.pixels == PixelType::U8x4 {
            if pixels.chunks_exact(4).any(|pixel| pixel[3] < u8::MAX) {
                let bytes = png(&pixels, (width, height), original.profile.as_deref())?;
                if bytes.len() <= shape.max_bytes() {
                    return Ok(file(bytes, Format::Png, (width, height)));
                }
            }
            pixels = on_paper(&pixels);
        }
        for quality in QUALITIES {
            let bytes = jpeg(&pixels, (width, height), quality, original.profile.as_deref())?;
            if bytes.len() <= shape.max_bytes() {
                return Ok(file(bytes, Format::Jpeg, (width, height)));
            }
        }
    }
    Err(MakeError::Save(format!("it has more than {} bytes even when small", shape.max_bytes())))
}

fn file(bytes: Vec<u8>, format: Format, (width, height): (u32, u32)) -> PictureFile {
    let hash = digest::digest(&digest::SHA256, &bytes);
    let mut hash = hex::encode(hash.as_ref());
    hash.truncate(HASH_DIGITS);
    PictureFile { picture: MadePicture { file: FileName { hash, format }, width, height }, bytes }
}

/// Lays a transparent picture on white.
fn on_paper(pixels: &[u8]) -> Vec<u8> {
    let mixed = |level: u8, alpha: u8| {
        let (level, alpha) = (u32::from(level), u32::from(alpha));
        // At most 255.
        u8::try_from((level * alpha + PAPER * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
    };
    pixels
        .chunks_exact(4)
        .flat_map(|pixel| [0, 1, 2].map(|channel| mixed(pixel[channel], pixel[3])))
        .collect()
}

/// Encodes RGB with half the resolution for colors, which nobody sees in a photograph.
fn jpeg(
    pixels: &[u8],
    (width, height): (u32, u32),
    quality: u8,
    profile: Option<&[u8]>,
) -> Result<Vec<u8>, MakeError> {
    let failed = |error: jpeg_encoder::EncodingError| MakeError::Save(error.to_string());
    // Shapes are at most 1200 pixels wide.
    let side = |length: u32| u16::try_from(length).unwrap_or(u16::MAX);
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.set_optimized_huffman_tables(true);
    encoder.set_progressive(true);
    if let Some(profile) = profile {
        encoder.add_icc_profile(profile).map_err(failed)?;
    }
    encoder.encode(pixels, side(width), side(height), jpeg_encoder::ColorType::Rgb).map_err(failed)?;
    Ok(bytes)
}

fn png(pixels: &[u8], (width, height): (u32, u32), profile: Option<&[u8]>) -> Result<Vec<u8>, MakeError> {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, PngFilter::Adaptive);
    if let Some(profile) = profile {
        // An encoder without profiles writes none.
        let _ = encoder.set_icc_profile(profile.to_vec());
    }
    encoder
        .write_image(pixels, width, height, ExtendedColorType::Rgba8)
        .map_err(|error| MakeError::Save(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
#[path = "make_picture_tests.rs"]
mod tests;
