//! Reply codes and enhanced status codes inside diagnostics.

use crate::domain::delivery::enhanced_code::EnhancedCode;

/// The codes of a diagnostic.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Codes {
    pub reply: Option<u16>,
    pub enhanced: Option<EnhancedCode>,
}

/// Finds the codes in a diagnostic. A reply code directly before an enhanced code of the same class is the
/// remote server's own answer, so it counts more than codes that a mailer put around it.
pub fn codes(text: &str) -> Codes {
    let pieces: Vec<&str> = text
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '@')))
        .filter(|it| !it.is_empty())
        .collect();
    let mut found = Codes::default();
    for (index, piece) in pieces.iter().enumerate() {
        if let Some(reply) = reply_code(piece) {
            let next = pieces.get(index + 1).and_then(|it| EnhancedCode::from_reply(reply, it));
            if next.is_some() {
                return Codes { reply: Some(reply), enhanced: next };
            }
            found.reply.get_or_insert(reply);
        } else if let Ok(enhanced) = piece.trim_matches('.').parse::<EnhancedCode>()
            && enhanced.class() != 2
        {
            found.enhanced.get_or_insert(enhanced);
        }
    }
    found
}

fn reply_code(piece: &str) -> Option<u16> {
    if piece.len() != 3 {
        return None;
    }
    piece.parse().ok().filter(|code| (400..560).contains(code))
}

/// Returns the enhanced code at the start of a `Status` field, which may have a comment behind it.
pub fn status_field(value: &str) -> Option<EnhancedCode> {
    value.split(|c: char| !(c.is_ascii_digit() || c == '.')).find_map(|word| word.parse().ok())
}

/// Returns the more telling one of two statuses: a code that ends in `.0.0` says nothing.
pub fn more_specific(own: Option<EnhancedCode>, field: Option<EnhancedCode>) -> Option<EnhancedCode> {
    let is_vague = |it: EnhancedCode| (it.subject(), it.detail()) == (0, 0);
    match (own, field) {
        (Some(own), Some(field)) if is_vague(own) && !is_vague(field) => Some(field),
        (own, field) => own.or(field),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (Option<u16>, Option<String>) {
        let codes = codes(text);
        (codes.reply, codes.enhanced.map(|it| it.to_string()))
    }

    #[test]
    fn the_remote_servers_own_codes_count() {
        for (text, reply, enhanced) in [
            ("550 5.1.1 <ann@example.org>... User unknown", Some(550), Some("5.1.1")),
            ("5.1.0 - Unknown address error 550-'5.2.2 Mailbox full'", Some(550), Some("5.2.2")),
            ("550-5.7.26 This message has no signature.", Some(550), Some("5.7.26")),
            ("554 4.4.7 expired <421 4.4.2 timed out>", Some(421), Some("4.4.2")),
            ("Sorry, no mailbox here by that name. (#5.1.1)", None, Some("5.1.1")),
            ("220-mx 421 4.2.1 Try later", Some(421), Some("4.2.1")),
            ("host mx[203.0.113.5] said: 550 no", Some(550), None),
            ("connect to mx.example.org[192.0.2.5]:25: timed out", None, None),
            ("delivered: 250 2.1.5 Ok", None, None),
        ] {
            assert_eq!(found(text), (reply, enhanced.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn a_vague_status_gives_way() {
        let code = |text: &str| text.parse().ok();
        assert_eq!(more_specific(code("5.0.0"), code("5.1.1")), code("5.1.1"));
        assert_eq!(more_specific(code("5.7.1"), code("5.1.1")), code("5.7.1"));
        assert_eq!(more_specific(None, code("5.0.0")), code("5.0.0"));
        assert_eq!(status_field("5.2.2 (mailbox full)"), code("5.2.2"));
    }
}
