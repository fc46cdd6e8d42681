//! Bytes to text, whatever the sender claims about them.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// How far into a document a declaration of its character set is looked for.
const DECLARED_WITHIN_BYTES: usize = 4096;

/// The text of a document. A byte order mark decides; then bytes that are valid UTF-8 beyond ASCII, which nothing else
/// is by chance; then what HTTP says; then what the document itself declares (`<?xml encoding`, `<meta charset`), each
/// only if the bytes agree. What is left is read as Windows-1252, in which every byte means something.
pub fn decode(body: &[u8], content_type: Option<&str>) -> String {
    if let Some((encoding, bom_bytes)) = Encoding::for_bom(body) {
        return encoding.decode_without_bom_handling(&body[bom_bytes..]).0.into_owned();
    }
    if !body.is_ascii()
        && let Ok(text) = std::str::from_utf8(body)
    {
        return text.to_owned();
    }
    let said = [content_type.and_then(of_content_type), declared(body)];
    for encoding in said.into_iter().flatten().chain([UTF_8]) {
        if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(body) {
            return text.into_owned();
        }
    }
    WINDOWS_1252.decode_without_bom_handling(body).0.into_owned()
}

fn of_content_type(content_type: &str) -> Option<&'static Encoding> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, label) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| Encoding::for_label(label.trim_matches([' ', '"', '\'']).as_bytes()))?
    })
}

/// The character set named in the first lines, in XML's words or HTML's.
fn declared(body: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&body[..body.len().min(DECLARED_WITHIN_BYTES)]).to_ascii_lowercase();
    let xml = head.trim_start().strip_prefix("<?xml").and_then(|rest| rest.split("?>").next());
    let label = match xml {
        Some(declaration) => after(declaration, "encoding"),
        None => head.split("<meta").skip(1).find_map(|meta| after(meta.split('>').next()?, "charset")),
    }?;
    // Whoever reads this declaration as bytes cannot be in a 16-bit encoding.
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
}
