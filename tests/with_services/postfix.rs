//! Signups and issues through a real mail server.

use crate::support::{
    Engine, OPERATOR,
    app::TestApp,
    mailbox::Mail,
    on_both_engines,
    postfix::{PASSWORD, Postfix, USER},
};
use daily::{
    actions::newsletter::set_newsletter::set_newsletter,
    clock::Clock,
    domain::{
        delivery::relay::RelayUrl, issue::status::IssueStatus, subscriber::email_address::EmailAddress,
    },
    mail::{Mailer, SendError, SendResult, answer_of, envelope},
    settings::{Relay, Settings},
};
use lettre::AsyncTransport as _;

async fn start(engine: Engine, relays: Vec<Relay>) -> TestApp {
    TestApp::start_with(engine, |settings| {
        settings.relays = relays;
        settings.relays[0].connections = 1;
    })
    .await
}

fn relay(url: &str, postfix: Option<&Postfix>) -> Relay {
    let relay = Relay::new(RelayUrl::parse(url).expect("a relay"));
    Relay { ca_file: postfix.map(Postfix::ca_file), ..relay }
}

fn addressed_to(mails: &[Vec<u8>], address: &str) -> Vec<Mail> {
    mails.iter().map(|bytes| Mail::parse(bytes)).filter(|mail| mail.to() == address).collect()
}

on_both_engines!(signup_confirmation_and_issue_go_through_starttls_and_authentication);

async fn signup_confirmation_and_issue_go_through_starttls_and_authentication(engine: Engine) {
    let postfix = Postfix::start().await;
    let url = format!("smtp+starttls://{USER}:{PASSWORD}@localhost:{}", postfix.submission_port());
    let app = start(engine, vec![relay(&url, Some(&postfix))]).await;
    app.article("Überraschung: “Öl” in der Brücke 🎉").await;
    let id = app.newsletter().await.id;
    let named = set_newsletter::<daily::db::DbError>(&app.app.actions, &OPERATOR, id, |it| {
        it.sender_name = "Zoë’s “Täglich”".into();
        Ok(())
    });
    named.await.unwrap();
    app.sign_up("ann@example.org").await;
    let mails = postfix.wait_for_messages(1).await;
    let link = Mail::parse(&mails[0]).link("/confirm/");
    assert_eq!(app.post(&link).await.status(), 200);
    for n in 0..20 {
        app.reader_at_once(&format!("reader{n}@example.net")).await;
    }
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    let mails = postfix.wait_for_messages(22).await;
    let issue = addressed_to(&mails, "ann@example.org").pop().unwrap();
    let issue = if issue.text().contains("/confirm/") {
        addressed_to(&mails, "ann@example.org").remove(0)
    } else {
        issue
    };
    assert_eq!(issue.subject(), "Überraschung: “Öl” in der Brücke 🎉");
    assert!(issue.text().contains("Überraschung") && issue.html().contains("Überraschung"));
    assert_eq!(issue.sender_name(), "Zoë’s “Täglich”");
    for name in ["Message-ID", "Date", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version"]
    {
        assert!(issue.header(name).is_some(), "{name}");
    }
    postfix.wait_for_log("TLS connection established from", 1).await;
    let connections = postfix.log().matches("]: connect from").count();
    assert_eq!(connections, 1, "single mails and the issue share what is allowed");
}

on_both_engines!(signup_and_issue_go_through_implicit_tls_and_authentication);

async fn signup_and_issue_go_through_implicit_tls_and_authentication(engine: Engine) {
    let postfix = Postfix::start().await;
    let url = format!("smtps://{USER}:{PASSWORD}@localhost:{}", postfix.smtps_port());
    let app = start(engine, vec![relay(&url, Some(&postfix))]).await;
    app.article("The bridge opens").await;
    app.sign_up("ann@example.org").await;
    let link = Mail::parse(&postfix.wait_for_messages(1).await[0]).link("/confirm/");
    assert_eq!(app.post(&link).await.status(), 200);
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    let mails = postfix.wait_for_messages(2).await;
    let mails = addressed_to(&mails, "ann@example.org");
    assert!(mails.iter().any(|mail| mail.subject() == "The bridge opens"));
    postfix.wait_for_log("sasl_username=", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_an_untrusted_certificate_gets_nothing() {
    let postfix = Postfix::start().await;
    for url in [
        format!("smtps://localhost:{}", postfix.smtps_port()),
        format!("smtp+starttls://localhost:{}", postfix.plain_port()),
    ] {
        let app = start(Engine::Sqlite, vec![relay(&url, None)]).await;
        let said = app.app.jobs.delivery.mailer.check(None).await.remove(0).1.unwrap_err().said;
        assert!(said.to_lowercase().contains("certificate"), "{said}");
    }
    assert!(postfix.wait_for_messages(0).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_the_relays_trouble_and_loses_no_email() {
    let postfix = Postfix::start().await;
    let url = format!("smtp+starttls://{USER}:wrong@localhost:{}", postfix.submission_port());
    let app = start(Engine::Sqlite, vec![relay(&url, Some(&postfix))]).await;
    let fault = app.app.jobs.delivery.mailer.check(None).await.remove(0).1.unwrap_err();
    assert!(fault.said.starts_with("535"), "{fault:?}");
    let said = |what: &str| fault.conversation.iter().any(|line| line.starts_with(what));
    assert!(said("< 220") && said("> EHLO") && said("> STARTTLS") && said("(encrypted"), "{fault:?}");
    assert!(said("> AUTH PLAIN ***") && said("< 535"), "the password is not in it: {fault:?}");
    app.article("The bridge opens").await;
    app.reader_at_once("ann@example.org").await;
    assert_eq!(app.send_issue().await, IssueStatus::Sending, "it waits");
}

/// Sends one message through a relay of this URL.
async fn send(server: &Postfix, url: &str, to: &str) -> SendResult {
    let message = b"From: daily@example.org\r\nSubject: hello\r\n\r\nfirst\r\n.second\r\nthird\r\n";
    send_message(server, url, to, message).await
}

async fn send_message(server: &Postfix, url: &str, to: &str, message: &[u8]) -> SendResult {
    let relay = relay(url, Some(server));
    let sending = Settings::defaults().expect("the defaults").sending;
    let mailer = Mailer::new(&[relay], &sending, Clock::system()).expect("a mailer");
    let address = |text: &str| EmailAddress::parse(text).expect("an address");
    let (sender, recipient) = (address("daily@example.org"), address(to));
    let outcome = mailer.send_raw(&envelope(&sender, &recipient), message).await;
    mailer.close().await;
    outcome
}

#[tokio::test]
async fn mail_arrives_on_all_three_ports() {
    let server = Postfix::start().await;
    for url in [
        format!("smtp://localhost:{}", server.plain_port()),
        format!("smtp+starttls://localhost:{}", server.plain_port()),
        format!("smtp+starttls://{USER}:{PASSWORD}@localhost:{}", server.submission_port()),
        format!("smtps://localhost:{}", server.smtps_port()),
    ] {
        let outcome = send(&server, &url, "reader@example.net").await;
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    let mails = server.wait_for_messages(4).await;
    assert_eq!(mails.len(), 4);
    for mail in mails {
        let text = String::from_utf8(mail).expect("the mail is ASCII");
        assert!(text.contains("\r\nDelivered-To: reader@example.net\r\n"), "{text}");
        assert!(text.contains("\r\n\r\nfirst\r\n.second\r\nthird\r\n"), "{text}");
    }
    server.wait_for_log("TLS connection established from", 3).await;
}

#[tokio::test]
async fn mail_arrives_through_the_sendmail_program() {
    let server = Postfix::start().await;
    let url = format!("sendmail:{}", server.sendmail().display());
    let outcome = send(&server, &url, "reader@example.net").await;
    assert!(outcome.is_ok(), "{outcome:?}");
    let mails = server.wait_for_messages(1).await;
    let text = String::from_utf8(mails[0].clone()).expect("the mail is ASCII");
    assert!(text.starts_with("Return-Path: <daily@example.org>\r\n"), "{text}");
    assert!(text.contains("\r\nDelivered-To: reader@example.net\r\n"), "{text}");
    assert!(text.contains("\r\n\r\nfirst\r\n.second\r\nthird\r\n"), "{text}");

    let mut huge = b"Subject: x\r\n\r\n".to_vec();
    huge.extend(b"0123456789abcdef\r\n".repeat(3_000_000));
    let refused = send_message(&server, &url, "reader@example.net", &huge).await;
    assert!(matches!(refused, Err(SendError::Deferred(_))), "Postfix ends with EX_TEMPFAIL: {refused:?}");
}

#[tokio::test]
async fn submission_wants_tls_and_login_and_nothing_leaves() {
    let server = Postfix::start().await;
    let port = server.submission_port();
    for url in [
        format!("smtp://localhost:{port}"),
        format!("smtp+starttls://localhost:{port}"),
        format!("smtp+starttls://{USER}:no@localhost:{port}"),
    ] {
        let outcome = send(&server, &url, "reader@example.org").await;
        assert!(outcome.is_err(), "{outcome:?}");
        assert!(answer_of(&outcome).code.is_some_and(|code| code >= 500), "{outcome:?}");
    }
    assert!(server.messages().is_empty(), "{}", server.log());

    let good = format!("smtp+starttls://{USER}:{PASSWORD}@localhost:{port}");
    let away = send(&server, &good, "someone@debian.org").await;
    assert!(matches!(away, Err(SendError::Failed(_))), "{away:?}");
    let gone = send(&server, &good, "gone@example.org").await;
    assert!(gone.is_ok(), "taken, to be bounced: {gone:?}");
    let mails = server.wait_for_messages(1).await;
    let bounce = String::from_utf8_lossy(&mails[0]);
    assert!(bounce.contains("\r\nDelivered-To: daily@example.org\r\n"), "{bounce}");
    assert!(bounce.contains("Content-Type: message/delivery-status"), "{bounce}");
}
