//! DKIM signatures, verified by two independent programs like receivers do.

use super::verifiers::{Verdicts, Verifiers};
use crate::support::{command::Environment, eventually, mailbox};
use daily::{
    domain::{
        delivery::{dkim::Algorithm, email::AutoSubmitted},
        newsletter::Newsletter,
        subscriber::email_address::EmailAddress,
    },
    mail::{self, DkimKey, DkimKeys, MessageTemplate, Recipient, Signers},
    settings,
};
use email_templates::Email;
use jiff::Timestamp;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const PLACEHOLDER: &str = "reader-0123456789abcdef0123456789abcdef";
const TOKEN: &str = "tokenTOKENtokenTOKENtokenTOKENtokenTOKEN";

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

/// Keys for `news@lists.example.org`, made like an operator makes them, and verifiers with their DNS records.
struct Signing {
    keys: DkimKeys,
    verifiers: Verifiers,
    count: usize,
}

impl Signing {
    fn with(keys: &[(&str, Algorithm)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let configured: Vec<settings::Dkim> = keys
            .iter()
            .map(|(domain, algorithm)| {
                let selector = format!("daily-{}", algorithm.key_tag());
                let key_file = folder.path().join(&selector);
                DkimKey::make(domain, &selector, *algorithm, &key_file).unwrap();
                settings::Dkim { domain: (*domain).to_owned(), selector, key_file }
            })
            .collect();
        let keys = DkimKeys::load(&configured).unwrap();
        let records: Vec<_> = keys.iter().map(DkimKey::record).collect();
        let verifiers =
            Verifiers::new(records.iter().map(|record| (record.name.as_str(), record.value.as_str())));
        Self { keys, verifiers, count: configured.len() }
    }

    fn signers(&self) -> Signers {
        self.keys.for_sender(&address("news@lists.example.org"))
    }

    #[track_caller]
    fn assert_all(&self, message: &[u8], pass: bool) {
        let verdicts = self.verifiers.verify(message);
        let all = vec![pass; self.count];
        let message = String::from_utf8_lossy(message);
        assert_eq!(verdicts, Verdicts { dkimpy: all.clone(), opendkim: all }, "{message:.3000}");
    }
}

struct Content {
    sender_name: &'static str,
    subject: &'static str,
    text: &'static str,
    html: &'static str,
}

/// `@` stands for the reader's token.
const CONTENTS: [Content; 4] = [
    Content {
        sender_name: "Daily",
        subject: "Harbour lights return",
        text: "Hello\n\nLeave: https://n.example/u/@\n",
        html: "<p>Hello</p><a href=\"https://n.example/u/@\">Leave</a>",
    },
    Content { sender_name: "Daily", subject: "", text: "", html: "" },
    Content {
        sender_name: "Zoë's “Täglich” aus der Bücherei am Hafen, jeden Morgen frisch gedruckt 🎉 und zugestellt",
        subject: "Überraschung am Hafen: “Öl” im Wasser, die Bäckerei öffnet früher, und was sonst noch war 🎉🎉🎉",
        text: "\n\n.\n..\nFrom here  to   there\t\n \n\u{0}\u{7f} 日本語の見出し @ \r lone\n\n\n",
        html: "\t<p>  Grüße  </p> \r\n.\r\n@@<a href='@'>.</a>\n\n",
    },
    Content {
        sender_name: "A sender with a name of many words so that it reaches beyond the end of the line",
        subject: "A subject of plain words that goes on and on until it must be folded, and then on and on once more",
        text: "@",
        html: "@",
    },
];

impl Content {
    fn newsletter(&self) -> Newsletter {
        Newsletter {
            sender_name: self.sender_name.into(),
            sender_address: address("news@lists.example.org"),
            reply_to: Some(address("editor@lists.example.org")),
            ..Newsletter::default()
        }
    }

    fn email(&self, token: &str) -> Email {
        let with = |text: &str| text.replace('@', token);
        Email {
            subject: self.subject.into(),
            preheader: String::new(),
            text: with(self.text),
            html: with(self.html),
            language: "en".into(),
        }
    }

    /// Returns a copy from a message template with this placeholder.
    fn copy(&self, placeholder: &str, signers: &Signers, unsubscribe_url: Option<&str>) -> Vec<u8> {
        let email = self.email(placeholder);
        let template = MessageTemplate::new(&mail::Content {
            newsletter: &self.newsletter(),
            subject: &email.subject,
            language: &email.language,
            text: &email.text,
            html: &email.html,
            placeholder: Some(placeholder),
            message_key: KEY,
            date: date(),
            one_click: unsubscribe_url.is_some(),
            feedback_id: "7:daily:issue:exampleorg",
            auto_submitted: unsubscribe_url.is_none().then_some(AutoSubmitted::Replied),
            revision: None,
        });
        let recipient = Recipient {
            address: &address("Ann.Lee+news@readers.example.com"),
            message_id: &format!("{KEY}.12@lists.example.org"),
            unsubscribe_url,
            unsubscribe_mailto: unsubscribe_url.map(|_| MAILTO),
            token: TOKEN,
        };
        let mut message = Vec::new();
        template.unwrap().write(&recipient, signers, now(), &mut message).unwrap();
        message
    }
}

/// Address for unsubscribing by email.
const MAILTO: &str = "mailto:leave+token@lists.example.org?subject=unsubscribe%20token";

/// A date in the past, because verifiers refuse signatures from the future.
fn date() -> Timestamp {
    "2024-05-01T07:00:00Z".parse().unwrap()
}

fn now() -> Timestamp {
    "2024-05-01T07:02:03Z".parse().unwrap()
}

/// Verifies every content, composed directly and from a template, with and without one-click headers.
fn every_message_verifies(signing: &Signing) {
    let signers = signing.signers();
    for content in CONTENTS {
        let url = format!("https://news.example.org/unsubscribe/{TOKEN}");
        let spliced = content.copy(PLACEHOLDER, &signers, Some(&url));
        signing.assert_all(&spliced, true);
        assert_eq!(String::from_utf8(spliced), String::from_utf8(content.copy(TOKEN, &signers, Some(&url))));
        signing.assert_all(&content.copy(PLACEHOLDER, &signers, None), true);
    }
}

#[test]
fn rsa_signatures_are_verified_by_both() {
    every_message_verifies(&Signing::with(&[("lists.example.org", Algorithm::Rsa)]));
}

#[test]
fn ed25519_signatures_are_verified_by_both() {
    every_message_verifies(&Signing::with(&[("lists.example.org", Algorithm::Ed25519)]));
}

#[test]
fn two_signatures_at_once_are_verified_by_both() {
    let domain = "lists.example.org";
    every_message_verifies(&Signing::with(&[(domain, Algorithm::Rsa), (domain, Algorithm::Ed25519)]));
}

#[test]
fn the_key_of_a_parent_domain_signs_too() {
    every_message_verifies(&Signing::with(&[("example.org", Algorithm::Ed25519)]));
}

#[test]
fn changes_on_the_way_break_the_signature() {
    let domain = "lists.example.org";
    let signing = Signing::with(&[(domain, Algorithm::Rsa), (domain, Algorithm::Ed25519)]);
    let message = CONTENTS[0].copy(PLACEHOLDER, &signing.signers(), Some("https://news.example.org/x"));
    let message = String::from_utf8(message).unwrap();
    signing.assert_all(message.as_bytes(), true);
    for (what, from, to) in [
        ("body", "Hello", "Hullo"),
        ("token", TOKEN, "another"),
        ("subject", "Subject: Harbour", "Subject: Harbor"),
        ("sender", "From: Daily", "From: Weekly"),
        ("recipient", "To: Ann.Lee", "To: Bob.Lee"),
        // Above the signed fields. Only the second listing in the signature catches these.
        ("sender above", "From: Daily", "From: Eve <eve@example.org>\r\nFrom: Daily"),
        ("subject above", "Subject: Harbour", "Subject: Win\r\nSubject: Harbour"),
        ("recipient above", "To: Ann.Lee", "To: Eve <eve@example.org>\r\nTo: Ann.Lee"),
        ("date above", "\r\nDate: ", "\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nDate: "),
        ("list above", "\r\nList-Id: ", "\r\nList-Id: <evil.example.org>\r\nList-Id: "),
        ("answers to others", "\r\nTo: ", "\r\nReply-To: Eve <eve@example.org>\r\nTo: "),
        ("copies to others", "\r\nTo: ", "\r\nCc: Eve <eve@example.org>\r\nTo: "),
        ("another list header", "\r\nTo: ", "\r\nList-Post: <mailto:eve@example.org>\r\nTo: "),
        ("sender below", "\r\nTo: ", "\r\nFrom: Eve <eve@example.org>\r\nTo: "),
        ("mailto to leave", "<mailto:leave+", "<mailto:eve+"),
        ("way to leave", "\r\nList-Unsubscribe: <https://news", "\r\nList-Unsubscribe: <https://evil"),
        ("promise of one click", "List-Unsubscribe=One-Click", "x"),
    ] {
        let changed = message.replacen(from, to, 1);
        assert_ne!(changed, message, "{what}");
        let verdicts = signing.verifiers.verify(changed.as_bytes());
        assert!(!verdicts.dkimpy.contains(&true) && verdicts.dkimpy.len() == 2, "{what}: {verdicts:?}");
        assert!(!verdicts.opendkim.contains(&true) && verdicts.opendkim.len() == 2, "{what}: {verdicts:?}");
    }
    // Relays may change white space in headers and add their own. Relaxed canonicalization allows both.
    let relayed = message.replace("Subject: Harbour lights", "subject:  Harbour\r\n\tlights");
    signing.assert_all(format!("Received: by mx.example.com\r\n{relayed}").as_bytes(), true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_key_signs_confirmations_and_issues() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut daily = Environment::in_folder(folder.path(), None);
    let mut records = Vec::new();
    for (index, algorithm) in ["rsa", "ed25519"].into_iter().enumerate() {
        let file = path(&format!("{algorithm}.pem"));
        let new = ["--json", "dkim", "new", "--domain", "newsletter.example", "--out", &file];
        let made =
            daily.run(&[&new[..], &["--selector", algorithm, "--algorithm", algorithm]].concat()).await;
        assert_eq!(made.code, 0, "{made:?}");
        let made: serde_json::Value = serde_json::from_str(&made.stdout).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        records.push((text(&made["record"]["name"]), text(&made["record"]["value"])));
        daily = daily
            .set(&format!("DAILY__DKIM__{index}__DOMAIN"), "newsletter.example")
            .set(&format!("DAILY__DKIM__{index}__SELECTOR"), algorithm)
            .set(&format!("DAILY__DKIM__{index}__KEY_FILE"), &file);
    }
    let verifiers = Verifiers::new(records.iter().map(|(name, value)| (name.as_str(), value.as_str())));

    let (_running, daily, url) = crate::support::service::serve(daily).await;
    crate::support::service::reader(&url, folder.path(), "ann@example.org").await;
    assert_eq!(
        daily.run(&["feed", "add", &crate::support::service::write_feed(folder.path())]).await.code,
        0
    );
    let sent = daily.run(&["issue", "send", "--yes"]).await;
    assert_eq!(sent.code, 0, "{sent:?}");
    let mailbox = folder.path().join("mailbox");
    eventually("both mails arrive", || async { (mailbox::read(&mailbox).len() == 2).then_some(()) }).await;
    for entry in std::fs::read_dir(&mailbox).unwrap() {
        let message = std::fs::read(entry.unwrap().path()).unwrap();
        let both = vec![true, true];
        assert_eq!(verifiers.verify(&message), Verdicts { dkimpy: both.clone(), opendkim: both });
    }
}
