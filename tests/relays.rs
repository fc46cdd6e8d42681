//! Answers of relays, and the deliveries that result from them.

use crate::support::{
    Engine, OPERATOR, TestApp,
    mailbox::Mail,
    on_both_engines,
    smtp_server::{Action, Script, SmtpServer, Step},
};
use daily::{
    actions::issue::resolve_issue::{Resolution, resolve_issue},
    db::deliveries::ReaderDelivery,
    domain::issue::status::IssueStatus,
    settings::Uncertain,
};
use jiff::SignedDuration;

async fn start(engine: Engine, server: &SmtpServer) -> TestApp {
    TestApp::with_ports(engine, &[server.port()], |_| {}).await
}

/// Returns the delivery of the latest issue to an address.
async fn latest_delivery(app: &TestApp, address: &str) -> ReaderDelivery {
    app.delivery(app.latest_issue().await.id, address).await
}

on_both_engines!(
    one_connection_carries_many_emails,
    a_refused_address_fails_and_the_others_get_the_issue,
    a_greylisted_message_is_tried_again,
    a_relay_that_is_down_costs_nothing_but_time,
    the_next_relay_takes_over,
    a_message_whose_connection_breaks_before_the_answer_is_not_repeated_at_once,
    with_hold_an_uncertain_delivery_waits_for_the_operator,
    a_relay_that_says_421_is_left_and_tried_again,
);

async fn one_connection_carries_many_emails(engine: Engine) {
    let server = SmtpServer::start(Script::accept()).await;
    let app = start(engine, &server).await;
    for n in 0..30 {
        app.reader_at_once(&format!("reader{n}@example.org")).await;
    }
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    let record = server.wait_for(30).await;
    assert_eq!(record.connections.len(), 1);
    assert!(record.violations.is_empty(), "{:?}", record.violations);
    let mut recipients: Vec<_> = record.accepted().flat_map(|message| message.recipients.clone()).collect();
    recipients.sort();
    recipients.dedup();
    assert_eq!(recipients.len(), 30, "each once");
    let answer = latest_delivery(&app, "reader7@example.org").await;
    assert_eq!((answer.status.as_str(), answer.reply_code), ("sent", Some(250)));
}

async fn a_refused_address_fails_and_the_others_get_the_issue(engine: Engine) {
    let script = Script::accept().refuse("gone@example.org", "550 5.1.1 no such user");
    let server = SmtpServer::start(script).await;
    let app = start(engine, &server).await;
    for reader in ["ann@example.org", "gone@example.org", "zoe@example.org"] {
        app.reader_at_once(reader).await;
    }
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    assert_eq!(server.wait_for(2).await.connections.len(), 1, "a refusal does not end the connection");
    let gone = latest_delivery(&app, "gone@example.org").await;
    assert_eq!((gone.status.as_str(), gone.reply_code), ("failed", Some(550)));
    assert!(gone.reply_text.unwrap().contains("no such user"));
}

async fn a_greylisted_message_is_tried_again(engine: Engine) {
    let server = SmtpServer::start(Script::accept().greylist()).await;
    let app = start(engine, &server).await;
    app.reader_at_once("ann@example.org").await;
    assert_eq!(app.send_issue().await, IssueStatus::Sending);
    assert_eq!(latest_delivery(&app, "ann@example.org").await.status.as_str(), "deferred");
    app.run_due_after(SignedDuration::from_mins(2)).await;
    assert_eq!(app.latest_issue().await.status, IssueStatus::Sent);
    assert_eq!(server.wait_for(1).await.accepted().count(), 1);
    let answer = latest_delivery(&app, "ann@example.org").await;
    assert_eq!((answer.status.as_str(), answer.attempts), ("sent", 2));
}

async fn a_relay_that_is_down_costs_nothing_but_time(engine: Engine) {
    let mut server = SmtpServer::start(Script::accept()).await;
    server.stop().await;
    let app = start(engine, &server).await;
    app.reader_at_once("ann@example.org").await;
    app.reader_at_once("ben@example.org").await;
    assert_eq!(app.send_issue().await, IssueStatus::Sending);
    let waiting = latest_delivery(&app, "ann@example.org").await;
    assert_eq!((waiting.status.as_str(), waiting.attempts), ("queued", 0), "not the reader's fault");
    server.start_again().await;
    app.run_due_until_sent(SignedDuration::from_secs(31)).await;
    assert_eq!(server.wait_for(2).await.accepted().count(), 2);
}

async fn the_next_relay_takes_over(engine: Engine) {
    let server = SmtpServer::start(Script::accept()).await;
    let app = TestApp::with_ports(engine, &[1, server.port()], |_| {}).await;
    app.reader_at_once("ann@example.org").await;
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    assert_eq!(server.wait_for(1).await.accepted().count(), 1);
    assert!(
        latest_delivery(&app, "ann@example.org").await.relay.unwrap().ends_with(&server.port().to_string())
    );
}

async fn a_message_whose_connection_breaks_before_the_answer_is_not_repeated_at_once(engine: Engine) {
    let server = SmtpServer::start(Script::accept().first(1, Step::EndOfData, Action::Drop)).await;
    let app = start(engine, &server).await;
    app.reader_at_once("ann@example.org").await;
    assert_eq!(app.send_issue().await, IssueStatus::Sending);
    assert_eq!(server.record().messages.len(), 1);
    app.run_due_until_sent(SignedDuration::from_mins(2)).await;
    let record = server.wait_for(1).await;
    let messages = record.messages.iter().map(|message| Mail::parse(&message.data));
    let ids: Vec<_> = messages.map(|mail| mail.header("Message-ID").map(str::to_owned)).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1], "a repeated message has the same Message-ID");
}

async fn with_hold_an_uncertain_delivery_waits_for_the_operator(engine: Engine) {
    let server = SmtpServer::start(Script::accept().first(1, Step::EndOfData, Action::Drop)).await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        settings.sending.uncertain = Uncertain::Hold;
    })
    .await;
    app.reader_at_once("ann@example.org").await;
    app.send_issue().await;
    for _ in 0..3 {
        app.run_due_after(SignedDuration::from_hours(1)).await;
    }
    assert_eq!(latest_delivery(&app, "ann@example.org").await.status.as_str(), "uncertain");
    assert_eq!(server.record().messages.len(), 1, "none repeats");
    assert_eq!(app.latest_issue().await.status, IssueStatus::Sending);
    let issue = app.latest_issue().await.id;
    let settled = resolve_issue(&app.app.actions, &OPERATOR, issue, Resolution::Sent, None).await.unwrap();
    app.settle().await;
    assert_eq!((settled, app.latest_issue().await.status), (1, IssueStatus::Sent));
}

async fn a_relay_that_says_421_is_left_and_tried_again(engine: Engine) {
    let script = Script::accept().first(1, Step::Mail, Action::reply("421 4.3.2 shutting down"));
    let server = SmtpServer::start(script).await;
    let app = start(engine, &server).await;
    app.reader_at_once("ann@example.org").await;
    app.send_issue().await;
    app.run_due_until_sent(SignedDuration::from_secs(31)).await;
    assert_eq!(server.wait_for(1).await.accepted().count(), 1);
}
