use super::*;
use crate::mail::message::dkim_keys::DkimKeys;
use email_templates::{
    Email, Masthead,
    digest::{self, Digest, Links, Period, Picture, Story},
};
use lettre::transport::smtp::commands::{Mail, Rcpt};
use mail_parser::{MessageParser, MimeHeaders as _};
use proptest::prelude::*;
use std::sync::LazyLock;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const PLACEHOLDER: &str = "reader-0123456789abcdef0123456789abcdef";

static SIGNERS: LazyLock<Signers> = LazyLock::new(|| {
    let keys = DkimKeys::new_for_tests("example.org");
    keys.for_sender(&EmailAddress::parse("news@example.org").unwrap())
});

fn newsletter(sender_name: &str) -> Newsletter {
    Newsletter {
        sender_name: sender_name.into(),
        sender_address: EmailAddress::parse("daily@news.example.org").unwrap(),
        ..Newsletter::default()
    }
}

fn email(subject: &str, text: &str, html: &str) -> Email {
    Email {
        subject: subject.into(),
        preheader: String::new(),
        text: text.into(),
        html: html.into(),
        language: "en".into(),
    }
}

struct Case {
    newsletter: Newsletter,
    address: EmailAddress,
    token: String,
    mailto: Option<String>,
    signers: Signers,
}

impl Case {
    fn new(sender_name: &str) -> Self {
        Self {
            newsletter: newsletter(sender_name),
            address: EmailAddress::parse("ann@example.org").unwrap(),
            token: "AAAA".into(),
            mailto: None,
            signers: Signers::default(),
        }
    }

    fn template(&self, email: &Email, placeholder: &str) -> MessageTemplate {
        self.try_template(email, placeholder).unwrap()
    }

    fn try_template(&self, email: &Email, placeholder: &str) -> Result<MessageTemplate, ComposeError> {
        MessageTemplate::new(&Content {
            newsletter: &self.newsletter,
            subject: &email.subject,
            language: &email.language,
            text: &email.text,
            html: &email.html,
            placeholder: Some(placeholder),
            message_key: KEY,
            date: "2026-05-01T07:00:00Z".parse().unwrap(),
            one_click: true,
            feedback_id: "7:daily:issue:exampleorg",
            auto_submitted: None,
            revision: None,
        })
    }

    fn copy(&self, email: &Email, placeholder: &str) -> String {
        let mut out = b"what the buffer held before".to_vec();
        let recipient = Recipient {
            address: &self.address,
            message_id: &format!("{KEY}.7@news.example.org"),
            unsubscribe_url: Some("https://news.example.org/unsubscribe/token"),
            unsubscribe_mailto: self.mailto.as_deref(),
            token: &self.token,
        };
        let now = "2026-05-01T07:03:21Z".parse().unwrap();
        self.template(email, placeholder).write(&recipient, &self.signers, now, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }
}

/// Returns the headers of a message with this subject and sender name.
fn headers(subject: &str, sender_name: &str) -> String {
    let template = Case::new(sender_name).template(&email(subject, "", ""), PLACEHOLDER);
    template.headers
}

fn header(headers: &str, name: &str) -> String {
    let unfolded = headers.replace("\r\n ", " ");
    let line = unfolded.lines().find(|line| line.starts_with(&format!("{name}: ")));
    line.expect(name).to_owned()
}

fn crlf_as_lf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Returns the subject and both parts as an email client shows them.
fn read(message: &str) -> (String, String, String) {
    let message = MessageParser::default().parse(message).unwrap();
    let part = |part: Option<std::borrow::Cow<'_, str>>| crlf_as_lf(&part.unwrap_or_default());
    (message.subject().unwrap_or_default().to_owned(), part(message.body_text(0)), part(message.body_html(0)))
}

fn assert_wire(message: &str) {
    assert!(message.is_ascii() && message.ends_with("--\r\n") && !message.ends_with("\r\n\r\n"));
    assert!(!message.replace("\r\n", "").contains(['\r', '\n']), "a bare line break");
    let (headers, body) = message.split_once("\r\n\r\n").unwrap();
    assert!(body.split("\r\n").all(|line| line.len() <= 76 && !line.starts_with('.')), "{body}");
    assert_headers(headers);
}

fn assert_headers(headers: &str) {
    for line in headers.split("\r\n") {
        assert!(line.len() <= 998 && !line.contains(['\r', '\n']), "{line}");
        assert!(!line.trim().is_empty() || line.is_empty(), "a blank line in {headers:?}");
        for word in line.split(' ').filter(|word| word.starts_with("=?utf-8?")) {
            assert!(word.len() <= 75, "{word}");
        }
    }
}

fn header_names(headers: &str) -> Vec<String> {
    relaxed_lines(headers).iter().map(|line| line.split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn a_message_has_the_headers_for_bulk_email() {
    let case = Case::new("Zoë's “Daily”");
    let email = email("Überraschung: “Öl” 🎉", "Grüße\n.\nvon uns", "<p>Grüße</p>");
    let bytes = case.copy(&email, PLACEHOLDER);
    let message = MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(message.subject(), Some("Überraschung: “Öl” 🎉"));
    let from = message.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Zoë's “Daily”"), Some("daily@news.example.org")));
    assert_eq!(message.message_id(), Some(&*format!("{KEY}.7@news.example.org")));
    assert_eq!(message.date().unwrap().to_rfc3339(), "2026-05-01T07:00:00Z");
    let raw = |name| message.header_raw(name).map(str::trim);
    assert_eq!(raw("To"), Some("ann@example.org"));
    assert_eq!(raw("List-Id"), Some("<daily.news.example.org>"));
    assert_eq!(raw("List-Unsubscribe"), Some("<https://news.example.org/unsubscribe/token>"));
    assert_eq!(raw("List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
    assert_eq!(raw("Content-Language"), Some("en"));
    assert_eq!(crlf_as_lf(&message.body_text(0).unwrap()).trim_end(), "Grüße\n.\nvon uns");
    assert_eq!(message.content_type().unwrap().subtype(), Some("alternative"));
    assert_wire(&bytes);
}

#[test]
fn a_hostile_subject_or_name_adds_no_header() {
    let bytes = Case::new("Eve\r\nBcc: eve@example.org")
        .copy(&email("Hello\r\nBcc: eve@example.org", "x", "x"), PLACEHOLDER);
    let message = MessageParser::default().parse(&bytes).unwrap();
    assert!(message.bcc().is_none());
    assert_eq!(message.subject(), Some("Hello Bcc: eve@example.org"));
}

#[test]
fn plain_words_stay_and_others_are_quoted_or_encoded() {
    let from = |name| header(&headers("", name), "From");
    assert_eq!(from("Daily"), "From: Daily <daily@news.example.org>");
    assert_eq!(from("The Daily"), "From: \"The Daily\" <daily@news.example.org>");
    assert_eq!(from("J. \"Q\" \\ Lamp"), "From: \"J. \\\"Q\\\" \\\\ Lamp\" <daily@news.example.org>");
    assert_eq!(from(" \t "), "From: daily@news.example.org");
    assert_eq!(from("Zoë"), "From: =?utf-8?b?Wm/Dqw==?= <daily@news.example.org>");
    let subject = |subject| header(&headers(subject, ""), "Subject");
    assert_eq!(subject("Plain,  isn't it?"), "Subject: Plain, isn't it?");
    assert_eq!(subject(""), "Subject: ");
    assert!(subject("=?utf-8?B?Wm/Dqw==?=").contains("?b?PT91dGYt"), "not taken for an encoded word");
    assert!(from("=?utf-8?B?Wm/Dqw==?=").contains("?b?PT91dGYt"), "not taken for an encoded word");
}

#[test]
fn the_token_is_the_only_difference_between_two_bodies() {
    let email = |token: &str| {
        let (text, html) =
            (format!("Leave:\nhttps://n.example/u/{token}\n"), format!("<a href=\"/u/{token}\">Leave</a>"));
        email("Hello", &text, &html)
    };
    let mut case = Case::new("Daily");
    let one = case.copy(&email(PLACEHOLDER), PLACEHOLDER);
    assert_eq!(one, case.copy(&email("AAAA"), "AAAA"));
    assert!(one.contains("https://n.example/u/=\r\nAAAA=\r\n\r\n"), "{one}");
    assert!(one.contains("<a href=3D\"/u/=\r\nAAAA=\r\n\">Leave</a>"), "{one}");
    case.token = "BBBB".into();
    assert_eq!(one.replace("AAAA", "BBBB"), case.copy(&email(PLACEHOLDER), PLACEHOLDER));
}

#[test]
fn values_that_would_break_a_message_are_refused() {
    let case = Case::new("Daily");
    let template = case.template(&email("x", PLACEHOLDER, "x"), PLACEHOLDER);
    let url = "https://n.example";
    for (message_id, unsubscribe_url, token, value) in [
        ("a@b\r\nBcc: eve@example.org", url, "t", "Message-ID"),
        ("", url, "t", "Message-ID"),
        ("a@b", "https://n.example>, <mailto:eve@example.org", "t", "List-Unsubscribe"),
        ("a@b", "https://n.example/ü", "t", "List-Unsubscribe"),
        ("a@b", url, "", "token"),
        ("a@b", url, "a=b", "token"),
        ("a@b", url, &"t".repeat(76), "token"),
    ] {
        let recipient = Recipient {
            address: &case.address,
            message_id,
            unsubscribe_url: Some(unsubscribe_url),
            unsubscribe_mailto: None,
            token,
        };
        let refused = template.write(&recipient, &Signers::default(), Timestamp::UNIX_EPOCH, &mut Vec::new());
        assert_eq!(refused, Err(ComposeError::Invalid(value)));
    }
}

/// Arbitrary text, with a preference for characters that have a meaning in emails.
const TEXT: &str = "(?s)([a-z .,é\u{301}🎉=_<>&\"'\t\r\n\u{0}\u{7f}\u{2028}]|From |\\.\r\n|  |.){0,120}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_copy_from_a_template_equals_a_full_rendering(
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
                title: &title, dek: Some(&dek), url: &url,
                picture: Some(Picture { url: &url, alt: Some(&dek), ..Picture::default() }),
                author: Some(&author), section: Some(&title), site_name: None, published: None,
            };
            digest::render(&Digest {
                masthead: Masthead {
                    title: &newsletter.title, tagline: &author, sender_address: "news@example.org",
                    postal_address: &dek,
                    sign_up_url: "https://news.example.org", language: "en",
                    theme: email_templates::Theme::default(),
                    brand: email_templates::Brand::default(),
                },
                date: jiff::civil::date(2026, 5, 1),
                subject: None,
                preheader: None,
                note: None,
                stories: &vec![story; stories],
                sections: &[],
                period: Period::Day,
                links: Links {
                    unsubscribe: &format!("https://news.example.org/unsubscribe/{token}"),
                    preferences: &format!("https://news.example.org/preferences/{token}"),
                    web_view: Some("https://news.example.org/issues/2026-05-01"),
                },
                is_test: false,
                revision: None,
            })
        };
        let own = render(&token);
        prop_assume!(own.text.matches(&token).count() == 2 && own.html.matches(&token).count() == 2);
        let mailto = format!("mailto:leave+{token}@news.example.org?subject=unsubscribe%20{token}");
        let case = Case {
            newsletter: newsletter.clone(),
            address: EmailAddress::parse(&format!("{local}@readers.example.org")).unwrap(),
            mailto: by_mail.then_some(mailto),
            signers: if signed { SIGNERS.clone() } else { Signers::default() },
            token: token.clone(),
        };
        let spliced = case.copy(&render(PLACEHOLDER), PLACEHOLDER);
        prop_assert_eq!(&spliced, &case.copy(&own, &token));
        assert_wire(&spliced);
        let (subject, text, html) = read(&spliced);
        prop_assert_eq!(subject, clean(&own.subject));
        prop_assert_eq!(text, crlf_as_lf(&own.text));
        prop_assert_eq!(html, crlf_as_lf(&own.html));
    }

    #[test]
    fn any_text_gives_the_same_result_with_and_without_a_template(
        text in prop::collection::vec(TEXT, 1..5),
        html in prop::collection::vec(TEXT, 1..5),
        token in "[A-Za-z0-9_-]{1,75}",
    ) {
        let email = |token: &str| email("x", &text.join(token), &html.join(token));
        let own = email(&token);
        // If the text contains the token by chance, it is ambiguous which occurrence is a placeholder.
        prop_assume!(own.text.split(&token).eq(text.iter().map(String::as_str)));
        prop_assume!(own.html.split(&token).eq(html.iter().map(String::as_str)));
        let case = Case { token: token.clone(), ..Case::new("Daily") };
        let spliced = case.copy(&email(PLACEHOLDER), PLACEHOLDER);
        prop_assert_eq!(&spliced, &case.copy(&own, &token));
        assert_wire(&spliced);
    }
}

proptest! {
    #[test]
    fn readers_see_the_subject_and_the_name_that_were_written(
        subject in "([a-z =?é🎉]|[^\\p{Cc}]){0,122}",
        name in "([a-z =?.\"\\\\é]|[^\\p{Cc}]){1,100}",
    ) {
        let headers = headers(&subject, &name);
        assert_headers(&headers);
        let message = format!("{headers}\r\n");
        let message = MessageParser::default().parse(message.as_bytes()).unwrap();
        prop_assert_eq!(message.subject().unwrap_or_default(), clean(&subject), "{}", headers);
        let sender = message.from().unwrap().first().unwrap();
        prop_assert_eq!(sender.name().unwrap_or_default(), clean(&name), "{}", headers);
        prop_assert_eq!(sender.address(), Some("daily@news.example.org"));
    }

    #[test]
    fn nothing_makes_lettre_panic_or_adds_a_header(
        subject in "(?s)([\r\n\u{0}\u{7f} =?\"\\\\]|[!-~]{50,300}|.){0,200}",
        name in "(?s)([\r\n\u{0}\u{7f} =?\"\\\\<>@,;]|[!-~]{50,300}|.){0,100}",
    ) {
        let headers = headers(&subject, &name);
        assert_headers(&headers);
        prop_assert_eq!(header_names(&headers), [
            "from", "subject", "date", "mime-version", "list-id", "list-unsubscribe-post", "feedback-id", "content-language",
            "content-type",
        ]);
    }

    #[test]
    fn no_stored_address_makes_lettre_panic_or_adds_a_line(
        text in "([!-~]{1,64}|[a-z.\"\\\\(),:;\\[\\]]{1,20})@([!-~]{1,180}|[a-z0-9.:\\[\\]-]{1,20})",
    ) {
        let Ok(address) = EmailAddress::from_stored(&text) else { return Ok(()) };
        let recipient = Recipient {
            address: &address,
            message_id: "7@news.example.org",
            unsubscribe_url: None,
            unsubscribe_mailto: None,
            token: "AAAA",
        };
        let own = own_headers(&recipient).unwrap();
        assert_headers(&own);
        prop_assert_eq!(header_names(&own), ["to", "message-id"]);
        let address = address.as_address();
        let envelope = Envelope::new(Some(address.clone()), vec![address.clone()]).unwrap();
        let mail = Mail::new(envelope.from().cloned(), Vec::new()).to_string();
        prop_assert_eq!(mail, format!("MAIL FROM:<{text}>\r\n"));
        let rcpt = Rcpt::new(envelope.to()[0].clone(), Vec::new()).to_string();
        prop_assert_eq!(rcpt, format!("RCPT TO:<{text}>\r\n"));
        // As the address of the sender and for replies, lettre may refuse it.
        let mut case = Case::new("Daily");
        case.newsletter.sender_address = EmailAddress::from_stored(&text).unwrap();
        case.newsletter.reply_to = Some(case.newsletter.sender_address.clone());
        if let Ok(template) = case.try_template(&email("x", "", ""), PLACEHOLDER) {
            assert_headers(&template.headers);
            prop_assert_eq!(header_names(&template.headers).len(), 10);
        }
    }
}
