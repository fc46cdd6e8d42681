//! An issue on its readers' clocks: each reader gets it once, at their own time.

use crate::support::{Engine, TestApp, at, on_both_engines, reader::anything};
use daily::{
    db::issues,
    domain::{
        issue::status::IssueStatus,
        newsletter::{SendClock, parse_send_time, parse_time_zone},
        subscriber::preferences::Preferences,
    },
};

/// Returns preferences with a time zone and a send time.
fn clock(zone: &str, time: &str) -> Preferences {
    Preferences { time_zone: parse_time_zone(zone).ok(), send_time: parse_send_time(time).ok(), ..anything() }
}

const READERS: [(&str, &str, &str); 4] = [
    ("auckland@example.org", "Pacific/Auckland", ""),
    ("berlin@example.org", "Europe/Berlin", ""),
    ("angeles@example.org", "America/Los_Angeles", ""),
    ("early@example.org", "Europe/Berlin", "05:30"),
];

async fn worldwide(app: &TestApp) {
    app.change_newsletter(|it| it.clock = SendClock::Reader).await;
    let daily = app.newsletter().await;
    for (address, zone, time) in READERS {
        app.reader_of(&daily, address, &clock(zone, time)).await;
    }
    app.reader_of(&daily, "plain@example.org", &anything()).await;
    app.story("A bridge opens", "").await;
}

/// Returns the number of emails of each reader: Auckland, Berlin, Los Angeles, the early one, the one without
/// a clock.
fn mails(app: &TestApp) -> Vec<usize> {
    let addresses = READERS.iter().map(|(address, ..)| *address).chain(["plain@example.org"]);
    addresses.map(|address| app.emails_to(address).len()).collect()
}

on_both_engines!(
    each_reader_gets_the_issue_at_their_own_time,
    a_change_of_time_zone_after_the_freeze_changes_nothing,
    after_an_outage_waves_within_the_grace_period_are_sent_and_older_ones_recorded,
    a_new_readers_clock_does_not_make_the_issue_due,
    sending_now_sends_to_all_readers,
);

async fn each_reader_gets_the_issue_at_their_own_time(engine: Engine) {
    let app = TestApp::start(engine).await;
    worldwide(&app).await;
    let daily = app.newsletter().await;
    // Runs are 40 s late where the scheduler must overtake the queue, which has its own clock. 07:00 of 2 May
    // is 19:00 UTC of the day before in Auckland, 05:00 in Berlin, 07:00 in UTC and 14:00 in Los Angeles.
    for (moment, expected) in [
        ("2026-05-01T18:00:00Z", [0, 0, 0, 0, 0]),
        ("2026-05-01T18:59:59Z", [0, 0, 0, 0, 0]),
        ("2026-05-01T19:00:00Z", [1, 0, 0, 0, 0]),
        ("2026-05-02T03:29:00Z", [1, 0, 0, 0, 0]),
        ("2026-05-02T03:30:40Z", [1, 0, 0, 1, 0]),
        ("2026-05-02T05:00:40Z", [1, 1, 0, 1, 0]),
        ("2026-05-02T07:00:40Z", [1, 1, 0, 1, 1]),
        ("2026-05-02T13:59:00Z", [1, 1, 0, 1, 1]),
    ] {
        app.run_due_at(moment).await;
        app.run_due().await;
        assert_eq!(mails(&app), expected, "at {moment}");
    }
    let issue = app.issue_of(&daily, "2026-05-02").await.unwrap();
    assert_eq!(issue.status, IssueStatus::Sending);
    let mut tx = app.app.db.read().await.unwrap();
    let waves: Vec<_> = issues::waves(&mut tx, issue.id).await.unwrap();
    drop(tx);
    let waves: Vec<_> = waves.iter().map(|it| (it.due_at.0.to_string(), it.readers)).collect();
    assert_eq!(
        waves,
        [
            ("2026-05-01T19:00:00Z".to_owned(), 1),
            ("2026-05-02T03:30:00Z".to_owned(), 1),
            ("2026-05-02T05:00:00Z".to_owned(), 1),
            ("2026-05-02T07:00:00Z".to_owned(), 1),
            ("2026-05-02T14:00:00Z".to_owned(), 1),
        ]
    );
    app.run_due_at("2026-05-02T14:00:40Z").await;
    app.run_due().await;
    assert_eq!(mails(&app), [1, 1, 1, 1, 1]);
    assert_eq!(app.issue(issue.id).await.status, IssueStatus::Sent);
    assert_eq!(app.counts(issue.id).await.sent, 5);
}

async fn a_change_of_time_zone_after_the_freeze_changes_nothing(engine: Engine) {
    let app = TestApp::start(engine).await;
    worldwide(&app).await;
    let daily = app.newsletter().await;
    app.run_due_at("2026-05-01T18:30:00Z").await;
    app.run_due().await;
    app.run_due_at("2026-05-01T19:00:00Z").await;
    app.run_due().await;
    // Auckland's wave is over, and Los Angeles' is to come.
    app.set_preferences(&daily, "auckland@example.org", &clock("America/Los_Angeles", "")).await;
    app.set_preferences(&daily, "angeles@example.org", &clock("Pacific/Auckland", "")).await;
    app.run_due_at("2026-05-02T14:01:00Z").await;
    app.run_due().await;
    app.run_due_twice().await;
    assert_eq!(mails(&app), [1, 1, 1, 1, 1]);
}

async fn after_an_outage_waves_within_the_grace_period_are_sent_and_older_ones_recorded(engine: Engine) {
    let app = TestApp::start(engine).await;
    worldwide(&app).await;
    let daily = app.newsletter().await;
    // No scheduler ran since the evening. Auckland's wave is ten hours late, and the early one's an hour and
    // a half.
    app.run_due_at("2026-05-02T05:00:00Z").await;
    app.run_due().await;
    assert_eq!(mails(&app), [0, 1, 0, 1, 0]);
    let issue = app.issue_of(&daily, "2026-05-02").await.unwrap();
    let missed = app.delivery(issue.id, "auckland@example.org").await;
    assert_eq!(missed.status.as_str(), "skipped");
    assert!(missed.reply_text.unwrap().starts_with("missed:"));
    app.run_due_at("2026-05-02T14:00:30Z").await;
    app.run_due().await;
    assert_eq!(mails(&app), [0, 1, 1, 1, 1]);
    let counts = app.counts(issue.id).await;
    assert_eq!((counts.sent, counts.skipped), (4, 1));
}

async fn a_new_readers_clock_does_not_make_the_issue_due(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.clock = SendClock::Reader).await;
    let daily = app.newsletter().await;
    app.reader_of(&daily, "berlin@example.org", &clock("Europe/Berlin", "")).await;
    app.story("A bridge opens", "").await;
    app.run_due_at("2026-05-01T20:00:00Z").await;
    app.run_due().await;
    // 07:00 of 2 May was an hour ago in Auckland.
    app.reader_of(&daily, "auckland@example.org", &clock("Pacific/Auckland", "")).await;
    app.run_due_twice().await;
    let issue = app.issue_of(&daily, "2026-05-02").await.unwrap();
    assert_eq!(issue.status, IssueStatus::Planned);
    assert_eq!(issue.due_at.0, at("2026-05-02T05:00:00Z"));
    app.run_due_at("2026-05-02T05:00:00Z").await;
    app.run_due().await;
    assert_eq!(app.emails_to("berlin@example.org").len(), 1);
    assert_eq!(
        app.delivery(issue.id, "auckland@example.org").await.status.as_str(),
        "skipped",
        "ten hours late"
    );
}

async fn sending_now_sends_to_all_readers(engine: Engine) {
    let app = TestApp::start(engine).await;
    worldwide(&app).await;
    let daily = app.newsletter().await;
    let issue = app.send(&daily).await;
    assert_eq!(mails(&app), [1, 1, 1, 1, 1]);
    assert_eq!(app.issue(issue).await.status, IssueStatus::Sent);
}
