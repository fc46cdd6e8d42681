//! Address changes at a bad moment: while an issue is being sent, or during another change to the reader.

use super::{NEW, OLD, assert_ledger_holds, at, copies, moves, while_an_issue_goes_out};
use crate::support::{
    Engine, Page, TestApp, address, in_time,
    locks::{RowLocks, Strength},
    on_both_engines, on_postgres,
};
use daily::{
    db::subscribers::{self, Evidence, SubscriptionRecord, requests},
    domain::{
        ids::RequestId,
        subscriber::{
            consent::ConsentEvent,
            subscription::SubscriptionStatus::{Active, Unsubscribed},
        },
    },
};

/// Submits the last form while an unsubscribe request is being recorded.
async fn submit_while_unsubscribing(app: &TestApp, it: &SubscriptionRecord) -> Page {
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    subscribers::lock_rows(&mut tx, &[it.id]).await.unwrap();
    let leaving = async {
        app.wait_for_lock_waits(1).await;
        assert!(subscribers::end(&mut tx, it.id, now).await.unwrap());
        let left = ConsentEvent::Unsubscribed;
        subscribers::record_consent(&mut tx, it.id, left, "one_click", &Evidence::default(), now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    };
    let old = app.visitor(OLD);
    tokio::join!(old.agrees_to_address(), leaving).0
}

on_both_engines!(
    a_copy_that_waits_comes_to_the_new_address,
    a_signup_of_the_new_address_at_the_last_press_does_not_prevent_the_move,
    a_reader_who_unsubscribes_at_the_last_press_stays_unsubscribed,
    a_reader_who_unsubscribes_at_the_new_address_then_stays_unsubscribed,
    a_double_click_on_the_last_button_says_twice_that_it_is_done,
);

async fn a_copy_that_waits_comes_to_the_new_address(engine: Engine) {
    let app = while_an_issue_goes_out(engine, &[(OLD, "18:00")]).await;
    at(&app, "07:00").await;
    moves(&app, OLD, NEW).await;
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
}

async fn a_signup_of_the_new_address_at_the_last_press_does_not_prevent_the_move(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (old, new) = (app.visitor(OLD), app.visitor(NEW));
    app.reader(OLD).await;
    old.asks_for_address(NEW).await;
    new.agrees_to_address().await;
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    subscribers::subscriber(&mut tx, &address(NEW), now).await.unwrap();
    let appears = async {
        app.wait_for_lock_waits(1).await;
        tx.commit().await.unwrap();
    };
    let (page, ()) = tokio::join!(old.agrees_to_address(), appears);
    assert!(page.contains("Your address has changed"), "{page}");
    assert_eq!(app.status_of(NEW).await, Some(Active));
    assert_ledger_holds(&app).await;
}

async fn a_reader_who_unsubscribes_at_the_last_press_stays_unsubscribed(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (old, new) = (app.visitor(OLD), app.visitor(NEW));
    app.reader(OLD).await;
    let it = old.subscription_to("daily").await;
    old.asks_for_address(NEW).await;
    new.agrees_to_address().await;
    let page = submit_while_unsubscribing(&app, &it).await;
    assert!(page.contains("This link has expired"), "{page}");
    assert_eq!(app.status_of(OLD).await, Some(Unsubscribed));
    assert_eq!(app.consent_of(OLD).await, ["requested", "confirmed", "unsubscribed"]);
    assert_ledger_holds(&app).await;
}

async fn a_reader_who_unsubscribes_at_the_new_address_then_stays_unsubscribed(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (old, new) = (app.visitor(OLD), app.visitor(NEW));
    app.reader(OLD).await;
    app.reader(NEW).await;
    old.asks_for_address(NEW).await;
    new.agrees_to_address().await;
    app.clock.advance(jiff::SignedDuration::from_secs(1));
    let page = submit_while_unsubscribing(&app, &new.subscription_to("daily").await).await;
    assert!(page.contains("Your address has changed"), "{page}");
    assert_eq!(
        (app.status_of(OLD).await, app.status_of(NEW).await),
        (Some(Unsubscribed), Some(Unsubscribed))
    );
    assert_ledger_holds(&app).await;
}

async fn a_double_click_on_the_last_button_says_twice_that_it_is_done(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (old, new) = (app.visitor(OLD), app.visitor(NEW));
    app.reader(OLD).await;
    old.asks_for_address(NEW).await;
    new.agrees_to_address().await;
    // Both requests wait for the same row.
    let mut tx = app.app.db.begin().await.unwrap();
    requests::close(&mut tx, RequestId(1), app.clock.now()).await.unwrap();
    let release = async {
        app.wait_for_lock_waits(2).await;
        tx.rollback().await.unwrap();
    };
    let (first, second, ()) = tokio::join!(old.agrees_to_address(), old.agrees_to_address(), release);
    for page in [first, second] {
        assert!(page.contains("Your address has changed"), "{page}");
    }
    assert_eq!(old.subscriptions().await.len(), 0);
    assert_eq!(app.consent_of(NEW).await, ["requested", "confirmed", "confirmed", "confirmed"]);
}

on_postgres!(deliveries_are_made_while_a_reader_is_locked);

/// On PostgreSQL an issue fans out while a reader moves, because deliveries only refer to the reader and the
/// subscription.
async fn deliveries_are_made_while_a_reader_is_locked() {
    let app = TestApp::start(Engine::Postgres).await;
    let old = app.visitor(OLD);
    app.reader(OLD).await;
    let reader = old.subscription_to("daily").await.subscriber_id;
    let mut tx = app.app.db.begin().await.unwrap();
    subscribers::lock_readers(&mut tx, &[reader]).await.unwrap();
    let fan_out = RowLocks::hold(app.store().await, Strength::KeyShare, &["subscribers", "subscriptions"]);
    in_time(fan_out).await;
    tx.rollback().await.unwrap();
}
