//! Moves at a bad moment: while an issue is going out, or while something else happens to the reader.

use super::{
    NEW, OLD, ask_of, at, copies, ledger_holds, moves, of, press, subscription, while_an_issue_goes_out,
};
use crate::support::{Engine, app::TestApp, on_both_engines};
use daily::{
    db::subscribers::{self, Evidence, SubscriptionRecord, requests},
    domain::{
        ids::RequestId,
        subscriber::{
            consent::ConsentEvent,
            email_address::EmailAddress,
            subscription::SubscriptionStatus::{Active, Unsubscribed},
        },
    },
};

/// Presses the last button while an unsubscribe request is being recorded.
async fn press_while_leaving(app: &TestApp, it: &SubscriptionRecord) -> String {
    let now = app.clock.now();
    let mut tx = app.app.db.begin().await.unwrap();
    subscribers::lock_rows(&mut tx, &[it.id]).await.unwrap();
    let leaving = async {
        app.until_waiting(1).await;
        assert!(subscribers::end(&mut tx, it.id, now).await.unwrap());
        let left = ConsentEvent::Unsubscribed;
        subscribers::record_consent(&mut tx, it.id, left, "one_click", &Evidence::default(), now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    };
    tokio::join!(press(app, OLD), leaving).0
}

on_both_engines!(
    a_copy_that_waits_comes_to_the_new_address,
    an_address_that_signs_up_at_the_moment_of_the_last_press_is_taken_all_the_same,
    who_leaves_at_the_moment_of_the_last_press_has_left,
    who_leaves_at_the_new_address_at_that_moment_has_left,
    a_double_click_on_the_last_button_says_twice_that_it_is_done,
);

async fn a_copy_that_waits_comes_to_the_new_address(engine: Engine) {
    let app = while_an_issue_goes_out(engine, &[(OLD, "18:00")]).await;
    at(&app, "07:00").await;
    moves(&app, OLD, NEW).await;
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
}

async fn an_address_that_signs_up_at_the_moment_of_the_last_press_is_taken_all_the_same(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(OLD).await;
    ask_of(&app, subscription(&app, OLD, "daily").await.id, OLD, NEW).await;
    press(&app, NEW).await;
    let (now, new) = (app.clock.now(), EmailAddress::parse(NEW).unwrap());
    let mut tx = app.app.db.begin().await.unwrap();
    subscribers::subscriber(&mut tx, &new, now).await.unwrap();
    let appears = async {
        app.until_waiting(1).await;
        tx.commit().await.unwrap();
    };
    let (page, ()) = tokio::join!(press(&app, OLD), appears);
    assert!(page.contains("The address is changed"), "{page}");
    assert_eq!(app.status_of(NEW).await, Some(Active));
    ledger_holds(&app).await;
}

async fn who_leaves_at_the_moment_of_the_last_press_has_left(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(OLD).await;
    let it = subscription(&app, OLD, "daily").await;
    ask_of(&app, it.id, OLD, NEW).await;
    press(&app, NEW).await;
    let page = press_while_leaving(&app, &it).await;
    assert!(page.contains("This link works no more"), "{page}");
    assert_eq!(app.status_of(OLD).await, Some(Unsubscribed));
    assert_eq!(app.consent_of(OLD).await, ["requested", "confirmed", "unsubscribed"]);
    ledger_holds(&app).await;
}

async fn who_leaves_at_the_new_address_at_that_moment_has_left(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(OLD).await;
    app.reader(NEW).await;
    ask_of(&app, subscription(&app, OLD, "daily").await.id, OLD, NEW).await;
    press(&app, NEW).await;
    app.clock.advance(jiff::SignedDuration::from_secs(1));
    let page = press_while_leaving(&app, &subscription(&app, NEW, "daily").await).await;
    assert!(page.contains("The address is changed"), "{page}");
    assert_eq!(
        (app.status_of(OLD).await, app.status_of(NEW).await),
        (Some(Unsubscribed), Some(Unsubscribed))
    );
    ledger_holds(&app).await;
}

async fn a_double_click_on_the_last_button_says_twice_that_it_is_done(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(OLD).await;
    ask_of(&app, subscription(&app, OLD, "daily").await.id, OLD, NEW).await;
    press(&app, NEW).await;
    // Both presses come to the same row before either has it.
    let mut tx = app.app.db.begin().await.unwrap();
    requests::close(&mut tx, RequestId(1), app.clock.now()).await.unwrap();
    let let_go = async {
        app.until_waiting(2).await;
        tx.rollback().await.unwrap();
    };
    let (first, second, ()) = tokio::join!(press(&app, OLD), press(&app, OLD), let_go);
    for page in [first, second] {
        assert!(page.contains("The address is changed"), "{page}");
    }
    assert_eq!(of(&app, OLD).await.len(), 0);
    assert_eq!(app.consent_of(NEW).await, ["requested", "confirmed", "confirmed", "confirmed"]);
}

/// On PostgreSQL an issue's deliveries are made while a reader moves: they only name the reader and the subscription.
#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_made_while_a_reader_is_locked() {
    let app = TestApp::start(Engine::Postgres).await;
    app.reader(OLD).await;
    let reader = subscription(&app, OLD, "daily").await.subscriber_id;
    let mut tx = app.app.db.begin().await.unwrap();
    subscribers::lock_readers(&mut tx, &[reader]).await.unwrap();
    for named in ["subscribers", "subscriptions"] {
        app.store().await.execute(&format!("SELECT id FROM {named} FOR KEY SHARE NOWAIT")).await;
    }
    tx.rollback().await.unwrap();
}
