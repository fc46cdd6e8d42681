//! The rules for pictures in emails.
//!
//! A picture is checked once, by its first bytes: its kind (regardless of the declared type) and its size.
//! Only kinds that mail programs show are accepted. Anything else, above all tracking pixels, is rejected.

/// Smallest width. Narrower pictures are icons, tracking pixels and emoji.
pub const MIN_WIDTH_PX: u32 = 200;
/// Smallest height. Lower pictures are rules and banners.
pub const MIN_HEIGHT_PX: u32 = 100;
/// Longest side. Larger pictures are meant for print.
pub const MAX_SIDE_PX: u32 = 12_000;
/// Largest file. Larger ones load too slowly for readers.
pub const MAX_BYTES: u64 = 5_000_000;
/// Bytes read from a picture to find its kind and size.
pub const HEAD_BYTES: usize = 256 * 1024;

/// Hosts and path prefixes of tracking pixels and decorations. Subdomains match too.
const COUNTERS: &[(&str, &str)] = &[
    ("feedburner.com", "/~r"),
    ("feedsportal.com", "/"),
    ("doubleclick.net", "/"),
    ("google-analytics.com", "/"),
    ("scorecardresearch.com", "/"),
    ("quantserve.com", "/"),
    ("imrworldwide.com", "/"),
    ("stats.wordpress.com", "/"),
    ("feeds.wordpress.com", "/"),
    ("stats.wp.com", "/"),
    ("pixel.wp.com", "/"),
    ("facebook.com", "/tr"),
    ("mc.yandex.ru", "/"),
    ("mc.yandex.com", "/"),
    ("statcounter.com", "/"),
    ("emltrk.com", "/"),
    ("list-manage.com", "/track"),
    ("gravatar.com", "/avatar"),
    ("s.w.org", "/images/core/emoji"),
];
/// Complete file names that are tracking pixels and spacers by convention.
const COUNTER_FILES: &[&str] = &[
    "1x1.gif",
    "1x1.png",
    "pixel.gif",
    "pixel.png",
    "b.gif",
    "t.gif",
    "spacer.gif",
    "blank.gif",
    "clear.gif",
    "open.aspx",
    "matomo.php",
    "piwik.php",
];
/// Complete path endings of tracking pixels in mailing tools.
const COUNTER_ENDINGS: &[&str] = &["/track/open", "/wf/open"];

/// Returns whether a URL is known as that of a tracking pixel or decoration, by its host or by a complete
/// name in its path. Partial names don't count: the picture is measured instead.
pub fn is_counter(address: &str) -> bool {
    let lower = address.to_lowercase();
    let rest = lower.split_once("://").map_or(lower.as_str(), |(_, rest)| rest);
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let host = host.rsplit('@').next().unwrap_or(host).split(':').next().unwrap_or(host);
    let is_host =
        |known: &str| host.strip_suffix(known).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'));
    let begins = |beginning: &str| {
        path.strip_prefix(beginning)
            .is_some_and(|rest| beginning.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
    };
    let file = path.rsplit('/').next().unwrap_or_default();
    COUNTERS.iter().any(|(known, beginning)| is_host(known) && begins(beginning))
        || COUNTER_FILES.contains(&file)
        || COUNTER_ENDINGS.iter().any(|ending| path.ends_with(ending))
        || path.contains("/wp-includes/images/smilies/")
}

/// A kind of picture that mail programs show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureKind {
    /// JPEG, ISO/IEC 10918-1.
    Jpeg,
    /// PNG, ISO/IEC 15948.
    Png,
    /// GIF87a or GIF89a.
    Gif,
    /// WebP, RFC 9649.
    WebP,
}

impl PictureKind {
    /// Returns the kind of picture that `bytes` begin like.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            _ => None,
        }
    }
}

/// The reason why a picture is unfit for emails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The URL is that of a tracking pixel.
    #[error("its address is that of a counter")]
    Counter,
    /// Not a kind of picture that mail programs show.
    #[error("it is no JPEG, PNG, GIF or WebP")]
    Kind,
    /// The first bytes don't contain the size.
    #[error("its size can't be told")]
    Size,
    #[error("it is {width} × {height} pixels small; at least {MIN_WIDTH_PX} × {MIN_HEIGHT_PX} are needed")]
    TooSmall { width: u32, height: u32 },
    #[error("it is {width} × {height} pixels large; at most {MAX_SIDE_PX} a side are taken")]
    TooLarge { width: u32, height: u32 },
    #[error("it has more than {MAX_BYTES} bytes")]
    TooHeavy,
}

/// Checks whether a picture of this size is fit for emails.
pub const fn judge(width: u32, height: u32) -> Result<(), Unfit> {
    if width < MIN_WIDTH_PX || height < MIN_HEIGHT_PX {
        return Err(Unfit::TooSmall { width, height });
    }
    if width > MAX_SIDE_PX || height > MAX_SIDE_PX {
        return Err(Unfit::TooLarge { width, height });
    }
    Ok(())
}

/// Returns an informative description. `None` for file names, URLs and words such as "picture".
pub fn telling_alt(text: &str) -> Option<&str> {
    let text = text.trim();
    let lower = text.to_lowercase();
    let is_file = !text.contains(' ')
        && [".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif"].iter().any(|ending| lower.ends_with(ending));
    let says_nothing =
        ["image", "picture", "photo", "img", "thumbnail", "featured image"].contains(&lower.as_str());
    (!text.is_empty() && !is_file && !says_nothing && !lower.starts_with("http")).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn kinds_are_told_by_the_first_bytes() {
        assert_eq!(PictureKind::of(b"\xff\xd8\xff\xe0"), Some(PictureKind::Jpeg));
        assert_eq!(PictureKind::of(b"\x89PNG\r\n\x1a\n.."), Some(PictureKind::Png));
        assert_eq!(PictureKind::of(b"GIF89a"), Some(PictureKind::Gif));
        assert_eq!(PictureKind::of(b"RIFF\0\0\0\0WEBPVP8 "), Some(PictureKind::WebP));
        for other in [&b"<svg"[..], b"<html", b"", b"RIFF\0\0\0\0WAVE", b"%PDF-"] {
            assert_eq!(PictureKind::of(other), None);
        }
    }

    #[test]
    fn counters_are_known_by_their_addresses() {
        for address in [
            "https://www.Facebook.com/tr?id=1",
            "https://feeds.feedburner.com/~r/x/1",
            "https://a.example/1x1.gif",
            "https://pixel.wp.com/b.gif?x",
        ] {
            assert!(is_counter(address), "{address}");
        }
        for address in [
            "https://a.example/photos/harbour.jpg",
            "https://a.example/portrait-681x1024.jpg",
            "https://a.example/google-pixel-9.jpg",
            "https://a.example/pixel/900.png",
            "https://a.example/crop/1x1/boat.jpg",
            "https://a.example/beacon-hill.jpg",
            "https://a.example/track/opening.jpg",
            "https://pixel.example.org/photo.jpg",
            "https://myfacebook.com/tr/x.jpg",
        ] {
            assert!(!is_counter(address), "{address}");
        }
    }

    #[test]
    fn a_description_says_what_is_to_be_seen_or_nothing() {
        assert_eq!(telling_alt(" A ferry at dawn "), Some("A ferry at dawn"));
        for nothing in ["", " ", "IMG_1234.JPG", "image", "https://a.example/x"] {
            assert_eq!(telling_alt(nothing), None, "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn only_sizes_within_the_bounds_are_fit(width in 0_u32..20_000, height in 0_u32..20_000) {
            let fit = (MIN_WIDTH_PX..=MAX_SIDE_PX).contains(&width) && (MIN_HEIGHT_PX..=MAX_SIDE_PX).contains(&height);
            prop_assert_eq!(judge(width, height).is_ok(), fit);
        }
    }
}
