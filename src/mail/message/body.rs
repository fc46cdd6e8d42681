//! The body of a message: the same thing said twice, as text and as HTML (RFC 2046 section 5.1.4).

/// What separates the parts. It comes from the part of a message's identity that all copies share, up to the first dot or `@`:
/// nobody who writes an article can know it, and quoted-printable text can't hold it.
pub(super) fn boundary(message_id: &str) -> String {
    let key = message_id.split(['.', '@']).next().unwrap_or_default();
    let key: String = key.chars().filter(char::is_ascii_alphanumeric).take(60).collect();
    format!("=_{key}")
}

/// The body made of two parts in quoted-printable. It ends in one line break, as DKIM's relaxed form does.
pub(super) fn alternatives(boundary: &str, text: &str, html: &str) -> String {
    let mut body = String::with_capacity(text.len() + html.len() + 512);
    for (kind, content) in [("plain", text), ("html", html)] {
        for piece in ["--", boundary, "\r\nContent-Type: text/", kind] {
            body.push_str(piece);
        }
        body.push_str("; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n");
        body.push_str(content);
        body.push_str("\r\n");
    }
    for piece in ["--", boundary, "--\r\n"] {
        body.push_str(piece);
    }
    body
}
