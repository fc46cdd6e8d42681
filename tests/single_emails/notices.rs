//! Notices: operators are alerted as long as they have to act.

use super::{assert_unwanted, notify, notify_about, one_line, planned};
use crate::support::{
    DAY, Engine, OPERATOR, TestApp, address, eventually,
    mailbox::Mail,
    on_both_engines,
    service::{Installation, write_feed},
    smtp_server::{Action, Script, SmtpServer, Step},
};
use daily::{
    actions::{
        issue::{approve_issue::approve_issue, cancel_issue::cancel_issue, resume_issue::resume_issue},
        operator::{
            add_operator::{AddOutcome, add_operator},
            remove_operator::remove_operator,
        },
    },
    db::content::feeds,
    delivery::notify_operators::NoticeSubject,
    domain::{
        content::feed_trouble::TroubleKind,
        delivery::email::{EmailKind, EmailStatus},
        ids::FeedId,
        issue::{selection::TooFew, status::IssueStatus},
    },
};
use jiff::SignedDuration;

const DESK: &str = "desk@courier.example";

async fn notify_about_feed(app: &TestApp, feed: FeedId) {
    notify_about(app, EmailKind::FeedTrouble, NoticeSubject::Feed(feed)).await;
    app.settle().await;
}

on_both_engines!(
    operators_are_added_listed_and_removed,
    operators_are_asked_to_approve_an_issue_that_waits,
    operators_are_asked_about_an_issue_with_too_few_stories,
    a_notice_is_dropped_if_the_issue_has_enough_stories_by_then,
    operators_are_told_that_the_breaker_held_an_issue,
    operators_are_told_once_of_missed_issues,
    operators_are_told_of_an_issue_that_could_not_be_sent_in_time,
    operators_are_told_of_a_failing_feed_unless_it_has_recovered,
    a_removed_operator_gets_no_waiting_notice,
);

async fn operators_are_added_listed_and_removed(engine: Engine) {
    let here = Installation::new(engine).await;
    let daily = &here.daily;
    assert!(
        !daily.run(&["check"]).await.stdout.contains("daily operator add"),
        "there is nothing to tell yet"
    );
    daily.run(&["feed", "add", &write_feed(here.folder())]).await;
    assert!(daily.run(&["check"]).await.stdout.contains("daily operator add"));
    let added = daily.run(&["operator", "add", "Desk@courier.example"]).await;
    assert!(added.code == 0 && added.stdout.contains("gets alerts from now on"), "{added:?}");
    let again = daily.run(&["--json", "operator", "add", "desk@courier.example"]).await;
    assert!(again.code == 0 && again.stdout.contains("\"new\": false"), "{again:?}");
    let list = daily.run(&["--json", "operator", "list"]).await.json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["problem"], serde_json::Value::Null);
    assert!(!daily.run(&["check"]).await.stdout.contains("daily operator add"));
    let removed = daily.run(&["operator", "remove", "desk@courier.example"]).await;
    assert!(removed.code == 0 && removed.stdout.contains("no more alerts"), "{removed:?}");
    let missing = daily.run(&["operator", "remove", "desk@courier.example"]).await;
    assert!(missing.code == 1 && missing.stderr.contains("daily operator list"), "{missing:?}");
    assert_eq!(daily.run(&["operator", "add", "desk"]).await.code, 2);
}

async fn operators_are_asked_to_approve_an_issue_that_waits(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("The bridge opens").await;
    app.reader_at_once("ann@example.org").await;
    let issue = planned(&app, true, None).await;
    app.add_operator(DESK).await;
    notify(&app, EmailKind::ApprovalWanted, issue).await;
    let mails = app.emails_to(DESK);
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].subject(), "[Daily] Please approve the issue of Saturday, 2 May");
    let text = one_line(&mails[0].text());
    for says in [
        "It's due at 07:00 (UTC), in 30 minutes, and goes to 1 reader.",
        "1. The bridge opens",
        "daily issue approve --newsletter daily --date 2026-05-02",
        "daily operator remove desk@courier.example",
    ] {
        assert!(text.contains(says), "{says} is missing in {text}");
    }
    assert_eq!(mails[0].header("Auto-Submitted"), Some("auto-generated"));
    assert_eq!(mails[0].header("List-Unsubscribe"), None);
    // The issue is approved before the second notice is sent.
    approve_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap();
    notify(&app, EmailKind::ApprovalWanted, issue).await;
    assert_unwanted(&app, EmailKind::ApprovalWanted, "no longer waits").await;
    assert_eq!(app.emails_to(DESK).len(), 1);
}

async fn operators_are_asked_about_an_issue_with_too_few_stories(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.digest.too_few = TooFew::Ask).await;
    app.article("The bridge opens").await;
    let issue = planned(&app, false, Some(5)).await;
    app.add_operator(DESK).await;
    notify(&app, EmailKind::TooFewStories, issue).await;
    let mails = app.emails_to(DESK);
    assert_eq!(mails[0].subject(), "[Daily] Only 1 story for the issue of Saturday, 2 May");
    assert!(mails[0].text().contains("This issue needs at least 5 stories."));
    assert!(mails[0].text().contains("daily issue cancel --newsletter daily --date 2026-05-02"));
    cancel_issue(&app.app.actions, &OPERATOR, issue, None).await.unwrap();
    notify(&app, EmailKind::TooFewStories, issue).await;
    assert_unwanted(&app, EmailKind::TooFewStories, "no longer waits").await;
}

async fn a_notice_is_dropped_if_the_issue_has_enough_stories_by_then(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.digest.too_few = TooFew::Ask).await;
    app.article("The bridge opens").await;
    let issue = planned(&app, false, Some(1)).await;
    app.add_operator(DESK).await;
    notify(&app, EmailKind::TooFewStories, issue).await;
    assert_unwanted(&app, EmailKind::TooFewStories, "no longer waits").await;
    assert!(app.emails_to(DESK).is_empty());
}

async fn operators_are_told_that_the_breaker_held_an_issue(engine: Engine) {
    let script = Script::accept().rule(|at| {
        (at.step == Step::Rcpt && at.recipient.ends_with("@example.org"))
            .then(|| Action::reply("550 5.7.1 not from you"))
    });
    let server = SmtpServer::start(script).await;
    let app = TestApp::with_ports(engine, &[server.port()], |settings| {
        settings.relays[0].connections = 4;
        (settings.sending.canary, settings.sending.max_failed_percent) = (20, 20);
    })
    .await;
    app.add_operator(DESK).await;
    app.readers(60, "example.org").await;
    let issue = app.begin_issue().await;
    app.wait_for_status(issue, IssueStatus::Held).await;
    let record = server.wait_for(1).await;
    assert_eq!(record.messages[0].recipients, [DESK]);
    let mail = Mail::parse(&record.messages[0].data);
    assert_eq!(mail.subject(), "[Daily] The issue of Friday, 1 May is on hold");
    let text = one_line(&mail.text());
    for says in [
        "were refusals or missing, more than 20 %",
        "daily issue resume --newsletter daily --date 2026-05-01",
    ] {
        assert!(text.contains(says), "{says} is missing in {text}");
    }
    // A notice is dropped if the issue has been resumed meanwhile.
    server.follow(Script::accept());
    resume_issue(&app.app.actions, &OPERATOR, issue).await.unwrap();
    notify_about(&app, EmailKind::IssueStopped, NoticeSubject::Issue(issue)).await;
    app.wait_for_status(issue, IssueStatus::Sent).await;
    eventually("the notice is settled", || async {
        let is_settled = |status| matches!(status, EmailStatus::Sent | EmailStatus::Failed);
        app.store().await.emails().await.iter().all(|mail| is_settled(mail.status)).then_some(())
    })
    .await;
    assert_unwanted(&app, EmailKind::IssueStopped, "no longer stopped").await;
}

async fn operators_are_told_once_of_missed_issues(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.add_operator(DESK).await;
    app.run_due_after(DAY * 4).await;
    app.run_due_after(SignedDuration::from_mins(1)).await;
    assert!(app.issues().await.iter().filter(|it| it.status == IssueStatus::Skipped).count() >= 3);
    let mails = app.emails_to(DESK);
    let subjects: Vec<&str> = mails.iter().map(Mail::subject).collect();
    // The latest one is within the grace period, and has no stories.
    assert_eq!(subjects.len(), 2, "{subjects:?}");
    let missed =
        mails.iter().find(|mail| mail.subject().contains("4 May")).expect("one about the latest missed");
    assert!(one_line(&missed.text()).contains("The 2 issues before it were skipped for the same reason."));
    assert!(one_line(&missed.text()).contains("no scheduler was running"));
    assert!(!missed.text().contains("daily issue send"), "its day is over");
    let empty =
        mails.iter().find(|mail| mail.subject().contains("5 May")).expect("one about the empty issue");
    assert!(one_line(&empty.text()).contains("there were no new articles"));
    assert!(empty.text().contains("daily issue send --newsletter daily"));
}

async fn operators_are_told_of_an_issue_that_could_not_be_sent_in_time(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.add_operator(DESK).await;
    app.article("The bridge opens").await;
    let issue = planned(&app, false, None).await;
    app.run_due_after(SignedDuration::from_hours(8)).await;
    assert_eq!(app.issue(issue).await.status, IssueStatus::Skipped);
    let mails = app.emails_to(DESK);
    assert_eq!(mails.len(), 1);
    assert!(one_line(&mails[0].text()).contains("it could not go out at its time"));
}

async fn operators_are_told_of_a_failing_feed_unless_it_has_recovered(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.add_operator(DESK).await;
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    let feed = feeds::insert(&mut tx, "https://courier.example/feed.xml?a=1&b=2", now).await.unwrap();
    let reading = feeds::Reading { title: Some("The Courier"), ..feeds::Reading::default() };
    feeds::set_read(&mut tx, feed, &reading, now - DAY, now + DAY).await.unwrap();
    let trouble = (TroubleKind::Failing, "it can't be read: it answered 503", now - DAY);
    feeds::set_trouble(&mut tx, feed, Some(trouble)).await.unwrap();
    tx.commit().await.unwrap();
    notify_about_feed(&app, feed).await;
    let mails = app.emails_to(DESK);
    assert_eq!(mails[0].subject(), "[Daily] Problem with the feed The Courier");
    let text = one_line(&mails[0].text());
    for says in [
        "it answered 503",
        "The feed was last read successfully on 30 April 2026, 12:00.",
        "daily feed poll 'https://courier.example/feed.xml?a=1&b=2'",
    ] {
        assert!(text.contains(says), "{says} is missing in {text}");
    }
    let mut tx = app.app.db.begin().await.unwrap();
    feeds::set_trouble(&mut tx, feed, None).await.unwrap();
    tx.commit().await.unwrap();
    notify_about_feed(&app, feed).await;
    assert_unwanted(&app, EmailKind::FeedTrouble, "nothing is wrong").await;
    assert_eq!(app.emails_to(DESK).len(), 1);
}

async fn a_removed_operator_gets_no_waiting_notice(engine: Engine) {
    let app = TestApp::start(engine).await;
    let issue = planned(&app, true, None).await;
    for address in [DESK, "night@courier.example"] {
        app.add_operator(address).await;
    }
    let desk = address(DESK);
    assert!(matches!(add_operator(&app.app.actions, &OPERATOR, &desk).await, Ok(AddOutcome::Known)));
    notify(&app, EmailKind::ApprovalWanted, issue).await;
    assert_eq!((app.emails_to(DESK).len(), app.emails_to("night@courier.example").len()), (1, 1));
    assert!(remove_operator(&app.app.actions, &OPERATOR, &desk).await.unwrap());
    // The scheduler sends these emails again, but creates no new notices.
    app.store().await.mark_operators_reminded().await;
    app.store().await.requeue_emails(EmailKind::ApprovalWanted).await;
    app.run_due_after(SignedDuration::from_mins(1)).await;
    assert_eq!((app.emails_to(DESK).len(), app.emails_to("night@courier.example").len()), (1, 2));
}
