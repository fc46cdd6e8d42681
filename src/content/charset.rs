//! Decodes bytes to text, even if the declared character set is wrong.

use crate::domain::encoding::utf16_without_mark;
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8};

/// Bytes at the start of a document that are searched for a character set declaration.
const DECLARED_WITHIN_BYTES: usize = 4096;
/// Bytes of a document that are used to guess an undeclared character set.
const GUESSED_FROM_BYTES: usize = 256 * 1024;
/// Non-ASCII characters per malformed sequence from which a text counts as UTF-8, regardless of any
/// declaration.
const CERTAIN: usize = 4;

/// Decodes a document, with U+FFFD for malformed bytes.
///
/// Sources of the encoding, in order: a byte order mark, valid non-ASCII UTF-8 (which hardly occurs by
/// chance), the HTTP header, the document's own declaration (`<?xml encoding`, `<meta charset`). If most
/// non-ASCII bytes are malformed in the declared encoding, the encoding is guessed instead.
pub fn decode(body: &[u8], content_type: Option<&str>) -> String {
    if let Some((encoding, bom_bytes)) = Encoding::for_bom(body) {
        return without_nul(encoding.decode_without_bom_handling(&body[bom_bytes..]).0.into_owned());
    }
    if let Some(encoding) = utf16_without_mark(body) {
        return without_nul(encoding.decode_without_bom_handling(body).0.into_owned());
    }
    without_nul(decode_8_bit(body, content_type))
}

fn decode_8_bit(body: &[u8], content_type: Option<&str>) -> String {
    if !body.is_ascii()
        && let Ok(text) = std::str::from_utf8(body)
    {
        return text.to_owned();
    }
    let said = [content_type.and_then(of_content_type), declared(body)];
    let said = || said.iter().flatten().copied();
    let utf_8 = (!body.is_ascii()).then(|| Decoded::of(body, UTF_8));
    if let Some(decoded) = &utf_8
        && decoded.fit >= CERTAIN * decoded.malformed
    {
        return decoded.text.clone();
    }
    for encoding in said().chain([UTF_8]) {
        if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(body) {
            return text.into_owned();
        }
    }
    // UTF-8 sequences hardly occur by chance, so fewer of them are enough if UTF-8 is declared.
    if let Some(decoded) = &utf_8
        && said().any(|encoding| encoding == UTF_8)
        && decoded.fit > 0
        && 2 * decoded.fit >= decoded.malformed
    {
        return decoded.text.clone();
    }
    let candidates = said().map(|encoding| Decoded::of(body, encoding)).chain(utf_8);
    if let Some(decoded) = candidates.into_iter().find(|it| it.fit > 0 && it.fit >= it.malformed) {
        return decoded.text;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&body[..body.len().min(GUESSED_FROM_BYTES)], true);
    let guessed = detector.guess(None, Utf8Detection::Deny);
    guessed.decode_without_bom_handling(body).0.into_owned()
}

/// A decoded text, and how well its non-ASCII bytes fit the encoding.
struct Decoded {
    text: String,
    fit: usize,
    malformed: usize,
}

impl Decoded {
    fn of(body: &[u8], encoding: &'static Encoding) -> Self {
        let text = encoding.decode_without_bom_handling(body).0.into_owned();
        let malformed = text.matches('\u{fffd}').count();
        let fit = text.chars().filter(|c| !c.is_ascii()).count() - malformed;
        Self { text, fit, malformed }
    }
}

/// Removes NUL characters, which no text contains. UTF-32 decoded as UTF-16 has one after each character.
fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

fn of_content_type(content_type: &str) -> Option<&'static Encoding> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, label) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| Encoding::for_label(label.trim_matches([' ', '"', '\'']).as_bytes()))?
    })
}

/// Returns the character set declared in the first lines, in XML or HTML syntax.
fn declared(body: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&body[..body.len().min(DECLARED_WITHIN_BYTES)]).to_ascii_lowercase();
    let xml = head.trim_start().strip_prefix("<?xml").and_then(|rest| rest.split("?>").next());
    let label = match xml {
        Some(declaration) => after(declaration, "encoding"),
        None => head.split("<meta").skip(1).find_map(|meta| after(meta.split('>').next()?, "charset")),
    }?;
    // A declaration that is readable as ASCII can't be in a 16-bit encoding.
    Encoding::for_label(label.as_bytes()).map(Encoding::output_encoding)
}

fn after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = text.split_once(name)?.1.trim_start().strip_prefix('=')?.trim_start();
    let rest = rest.trim_start_matches(['"', '\'']);
    let end = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')))
        .unwrap_or(rest.len());
    Some(&rest[..end]).filter(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declared_character_set_is_used() {
        for (body, content_type) in [
            (b"<?xml version='1.0' encoding='ISO-8859-1'?><t>caf\xe9</t>".as_slice(), None),
            (b"<t>caf\xe9</t>", Some("text/xml; charset=\"iso-8859-1\"")),
            (b"<meta http-equiv=content-type content='text/html; charset=windows-1252'><t>caf\xe9</t>", None),
            (b"<t>caf\xe9</t>", Some("text/html; charset=utf-8")),
            (b"\xef\xbb\xbf<t>caf\xc3\xa9</t>", Some("text/html; charset=latin1")),
            ("<meta charset=gb2312><t>café</t>".as_bytes(), None),
            (b"\xff\xfec\0a\0f\0\xe9\0", None),
        ] {
            assert!(decode(body, content_type).contains("café"), "{}", String::from_utf8_lossy(body));
        }
        assert_eq!(decode(b"\xcf\xf0\xe8\xe2\xe5\xf2", Some("text/plain;charset=windows-1251")), "Привет");
    }

    #[test]
    fn a_bad_byte_leaves_the_rest_as_it_is() {
        for (body, content_type) in [
            (b"<?xml version='1.0' encoding='utf-8'?><t>caf\xc3\xa9</t><t>a\xe9b</t>".as_slice(), None),
            (b"<meta charset=utf-8><t>caf\xc3\xa9 na\xc3\xafve</t><t>cut \xe2\x80</t>", None),
            (b"<t>caf\xc3\xa9</t>\xff", Some("text/html; charset=utf-8")),
            (b"<t>caf\xc3\xa9 \xc3\xa0 \xc3\xa9 \xc3\xa8</t>\xff", Some("text/xml; charset=iso-8859-1")),
            (b"<t>caf\xc3\xa9</t>\xff", None),
            (b"<meta charset=utf-8><t>caf\xc3\xa9 caf\xc3\xa9</t>\xe9 \xe0 \xe8", None),
        ] {
            let text = decode(body, content_type);
            assert!(text.contains("caf\u{e9}") && text.contains('\u{fffd}'), "{text}");
        }
        assert_eq!(decode(b"caf\0e", None), "cafe");
        let japanese =
            b"<?xml version='1.0' encoding='Shift_JIS'?><t>\x82\xb1\x82\xf1\x82\xc9\x82\xbf\x82\xcd</t>\x82";
        assert!(decode(japanese, None).contains("こんにちは"));
    }

    #[test]
    fn a_declaration_that_is_wrong_throughout_is_not_believed() {
        for body in [
            b"<?xml version='1.0' encoding='utf-8'?><t>caf\xe9, na\xefve, fa\xe7ade</t>".as_slice(),
            b"<meta charset=utf-8><t>The caf\xe9 \x93closed\x94 at noon</t>",
        ] {
            assert!(decode(body, Some("text/xml; charset=utf-8")).contains("café"));
        }
        let russian = b"<?xml version='1.0' encoding='utf-8'?><t>\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0! \xdd\xf2\xee \xed\xee\xe2\xee\xf1\xf2\xe8</t>";
        assert!(decode(russian, None).contains("Привет"));
    }

    #[test]
    fn sixteen_bits_are_read_without_a_byte_order_mark() {
        let text = "<?xml version=\"1.0\" encoding=\"utf-16\"?><t>café 😀</t>";
        let units = || text.encode_utf16();
        let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
        let wide: Vec<u8> = "<t>café</t>".chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
        for body in [little, big, wide] {
            assert!(decode(&body, Some("text/xml; charset=utf-8")).contains("café"));
        }
    }
}
