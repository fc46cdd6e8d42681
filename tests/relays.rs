//! Conversations with relays: what they answer, and what becomes of the mail.

use crate::support::{
    Engine,
    app::TestApp,
    on_both_engines,
    smtp_server::{Action, Script, SmtpServer, Step},
};
use daily::{
    actions::resolve_issue::{Resolution, resolve_issue},
    db::{claims, deliveries},
    domain::{email_address::EmailAddress, issue::IssueStatus},
};
use jiff::SignedDuration;

async fn start(engine: crate::support::Engine, server: &SmtpServer) -> TestApp {
    let app = TestApp::start_with(engine, |settings| {
        let url = format!("smtp://127.0.0.1:{}", server.port());
        settings.relays[0].url = daily::domain::relay::RelayUrl::parse(&url).expect("a relay");
        settings.relays[0].connections = 1;
        settings.sending.timeout = std::time::Duration::from_secs(5);
    })
    .await;
    app.article("The bridge opens").await;
    app
}

async fn said(app: &TestApp, address: &str) -> deliveries::DeliveryRecord {
    let address = EmailAddress::parse(address).unwrap();
    let mut tx = app.app.db.read().await.unwrap();
    let found = daily::db::subscriptions::of_address(&mut tx, &address).await.unwrap();
    deliveries::of_subscriber(&mut tx, found[0].subscriber_id, 1).await.unwrap().remove(0)
}

on_both_engines!(
    one_connection_carries_many_mails,
    a_refused_address_fails_and_the_others_get_theirs,
    a_greylisted_mail_is_tried_again,
    a_relay_that_is_down_costs_nothing_but_time,
    the_next_relay_takes_over,
    a_connection_that_breaks_after_the_message_leaves_it_in_doubt_and_is_not_repeated_at_once,
    with_hold_a_mail_in_doubt_waits_for_the_operator,
    a_relay_that_says_421_is_left_and_tried_again,
);

async fn one_connection_carries_many_mails(engine: Engine) {
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
    let answer = said(&app, "reader7@example.org").await;
    assert_eq!((answer.status.as_str(), answer.reply_code), ("sent", Some(250)));
}

async fn a_refused_address_fails_and_the_others_get_theirs(engine: Engine) {
    let script = Script::accept().refuse("gone@example.org", "550 5.1.1 no such user");
    let server = SmtpServer::start(script).await;
    let app = start(engine, &server).await;
    for reader in ["ann@example.org", "gone@example.org", "zoe@example.org"] {
        app.reader_at_once(reader).await;
    }
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    assert_eq!(server.wait_for(2).await.connections.len(), 1, "a refusal does not end the connection");
    let gone = said(&app, "gone@example.org").await;
    assert_eq!((gone.status.as_str(), gone.reply_code), ("failed", Some(550)));
    assert!(gone.reply_text.unwrap().contains("no such user"));
}

async fn a_greylisted_mail_is_tried_again(engine: Engine) {
    let server = SmtpServer::start(Script::accept().greylist()).await;
    let app = start(engine, &server).await;
    app.reader_at_once("ann@example.org").await;
    assert_eq!(app.send_issue().await, IssueStatus::Sending);
    assert_eq!(said(&app, "ann@example.org").await.status.as_str(), "deferred");
    app.tick_after(SignedDuration::from_mins(2)).await;
    assert_eq!(app.issues().await[0].status, IssueStatus::Sent);
    assert_eq!(server.wait_for(1).await.accepted().count(), 1);
    let answer = said(&app, "ann@example.org").await;
    assert_eq!((answer.status.as_str(), answer.attempts), ("sent", 2));
}

async fn a_relay_that_is_down_costs_nothing_but_time(engine: Engine) {
    let mut server = SmtpServer::start(Script::accept()).await;
    server.stop().await;
    let app = start(engine, &server).await;
    app.reader_at_once("ann@example.org").await;
    app.reader_at_once("ben@example.org").await;
    assert_eq!(app.send_issue().await, IssueStatus::Sending);
    let waiting = said(&app, "ann@example.org").await;
    assert_eq!((waiting.status.as_str(), waiting.attempts), ("queued", 0), "not the reader's fault");
    server.start_again().await;
    crate::support::eventually("the issue goes out", || async {
        app.tick_after(SignedDuration::from_secs(31)).await;
        (app.issues().await[0].status == IssueStatus::Sent).then_some(())
    })
    .await;
    assert_eq!(server.wait_for(2).await.accepted().count(), 2);
}

async fn the_next_relay_takes_over(engine: Engine) {
    let server = SmtpServer::start(Script::accept()).await;
    let app = TestApp::start_with(engine, |settings| {
        let relay = |url: &str| {
            daily::settings::Relay::new(daily::domain::relay::RelayUrl::parse(url).expect("a relay"))
        };
        settings.relays =
            vec![relay("smtp://127.0.0.1:1"), relay(&format!("smtp://127.0.0.1:{}", server.port()))];
    })
    .await;
    app.article("The bridge opens").await;
    app.reader_at_once("ann@example.org").await;
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    assert_eq!(server.wait_for(1).await.accepted().count(), 1);
    assert!(said(&app, "ann@example.org").await.relay.unwrap().ends_with(&server.port().to_string()));
}

async fn a_connection_that_breaks_after_the_message_leaves_it_in_doubt_and_is_not_repeated_at_once(
    engine: Engine,
) {
    let server = SmtpServer::start(Script::accept().first(1, Step::EndOfData, Action::Drop)).await;
    let app = start(engine, &server).await;
    app.reader_at_once("ann@example.org").await;
    assert_eq!(app.send_issue().await, IssueStatus::Sending);
    assert_eq!(server.record().messages.len(), 1);
    crate::support::eventually("the issue goes out", || async {
        app.tick_after(SignedDuration::from_mins(2)).await;
        (app.issues().await[0].status == IssueStatus::Sent).then_some(())
    })
    .await;
    let record = server.wait_for(1).await;
    let ids: Vec<_> = record
        .messages
        .iter()
        .map(|message| {
            crate::support::mailbox::Mail::parse(&message.data).header("Message-ID").map(str::to_owned)
        })
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1], "a repeated mail carries the same Message-ID");
}

async fn with_hold_a_mail_in_doubt_waits_for_the_operator(engine: Engine) {
    let server = SmtpServer::start(Script::accept().first(1, Step::EndOfData, Action::Drop)).await;
    let app = TestApp::start_with(engine, |settings| {
        let url = format!("smtp://127.0.0.1:{}", server.port());
        settings.relays[0].url = daily::domain::relay::RelayUrl::parse(&url).expect("a relay");
        settings.sending.hold_uncertain = true;
    })
    .await;
    app.article("The bridge opens").await;
    app.reader_at_once("ann@example.org").await;
    app.send_issue().await;
    for _ in 0..3 {
        app.tick_after(SignedDuration::from_hours(1)).await;
    }
    assert_eq!(said(&app, "ann@example.org").await.status.as_str(), "uncertain");
    assert_eq!(server.record().messages.len(), 1, "none repeats");
    assert_eq!(app.issues().await[0].status, IssueStatus::Sending);
    let issue = app.issues().await[0].id;
    let settled = resolve_issue(&app.app.actions, issue, Resolution::Sent).await.unwrap();
    app.settle().await;
    assert_eq!((settled, app.issues().await[0].status), (1, IssueStatus::Sent));
}

async fn a_relay_that_says_421_is_left_and_tried_again(engine: Engine) {
    let script = Script::accept().first(1, Step::Mail, Action::reply("421 4.3.2 shutting down"));
    let server = SmtpServer::start(script).await;
    let app = start(engine, &server).await;
    app.reader_at_once("ann@example.org").await;
    app.send_issue().await;
    crate::support::eventually("the issue goes out", || async {
        app.tick_after(SignedDuration::from_secs(31)).await;
        (app.issues().await[0].status == IssueStatus::Sent).then_some(())
    })
    .await;
    assert_eq!(server.wait_for(1).await.accepted().count(), 1);
}

on_both_engines!(what_a_dead_worker_left_is_made_good_after_its_lease);

async fn what_a_dead_worker_left_is_made_good_after_its_lease(engine: Engine) {
    let mut server = SmtpServer::start(Script::accept()).await;
    server.stop().await;
    let app = start(engine, &server).await;
    for n in 0..6 {
        app.reader_at_once(&format!("reader{n}@example.org")).await;
    }
    assert_eq!(app.send_issue().await, IssueStatus::Sending, "the relay is down");
    // A worker takes four, begins two, and is never heard of again.
    let issue = app.issues().await[0].id;
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    let claim = claims::open(&mut tx, issue, "dead", now + SignedDuration::from_mins(2)).await.unwrap();
    let batch =
        deliveries::claim(&mut tx, issue, claim, deliveries::From::Common(None), now, 4).await.unwrap();
    let ids: Vec<_> = batch[..2].iter().map(|delivery| delivery.id).collect();
    let begun = deliveries::begin(&mut tx, issue, claim, &ids, now).await.unwrap();
    assert_eq!(begun.go.len(), 2);
    tx.commit().await.unwrap();
    server.start_again().await;
    app.tick_after(SignedDuration::from_secs(60)).await;
    let counts = |app: &TestApp| {
        let db = app.app.db.clone();
        async move { deliveries::counts(&mut db.read().await.unwrap(), issue).await.unwrap() }
    };
    let during = counts(&app).await;
    assert_eq!((during.claimed, during.sending), (2, 2), "its lease holds: nobody touches them");
    crate::support::eventually("the issue goes out", || async {
        app.tick_after(SignedDuration::from_secs(61)).await;
        (app.issues().await[0].status == IssueStatus::Sent).then_some(())
    })
    .await;
    assert_eq!(counts(&app).await.sent, 6);
    assert_eq!(server.wait_for(6).await.accepted().count(), 6);
    // The dead one comes back to life: its claim is worth nothing now.
    let mut tx = app.app.db.begin().await.unwrap();
    let late = deliveries::begin(&mut tx, issue, claim, &[batch[3].id], app.clock.now()).await.unwrap();
    assert!(late.go.is_empty() && late.skipped.is_empty(), "{late:?}");
}
