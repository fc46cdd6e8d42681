use super::*;
use image::{Frame, Rgb, RgbImage, Rgba, RgbaImage, codecs::gif::GifEncoder};
use jpeg_encoder::ColorType;

const RED: [u8; 3] = [220, 20, 20];
const BLUE: [u8; 3] = [20, 20, 220];

fn saved(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Returns a red picture, blue from `middle` on, in pixels from the left.
fn half_and_half(width: u32, height: u32, middle: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| Rgb(if x < middle { RED } else { BLUE }))
}

/// Returns pseudorandom bytes, which don't compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn sizes(files: &PictureFiles) -> [(u32, u32); 3] {
    [0, 1, 2].map(|at| (files[at].picture.width, files[at].picture.height))
}

fn decoded(file: &PictureFile) -> DynamicImage {
    image::load_from_memory(&file.bytes).unwrap()
}

/// Returns whether the point of a picture, in percent of its size, has about this color.
fn has_color(picture: &DynamicImage, (x, y): (u32, u32), color: [u8; 3]) -> bool {
    let point = picture.to_rgb8().get_pixel(picture.width() * x / 100, picture.height() * y / 100).0;
    point.iter().zip(color).all(|(is, wanted)| is.abs_diff(wanted) < 30)
}

/// Returns a chunk of a PNG file.
fn chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [&name, data].concat();
    let mut crc = u32::MAX;
    for byte in &body {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let length = u32::try_from(data.len()).unwrap();
    [&length.to_be_bytes()[..], &body, &(!crc).to_be_bytes()].concat()
}

/// Returns a PNG file that declares a size and has no pixels.
fn hollow_png(width: u32, height: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(*b"IHDR", &header), &chunk(*b"IDAT", &[]), &chunk(*b"IEND", &[])]
        .concat()
}

#[test]
fn a_photo_is_made_in_all_shapes_and_the_same_bytes_get_the_same_names() {
    let photo = saved(half_and_half(2400, 1600, 1200), ImageFormat::Jpeg);
    let files = make_pictures(&photo).unwrap();
    assert_eq!(sizes(&files), [(1200, 600), (600, 338), (192, 192)]);
    for (file, shape) in files.iter().zip(Shape::ALL) {
        assert_eq!(file.picture.file.format, Format::Jpeg);
        assert!(file.bytes.len() <= shape.max_bytes(), "{shape}: {}", file.bytes.len());
        assert_eq!(PictureKind::of(&file.bytes), Some(PictureKind::Jpeg));
        let picture = decoded(file);
        assert_eq!((picture.width(), picture.height()), (file.picture.width, file.picture.height));
    }
    assert!(has_color(&decoded(&files[0]), (10, 50), RED) && has_color(&decoded(&files[0]), (90, 50), BLUE));
    assert_eq!(make_pictures(&photo).unwrap(), files);
    assert!(files[0].picture.file != files[1].picture.file);
}

#[test]
fn a_small_picture_is_cropped_but_not_enlarged() {
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let files = make_pictures(&saved(half_and_half(400, 300, 200), format)).unwrap();
        assert_eq!(sizes(&files), [(400, 200), (400, 225), (192, 192)], "{format:?}");
    }
    let narrow = make_pictures(&saved(half_and_half(200, 1000, 100), ImageFormat::Png)).unwrap();
    assert_eq!(sizes(&narrow), [(200, 100), (200, 113), (192, 192)]);
}

#[test]
fn transparent_pictures_stay_so_unless_they_are_too_large() {
    let logo = RgbaImage::from_fn(1200, 600, |x, _| Rgba([200, 0, 0, if x < 600 { 255 } else { 0 }]));
    let files = make_pictures(&saved(logo, ImageFormat::Png)).unwrap();
    assert!(files.iter().all(|file| file.picture.file.format == Format::Png), "{:?}", sizes(&files));
    assert_eq!(decoded(&files[0]).to_rgba8().get_pixel(1100, 300).0[3], 0);
    let opaque = RgbaImage::from_fn(1200, 600, |x, _| Rgba([u8::try_from(x / 5).unwrap(), 0, 0, 255]));
    let files = make_pictures(&saved(opaque, ImageFormat::Png)).unwrap();
    assert!(files.iter().all(|file| file.picture.file.format == Format::Jpeg));
    // Half-transparent noise, as heavy as a PNG can be.
    let mut pixels = noise(800 * 400 * 4);
    pixels.chunks_exact_mut(4).for_each(|pixel| pixel[3] |= 0x80);
    let heavy = RgbaImage::from_raw(800, 400, pixels).unwrap();
    let files = make_pictures(&saved(heavy, ImageFormat::Png)).unwrap();
    assert_eq!(files[0].picture.file.format, Format::Jpeg);
    assert!(files[0].bytes.len() <= Shape::Lead.max_bytes());
}

#[test]
fn even_noise_stays_within_the_limits() {
    let noise = RgbImage::from_raw(1300, 700, noise(1300 * 700 * 3)).unwrap();
    let files = make_pictures(&saved(noise, ImageFormat::Png)).unwrap();
    for (file, shape) in files.iter().zip(Shape::ALL) {
        assert!(file.bytes.len() <= shape.max_bytes(), "{shape}: {}", file.bytes.len());
    }
}

#[test]
fn a_camera_held_sideways_is_turned_and_its_metadata_is_left_out() {
    // A tag of EXIF: the picture is to be turned clockwise by a quarter.
    let exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let turned = RgbImage::from_fn(500, 1000, |_, y| Rgb(if y < 500 { RED } else { BLUE }));
    let mut photo = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut photo, 90);
    encoder.add_app_segment(1, exif.to_vec()).unwrap();
    encoder.encode(turned.as_raw(), 500, 1000, ColorType::Rgb).unwrap();
    let files = make_pictures(&photo).unwrap();
    let lead = decoded(&files[0]);
    assert_eq!(sizes(&files)[0], (1000, 500));
    assert!(has_color(&lead, (10, 50), BLUE) && has_color(&lead, (90, 50), RED));
    assert!(!files[0].bytes.windows(4).any(|it| it == b"Exif"));
}

#[test]
fn a_picture_in_the_colors_of_print_is_read() {
    let mut photo = Vec::new();
    // No ink at all: white paper.
    let pixels = [0, 0, 0, 0].repeat(400 * 200);
    jpeg_encoder::Encoder::new(&mut photo, 90).encode(&pixels, 400, 200, ColorType::Cmyk).unwrap();
    let files = make_pictures(&photo).unwrap();
    assert!(
        has_color(&decoded(&files[0]), (50, 50), [255; 3]),
        "{:?}",
        decoded(&files[0]).to_rgb8().get_pixel(9, 9)
    );
}

#[test]
fn a_moving_picture_shows_its_first_frame() {
    let mut moving = Vec::new();
    let mut encoder = GifEncoder::new(&mut moving);
    for color in [RED, BLUE, BLUE] {
        let frame = RgbaImage::from_pixel(400, 200, Rgba([color[0], color[1], color[2], 255]));
        encoder.encode_frame(Frame::new(frame)).unwrap();
    }
    drop(encoder);
    let files = make_pictures(&moving).unwrap();
    assert!(has_color(&decoded(&files[0]), (50, 50), RED));
}

#[test]
fn a_color_profile_is_kept_if_it_is_one_of_screens_and_small() {
    let profile = |space: &[u8; 4], length: usize| {
        let mut profile = vec![7; length];
        profile[16..20].copy_from_slice(space);
        profile
    };
    let has_profile = |profile: Vec<u8>| {
        let mut photo = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut photo, 90);
        encoder.add_icc_profile(&profile).unwrap();
        encoder.encode(half_and_half(400, 200, 200).as_raw(), 400, 200, ColorType::Rgb).unwrap();
        make_pictures(&photo).unwrap()[0].bytes.windows(11).any(|it| it == b"ICC_PROFILE")
    };
    assert!(has_profile(profile(b"RGB ", 600)));
    assert!(!has_profile(profile(b"RGB ", 60_000)));
    assert!(!has_profile(profile(b"CMYK", 600)));
}

#[test]
fn hostile_files_are_refused() {
    let photo = saved(half_and_half(1200, 600, 600), ImageFormat::Jpeg);
    let png = saved(half_and_half(1200, 600, 600), ImageFormat::Png);
    let refused = |bytes: &[u8]| make_pictures(bytes).unwrap_err().to_string();
    assert_eq!(refused(b"<html>Not found"), "it is no JPEG, PNG, GIF or WebP");
    assert_eq!(refused(b"<svg width='900' height='900'/>"), "it is no JPEG, PNG, GIF or WebP");
    assert!(refused(&png[..png.len() / 2]).starts_with("it can't be decoded"));
    assert_eq!(refused(&photo[..photo.len() - 2]), "its file is cut off");
    assert!(refused(&hollow_png(1200, 600)).starts_with("it can't be decoded"));
    // Small files that would fill the memory.
    assert_eq!(refused(&hollow_png(5500, 5000)), "it has 27500000 pixels; at most 27000000 are decoded");
    for (width, height) in [(12_001, 300), (300, 12_001), (u32::MAX / 2, u32::MAX / 2)] {
        assert!(make_pictures(&hollow_png(width, height)).is_err(), "{width} × {height}");
    }
    assert!(refused(&hollow_png(100, 50)).contains("100 × 50 pixels small"));
    // Any damage leads to an error or a picture, never to a panic.
    let photo = saved(half_and_half(400, 200, 200), ImageFormat::Jpeg);
    for at in (2..photo.len()).step_by(photo.len() / 100 + 1) {
        let mut damaged = photo.clone();
        damaged[at] ^= 0x55;
        let _ = decode(&damaged);
    }
}
