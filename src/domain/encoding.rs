//! The encoding of a text that doesn't name it.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

/// Detects a 16-bit encoding without a byte order mark. Markup and lists are mostly
/// ASCII, so every other byte is zero.
pub fn utf16_without_mark(body: &[u8]) -> Option<&'static Encoding> {
    let head = &body[..body.len().min(256)];
    let zeros = memchr::memchr_iter(0, head).count();
    match head {
        [0, ..] if zeros * 3 >= head.len() => Some(UTF_16BE),
        [_, 0, ..] if zeros * 3 >= head.len() => Some(UTF_16LE),
        _ => None,
    }
}
