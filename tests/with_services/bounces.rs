//! Bounces that a real Postfix makes, and that come back over LMTP or through a pipe.

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
use std::os::unix::fs::PermissionsExt as _;

on_both_engines!(
    what_postfix_bounces_later_is_matched_and_counted,
    what_postfix_bounces_later_may_come_through_a_pipe,
);

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
        let (certificate, key) = postfix.certificate_and_key();
        settings.receive.tls_certificate_file = Some(certificate);
        settings.receive.tls_key_file = Some(key);
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
    postfix.wait_for_log("TLS connection established to 127.0.0.1", 1).await;
}

async fn what_postfix_bounces_later_may_come_through_a_pipe(engine: Engine) {
    const PATTERN: &str = "bounce+{key}@pipe.example.org";
    let postfix = Postfix::start().await;
    let url = format!("smtp://127.0.0.1:{}", postfix.plain_port());
    let app = TestApp::start_with(engine, |settings| {
        settings.sending.bounce_address = Some(BounceAddress::parse(PATTERN).unwrap());
        settings.relays = vec![Relay::new(RelayUrl::parse(&url).unwrap())];
    })
    .await;
    let folder = app.app.settings.data.folder.clone();
    let secret = std::fs::read_to_string(folder.join("secret.key")).unwrap();
    // The receiver runs as another user, who may read and write the database.
    postfix.write_receiver(&format!(
        "export DAILY__DATABASE__URL='{}' DAILY__TOKENS__SECRETS={} DAILY__SENDING__BOUNCE_ADDRESS='{PATTERN}'\n\
         exec {} receive --recipient \"$1\"",
        app.database_url(),
        secret.trim(),
        env!("CARGO_BIN_EXE_daily"),
    ));
    for path in std::fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).chain([folder]) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    app.reader_at_once("reader@example.org").await;
    app.reader_at_once("gone@example.org").await;
    app.article("The bridge opens").await;
    let issue = app.begin_issue().await;
    eventually_within(60, "the bounce came back", || async {
        (hard_bounces(&app, issue).await == 1).then_some(())
    })
    .await;
    let mut tx = app.app.db.read().await.unwrap();
    assert_eq!(bounces::for_address(&mut tx, &address("gone@example.org"), 10).await.unwrap().len(), 1);
}
