//! Imports never bring back readers who have unsubscribed, here or elsewhere.

use super::{export, import_outcomes, size, try_it, words};
use crate::support::{DAY, Engine, TestApp, on_both_engines};
use daily::{
    actions::subscription::import_subscribers::Import,
    domain::{import::LayoutOptions, subscriber::subscription::SubscriptionStatus as S},
};

const ACTIVE: &str = "email,status\nBob@example.org,active\n";
const LEFT: &str = "email,status\nbob@example.org,unsubscribed\n";
const BOB: &str = "bob@example.org";

on_both_engines!(
    all_confirmed_does_not_apply_to_rows_marked_unsubscribed_or_blocked,
    a_list_of_listmonk_brings_back_no_unsubscribed_reader,
    an_unsubscribed_row_counts_even_if_the_rest_of_it_is_invalid,
    a_confirmation_in_a_later_row_counts,
    an_unsubscribed_and_suppressed_reader_stays_out_after_the_suppression_is_lifted,
    a_pending_signup_does_not_let_a_list_bring_back_an_unsubscribed_reader,
    a_list_can_end_a_pending_signup_for_good,
    a_signup_after_unsubscribing_elsewhere_is_decided_by_the_link,
    an_imported_unsubscription_outlives_an_unconfirmed_signup,
    an_imported_unsubscription_concerns_one_newsletter_only,
    a_subscription_ended_by_a_list_has_an_entry_in_the_ledger,
);

async fn all_confirmed_does_not_apply_to_rows_marked_unsubscribed_or_blocked(engine: Engine) {
    let app = TestApp::start(engine).await;
    let list = "uuid,email,name,attributes,status\n1,ann@example.org,,{},enabled\n2,bob@example.org,,{},disabled\n\
        3,cleo@example.org,,{},blocklisted\n";
    let layout = LayoutOptions { all_confirmed: true, ..LayoutOptions::default() };
    let (summary, _) = app.run_import(Import { layout, ..app.import().await }, list).await;
    assert_eq!(words(&summary), "1 added, 1 left, 1 suppressed");
    assert_eq!(app.status_of(BOB).await, Some(S::Unsubscribed));
}

async fn a_list_of_listmonk_brings_back_no_unsubscribed_reader(engine: Engine) {
    let app = TestApp::start(engine).await;
    // Ann is subscribed and Bob has unsubscribed, but Listmonk's export does not show the difference.
    let list = "uuid,email,name,attributes,status,created_at,updated_at\n\
        1,ann@example.org,Ann,{},enabled,2024-03-01 08:11:12.123456 +0000 UTC,2024-03-01 08:11:12.123456 +0000 UTC\n\
        2,bob@example.org,Bob,{},enabled,2024-03-01 08:11:12.123456 +0000 UTC,2024-03-01 08:11:12.123456 +0000 UTC\n";
    assert_eq!(import_outcomes(&app, list).await, "2 unconfirmed");
    assert_eq!(app.status_of(BOB).await, None);
    // Two exports, filtered by the status of the subscription, do.
    let (head, rest) = list.split_once('\n').unwrap();
    let (ann, bob) = rest.split_once('\n').unwrap();
    let left = LayoutOptions { all_unsubscribed: true, ..LayoutOptions::default() };
    let (summary, _) =
        app.run_import(Import { layout: left, ..app.import().await }, &format!("{head}\n{bob}")).await;
    assert_eq!(words(&summary), "1 left");
    let confirmed = LayoutOptions { all_confirmed: true, ..LayoutOptions::default() };
    let both = Import { layout: confirmed.clone(), ..app.import().await };
    assert_eq!(
        words(&app.run_import(both, list).await.0),
        "1 added, 1 left_here",
        "the whole file by mistake"
    );
    assert_eq!(app.visitor("ann@example.org").ledger().await.len(), 2);
    assert_eq!((ann.is_empty(), app.status_of(BOB).await), (false, Some(S::Unsubscribed)));
}

async fn an_unsubscribed_row_counts_even_if_the_rest_of_it_is_invalid(engine: Engine) {
    let app = TestApp::start(engine).await;
    import_outcomes(&app, ACTIVE).await;
    let list = "email,status,created_at\nbob@example.org,unsubscribed,05/31/2026 9:12am\n\
        cleo@example.org,active,05/31/2026 9:12am\n";
    let (summary, told) = app.run_import(app.import().await, list).await;
    assert_eq!(words(&summary), "1 ended, 1 refused: date");
    assert_eq!(app.status_of(BOB).await, Some(S::Unsubscribed));
    let told: Vec<_> = told.iter().map(|it| (it.line, it.address.as_deref(), it.outcome)).collect();
    assert_eq!(told, [(2, Some(BOB), "ended"), (3, Some("cleo@example.org"), "refused")]);
}

async fn a_confirmation_in_a_later_row_counts(engine: Engine) {
    let app = TestApp::start(engine).await;
    let list = "email,status\nbob@example.org,pending\nbob@example.org,active\nbob@example.org,active\n";
    assert_eq!(try_it(&app, list).await, "1 added, 1 unconfirmed, 1 duplicate");
    assert_eq!(import_outcomes(&app, list).await, "1 added, 1 unconfirmed, 1 duplicate");
    assert_eq!(app.status_of(BOB).await, Some(S::Active));
    assert_eq!(app.consent_of(BOB).await, ["confirmed"]);
}

async fn an_unsubscribed_and_suppressed_reader_stays_out_after_the_suppression_is_lifted(engine: Engine) {
    let app = TestApp::start(engine).await;
    assert_eq!(import_outcomes(&app, "email,status\nbob@example.org,bounced\n").await, "1 suppressed");
    assert_eq!(import_outcomes(&app, LEFT).await, "1 known");
    app.store().await.lift_suppressions().await;
    assert_eq!(import_outcomes(&app, ACTIVE).await, "1 left_here");
}

async fn a_pending_signup_does_not_let_a_list_bring_back_an_unsubscribed_reader(engine: Engine) {
    let app = TestApp::start(engine).await;
    let bob = app.reader(BOB).await;
    bob.unsubscribes().await;
    assert_eq!(import_outcomes(&app, ACTIVE).await, "1 left_here");
    app.sign_up(BOB).await;
    assert_eq!(app.status_of(BOB).await, Some(S::Pending));
    assert_eq!(import_outcomes(&app, ACTIVE).await, "1 left_here");
    assert_eq!(app.status_of(BOB).await, Some(S::Pending));
    assert_eq!(app.consent_of(BOB).await, ["requested", "confirmed", "unsubscribed", "requested"]);
    // Bob had signed up himself.
    app.settle().await;
    bob.confirms().await;
    assert_eq!(import_outcomes(&app, ACTIVE).await, "1 known");
    assert_eq!(app.status_of(BOB).await, Some(S::Active));
}

async fn a_list_can_end_a_pending_signup_for_good(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up(BOB).await;
    app.wait_for_signups().await;
    assert_eq!(import_outcomes(&app, LEFT).await, "1 left");
    assert_eq!(app.status_of(BOB).await, Some(S::Unsubscribed));
    assert_eq!(app.consent_of(BOB).await, ["requested", "unsubscribed"]);
    let before = size(&app).await;
    assert_eq!(import_outcomes(&app, LEFT).await, "1 known");
    assert_eq!(size(&app).await, before);
    assert_eq!(import_outcomes(&app, ACTIVE).await, "1 left_here");
}

async fn a_signup_after_unsubscribing_elsewhere_is_decided_by_the_link(engine: Engine) {
    let app = TestApp::start(engine).await;
    let bob = app.visitor(BOB);
    bob.signs_up().await;
    let left = "email,status,ended_at\nbob@example.org,unsubscribed,2020-01-01\n";
    assert_eq!(import_outcomes(&app, left).await, "1 known");
    assert_eq!(import_outcomes(&app, ACTIVE).await, "1 left_here");
    assert_eq!(app.status_of(BOB).await, Some(S::Pending));
    bob.confirms().await;
    assert_eq!(app.status_of(BOB).await, Some(S::Active));
    assert_eq!(import_outcomes(&app, left).await, "1 known");
    assert_eq!(import_outcomes(&app, ACTIVE).await, "1 known");
    assert_eq!(app.store().await.rows_in("newsletter_suppressions").await, 0, "lifted");
}

async fn an_imported_unsubscription_outlives_an_unconfirmed_signup(engine: Engine) {
    let app = TestApp::start(engine).await;
    assert_eq!(import_outcomes(&app, LEFT).await, "1 left");
    // A stranger enters the address. The signup is never confirmed, and is erased.
    app.visitor(BOB).signs_up().await;
    app.run_due_after(DAY * 31).await;
    assert_eq!(app.status_of(BOB).await, None);
    assert_eq!(import_outcomes(&app, ACTIVE).await, "1 left_here");
    assert_eq!(import_outcomes(&app, LEFT).await, "1 known");
    assert_eq!(app.status_of(BOB).await, None);
    // Erased rows are not exported.
    let written = export(&app, &[]).await;
    assert!(!written.contains("erased"), "{written}");
    assert!(app.suppressed(BOB).await.is_none(), "they can still come back by themselves");
    app.reader(BOB).await;
    assert_eq!(app.status_of(BOB).await, Some(S::Active));
}

async fn an_imported_unsubscription_concerns_one_newsletter_only(engine: Engine) {
    let app = TestApp::start(engine).await;
    let first = app.import().await;
    let added = app.program().run(&["newsletter", "add", "weekly", "--title", "Weekly"]).await;
    assert_eq!(added.code, 0, "{}", added.stderr);
    let weekly = app.newsletter_named("weekly").await.id;
    assert_eq!(words(&app.run_import(first, LEFT).await.0), "1 left");
    let second = Import { newsletter: weekly, ..app.import().await };
    assert_eq!(words(&app.run_import(second, ACTIVE).await.0), "1 added");
    assert_eq!(import_outcomes(&app, ACTIVE).await, "1 left_here");
}

async fn a_subscription_ended_by_a_list_has_an_entry_in_the_ledger(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(BOB).await;
    assert_eq!(import_outcomes(&app, "email,status\nbob@example.org,complained\n").await, "1 suppressed");
    assert_eq!(app.status_of(BOB).await, Some(S::Complained));
    assert_eq!(app.consent_of(BOB).await, ["requested", "confirmed", "unsubscribed"]);
    let last = app.visitor(BOB).ledger().await.pop().unwrap();
    assert_eq!(
        (last.method.as_str(), last.source_url.as_deref()),
        ("import", Some("list.csv, read 2026-05-01T12:00:00Z"))
    );
}
