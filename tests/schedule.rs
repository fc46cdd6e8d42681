//! The issue goes out at its time, once, whatever happens to the processes.

use crate::support::{
    Engine,
    app::{TestApp, at},
    on_both_engines,
};
use daily::{actions::set_newsletter::set_newsletter, domain::issue::IssueStatus, jobs::sweep};
use jiff::SignedDuration;

on_both_engines!(
    an_issue_is_planned_ahead_and_sent_at_its_time,
    many_schedulers_make_one_issue,
    a_late_start_sends_once_within_the_grace,
    a_slot_missed_for_too_long_is_recorded_and_not_sent,
    a_lost_wake_up_is_made_good_by_the_sweep,
    changing_the_time_moves_a_planned_issue_and_never_sends_at_once,
);

async fn an_issue_is_planned_ahead_and_sent_at_its_time(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    app.clock.set(at("2026-05-02T05:59:59Z"));
    app.tick().await;
    assert!(app.issues().await.is_empty(), "nothing before its plan");
    app.clock.set(at("2026-05-02T06:00:00Z"));
    app.article("The early story").await;
    app.tick().await;
    assert_eq!(app.issues().await[0].status, IssueStatus::Planned);
    app.clock.set(at("2026-05-02T06:30:00Z"));
    app.article("The late story").await;
    app.clock.set(at("2026-05-02T06:59:59Z"));
    app.tick().await;
    assert_eq!(app.mails_to("ann@example.org").len(), 1, "nothing before its time");
    app.clock.set(at("2026-05-02T07:00:00Z"));
    app.tick().await;
    let issues = app.issues().await;
    assert_eq!((issues.len(), issues[0].status), (1, IssueStatus::Sent));
    assert_eq!(issues[0].issue_date, "2026-05-02");
    let mail = app.mails_to("ann@example.org").pop().unwrap();
    assert!(mail.text().contains("The early story") && mail.text().contains("The late story"));
    for _ in 0..5 {
        app.tick_after(SignedDuration::from_mins(7)).await;
    }
    assert_eq!(app.issues().await.len(), 1);
    assert_eq!(app.mails_to("ann@example.org").len(), 2);
}

async fn many_schedulers_make_one_issue(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    app.article("The bridge opens").await;
    app.clock.set(at("2026-05-02T07:00:00Z"));
    let ticks = (0..6).map(|_| sweep::tick(&app.app.jobs));
    for tick in futures_util::future::join_all(ticks).await {
        tick.unwrap();
    }
    app.settle().await;
    assert_eq!(app.issues().await.len(), 1);
    assert_eq!(app.mails_to("ann@example.org").len(), 2, "the confirmation and one issue");
}

async fn a_late_start_sends_once_within_the_grace(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    app.article("The bridge opens").await;
    app.clock.set(at("2026-05-02T12:59:00Z"));
    app.tick().await;
    app.tick_after(SignedDuration::from_mins(2)).await;
    let issues = app.issues().await;
    assert_eq!((issues.len(), issues[0].status), (1, IssueStatus::Sent));
    assert_eq!(app.mails_to("ann@example.org").len(), 2);
}

async fn a_slot_missed_for_too_long_is_recorded_and_not_sent(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    app.article("The bridge opens").await;
    app.clock.set(at("2026-05-03T13:01:00Z"));
    app.tick().await;
    let issues = app.issues().await;
    let seen: Vec<_> = issues.iter().map(|it| (it.issue_date.as_str(), it.status)).collect();
    assert_eq!(seen, [("2026-05-03", IssueStatus::Skipped), ("2026-05-02", IssueStatus::Skipped)]);
    assert!(issues[0].reason.as_deref().unwrap().contains("missed"));
    assert_eq!(app.mails_to("ann@example.org").len(), 1);
}

async fn a_lost_wake_up_is_made_good_by_the_sweep(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up("ann@example.org").await;
    app.settle().await;
    // A mail whose job never ran: as if the process had died between commit and pick-up.
    let newsletter = app.newsletter().await;
    let mut tx = app.app.db.begin().await.unwrap();
    let recipient = daily::domain::email_address::EmailAddress::parse("op@example.org").unwrap();
    let mail = daily::db::mails::NewMail {
        kind: daily::domain::mail::MailKind::Test,
        newsletter: newsletter.id,
        recipient: &recipient,
        subscription: None,
        confirmation: None,
        issue: None,
        feed: None,
        message_id: "lost@newsletter.example",
    };
    daily::db::mails::insert(&mut tx, &mail, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    app.article("The bridge opens").await;
    app.tick_after(SignedDuration::from_secs(10)).await;
    assert!(app.mails_to("op@example.org").is_empty(), "its job might still come");
    app.tick_after(SignedDuration::from_secs(30)).await;
    assert_eq!(app.mails_to("op@example.org").len(), 1);
}
async fn changing_the_time_moves_a_planned_issue_and_never_sends_at_once(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    app.article("The bridge opens").await;
    let set = |time: &'static str| {
        let id = daily::domain::ids::NewsletterId(1);
        let actions = app.app.actions.clone();
        async move {
            set_newsletter::<daily::db::DbError>(&actions, id, |it| {
                it.send_time = daily::domain::newsletter::parse_send_time(time).unwrap();
                Ok(())
            })
            .await
            .unwrap()
        }
    };
    // Noon on a day without an issue: a time in the morning would be within the grace.
    set("11:00").await;
    app.tick().await;
    assert!(app.issues().await.is_empty(), "today is nobody's");
    app.clock.set(at("2026-05-02T10:30:00Z"));
    app.tick().await;
    assert_eq!(app.issues().await[0].due_at.0, at("2026-05-02T11:00:00Z"));
    set("10:00").await;
    app.tick().await;
    assert_eq!(app.issues().await[0].due_at.0, at("2026-05-02T11:00:00Z"), "its new moment is past");
    set("12:00").await;
    assert_eq!(app.issues().await[0].due_at.0, at("2026-05-02T12:00:00Z"));
    assert_eq!(app.mails_to("ann@example.org").len(), 1);
    app.clock.set(at("2026-05-02T12:00:00Z"));
    app.tick().await;
    assert_eq!(app.mails_to("ann@example.org").len(), 2);
}
