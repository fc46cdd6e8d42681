//! An issue's message, encoded once: for each reader only what is theirs is written into it.

use super::{
    ComposeError, body,
    compose::escape,
    dkim::Signers,
    head::{Head, Own, Shared},
    quoted_printable::{encode, encode_around},
};
use crate::domain::{email_address::EmailAddress, newsletter::Newsletter};
use aws_lc_rs::digest;
use jiff::Timestamp;

/// Encodes a part of an issue for keeping. `place` stands in it wherever the reader's own token will be; it is made of letters,
/// digits and hyphens, at most 75.
pub fn encode_part(part: &str, place: &str) -> String {
    debug_assert!(
        place.len() <= 75 && place.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    );
    encode_around(part, &[place])
}

/// What all copies of an issue share.
#[derive(Debug, Clone, Copy)]
pub struct Issue<'a> {
    /// In whose name.
    pub newsletter: &'a Newsletter,
    /// The subject line.
    pub subject: &'a str,
    /// The text part, from [`encode_part`].
    pub text: &'a str,
    /// The HTML part, from [`encode_part`].
    pub html: &'a str,
    /// What stands in both where the reader's token will be.
    pub place: &'a str,
    /// What every copy's Message-ID begins with, up to its first dot.
    pub message_key: &'a str,
    /// The date of every copy.
    pub date: Timestamp,
}

/// What differs from reader to reader.
#[derive(Debug, Clone, Copy)]
pub struct Personal<'a> {
    /// To whom.
    pub recipient: &'a EmailAddress,
    /// The copy's identity, without angle brackets; the same at each attempt.
    pub message_id: &'a str,
    /// Where a mail program leaves the newsletter with one click (RFC 8058).
    pub unsubscribe_url: &'a str,
    /// Where a mail program can write to leave, as a `mailto:` URL.
    pub unsubscribe_mailto: Option<&'a str>,
    /// What stands in the reader's links.
    pub token: &'a str,
}

/// A message without its readers' own parts.
pub struct Frozen {
    head: Head,
    /// The body up to the first place.
    first: String,
    /// The hash of that.
    hashed: digest::Context,
    /// What comes after each place, and in which part the place is.
    rest: Vec<(Part, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Text,
    Html,
}

impl Frozen {
    /// Makes ready what all copies share.
    pub fn new(issue: &Issue<'_>) -> Self {
        let boundary = body::boundary(issue.message_key);
        let head = Head::new(&Shared {
            newsletter: issue.newsletter,
            subject: issue.subject,
            language: &issue.newsletter.language,
            date: issue.date,
            boundary: &boundary,
            one_click: true,
            auto_submitted: None,
        });
        let body = body::alternatives(&boundary, issue.text, issue.html);
        let in_text = issue.text.matches(issue.place).count();
        let mut pieces = body.split(issue.place).map(str::to_owned);
        let first = pieces.next().unwrap_or_default();
        let part = |index| if index < in_text { Part::Text } else { Part::Html };
        let rest = pieces.enumerate().map(|(index, piece)| (part(index), piece)).collect();
        let mut hashed = digest::Context::new(&digest::SHA256);
        hashed.update(first.as_bytes());
        Self { head, first, hashed, rest }
    }

    /// Writes a reader's copy, in place of whatever `out` holds: the same bytes that [`super::compose::compose`] would make.
    pub fn message(
        &self,
        personal: &Personal<'_>,
        signers: &Signers,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<(), ComposeError> {
        out.clear();
        let (mut in_text, mut in_html) = (Vec::with_capacity(64), Vec::with_capacity(64));
        encode(personal.token, &mut in_text);
        encode(&escape(personal.token), &mut in_html);
        let value = |part| if part == Part::Text { &in_text } else { &in_html };
        let body_hash = || {
            let mut hash = self.hashed.clone();
            for (part, piece) in &self.rest {
                hash.update(value(*part));
                hash.update(piece.as_bytes());
            }
            hash.finish()
        };
        let own = Own {
            recipient: personal.recipient,
            message_id: personal.message_id,
            unsubscribe_url: Some(personal.unsubscribe_url),
            unsubscribe_mailto: personal.unsubscribe_mailto,
        };
        self.head.write(&own, signers, now, body_hash, out)?;
        out.extend_from_slice(self.first.as_bytes());
        for (part, piece) in &self.rest {
            out.extend_from_slice(value(*part));
            out.extend_from_slice(piece.as_bytes());
        }
        Ok(())
    }
}

impl std::fmt::Debug for Frozen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.first.len() + self.rest.iter().map(|(_, piece)| piece.len()).sum::<usize>();
        write!(f, "Frozen({bytes} bytes, {} places)", self.rest.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::message::{
        compose::{Draft, compose},
        dkim_keys::DkimKeys,
    };
    use email_templates::{
        Email, Masthead,
        digest::{self, Digest, Links, Story},
    };
    use mail_parser::MessageParser;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    const KEY: &str = "0123456789abcdef0123456789abcdef";
    const PLACE: &str = "reader-0123456789abcdef0123456789abcdef";

    static SIGNERS: LazyLock<Signers> = LazyLock::new(|| {
        let keys = DkimKeys::new_for_tests("example.org");
        keys.for_sender(&EmailAddress::parse("news@example.org").unwrap())
    });

    fn newsletter(sender_name: &str) -> Newsletter {
        Newsletter {
            sender_name: sender_name.into(),
            sender_address: EmailAddress::parse("daily@news.example.org").unwrap(),
            ..Newsletter::out_of_the_box()
        }
    }

    struct Case {
        newsletter: Newsletter,
        recipient: EmailAddress,
        token: String,
        mailto: Option<String>,
        signers: Signers,
    }

    impl Case {
        /// The copy made the short way from one rendering, and the one made the long way from the other.
        fn both(&self, marked: &Email, own: &Email) -> (Vec<u8>, Vec<u8>) {
            let date = "2026-05-01T07:00:00Z".parse().unwrap();
            let now = "2026-05-01T07:03:21Z".parse().unwrap();
            let message_id = format!("{KEY}.7@news.example.org");
            let unsubscribe_url = "https://news.example.org/unsubscribe/token";
            let frozen = Frozen::new(&Issue {
                newsletter: &self.newsletter,
                subject: &marked.subject,
                text: &encode_part(&marked.text, PLACE),
                html: &encode_part(&marked.html, PLACE),
                place: PLACE,
                message_key: KEY,
                date,
            });
            let personal = Personal {
                recipient: &self.recipient,
                message_id: &message_id,
                unsubscribe_url,
                unsubscribe_mailto: self.mailto.as_deref(),
                token: &self.token,
            };
            let mut spliced = b"what the buffer held before".to_vec();
            frozen.message(&personal, &self.signers, now, &mut spliced).unwrap();
            let whole = compose(&Draft {
                newsletter: &self.newsletter,
                recipient: &self.recipient,
                email: own,
                personal: &[&self.token],
                message_id: &message_id,
                date,
                unsubscribe_url: Some(unsubscribe_url),
                unsubscribe_mailto: self.mailto.as_deref(),
                auto_submitted: None,
                signers: &self.signers,
                now,
            });
            (spliced, whole.unwrap())
        }
    }

    fn lines(text: &str) -> String {
        text.replace("\r\n", "\n").replace('\r', "\n")
    }

    /// Both parts as a mail program reads them, and the subject.
    fn read(message: &[u8]) -> (String, String, String) {
        let message = MessageParser::default().parse(message).unwrap();
        let part = |part: Option<std::borrow::Cow<'_, str>>| lines(&part.unwrap_or_default());
        (
            message.subject().unwrap_or_default().to_owned(),
            part(message.body_text(0)),
            part(message.body_html(0)),
        )
    }

    fn assert_wire(message: &[u8]) {
        let text = std::str::from_utf8(message).unwrap();
        assert!(text.is_ascii() && text.ends_with("--\r\n") && !text.ends_with("\r\n\r\n"));
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "a bare line break");
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(body.split("\r\n").all(|line| line.len() <= 76 && !line.starts_with('.')));
        assert!(text.split("\r\n").all(|line| line.len() <= 998));
    }

    #[test]
    fn the_place_of_the_token_is_the_only_difference_between_two_bodies() {
        let case = |token: &str| Case {
            newsletter: newsletter("Daily"),
            recipient: EmailAddress::parse("ann@example.org").unwrap(),
            token: token.into(),
            mailto: None,
            signers: Signers::default(),
        };
        let email = |token: &str| Email {
            subject: "Hello".into(),
            preheader: String::new(),
            text: format!("Leave:\nhttps://n.example/u/{token}\n"),
            html: format!("<a href=\"https://n.example/u/{token}\">Leave</a>"),
            language: "en".into(),
        };
        let (one, whole) = case("AAAA").both(&email(PLACE), &email("AAAA"));
        assert_eq!(one, whole);
        let one = String::from_utf8(one).unwrap();
        assert!(one.contains("https://n.example/u/=\r\nAAAA=\r\n\r\n"), "{one}");
        assert!(one.contains("<a href=3D\"https://n.example/u/=\r\nAAAA=\r\n\">Leave</a>"), "{one}");
        let (other, _) = case("BBBB").both(&email(PLACE), &email("BBBB"));
        assert_eq!(one.replace("AAAA", "BBBB"), String::from_utf8(other).unwrap());
    }

    #[test]
    fn what_would_break_a_header_is_refused() {
        let newsletter = newsletter("Daily");
        let frozen = Frozen::new(&Issue {
            newsletter: &newsletter,
            subject: "x",
            text: "x",
            html: "x",
            place: PLACE,
            message_key: KEY,
            date: Timestamp::UNIX_EPOCH,
        });
        let recipient = EmailAddress::parse("ann@example.org").unwrap();
        for (message_id, unsubscribe_url, header) in [
            ("a@b\r\nBcc: eve@example.org", "https://n.example", "Message-ID"),
            ("", "https://n.example", "Message-ID"),
            ("a@b", "https://n.example>, <mailto:eve@example.org", "List-Unsubscribe"),
            ("a@b", "https://n.example/ü", "List-Unsubscribe"),
        ] {
            let personal = Personal {
                recipient: &recipient,
                message_id,
                unsubscribe_url,
                unsubscribe_mailto: None,
                token: "t",
            };
            let refused =
                frozen.message(&personal, &Signers::default(), Timestamp::UNIX_EPOCH, &mut Vec::new());
            assert_eq!(refused, Err(ComposeError::Header(header)));
        }
    }

    /// Text as feeds have it: anything at all, with a liking for what has a meaning in mails.
    const TEXT: &str = "(?s)([a-z .,é\u{301}🎉=_<>&\"'\t\r\n\u{0}\u{7f}\u{2028}]|From |\\.\r\n|  |.){0,120}";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_spliced_copy_is_byte_for_byte_what_a_full_render_gives(
            sender_name in "[^\\p{Cc}\\s]([^\\p{Cc}]{0,60}[^\\p{Cc}\\s])?",
            local in "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,64}",
            title in TEXT,
            dek in TEXT,
            author in TEXT,
            url_path in "[!-~]{0,120}",
            token in "[A-Za-z0-9_-]{40}",
            stories in 1..4_usize,
            signed: bool,
            by_mail: bool,
        ) {
            let newsletter = newsletter(&sender_name);
            let render = |token: &str| {
                let url = format!("https://lamp.example/{url_path}");
                let story = Story {
                    title: &title, dek: Some(&dek), url: &url, image_url: Some(&url), image_alt: Some(&dek),
                    image_width: None, image_height: None,
                    author: Some(&author), section: Some(&title), site_name: None, published: None,
                };
                digest::render(&Digest {
                    masthead: Masthead {
                        title: &newsletter.title, tagline: &author, postal_address: &dek,
                        site_url: "https://news.example.org", language: "en",
                        theme: email_templates::Theme::default(),
                    },
                    date: jiff::civil::date(2026, 5, 1),
                    subject: None,
                    preheader: None,
                    note: None,
                    stories: &vec![story; stories],
                    links: Links {
                        unsubscribe: &format!("https://news.example.org/unsubscribe/{token}"),
                        preferences: &format!("https://news.example.org/preferences/{token}"),
                        web_view: Some("https://news.example.org/issues/2026-05-01"),
                    },
                    is_test: false,
                })
            };
            let own = render(&token);
            prop_assume!(own.text.matches(&token).count() == 2 && own.html.matches(&token).count() == 2);
            let case = Case {
                newsletter: newsletter.clone(),
                recipient: EmailAddress::parse(&format!("{local}@readers.example.org")).unwrap(),
                mailto: by_mail.then(|| format!("mailto:leave+{token}@news.example.org?subject=unsubscribe%20{token}")),
                token,
                signers: if signed { SIGNERS.clone() } else { Signers::default() },
            };
            let (spliced, whole) = case.both(&render(PLACE), &own);
            prop_assert_eq!(String::from_utf8_lossy(&spliced), String::from_utf8_lossy(&whole));
            assert_wire(&spliced);
            let (subject, text, html) = read(&spliced);
            prop_assert_eq!(subject, own.subject);
            prop_assert_eq!(text, lines(&own.text));
            prop_assert_eq!(html, lines(&own.html));
        }

        #[test]
        fn any_text_and_any_token_come_out_the_same_both_ways(
            text in prop::collection::vec(TEXT, 1..5),
            html in prop::collection::vec(TEXT, 1..5),
            token in "(?s)([ .&<\"\r\n]|From |.){1,120}",
        ) {
            let email = |text_value: &str, html_value: &str| Email {
                subject: "x".into(), preheader: String::new(), text: text.join(text_value), html: html.join(html_value),
                language: "en".into(),
            };
            let escaped = escape(&token);
            let own = email(&token, &escaped);
            // By chance the rest may hold the token, too: then nobody can tell which one is personal.
            prop_assume!(own.text.split(&token).eq(text.iter().map(String::as_str)));
            prop_assume!(own.html.split(&escaped).eq(html.iter().map(String::as_str)));
            let case = Case {
                newsletter: newsletter("Daily"),
                recipient: EmailAddress::parse("ann@example.org").unwrap(),
                token,
                mailto: None,
                signers: Signers::default(),
            };
            let (spliced, whole) = case.both(&email(PLACE, PLACE), &own);
            prop_assert_eq!(String::from_utf8_lossy(&spliced), String::from_utf8_lossy(&whole));
            assert_wire(&spliced);
        }
    }
}
