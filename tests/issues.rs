//! An issue, from its stories to the readers' inboxes.

use crate::support::{
    DAY, Engine, OPERATOR, Page, TestApp, address, on_both_engines,
    smtp_server::{Script, SmtpServer},
};
use daily::{
    actions::issue::{
        send_issue::{begin_issue, send_issue},
        test_send::test_send,
    },
    db::deliveries::emails,
    domain::{
        delivery::email::EmailStatus,
        issue::status::IssueStatus,
        subscriber::subscription::SubscriptionStatus::{Active, Unsubscribed},
    },
};
use jiff::{SignedDuration, civil::date};

const ANN: &str = "ann@example.org";

on_both_engines!(
    confirmed_readers_and_nobody_else_get_the_issue,
    every_email_has_its_readers_link_and_the_headers_of_bulk_email,
    one_click_unsubscribes_before_the_next_issue,
    one_click_works_as_multipart_too,
    a_reader_who_unsubscribes_while_the_issue_waits_gets_nothing,
    an_issue_always_finishes_even_when_the_relay_never_returns,
    planning_never_sends_and_a_skipped_date_can_still_be_filled,
    there_is_one_issue_per_date,
    an_issue_without_stories_is_skipped_with_the_reason,
    no_story_is_sent_twice,
    a_test_send_shows_the_next_issue_and_changes_no_state,
    the_archive_shows_issues_without_readers_links,
);

async fn confirmed_readers_and_nobody_else_get_the_issue(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("The bridge opens").await;
    app.reader(ANN).await;
    app.reader("ben@example.org").await;
    let pending = app.visitor("pending@example.org");
    pending.signs_up().await;
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    for reader in [ANN, "ben@example.org"] {
        let mails = app.emails_to(reader);
        let issue = mails.last().unwrap();
        assert_eq!(issue.subject(), "The bridge opens");
        assert!(issue.text().contains("https://news.example/the-bridge-opens"));
        assert!(issue.html().contains("About The bridge opens."));
        assert_eq!(mails.len(), 2, "a confirmation and the issue");
    }
    assert_eq!(pending.emails().len(), 1, "only the confirmation");
}

async fn every_email_has_its_readers_link_and_the_headers_of_bulk_email(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("The bridge opens").await;
    let (ann, ben) = (app.reader(ANN).await, app.reader("ben@example.org").await);
    app.send_issue().await;
    let (ann, ben) = (ann.last_email(), ben.last_email());
    assert_ne!(ann.link("/unsubscribe/"), ben.link("/unsubscribe/"));
    assert_ne!(ann.header("Message-ID"), ben.header("Message-ID"));
    let link = ann.link("/unsubscribe/");
    assert_eq!(ann.header("List-Unsubscribe"), Some(format!("<{link}>").as_str()));
    assert_eq!(ann.header("List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
    assert_eq!(ann.header("List-Id"), Some("<daily.newsletter.example>"));
    assert!(ann.html().contains(&link));
    assert!(ann.header("Date").is_some());
    assert!(!ann.text().contains("reader-") && !ann.html().contains("reader-"), "no placeholder is left");
}

async fn one_click_unsubscribes_before_the_next_issue(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("The bridge opens").await;
    let (ann, ben) = (app.reader(ANN).await, app.reader("ben@example.org").await);
    app.send_issue().await;
    let link = ann.last_email().link("/unsubscribe/");
    assert_eq!(app.get(&link).await.status(), 200);
    assert_eq!(app.status_of(ANN).await, Some(Active), "a scanner's GET changes nothing");
    for _ in 0..2 {
        let answer = app.post_form(&link, &[("List-Unsubscribe", "One-Click")]).await;
        assert_eq!(answer.status(), 200, "no redirect, and again is fine");
        assert!(answer.headers().get("set-cookie").is_none());
    }
    assert_eq!(app.status_of(ANN).await, Some(Unsubscribed));
    assert_eq!(app.consent_of(ANN).await, ["requested", "confirmed", "unsubscribed"]);
    app.clock.advance(DAY);
    app.article("The bridge closes").await;
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    assert_eq!(ann.emails().len(), 2);
    assert_eq!(ben.last_email().subject(), "The bridge closes");
}

async fn one_click_works_as_multipart_too(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("The bridge opens").await;
    let ann = app.reader(ANN).await;
    app.send_issue().await;
    let link = ann.last_email().link("/unsubscribe/");
    let body =
        "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
    let post = app.posting(&link).header("content-type", "multipart/form-data; boundary=x").body(body);
    let page = Page::read(post.send().await.unwrap()).await;
    assert_eq!((page.status, &*page), (200, "unsubscribed\n"));
    assert_eq!(app.status_of(ANN).await, Some(Unsubscribed));
}

async fn a_reader_who_unsubscribes_while_the_issue_waits_gets_nothing(engine: Engine) {
    let mut server = SmtpServer::start(Script::accept()).await;
    server.stop().await;
    let app = TestApp::with_relay(engine, &server.url()).await;
    app.article("The bridge opens").await;
    let ann = app.reader_at_once(ANN).await;
    assert_eq!(app.send_issue().await, IssueStatus::Sending, "the relay is down");
    app.end_subscription(&ann.subscription().await).await;
    server.start_again().await;
    app.run_due_until_sent(SignedDuration::from_mins(1)).await;
    assert_eq!(server.record().messages.len(), 0);
    let counts = app.counts(app.latest_issue().await.id).await;
    assert_eq!((counts.skipped, counts.sent), (1, 0));
}

async fn an_issue_always_finishes_even_when_the_relay_never_returns(engine: Engine) {
    let app = TestApp::with_relay(engine, "smtp://127.0.0.1:1").await;
    app.article("The bridge opens").await;
    for n in 0..5 {
        app.reader_at_once(&format!("reader{n}@example.org")).await;
    }
    assert_eq!(app.send_issue().await, IssueStatus::Sending);
    app.run_due_after(SignedDuration::from_hours(23)).await;
    assert_eq!(app.issues().await.iter().filter(|it| it.status == IssueStatus::Sending).count(), 1);
    app.run_due_after(SignedDuration::from_hours(2)).await;
    let issue = app.issues().await.pop().unwrap();
    assert_eq!(issue.status, IssueStatus::Sent);
    assert_eq!(app.counts(issue.id).await.failed, 5);
}

async fn planning_never_sends_and_a_skipped_date_can_still_be_filled(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    let newsletter = app.newsletter().await;
    let today = date(2026, 5, 1);
    let planned = begin_issue(&app.app.actions, &OPERATOR, &newsletter, today).await.unwrap();
    app.run_due_twice().await;
    let planned = app.issue(planned.id).await;
    assert_eq!((planned.status, planned.waits_for.as_deref()), (IssueStatus::Planned, Some("send")));
    let yesterday = begin_issue(&app.app.actions, &OPERATOR, &newsletter, today.yesterday().unwrap()).await;
    assert!(yesterday.unwrap_err().to_string().contains("is over"));
    assert!(begin_issue(&app.app.actions, &OPERATOR, &newsletter, date(9999, 12, 31)).await.is_err());
    assert!(begin_issue(&app.app.actions, &OPERATOR, &newsletter, today.tomorrow().unwrap()).await.is_ok());
    assert_eq!(app.send_issue().await, IssueStatus::Skipped);
    app.article("The bridge opens").await;
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    assert_eq!(app.visitor(ANN).last_email().subject(), "The bridge opens");
}

async fn there_is_one_issue_per_date(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("The bridge opens").await;
    app.reader(ANN).await;
    let newsletter = app.newsletter().await;
    let today = jiff::civil::date(2026, 5, 1);
    let send = || send_issue(&app.app.actions, &OPERATOR, &newsletter, today);
    let asked = futures_util::future::join_all((0..5).map(|_| send())).await;
    assert!(asked.iter().all(Result::is_ok));
    app.settle().await;
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    assert_eq!(app.issues().await.len(), 1);
    assert_eq!(app.emails_to(ANN).len(), 2);
}

async fn an_issue_without_stories_is_skipped_with_the_reason(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    assert_eq!(app.send_issue().await, IssueStatus::Skipped);
    assert_eq!(app.latest_issue().await.reason.as_deref(), Some("there were no new articles"));
    assert_eq!(app.emails_to(ANN).len(), 1);
}

async fn no_story_is_sent_twice(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("The bridge opens").await;
    app.reader(ANN).await;
    app.send_issue().await;
    app.clock.advance(DAY);
    app.article("The ferry sails").await;
    app.send_issue().await;
    let last = app.visitor(ANN).last_email();
    assert_eq!(last.subject(), "The ferry sails");
    assert!(!last.text().contains("The bridge opens"));
}

async fn a_test_send_shows_the_next_issue_and_changes_no_state(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("The bridge opens").await;
    app.reader(ANN).await;
    let recipient = address("operator@example.org");
    let newsletter = app.newsletter().await;
    let next = (jiff::civil::date(2026, 5, 2), None);
    let mail = test_send(&app.app.actions, &OPERATOR, &newsletter, next, &recipient).await.unwrap();
    app.settle().await;
    let mut tx = app.app.db.read().await.unwrap();
    let record = emails::get(&mut tx, mail).await.unwrap().unwrap();
    assert_eq!((record.status, record.reply_code), (EmailStatus::Sent, Some(250)));
    let test = app.visitor("operator@example.org").last_email();
    assert!(test.subject().starts_with("[Test]"), "{}", test.subject());
    assert!(test.text().contains("The bridge opens"));
    assert!(app.issues().await.is_empty(), "no issue was begun");
    assert_eq!(app.emails_to(ANN).len(), 1, "readers get nothing");
    assert_eq!(app.status_of("operator@example.org").await, None);
    let answer = app.press(&test.link("/unsubscribe/")).await;
    assert!(answer.contains("This is a test"));
    assert_eq!(app.send_issue().await, IssueStatus::Sent);
    assert_eq!(app.visitor(ANN).last_email().subject(), "The bridge opens");
}

async fn the_archive_shows_issues_without_readers_links(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.article("The bridge opens").await;
    app.reader(ANN).await;
    assert!(app.page("/issues").await.contains("no issues yet"));
    assert_eq!(app.get("/issues/2026-05-01").await.status(), 404);
    app.send_issue().await;
    let list = app.page("/issues").await;
    assert!(list.contains("/issues/2026-05-01") && list.contains("The bridge opens"));
    assert!(list.contains("May 2026") && list.contains("Friday 1"), "{list}");
    let page = app.page("/issues/2026-05-01").await;
    assert!(page.contains("The bridge opens"));
    assert!(!page.contains("/unsubscribe/"));
    assert_eq!(app.get("/issues/tomorrow").await.status(), 404);
}
