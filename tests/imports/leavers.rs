//! Who left, here or elsewhere, is brought back by nobody but themselves.

use super::{export, ledger, plain, program, run, size, subscription, suppressed, take, try_it, words};
use crate::support::{Engine, app::TestApp, on_both_engines};
use daily::{
    actions::import_subscribers::Import,
    db::newsletters,
    domain::{import::LayoutOptions, subscription::SubscriptionStatus as S, token::Purpose},
};
use jiff::SignedDuration;

const ACTIVE: &str = "email,status\nBob@example.org,active\n";
const LEFT: &str = "email,status\nbob@example.org,unsubscribed\n";
const BOB: &str = "bob@example.org";

/// Leaves by one click.
async fn leave(app: &TestApp, address: &str) {
    let token = app.app.actions.keys.sign(Purpose::Unsubscribe, subscription(app, address).await.id.0);
    assert_eq!(app.post(&format!("{}/unsubscribe/{token}", app.url)).await.status(), 200);
}

on_both_engines!(
    the_operators_word_brings_nobody_in_whom_the_list_has_as_left_or_blocked,
    a_list_of_listmonks_brings_back_nobody_who_left_there,
    who_left_there_ends_here_whatever_else_of_the_row_can_not_be_read,
    whose_confirmation_stands_in_a_later_row_is_taken,
    who_left_and_must_not_be_mailed_stays_out_when_that_is_lifted,
    who_left_here_is_not_brought_back_though_somebody_typed_their_address_since,
    who_left_elsewhere_and_is_pending_here_ends_with_an_entry_and_no_later_list_counts,
    who_asks_here_after_leaving_elsewhere_decides_by_their_own_link,
    that_somebody_left_elsewhere_outlives_a_signup_that_nobody_confirms,
    who_left_one_newsletter_elsewhere_keeps_the_other_that_they_confirmed,
    what_a_list_ends_stands_in_the_ledger,
);

async fn the_operators_word_brings_nobody_in_whom_the_list_has_as_left_or_blocked(engine: Engine) {
    let app = TestApp::start(engine).await;
    let list = "uuid,email,name,attributes,status\n1,ann@example.org,,{},enabled\n2,bob@example.org,,{},disabled\n\
        3,cleo@example.org,,{},blocklisted\n";
    let layout = LayoutOptions { all_confirmed: true, ..LayoutOptions::default() };
    let (summary, _) = run(&app, Import { layout, ..plain(&app).await }, list).await;
    assert_eq!(words(&summary), "1 added, 1 left, 1 suppressed");
    assert_eq!(app.status_of(BOB).await, Some(S::Unsubscribed));
}

async fn a_list_of_listmonks_brings_back_nobody_who_left_there(engine: Engine) {
    let app = TestApp::start(engine).await;
    // As it writes them: Ann is in, Bob has left the list, and nothing in the file tells one from the other.
    let list = "uuid,email,name,attributes,status,created_at,updated_at\n\
        1,ann@example.org,Ann,{},enabled,2024-03-01 08:11:12.123456 +0000 UTC,2024-03-01 08:11:12.123456 +0000 UTC\n\
        2,bob@example.org,Bob,{},enabled,2024-03-01 08:11:12.123456 +0000 UTC,2024-03-01 08:11:12.123456 +0000 UTC\n";
    assert_eq!(take(&app, list).await, "2 unconfirmed");
    assert_eq!(app.status_of(BOB).await, None);
    // Two files, each by the status of the subscription.
    let (head, rest) = list.split_once('\n').unwrap();
    let (ann, bob) = rest.split_once('\n').unwrap();
    let left = LayoutOptions { all_unsubscribed: true, ..LayoutOptions::default() };
    let (summary, _) =
        run(&app, Import { layout: left, ..plain(&app).await }, &format!("{head}\n{bob}")).await;
    assert_eq!(words(&summary), "1 left");
    let confirmed = LayoutOptions { all_confirmed: true, ..LayoutOptions::default() };
    let both = Import { layout: confirmed.clone(), ..plain(&app).await };
    assert_eq!(words(&run(&app, both, list).await.0), "1 added, 1 left_here", "the whole file by mistake");
    assert_eq!(ledger(&app, "ann@example.org").await.len(), 2);
    assert_eq!((ann.is_empty(), app.status_of(BOB).await), (false, Some(S::Unsubscribed)));
}

async fn who_left_there_ends_here_whatever_else_of_the_row_can_not_be_read(engine: Engine) {
    let app = TestApp::start(engine).await;
    take(&app, ACTIVE).await;
    let list = "email,status,created_at\nbob@example.org,unsubscribed,05/31/2026 9:12am\n\
        cleo@example.org,active,05/31/2026 9:12am\n";
    let (summary, told) = run(&app, plain(&app).await, list).await;
    assert_eq!(words(&summary), "1 ended, 1 refused: date");
    assert_eq!(app.status_of(BOB).await, Some(S::Unsubscribed));
    let told: Vec<_> = told.iter().map(|it| (it.line, it.address.as_deref(), it.outcome)).collect();
    assert_eq!(told, [(2, Some(BOB), "ended"), (3, Some("cleo@example.org"), "refused")]);
}

async fn whose_confirmation_stands_in_a_later_row_is_taken(engine: Engine) {
    let app = TestApp::start(engine).await;
    let list = "email,status\nbob@example.org,pending\nbob@example.org,active\nbob@example.org,active\n";
    assert_eq!(try_it(&app, list).await, "1 added, 1 unconfirmed, 1 duplicate");
    assert_eq!(take(&app, list).await, "1 added, 1 unconfirmed, 1 duplicate");
    assert_eq!(app.status_of(BOB).await, Some(S::Active));
    assert_eq!(app.consent_of(BOB).await, ["confirmed"]);
}

async fn who_left_and_must_not_be_mailed_stays_out_when_that_is_lifted(engine: Engine) {
    let app = TestApp::start(engine).await;
    assert_eq!(take(&app, "email,status\nbob@example.org,bounced\n").await, "1 suppressed");
    assert_eq!(take(&app, LEFT).await, "1 known");
    app.store().await.execute("DELETE FROM suppressions").await;
    assert_eq!(take(&app, ACTIVE).await, "1 left_here");
}

async fn who_left_here_is_not_brought_back_though_somebody_typed_their_address_since(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(BOB).await;
    leave(&app, BOB).await;
    assert_eq!(take(&app, ACTIVE).await, "1 left_here");
    app.sign_up(BOB).await;
    assert_eq!(app.status_of(BOB).await, Some(S::Pending));
    assert_eq!(take(&app, ACTIVE).await, "1 left_here");
    assert_eq!(app.status_of(BOB).await, Some(S::Pending));
    assert_eq!(app.consent_of(BOB).await, ["requested", "confirmed", "unsubscribed", "requested"]);
    // It was Bob.
    app.settle().await;
    assert_eq!(app.post(&app.confirmation_link(BOB)).await.status(), 200);
    assert_eq!(take(&app, ACTIVE).await, "1 known");
    assert_eq!(app.status_of(BOB).await, Some(S::Active));
}

async fn who_left_elsewhere_and_is_pending_here_ends_with_an_entry_and_no_later_list_counts(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up(BOB).await;
    app.signups_taken().await;
    assert_eq!(take(&app, LEFT).await, "1 left");
    assert_eq!(app.status_of(BOB).await, Some(S::Unsubscribed));
    assert_eq!(app.consent_of(BOB).await, ["requested", "unsubscribed"]);
    let before = size(&app).await;
    assert_eq!(take(&app, LEFT).await, "1 known");
    assert_eq!(size(&app).await, before);
    assert_eq!(take(&app, ACTIVE).await, "1 left_here");
}

async fn who_asks_here_after_leaving_elsewhere_decides_by_their_own_link(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up(BOB).await;
    app.settle().await;
    let left = "email,status,ended_at\nbob@example.org,unsubscribed,2020-01-01\n";
    assert_eq!(take(&app, left).await, "1 known");
    assert_eq!(take(&app, ACTIVE).await, "1 left_here");
    assert_eq!(app.status_of(BOB).await, Some(S::Pending));
    assert_eq!(app.post(&app.confirmation_link(BOB)).await.status(), 200);
    assert_eq!(app.status_of(BOB).await, Some(S::Active));
    assert_eq!(take(&app, left).await, "1 known");
    assert_eq!(take(&app, ACTIVE).await, "1 known");
    assert_eq!(app.store().await.number("SELECT count(*) FROM newsletter_suppressions").await, 0, "lifted");
}

async fn that_somebody_left_elsewhere_outlives_a_signup_that_nobody_confirms(engine: Engine) {
    let app = TestApp::start(engine).await;
    assert_eq!(take(&app, LEFT).await, "1 left");
    // A stranger types the address; nobody confirms, and it is erased.
    app.sign_up(BOB).await;
    app.settle().await;
    app.tick_after(SignedDuration::from_hours(24 * 31)).await;
    assert_eq!(app.status_of(BOB).await, None);
    assert_eq!(take(&app, ACTIVE).await, "1 left_here");
    assert_eq!(take(&app, LEFT).await, "1 known");
    assert_eq!(app.status_of(BOB).await, None);
    // What is of nobody is in no list.
    let written = export(&app, &[]).await;
    assert!(!written.contains("erased"), "{written}");
    assert!(suppressed(&app, BOB).await.is_none(), "they can still come back by themselves");
    app.reader(BOB).await;
    assert_eq!(app.status_of(BOB).await, Some(S::Active));
}

async fn who_left_one_newsletter_elsewhere_keeps_the_other_that_they_confirmed(engine: Engine) {
    let app = TestApp::start(engine).await;
    let first = plain(&app).await;
    let added = program(&app).run(&["newsletter", "add", "weekly", "--title", "Weekly"]).await;
    assert_eq!(added.code, 0, "{}", added.stderr);
    let weekly =
        newsletters::by_slug(&mut app.app.db.read().await.unwrap(), "weekly").await.unwrap().unwrap().id;
    assert_eq!(words(&run(&app, first, LEFT).await.0), "1 left");
    let second = Import { newsletter: weekly, ..plain(&app).await };
    assert_eq!(words(&run(&app, second, ACTIVE).await.0), "1 added");
    assert_eq!(take(&app, ACTIVE).await, "1 left_here");
}

async fn what_a_list_ends_stands_in_the_ledger(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(BOB).await;
    assert_eq!(take(&app, "email,status\nbob@example.org,complained\n").await, "1 suppressed");
    assert_eq!(app.status_of(BOB).await, Some(S::Complained));
    assert_eq!(app.consent_of(BOB).await, ["requested", "confirmed", "unsubscribed"]);
    let last = ledger(&app, BOB).await.pop().unwrap();
    assert_eq!(
        (last.method.as_str(), last.source_url.as_deref()),
        ("import", Some("list.csv, read 2026-05-01T12:00:00Z"))
    );
}
