//! Bounces that a real Postfix makes, and that come back to the listener over LMTP.

use crate::support::{
    DAY, Engine, address, app::TestApp, eventually_within, on_both_engines, postfix::Postfix,
};
use daily::{
    db::bounces,
    domain::{
        delivery::{bounce_address::BounceAddress, relay::RelayUrl},
        ids::IssueId,
        issue::status::IssueStatus,
        subscriber::subscription::SubscriptionStatus::{Active, Undeliverable},
    },
    settings::Relay,
};

on_both_engines!(what_postfix_bounces_later_is_matched_and_counted);

/// Returns how many reports of hard bounces an issue has.
async fn hard_bounces(app: &TestApp, issue: IssueId) -> i64 {
    let mut tx = app.app.db.read().await.unwrap();
    let counts = bounces::count_by_kind(&mut tx, issue).await.unwrap();
    assert!(counts.iter().all(|it| it.kind.as_str() == "hard"), "{counts:?}");
    counts.iter().map(|it| it.count).sum()
}

/// `DAILY_SOAK` sets the number of readers, of whom every tenth is gone.
async fn what_postfix_bounces_later_is_matched_and_counted(engine: Engine) {
    let readers: i64 = std::env::var("DAILY_SOAK").map_or(40, |it| it.parse().unwrap());
    let postfix = Postfix::start().await;
    let url = format!("smtp://127.0.0.1:{}", postfix.plain_port());
    let lmtp = postfix.lmtp_port();
    let app = TestApp::start_with(engine, |settings| {
        settings.sending.bounce_address =
            Some(BounceAddress::parse("bounce+{key}@bounces.example.org").unwrap());
        settings.sending.max_failed_percent = 100;
        settings.receive.listen = Some(([127, 0, 0, 1], lmtp).into());
        settings.relays = vec![Relay { connections: 4, ..Relay::new(RelayUrl::parse(&url).unwrap()) }];
    })
    .await;
    let name = |n: i64| format!("{}{n}@example.org", if n % 10 == 0 { "gone" } else { "reader" });
    for n in 0..readers {
        app.reader_at_once(&name(n)).await;
    }
    let gone = readers / 10;
    for day in 1..=2 {
        app.clock.advance(DAY);
        app.article(&format!("The bridge on day {day}")).await;
        let issue = app.begin_issue().await;
        eventually_within(900, "the issue is sent", || async {
            (app.issue(issue).await.status == IssueStatus::Sent).then_some(())
        })
        .await;
        eventually_within(900, "all bounces came back", || async {
            (hard_bounces(&app, issue).await == gone).then_some(())
        })
        .await;
        let expected = if day == 1 { Active } else { Undeliverable };
        for n in 0..readers.min(40) {
            let status = if n % 10 == 0 { expected } else { Active };
            assert_eq!(app.status_of(&name(n)).await, Some(status), "{} on day {day}", name(n));
        }
    }
    let mut tx = app.app.db.read().await.unwrap();
    let one = bounces::for_address(&mut tx, &address(&name(0)), 10).await.unwrap();
    assert_eq!(one.len(), 2);
    assert!(one.iter().all(|it| it.source == "key" && it.ineffective.is_none()), "{one:?}");
}
