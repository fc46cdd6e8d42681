//! Operators watch, pause, resume and cancel an issue on the command line.

use crate::support::{
    Engine, OPERATOR, TestApp, address,
    command::{Ended, Environment, Running},
    eventually,
    mailbox::Mail,
    on_both_engines,
    service::{Installation, serve, write_feed},
    smtp_server::{Action, Script, SmtpServer, Step},
};
use daily::{
    actions::issue::{cancel_issue::cancel_issue, pause_issue::pause_issue},
    clock::Clock,
    db::{DatabaseUrl, Db, deliveries::Counts, newsletters, subscribers},
    domain::{ids::IssueId, issue::status::IssueStatus},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
};

/// A service that sends an issue through a relay, one message at a time.
struct Story {
    daily: Environment,
    _service: Running,
    _sending: Running,
    _here: Installation,
}

impl Story {
    async fn begin(engine: Engine, relay: &SmtpServer, readers: usize) -> Self {
        let here = Installation::new(engine).await;
        let daily = here.daily.clone();
        let daily =
            daily.set("DAILY__RELAYS__0__URL", &relay.url()).set("DAILY__RELAYS__0__CONNECTIONS", "1");
        let (service, daily, _) = serve(daily).await;
        daily.run(&["feed", "add", &write_feed(here.folder())]).await;
        confirmed_readers(&here.database(), readers).await;
        let sending = daily.start(&["issue", "send", "--yes"]);
        Self { daily, _service: service, _sending: sending, _here: here }
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        self.daily.run(arguments).await
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        self.run(&[&["--json"], arguments].concat()).await.json()
    }

    async fn becomes(&self, status: &str) {
        eventually(&format!("the issue is {status}"), || async {
            (self.json(&["issue", "list"]).await[0]["status"] == status).then_some(())
        })
        .await;
    }

    /// Waits until nothing is in flight and `left` deliveries wait, and returns the counts.
    async fn rests_with(&self, left: i64) -> Value {
        eventually("the issue rests", || async {
            let counts = self.json(&["issue", "status"]).await["deliveries"].take();
            let busy = [&counts["claimed"], &counts["sending"]].iter().any(|count| **count != 0);
            (!busy && counts["queued"] == left).then_some(counts)
        })
        .await
    }
}

async fn confirmed_readers(store: &DatabaseUrl, count: usize) {
    let db = Db::connect(store).await.unwrap();
    let now = Clock::system().now();
    let mut tx = db.begin().await.unwrap();
    let newsletter = newsletters::get_by_slug(&mut tx, "daily").await.unwrap().unwrap();
    for n in 0..count {
        let address = address(&format!("reader{n}@example.org"));
        let subscriber = subscribers::subscriber(&mut tx, &address, now).await.unwrap();
        let made = subscribers::subscription(&mut tx, subscriber, newsletter.id, now).await.unwrap();
        subscribers::activate(&mut tx, made.id, now).await.unwrap();
    }
    tx.commit().await.unwrap();
    db.close().await;
}

/// Accepts some messages, and never answers the next one.
fn silent_after(mails: usize) -> Script {
    let taken = AtomicUsize::new(0);
    Script::accept().rule(move |at| {
        (at.step == Step::EndOfData && taken.fetch_add(1, Ordering::Relaxed) >= mails).then_some(Action::Hold)
    })
}

fn rows_of(ended: &Ended) -> Vec<Value> {
    ended.json().as_array().expect("a list").clone()
}

fn total(counts: &Value) -> i64 {
    counts.as_object().unwrap().values().filter_map(Value::as_i64).sum()
}

on_both_engines!(
    an_operator_pauses_inspects_and_resumes_an_issue,
    an_operator_cancels_an_issue,
    a_held_issue_has_its_reason_and_can_be_resumed,
    an_issue_is_sent_again_to_those_who_missed_it,
    counts_are_those_of_the_rows_in_every_state,
);

async fn an_operator_pauses_inspects_and_resumes_an_issue(engine: Engine) {
    let relay = SmtpServer::start(silent_after(5)).await;
    let story = Story::begin(engine, &relay, 20).await;
    relay.wait_until(|record| record.messages.len() == 6).await;

    let pausing = {
        let daily = story.daily.clone();
        tokio::spawn(
            async move { daily.run(&["--json", "issue", "pause", "--reason", "wrong picture"]).await },
        )
    };
    story.becomes("paused").await;
    relay.release();
    let paused = pausing.await.unwrap();
    assert_eq!(paused.code, 0, "{paused:?}");
    let paused = paused.json();
    assert_eq!((&paused["was"], &paused["now"]), (&"sending".into(), &"paused".into()));
    assert_eq!(total(&paused["deliveries"]), 20, "{paused}");
    let counts = story.rests_with(14).await;
    assert_eq!(
        (&counts["sent"], total(&counts)),
        (&6.into(), 20),
        "what was in flight is finished, nothing else begun"
    );

    let again = story.run(&["issue", "pause"]).await;
    assert_eq!(again.code, 1);
    assert!(
        again.stderr.contains("is paused (wrong picture)") && again.stderr.contains("issue resume"),
        "{again:?}"
    );
    let status = story.run(&["issue", "status"]).await;
    for says in
        ["paused (wrong picture)", "6 sent · 14 queued", "example.org", "250", "sending", "issue resume"]
    {
        assert!(status.stdout.contains(says), "{says} is missing in:\n{}", status.stdout);
    }
    let check = story.run(&["check"]).await;
    assert!(check.stdout.contains("paused: wrong picture"), "{}", check.stdout);

    deliveries_are_listed(&story, &relay).await;

    let resumed = story.run(&["issue", "resume"]).await;
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert!(resumed.stdout.contains("was paused, it is"), "{}", resumed.stdout);
    story.becomes("sent").await;
    let record = relay.wait_for(20).await;
    let reached: BTreeSet<_> = record.accepted().flat_map(|it| it.recipients.clone()).collect();
    assert_eq!((reached.len(), record.messages.len()), (20, 20), "each once");
    let status = story.json(&["issue", "status"]).await;
    let history: Vec<_> =
        status["history"].as_array().unwrap().iter().map(|it| it["status"].clone()).collect();
    assert_eq!(history, ["frozen", "sending", "paused", "sending", "sent"]);
    assert_eq!((&status["deliveries"]["sent"], &status["domains"][0]["sent"]), (&20.into(), &20.into()));
    for verb in ["pause", "resume"] {
        let ended = story.run(&["issue", verb]).await;
        assert!(ended.code == 1 && ended.stderr.contains("was sent"), "{ended:?}");
    }
}

async fn an_operator_cancels_an_issue(engine: Engine) {
    let relay = SmtpServer::start(silent_after(5)).await;
    let story = Story::begin(engine, &relay, 20).await;
    relay.wait_until(|record| record.messages.len() == 6).await;
    let unasked = story.run(&["issue", "cancel"]).await;
    assert!(unasked.code == 2 && unasked.stderr.contains("--yes"), "{unasked:?}");
    story.becomes("sending").await;

    let cancelling = {
        let daily = story.daily.clone();
        tokio::spawn(async move { daily.run(&["issue", "cancel", "--yes"]).await })
    };
    story.becomes("cancelled").await;
    relay.release();
    let cancelled = cancelling.await.unwrap();
    assert_eq!(cancelled.code, 0, "{cancelled:?}");
    assert!(cancelled.stdout.contains("was sending, it is cancelled now"), "{}", cancelled.stdout);
    let counts = story.rests_with(0).await;
    assert_eq!((&counts["sent"], &counts["skipped"]), (&6.into(), &14.into()));
    for command in [&["issue", "cancel", "--yes"][..], &["issue", "pause"], &["issue", "resume"]] {
        let ended = story.run(command).await;
        assert!(ended.code == 1 && ended.stderr.contains("is cancelled"), "{ended:?}");
    }
    assert_eq!(relay.record().messages.len(), 6);
}

async fn a_held_issue_has_its_reason_and_can_be_resumed(engine: Engine) {
    let refuse = Action::reply("550 5.1.1 nobody here");
    let relay = SmtpServer::start(Script::accept().always(Step::Rcpt, refuse)).await;
    let story = Story::begin(engine, &relay, 60).await;
    story.becomes("held").await;
    let counts = eventually("what was in flight is finished", || async {
        let counts = story.json(&["issue", "status"]).await["deliveries"].take();
        (counts["claimed"] == 0 && counts["sending"] == 0).then_some(counts)
    })
    .await;
    let failed = counts["failed"].as_i64().unwrap();
    assert!((13..60).contains(&failed) && counts["queued"] == 60 - failed, "{counts}");
    let status = story.run(&["issue", "status"]).await.stdout;
    for says in ["held (", "refusals", "550", "5.1.1 nobody here", "failed"] {
        assert!(status.contains(says), "{says} is missing in:\n{status}");
    }
    assert!(story.run(&["check"]).await.stdout.contains("held: "));
    let pause = story.run(&["issue", "pause"]).await;
    assert!(pause.code == 1 && pause.stderr.contains("is held ("), "{pause:?}");

    let refused = story.json(&["issue", "deliveries", "--status", "failed"]).await;
    let refused = refused.as_array().unwrap();
    assert_eq!(i64::try_from(refused.len()).unwrap(), failed);
    assert!(refused.iter().all(|it| it["enhanced_code"] == "5.1.1" && it["reply_code"] == 550));
    let address = refused[0]["address"].as_str().unwrap();
    let shown = story.run(&["subscriber", "show", address]).await.stdout;
    for says in ["BOUNCED", "hard", "relay", "5.1.1", "smtp://127.0.0.1"] {
        assert!(shown.contains(says), "{says} is missing in:\n{shown}");
    }
    assert!(!shown.contains("suppressed since"), "a held issue suppresses nobody:\n{shown}");

    relay.follow(Script::accept());
    assert_eq!(story.run(&["issue", "resume"]).await.code, 0);
    story.becomes("sent").await;
    let counts = story.json(&["issue", "status"]).await["deliveries"].take();
    assert_eq!((total(&counts), counts["failed"].as_i64()), (60, Some(failed)), "{counts}");
}

async fn an_issue_is_sent_again_to_those_who_missed_it(engine: Engine) {
    let full = Script::accept().refuse("reader1@example.org", "552 5.2.2 the mailbox is full");
    let relay = SmtpServer::start(full).await;
    let story = Story::begin(engine, &relay, 3).await;
    story.becomes("sent").await;
    relay.follow(Script::accept());
    let unasked = story.run(&["issue", "resend"]).await;
    assert!(unasked.code == 2 && unasked.stderr.contains("--yes"), "{unasked:?}");
    assert_eq!(relay.record().accepted().count(), 2);
    let again = story.json(&["issue", "resend", "--yes"]).await;
    assert_eq!((&again["resent"], &again["left_out"]), (&1.into(), &0.into()), "{again}");
    story.becomes("sent").await;
    let reached: Vec<String> =
        relay.wait_for(3).await.accepted().flat_map(|it| it.recipients.clone()).collect();
    assert_eq!(reached.iter().filter(|it| *it == "reader1@example.org").count(), 1, "{reached:?}");
    assert_eq!(story.json(&["issue", "status"]).await["deliveries"]["sent"], 3);
    let nobody = story.run(&["issue", "resend", "--yes"]).await;
    assert!(nobody.code == 1 && nobody.stderr.contains("nobody who missed the issue"), "{nobody:?}");
    assert_eq!(relay.record().messages.len(), 3, "each has one");
}

async fn counts_are_those_of_the_rows_in_every_state(engine: Engine) {
    let app = TestApp::with_relay(engine, "smtp://127.0.0.1:1").await;
    app.article("The bridge opens").await;
    for n in 0..24 {
        app.reader_at_once(&format!("reader{n}@example.org")).await;
    }
    assert_eq!(app.send_issue().await, IssueStatus::Sending, "the relay is down");
    let issue = app.latest_issue().await.id;
    assert_eq!(pause_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap(), IssueStatus::Paused);
    app.settle().await;
    app.store().await.spread_deliveries_over_states().await;
    let counts = counted_twice(&app, issue).await;
    let expected = Counts {
        queued: 4,
        claimed: 2,
        sending: 2,
        sent: 6,
        deferred: 4,
        failed: 2,
        uncertain: 2,
        skipped: 2,
    };
    assert_eq!((counts, counts.total()), (expected, 24));
    cancel_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap();
    app.settle().await;
    let counts = counted_twice(&app, issue).await;
    let expected = Counts { sent: 6, failed: 2, uncertain: 4, skipped: 12, ..Counts::default() };
    assert_eq!((counts, counts.total()), (expected, 24));
}

/// Checks the lists of deliveries while 6 of 20 are sent.
async fn deliveries_are_listed(story: &Story, relay: &SmtpServer) {
    let pages = ["issue", "deliveries", "--status", "queued", "--limit", "9", "--json"];
    let first = story.run(&pages).await;
    let rows = rows_of(&first);
    assert_eq!(rows.len(), 9);
    let after = rows.last().unwrap()["subscriber_id"].to_string();
    assert!(first.stderr.contains(&format!("--after {after}")), "{}", first.stderr);
    let second = story.run(&[&pages[..], &["--after", &after]].concat()).await;
    let more = rows_of(&second);
    assert_eq!((more.len(), second.stderr.as_str()), (5, ""), "the last page");
    let readers: BTreeSet<String> = rows.iter().chain(&more).map(|row| row["address"].to_string()).collect();
    assert_eq!(readers.len(), 14);

    let all = story.run(&["issue", "deliveries", "--all", "--json"]).await.stdout;
    let all: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(all.len(), 20);
    let text = story.run(&["issue", "deliveries", "--all"]).await.stdout;
    assert_eq!(text.lines().count(), 21, "{text}");
    assert_eq!(story.run(&["issue", "deliveries", "--status", "lost"]).await.code, 2);

    let sent = all.iter().find(|row| row["status"] == "sent").unwrap();
    let address = sent["address"].as_str().unwrap();
    let one = story.json(&["issue", "deliveries", "--reader", address]).await;
    let record = relay.record();
    let message = record.accepted().find(|it| it.recipients.iter().any(|to| to == address)).unwrap();
    let mail = Mail::parse(&message.data);
    assert_eq!(
        mail.header("Message-ID"),
        Some(format!("<{}>", one["message_id"].as_str().unwrap()).as_str())
    );
    assert_eq!(
        (one["subject"].as_str(), one["delivery"]["reply_code"].as_i64()),
        (Some(mail.subject()), Some(250))
    );
    let text = story.run(&["issue", "deliveries", "--reader", address]).await.stdout;
    assert!(text.contains(": sent") && text.contains("Message-ID: <"), "{text}");
    let nobody = story.run(&["issue", "deliveries", "--reader", "nobody@example.org"]).await;
    assert!(nobody.code == 1 && nobody.stderr.contains("never signed up"), "{nobody:?}");
}

/// Asserts that an issue's counters match its rows, and returns them.
async fn counted_twice(app: &TestApp, issue: IssueId) -> Counts {
    let counts = app.counts(issue).await;
    let rows = app.store().await.deliveries().await;
    let told = serde_json::to_value(counts).unwrap();
    let told: Vec<(String, i64)> = told
        .as_object()
        .unwrap()
        .iter()
        .map(|(status, count)| (status.clone(), count.as_i64().unwrap()))
        .filter(|(_, count)| *count != 0)
        .collect();
    let (told, rows): (BTreeSet<_>, BTreeSet<_>) = (told.into_iter().collect(), rows.into_iter().collect());
    assert_eq!(told, rows);
    counts
}
