//! No text, name or address becomes a header, an SMTP command or a second message, as shown by the bytes that
//! a relay received.

use crate::support::{
    Engine, TestApp, address,
    mailbox::Mail,
    on_both_engines,
    smtp_server::{Action, Record, Script, SmtpServer, Step},
};
use daily::{
    clock::Clock,
    domain::{
        content::article::FoundArticle,
        delivery::{relay::RelayUrl, status::Stage},
        issue::status::IssueStatus,
        newsletter,
    },
    mail::{Mailer, Priority, SendError, SendResult, envelope},
    settings::{Relay, Settings},
};
use jiff::SignedDuration;
use lettre::AsyncTransport as _;

/// Texts that attack headers, commands or messages.
const HOSTILE: &[&str] = &[
    "x\r\nBcc: eve@evil.example\r\nX-Injected: yes\r\n\r\nBody",
    "x\nBcc: eve@evil.example\n\nBody",
    "x\rBcc: eve@evil.example",
    "x\u{85}Bcc: eve@evil.example\u{2028}X-Injected: yes",
    "x\r\n.\r\nMAIL FROM:<eve@evil.example>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\nX-Injected: yes\r\n.\r\n",
    "x\r\n.\rMAIL FROM:<eve@evil.example>\r\n",
    "x\n.\nRCPT TO:<victim@example.net>\n",
    "x\r.\rRCPT TO:<victim@example.net>\r",
    ".\r\n..\r\n...\r\n.",
    ".",
    "\" <eve@evil.example>, \"",
    "=?utf-8?q?x=0D=0ABcc:_eve@evil.example?=",
    "a\0b",
    "Grüße, 你好, 🎉, שלום",
];

/// Returns words longer than any line may be.
fn overlong() -> [String; 2] {
    ["w".repeat(5_000), format!("https://news.example/{}", "ü/".repeat(700))]
}

async fn start(engine: Engine, server: &SmtpServer) -> TestApp {
    TestApp::with_relay(engine, &server.url()).await
}

/// Asserts that a conversation consists of our own commands to our own recipients.
fn assert_conversation(record: &Record, recipients: &[&str]) {
    assert!(record.violations.is_empty(), "{:#?}", record.violations);
    for command in record.connections.iter().flat_map(|connection| &connection.commands) {
        let verb = command.split([' ', ':']).next().unwrap_or_default();
        assert!(["EHLO", "MAIL", "RCPT", "DATA", "RSET", "QUIT"].contains(&verb), "{command}");
        if let Some(path) = command.strip_prefix("RCPT TO:<") {
            assert!(recipients.contains(&path.trim_end_matches('>')), "{command}");
        }
    }
    assert!(record.messages.iter().all(|message| message.recipients.len() == 1));
}

/// Asserts the same, and that headers have only our own fields.
fn assert_clean(record: &Record, recipients: &[&str]) {
    assert_conversation(record, recipients);
    for message in &record.messages {
        let text = String::from_utf8_lossy(&message.data);
        let (header, _) = text.split_once("\r\n\r\n").expect("a header and a body");
        // A header line starts one of our fields, or continues the one before.
        for line in header.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])) {
            let name = line.split(':').next().unwrap_or_default();
            let ours = [
                "From",
                "To",
                "Subject",
                "Date",
                "Message-ID",
                "MIME-Version",
                "Content-Type",
                "List-Id",
                "List-Unsubscribe",
                "List-Unsubscribe-Post",
                "Auto-Submitted",
                "Content-Language",
                "Feedback-ID",
                "Precedence",
                "DKIM-Signature",
                "Content-Transfer-Encoding",
            ];
            assert!(ours.contains(&name), "{line:?} in\n{header}");
        }
        for name in ["\r\nFrom:", "\r\nTo:", "\r\nSubject:", "\r\nMessage-ID:"] {
            assert_eq!(format!("\r\n{header}").matches(name).count(), 1, "{name} in\n{header}");
        }
    }
}

on_both_engines!(hostile_articles_become_nothing_but_text);

async fn hostile_articles_become_nothing_but_text(engine: Engine) {
    let server = SmtpServer::start(Script::accept().advertise(&["PIPELINING"])).await;
    let app = start(engine, &server).await;
    let overlong = overlong();
    for (n, text) in HOSTILE
        .iter()
        .copied()
        .filter(|text| !text.contains('\0'))
        .chain(overlong.iter().map(String::as_str))
        .enumerate()
    {
        // Feeds are cleaned earlier, but the protection of SMTP must not rely on that.
        app.add_article(FoundArticle {
            url: Some(format!("https://news.example/{n}").parse().unwrap()),
            dek: Some(text.into()),
            author: Some(text.into()),
            section: Some(text.into()),
            text: Some(text.into()),
            published_at: Some(app.clock.now() - SignedDuration::from_mins(i64::try_from(n).unwrap())),
            ..FoundArticle::titled(format!("{n} {text}"))
        })
        .await;
    }
    for reader in ["ann@example.org", "ben@example.org"] {
        app.reader_at_once(reader).await;
    }
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    let record = server.wait_for(2).await;
    assert_eq!(record.messages.len(), 2);
    assert_clean(&record, &["ann@example.org", "ben@example.org"]);
    let text = Mail::parse(&record.messages[0].data).text();
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(
        words.windows(2).any(|two| two == ["Bcc:", "eve@evil.example"]),
        "the harmful lines are there as text: {text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_title_becomes_one_subject() {
    for text in HOSTILE {
        let server = SmtpServer::start(Script::accept().advertise(&[])).await;
        let app = start(Engine::Sqlite, &server).await;
        let found = FoundArticle {
            url: Some("https://news.example/1".parse().unwrap()),
            ..FoundArticle::titled(*text)
        };
        app.add_article(found).await;
        app.reader_at_once("ann@example.org").await;
        assert_eq!(app.send_issue().await, IssueStatus::Sent);
        assert_clean(&server.wait_for(1).await, &["ann@example.org"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_a_newsletter_are_one_line_and_stay_names() {
    for text in HOSTILE {
        let Ok(name) = newsletter::parse_line("sender-name", text, newsletter::MAX_NAME_CHARS) else {
            assert!(text.chars().any(char::is_control), "{text:?} is refused without a reason");
            continue;
        };
        let server = SmtpServer::start(Script::accept()).await;
        let app = start(Engine::Sqlite, &server).await;
        app.article("The bridge opens").await;
        app.change_newsletter(|it| {
            for field in [&mut it.sender_name, &mut it.title, &mut it.tagline, &mut it.postal_address] {
                field.clone_from(&name);
            }
        })
        .await;
        app.sign_up("ann@example.org").await;
        app.settle().await;
        app.reader_at_once("ben@example.org").await;
        assert_eq!(app.send_issue().await, IssueStatus::Sent);
        let record = server.wait_for(2).await;
        assert_clean(&record, &["ann@example.org", "ben@example.org"]);
        for message in &record.messages {
            assert_eq!(message.sender, "daily@newsletter.example");
            let mail = Mail::parse(&message.data);
            assert!(mail.header("From").unwrap().ends_with("<daily@newsletter.example>"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_reach_the_envelope_in_ascii_or_are_refused_with_the_reason() {
    let server = SmtpServer::start(Script::accept().advertise(&["PIPELINING"])).await;
    let app = start(Engine::Sqlite, &server).await;
    for (address, reason) in [
        ("jörg@example.org", "letters outside a-z"),
        ("ann@example.org\r\nBcc: eve@evil.example", "before the @"),
        ("ann@example.org\r\nRCPT TO:<eve@evil.example>", "before the @"),
        ("ann@example.org>\r\nDATA", "domain name"),
        ("<ann@example.org>", "before the @"),
        ("ann@example.org,eve@evil.example", "before the @"),
        ("ann\0@example.org", "before the @"),
        ("\"ann\r\n\"@example.org", "before the @"),
    ] {
        let page = app.submit("/subscribe", &[("email", address)]).await;
        assert!(page.status == 422 && page.contains(reason), "{address:?}: {page}");
    }
    app.sign_up("Zoë@example.org").await;
    app.sign_up("zoe@bücher.example").await;
    app.settle().await;
    let record = server.wait_for(1).await;
    assert_eq!(record.messages.len(), 1);
    assert_clean(&record, &["zoe@xn--bcher-kva.example"]);
    assert!(String::from_utf8_lossy(&record.messages[0].data).contains("zoe@xn--bcher-kva.example"));
}

/// Hands over a message, and returns the result.
async fn hand_over(mailer: &Mailer, message: &[u8]) -> SendResult {
    let sender = address("news@example.org");
    let recipient = address("ann@example.net");
    let lease = mailer.lease(Priority::Single).await.expect("a lease");
    lease.send_raw(&envelope(&sender, &recipient), message).await
}

fn mailer_to(server: &SmtpServer) -> Mailer {
    let url = RelayUrl::parse(&server.url()).unwrap();
    let sending = Settings::defaults().unwrap().sending;
    Mailer::new(&[Relay::new(url)], &sending, Clock::system()).unwrap()
}

#[tokio::test]
async fn messages_open_to_smtp_smuggling_are_never_sent() {
    for keywords in [&["PIPELINING"][..], &[]] {
        let server = SmtpServer::start(Script::accept().advertise(keywords)).await;
        let mailer = mailer_to(&server);
        let ends = [
            "\r\n.\r",
            "\n.\n",
            "\r.\r",
            "\n.\r\n",
            "\r\n.\n",
            "\r.\n",
            "\r\r\n.\r\n",
            "\r\n\0.\r\n",
            "\n",
            "\r",
        ];
        for end in ends {
            let message = format!(
                "Subject: x\r\n\r\none{end}MAIL FROM:<eve@evil.example>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\ntwo\r\n"
            );
            let Err(SendError::Failed(answer)) = hand_over(&mailer, message.as_bytes()).await else {
                panic!("{end:?} went out")
            };
            assert_eq!((answer.code, answer.stage), (None, None), "nothing was asked: {answer:?}");
            assert!(answer.text.contains("can't be sent"), "{answer:?}");
        }
        let long = format!("Subject: x\r\n\r\n{}\r\n", "x".repeat(999));
        let Err(SendError::Failed(answer)) = hand_over(&mailer, long.as_bytes()).await else {
            panic!("too long")
        };
        assert!(answer.text.contains("998 bytes"), "{answer:?}");
        // The refused messages have not touched the connection.
        let good = b"Subject: x\r\n\r\n.\r\n..\r\n.x\r\n \r\n.\r\n";
        assert!(hand_over(&mailer, good).await.is_ok());
        let record = server.wait_for(1).await;
        assert_conversation(&record, &["ann@example.net"]);
        assert_eq!((record.messages.len(), record.connections.len()), (1, 1));
        assert_eq!(&*record.messages[0].data, good, "dots arrive as they were");
        assert_eq!(record.connections[0].commands.len(), 4);
    }
}

#[tokio::test]
async fn eight_bit_messages_are_sent_only_if_the_relay_allows_them() {
    let message = "Subject: x\r\n\r\nGrüße\r\n".as_bytes();
    let server =
        SmtpServer::start(Script::accept().advertise(&["PIPELINING", "8BITMIME", "SIZE 1000"])).await;
    assert!(hand_over(&mailer_to(&server), message).await.is_ok());
    let record = server.wait_for(1).await;
    assert_eq!(record.messages[0].mail_parameters, format!("SIZE={} BODY=8BITMIME", message.len()));
    assert_conversation(&record, &["ann@example.net"]);
    let server = SmtpServer::start(Script::accept().advertise(&["PIPELINING", "SIZE 1000"])).await;
    let mailer = mailer_to(&server);
    let Err(SendError::Failed(answer)) = hand_over(&mailer, message).await else { panic!("sent") };
    assert!(answer.text.contains("8BITMIME"), "{answer:?}");
    let Err(SendError::Failed(answer)) = hand_over(&mailer, &b"0123456\r\n".repeat(200)).await else {
        panic!("sent")
    };
    assert!(answer.text.contains("1800 bytes") && answer.text.contains("1000"), "{answer:?}");
    assert!(server.record().messages.is_empty());
}

#[tokio::test]
async fn many_messages_over_real_connections_arrive_once_each() {
    let script = Script::accept().rule(|at| {
        let refused = at.step == Step::Rcpt && at.recipient.starts_with("gone");
        refused.then(|| Action::reply("550 5.1.1 no such user"))
    });
    let server = SmtpServer::start(script).await;
    let mailer = mailer_to(&server);
    let sender = address("news@example.org");
    let sending = (0..300).map(|n| {
        let (mailer, sender) = (mailer.clone(), sender.clone());
        tokio::spawn(async move {
            let name = if n % 3 == 0 { "gone" } else { "reader" };
            let recipient = address(&format!("{name}{n}@example.net"));
            let message = format!("Subject: {n}\r\n\r\n{}\r\n", ".\r\n".repeat(n));
            let lease = mailer.lease(Priority::Bulk).await.unwrap();
            let outcome = lease.send_raw(&envelope(&sender, &recipient), message.as_bytes()).await;
            match (n % 3, outcome) {
                (0, Err(SendError::Failed(answer))) => assert_eq!(answer.stage, Some(Stage::Rcpt)),
                (1 | 2, Ok(_)) => {}
                (_, outcome) => panic!("{n}: {outcome:?}"),
            }
        })
    });
    for sent in futures_util::future::join_all(sending).await {
        sent.unwrap();
    }
    let record = server.wait_for(200).await;
    assert!(record.violations.is_empty(), "{:?}", record.violations);
    assert!(record.connections.len() <= 10, "{} connections", record.connections.len());
    assert_eq!(record.messages.len(), 200);
    for message in &record.messages {
        let number: usize =
            message.recipients[0].trim_start_matches("reader").split('@').next().unwrap().parse().unwrap();
        let expected = format!("Subject: {number}\r\n\r\n{}\r\n", ".\r\n".repeat(number));
        assert_eq!(&*message.data, expected.as_bytes());
    }
    mailer.close().await;
    let record = server.wait_until(|record| record.open_connections() == 0).await;
    assert!(record.connections.iter().all(|it| it.commands.last().is_some_and(|last| last == "QUIT")));
}
