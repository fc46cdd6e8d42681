//! Bounces and complaints that come back by email, and what they mean for readers.

use crate::support::{
    DAY, Engine, TestApp, on_both_engines,
    smtp_server::{Action, Script, SmtpServer, Step},
};
use daily::{
    actions::incoming::{
        Outcome,
        receive::{Incoming, receive},
    },
    db::throttle::holds,
    domain::{
        delivery::{
            bounce_address::{BounceAddress, Returned, key, open_key},
            email::EmailKind,
        },
        ids::IssueId,
        issue::status::IssueStatus,
        subscriber::subscription::SubscriptionStatus::{Active, Complained, Pending, Undeliverable},
    },
    mail::inbound,
    settings::Relay,
};
use jiff::SignedDuration;

mod listener;

const ANN: &str = "ann@example.org";
const BEN: &str = "ben@example.org";
const PATTERN: &str = "bounce+{key}@bounces.example.org";

async fn start(engine: Engine) -> TestApp {
    TestApp::start_with(engine, |settings| {
        settings.sending.bounce_address = Some(BounceAddress::parse(PATTERN).unwrap());
    })
    .await
}

/// Returns the envelope sender of a reader's copy of an issue.
async fn sender(app: &TestApp, issue: IssueId, address: &str) -> String {
    let subscription = app.visitor(address).subscription().await.id;
    let made = key(&app.app.incoming.keys, Returned::Copy { issue, subscription }).unwrap();
    PATTERN.replace("{key}", &made)
}

/// Writes a delivery report.
fn report(to: &str, recipient: &str, action: &str, answer: &str) -> String {
    let status = answer.split(' ').nth(1).unwrap();
    format!(
        "From: MAILER-DAEMON@mx.example.org\r\nTo: {to}\r\nSubject: Undelivered Mail\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n\
         Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n\
         Diagnostic-Code: smtp; {answer}\r\n\r\n--b--\r\n"
    )
}

/// Writes a complaint.
fn complaint(to: &str) -> String {
    format!(
        "From: fbl@mailbox.example\r\nTo: {to}\r\nSubject: Report\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\n\r\nSpam.\r\n\r\n\
         --b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\n\r\n--b--\r\n"
    )
}

async fn receives(app: &TestApp, message: &str) -> Outcome {
    let reading = inbound::read(message.as_bytes());
    let hash = inbound::hash(message.as_bytes());
    let incoming =
        Incoming { bytes: message.as_bytes(), recipient: None, reading: reading.as_ref(), hash: &hash };
    receive(&app.app.incoming, &incoming).await.unwrap()
}

/// Sends the next day's issue.
async fn next_issue(app: &TestApp, day: i32) -> IssueId {
    app.clock.advance(DAY);
    app.article(&format!("The bridge on day {day}")).await;
    app.send(&app.newsletter().await).await
}

on_both_engines!(
    an_address_is_suppressed_at_the_second_hard_bounce_on_another_day,
    refusals_at_smtp_and_late_bounces_count_together,
    five_soft_bounces_in_a_row_over_a_week_suppress,
    a_full_mailbox_that_the_relay_refuses_counts_as_a_soft_bounce,
    a_complaint_ends_all_subscriptions_for_good,
    forged_old_and_senders_own_bounces_change_nothing,
    a_bounced_confirmation_is_undeliverable_and_asks_again_after_a_month,
    a_suppressed_reader_comes_back_by_confirming,
    what_is_not_recognized_is_kept_for_an_operator,
    every_email_has_its_own_envelope_sender,
    one_destination_is_held_while_the_others_go_on,
);

async fn an_address_is_suppressed_at_the_second_hard_bounce_on_another_day(engine: Engine) {
    let app = start(engine).await;
    app.reader(ANN).await;
    app.reader(BEN).await;
    let first = next_issue(&app, 1).await;
    let hard = "550 5.1.1 no such user";
    let bounce = report(&sender(&app, first, ANN).await, ANN, "failed", hard);
    assert!(receives(&app, &bounce).await.did.contains("a second one"));
    assert!(receives(&app, &bounce).await.did.contains("is known"), "replayed");
    assert_eq!((app.status_of(ANN).await, app.suppressed(ANN).await), (Some(Active), None));
    assert!(app.visitor(ANN).opens_preferences().await.contains("came back"));
    assert!(!app.visitor(BEN).opens_preferences().await.contains("came back"));
    let status = app.program().run(&["issue", "status", "--no-watch"]).await.stdout;
    assert!(status.contains("came back by email: 1 hard"), "{status}");
    // A delay of the next issue is soft.
    let second = next_issue(&app, 2).await;
    let to = sender(&app, second, ANN).await;
    receives(&app, &report(&to, ANN, "delayed", "450 4.1.1 user unknown")).await;
    assert_eq!(app.status_of(ANN).await, Some(Active));
    let outcome = receives(&app, &report(&to, "ann@forwarded.example", "failed", hard)).await;
    assert_eq!(outcome.did, "the address is suppressed");
    assert_eq!(app.status_of(ANN).await, Some(Undeliverable));
    assert!(app.suppressed(ANN).await.unwrap().contains("no such user"));
    assert_eq!(app.status_of(BEN).await, Some(Active));
    assert!(app.visitor(ANN).opens_preferences().await.contains("we stopped sending them"));
    let shown = app.program().run(&["subscriber", "show", ANN]).await.stdout;
    assert!(shown.contains("BOUNCED") && shown.contains("key") && shown.contains("soft"), "{shown}");
}

async fn refusals_at_smtp_and_late_bounces_count_together(engine: Engine) {
    let relay = SmtpServer::start(Script::accept()).await;
    let url = relay.url();
    let app = TestApp::start_with(engine, |settings| {
        settings.sending.bounce_address = Some(BounceAddress::parse(PATTERN).unwrap());
        settings.relays = vec![Relay::new(daily::domain::delivery::relay::RelayUrl::parse(&url).unwrap())];
    })
    .await;
    app.reader_at_once(ANN).await;
    let first = next_issue(&app, 1).await;
    receives(&app, &report(&sender(&app, first, ANN).await, ANN, "failed", "550 5.1.1 no such user")).await;
    assert_eq!(app.status_of(ANN).await, Some(Active));
    relay.follow(Script::accept().refuse(ANN, "550 5.1.1 nobody here"));
    next_issue(&app, 2).await;
    assert_eq!(app.status_of(ANN).await, Some(Undeliverable));
}

async fn five_soft_bounces_in_a_row_over_a_week_suppress(engine: Engine) {
    let app = start(engine).await;
    app.reader(ANN).await;
    app.reader(BEN).await;
    for day in 1..=9 {
        let issue = next_issue(&app, day).await;
        // Ann's copy of the fourth day arrives.
        for (address, bounces) in [(ANN, day != 4), (BEN, day % 2 == 1)] {
            if bounces {
                let to = sender(&app, issue, address).await;
                receives(&app, &report(&to, address, "failed", "552 5.2.2 mailbox full")).await;
            }
        }
    }
    assert_eq!(app.status_of(ANN).await, Some(Active), "five in a row, but within a week");
    assert_eq!(app.status_of(BEN).await, Some(Active), "others arrived between");
    for day in 10..=12 {
        let issue = next_issue(&app, day).await;
        let to = sender(&app, issue, ANN).await;
        receives(&app, &report(&to, ANN, "failed", "552 5.2.2 mailbox full")).await;
    }
    assert_eq!(app.status_of(ANN).await, Some(Undeliverable));
    assert!(app.suppressed(ANN).await.unwrap().contains("5 issues in a row"));
}

async fn a_full_mailbox_that_the_relay_refuses_counts_as_a_soft_bounce(engine: Engine) {
    let relay = SmtpServer::start(Script::accept().refuse(ANN, "552 5.2.2 mailbox full")).await;
    let url = relay.url();
    let app = TestApp::start_with(engine, |settings| {
        settings.relays = vec![Relay::new(daily::domain::delivery::relay::RelayUrl::parse(&url).unwrap())];
    })
    .await;
    app.reader_at_once(ANN).await;
    app.reader_at_once(BEN).await;
    for day in 1..=7 {
        next_issue(&app, day).await;
    }
    assert_eq!(app.status_of(ANN).await, Some(Active), "within a week");
    for day in 8..=9 {
        next_issue(&app, day).await;
    }
    assert_eq!(app.status_of(ANN).await, Some(Undeliverable));
    assert!(app.suppressed(ANN).await.unwrap().contains("mailbox full"));
    assert_eq!(app.status_of(BEN).await, Some(Active));
}

async fn a_complaint_ends_all_subscriptions_for_good(engine: Engine) {
    let app = start(engine).await;
    app.add_newsletter("weekly", |_| {}).await;
    let ann = app.reader(ANN).await;
    ann.joins("weekly").await;
    let issue = next_issue(&app, 1).await;
    // Years later.
    app.clock.advance(DAY * 700);
    let outcome = receives(&app, &complaint(&sender(&app, issue, ANN).await)).await;
    assert!(outcome.did.contains("2 subscriptions have ended"), "{outcome:?}");
    for subscription in ann.subscriptions().await {
        assert_eq!(subscription.status, Complained);
    }
    assert!(app.consent_of(ANN).await.contains(&"complained".to_owned()));
    app.verify_ledger().await;
    let before = ann.emails().len();
    ann.signs_up().await;
    assert_eq!((ann.emails().len(), app.status_of(ANN).await), (before, Some(Complained)));
}

async fn forged_old_and_senders_own_bounces_change_nothing(engine: Engine) {
    let app = start(engine).await;
    app.reader(ANN).await;
    let hard = "550 5.1.1 no such user";
    let forged = PATTERN.replace("{key}", &"0".repeat(31));
    for day in 1..=2 {
        let issue = next_issue(&app, day).await;
        let id = app.delivery(issue, ANN).await.id;
        let id = id.unwrap();
        let returned = format!("X-Returned: {}.{id}@example.org", app.issue(issue).await.message_key);
        for to in [forged.as_str(), "bounce@bounces.example.org", ANN] {
            let outcome = receives(&app, &format!("{returned}\r\n{}", report(to, ANN, "failed", hard))).await;
            assert!(outcome.is_kept() && outcome.did.contains("doesn't prove"), "{outcome:?}");
        }
        let to = sender(&app, issue, ANN).await;
        for answer in ["554 5.7.1 listed by a blocklist", "550 5.7.26 no DKIM", "421 4.7.0 too many messages"]
        {
            let outcome = receives(&app, &report(&to, ANN, "failed", answer)).await;
            assert!(outcome.did.contains("not about the reader"), "{outcome:?}");
        }
        let outcome = receives(&app, &report(&to, ANN, "delivered", "250 2.0.0 ok")).await;
        assert!(outcome.did.contains("was delivered"), "{outcome:?}");
    }
    let old = next_issue(&app, 3).await;
    let older = next_issue(&app, 4).await;
    app.clock.advance(DAY * 31);
    for issue in [old, older] {
        let outcome = receives(&app, &report(&sender(&app, issue, ANN).await, ANN, "failed", hard)).await;
        assert!(outcome.did.contains("older than 30 days"), "{outcome:?}");
        app.clock.advance(DAY);
    }
    assert_eq!((app.status_of(ANN).await, app.suppressed(ANN).await), (Some(Active), None));
}

async fn a_bounced_confirmation_is_undeliverable_and_asks_again_after_a_month(engine: Engine) {
    let app = start(engine).await;
    let ann = app.visitor(ANN);
    ann.signs_up().await;
    let email = app.store().await.emails().await.pop().unwrap().id;
    let to = PATTERN.replace("{key}", &key(&app.app.incoming.keys, Returned::Email(email)).unwrap());
    receives(&app, &report(&to, ANN, "failed", "550 5.1.1 no such user")).await;
    assert_eq!(app.status_of(ANN).await, Some(Undeliverable));
    app.clock.advance(DAY);
    ann.signs_up().await;
    assert_eq!(ann.emails().len(), 1, "one confirmation a month");
    app.clock.advance(DAY * 30);
    ann.signs_up().await;
    assert_eq!((ann.emails().len(), app.status_of(ANN).await), (2, Some(Pending)));
    ann.confirms().await;
    assert_eq!(app.status_of(ANN).await, Some(Active));
}

async fn a_suppressed_reader_comes_back_by_confirming(engine: Engine) {
    let app = start(engine).await;
    let ann = app.reader(ANN).await;
    for day in 1..=2 {
        let issue = next_issue(&app, day).await;
        let to = sender(&app, issue, ANN).await;
        receives(&app, &report(&to, ANN, "failed", "550 5.1.1 no such user")).await;
    }
    assert!(app.suppressed(ANN).await.is_some());
    app.clock.advance(DAY * 40);
    ann.signs_up().await;
    assert!(app.suppressed(ANN).await.is_some(), "only confirming lifts it");
    ann.confirms().await;
    assert_eq!((app.status_of(ANN).await, app.suppressed(ANN).await), (Some(Active), None));
    // The old bounces don't count any more.
    let issue = next_issue(&app, 50).await;
    receives(&app, &report(&sender(&app, issue, ANN).await, ANN, "failed", "550 5.1.1 no such user")).await;
    assert_eq!(app.status_of(ANN).await, Some(Active));
}

async fn what_is_not_recognized_is_kept_for_an_operator(engine: Engine) {
    let app = start(engine).await;
    let daily = app.program().set("DAILY__SENDING__BOUNCE_ADDRESS", PATTERN);
    let message = "From: Carl <carl@example.net>\r\nSubject: Question\r\n\r\nWhat is \u{1b}[31mthis?\r\n";
    let ended = daily.run_with_input(&["receive"], message.as_bytes()).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stderr.contains("other <-> from c***@example.net"), "{ended:?}");
    daily.run_with_input(&["receive"], message.as_bytes()).await;
    let listed = daily.run(&["--json", "receive", "list"]).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed[0]["sender"], "carl@example.net");
    let shown = daily.run(&["receive", "show", &listed[0]["id"].to_string()]).await.stdout;
    assert!(shown.contains("Subject: Question\n\nWhat is ?[31mthis?"), "{shown}");
    assert_eq!(daily.run(&["receive", "show", "999"]).await.code, 1);
    // Explaining needs no database and changes nothing.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bounce.eml");
    std::fs::write(&file, report("bounce@example.org", ANN, "failed", "550 5.1.1 no such user")).unwrap();
    let nowhere = daily.set("DAILY__DATABASE__URL", "sqlite:///nonexistent/daily.db");
    let read = nowhere.run(&["--json", "receive", "--explain", file.to_str().unwrap()]).await.json();
    for (name, value) in
        [("kind", "hard"), ("status", "5.1.1"), ("recipient", ANN), ("certainty", "recipient")]
    {
        assert_eq!(read[name], value, "{read}");
    }
    assert_eq!((&read["hard"], &read["delivery"]), (&true.into(), &serde_json::Value::Null));
    let told = nowhere.run(&["receive", "--explain", file.to_str().unwrap()]).await;
    assert!(told.code == 0 && told.stdout.contains("550 5.1.1 no such user"), "{told:?}");
}

async fn every_email_has_its_own_envelope_sender(engine: Engine) {
    let script = Script::accept().rule(|at| {
        (at.step == Step::Rcpt && at.recipient == ANN && at.earlier == 0)
            .then(|| Action::reply("450 4.2.0 mailbox busy"))
    });
    let relay = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[relay.port()], |settings| {
        settings.sending.bounce_address = Some(BounceAddress::parse(PATTERN).unwrap());
    })
    .await;
    app.change_newsletter(|it| it.reply_to = Some(crate::support::address("editor@example.org"))).await;
    app.reader_at_once(ANN).await;
    app.reader_at_once(BEN).await;
    let issue = app.begin_issue().await;
    app.settle().await;
    app.run_due_after(SignedDuration::from_mins(2)).await;
    let record = relay.wait_for(2).await;
    let senders: std::collections::BTreeSet<String> = record
        .connections
        .iter()
        .flat_map(|it| &it.commands)
        .filter_map(|it| it.strip_prefix("MAIL FROM:<")?.split_once('>').map(|(sender, _)| sender.to_owned()))
        .collect();
    assert_eq!(record.begun(), 3, "one is tried again, with the same sender");
    let expected = [sender(&app, issue, ANN).await, sender(&app, issue, BEN).await];
    assert_eq!(senders, expected.into_iter().collect());
    for message in record.accepted() {
        let text = String::from_utf8_lossy(&message.data);
        assert!(!text.contains("bounce+"), "the key is in the envelope only");
        assert!(text.contains("Feedback-ID: "), "{text}");
        assert!(text.contains("Reply-To: editor@example.org\r\n"), "{text}");
        let local = message.sender.split('@').next().unwrap();
        assert!(local.len() <= 64 && !message.sender.contains("ann"), "{}", message.sender);
        assert!(open_key(&app.app.incoming.keys, &local["bounce+".len()..]).is_some());
    }
    app.visitor("carl@example.org").signs_up().await;
    let single = relay.wait_for(3).await.messages.pop().unwrap();
    let made = &single.sender["bounce+".len()..single.sender.find('@').unwrap()];
    assert!(matches!(open_key(&app.app.incoming.keys, made), Some(Returned::Email(_))), "{}", single.sender);
}

async fn one_destination_is_held_while_the_others_go_on(engine: Engine) {
    let script = Script::accept().rule(|at| {
        (at.step == Step::Rcpt && at.recipient.ends_with("@strict.example"))
            .then(|| Action::reply("550 5.7.1 we don't know you"))
    });
    let relay = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[relay.port()], |_| {}).await;
    app.add_operator("op@example.org").await;
    app.readers(40, "example.org").await;
    app.readers(30, "strict.example").await;
    let issue = app.begin_issue().await;
    app.settle().await;
    let counts = app.counts(issue).await;
    assert!(counts.failed >= 10 && counts.queued > 0, "some wait: {counts:?}");
    assert_eq!(counts.sent, 40, "the others go on: {counts:?}");
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sending);
    let held = holds::current(&mut app.app.db.read().await.unwrap(), app.clock.now()).await.unwrap();
    assert_eq!(held.iter().map(|it| it.domain.as_str()).collect::<Vec<_>>(), ["strict.example"]);
    assert!(
        held[0].reason.contains("refuses") && held[0].reason.contains("550 5.7.1 we don't know you"),
        "{held:?}"
    );
    app.run_due().await;
    app.run_due().await;
    assert_eq!(app.count_emails(EmailKind::DestinationHeld).await, 1, "operators are told once");
    let email = relay.wait_for(41).await.messages.pop().unwrap();
    let text = String::from_utf8_lossy(&email.data).into_owned();
    assert!(text.contains("strict.example doesn't take our emails"), "{text}");
    // An hour later the rest goes out, slowly.
    relay.follow(Script::accept());
    app.run_due_until(issue, IssueStatus::Sent, SignedDuration::from_mins(5)).await;
    assert_eq!(app.counts(issue).await.sent, 40 + 30 - counts.failed);
}
