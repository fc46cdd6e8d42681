//! Measures a picture by its first bytes.

use crate::domain::content::picture::{PictureKind, Unfit, judge};

/// Returns the width and height, in pixels, of the picture that begins with `head`. Fails if it is unfit for
/// emails. The declared content type doesn't matter.
pub fn size(head: &[u8]) -> Result<(u32, u32), Unfit> {
    PictureKind::of(head).ok_or(Unfit::Kind)?;
    let size = imagesize::blob_size(head).map_err(|_| Unfit::Size)?;
    let in_pixels = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    let (width, height) = (in_pixels(size.width), in_pixels(size.height));
    judge(width, height).map(|()| (width, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 2, 0, 0, 0]);
        bytes
    }

    #[test]
    fn sizes_are_read_from_the_first_bytes() {
        assert_eq!(size(&png(1200, 630)), Ok((1200, 630)));
        assert_eq!(size(&png(1, 1)), Err(Unfit::TooSmall { width: 1, height: 1 }));
        assert_eq!(size(&png(1200, 630)[..14]), Err(Unfit::Size));
        let gif = b"GIF89a\x90\x01\x2c\x01\0\0\0";
        assert_eq!(size(gif), Ok((400, 300)));
        assert_eq!(size(b"<svg width='900' height='900'/>"), Err(Unfit::Kind));
        assert_eq!(size(b"<!doctype html><img src=x>"), Err(Unfit::Kind));
    }
}
