//! An operator adds, unsubscribes and suppresses single readers on the command line.

use crate::support::{Engine, TestApp, on_both_engines};
use daily::domain::subscriber::subscription::SubscriptionStatus::{
    Active, Pending, Undeliverable, Unsubscribed,
};

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";

on_both_engines!(
    a_reader_is_added_with_evidence_or_asked_to_confirm,
    an_operator_ends_suppresses_and_restores_a_subscription,
    readers_are_listed_by_status_and_counted,
);

async fn a_reader_is_added_with_evidence_or_asked_to_confirm(engine: Engine) {
    let app = TestApp::start(engine).await;
    let daily = app.program();
    let added = daily.run(&["subscriber", "add", ANN, "--evidence", "signed card, 1 May"]).await;
    assert_eq!(&*added.stdout, "ann@example.org is subscribed to `daily`\n", "{added:?}");
    assert_eq!(app.status_of(ANN).await, Some(Active));
    assert_eq!(app.consent_of(ANN).await, ["confirmed"]);
    let again = daily.run(&["--json", "subscriber", "add", ANN, "--evidence", "the same card"]).await.json();
    assert_eq!((&again["active"], &again["new"]), (&true.into(), &false.into()));
    assert!(app.emails_to(ANN).is_empty(), "nobody is asked to confirm what is proved");

    let asked = daily.run(&["subscriber", "add", BOB]).await;
    assert!(asked.stdout.contains("gets an email that asks to confirm `daily`"), "{asked:?}");
    app.wait_for_signups().await;
    app.settle().await;
    assert_eq!(app.status_of(BOB).await, Some(Pending));
    app.visitor(BOB).confirms().await;
    assert_eq!(app.status_of(BOB).await, Some(Active));
    assert_eq!(daily.run(&["subscriber", "add", "nobody"]).await.code, 2);
}

async fn an_operator_ends_suppresses_and_restores_a_subscription(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    app.reader(BOB).await;
    let daily = app.program();
    let ended = daily.run(&["subscriber", "unsubscribe", ANN, "--newsletter", "daily"]).await;
    assert_eq!(&*ended.stdout, "ann@example.org is unsubscribed (subscriptions ended: 1)\n", "{ended:?}");
    assert_eq!(app.status_of(ANN).await, Some(Unsubscribed));
    assert_eq!(app.consent_of(ANN).await.last().map(String::as_str), Some("unsubscribed"));
    let again = daily.run(&["subscriber", "unsubscribe", ANN]).await;
    assert!(again.stderr.contains("has no subscription to end"), "{again:?}");

    let suppressed = daily.run(&["subscriber", "suppress", BOB, "--reason", "asked by phone"]).await;
    assert_eq!(&*suppressed.stdout, "suppressed: 1; suppressed before: 0\n", "{suppressed:?}");
    assert_eq!(app.status_of(BOB).await, Some(Undeliverable));
    assert_eq!(app.suppressed(BOB).await.as_deref(), Some("operator: asked by phone"));
    assert_eq!(daily.run(&["subscriber", "unsuppress", BOB]).await.code, 0);
    assert_eq!(app.status_of(BOB).await, Some(Active));
    let audit = daily.run(&["--json", "audit", "--limit", "3"]).await.json();
    let actions: Vec<&str> =
        audit.as_array().unwrap().iter().filter_map(|it| it["action"].as_str()).collect();
    assert_eq!(actions, ["subscriber.unsuppress", "subscriber.suppress", "subscriber.unsubscribe"]);
    assert!(!audit.to_string().contains("example.org"), "the audit log names nobody");
}

async fn readers_are_listed_by_status_and_counted(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    app.reader(BOB).await;
    let daily = app.program();
    daily.run(&["subscriber", "unsubscribe", BOB]).await;
    let active = daily
        .run(&["--json", "subscriber", "list", "--status", "active", "--newsletter", "daily"])
        .await
        .json();
    assert_eq!((active.as_array().unwrap().len(), &active[0]["address"]), (1, &ANN.into()));
    let counts = daily.run(&["--json", "subscriber", "list", "--counts"]).await.json();
    let counts: Vec<_> =
        counts.as_array().unwrap().iter().map(|it| (&it["status"], &it["readers"])).collect();
    assert_eq!(counts, [(&"active".into(), &1.into()), (&"unsubscribed".into(), &1.into())]);
    let wrong = daily.run(&["subscriber", "list", "--status", "asleep"]).await;
    assert_eq!(wrong.code, 2, "{wrong:?}");
}
