//! What is held about readers is kept as long as is configured, and no longer.

use crate::support::{app::TestApp, on_both_engines};
use daily::{
    db::subscriptions,
    domain::{email_address::EmailAddress, subscription::SubscriptionStatus::Active, token::Purpose},
    jobs::retain::{Retained, retain},
};
use jiff::SignedDuration;

const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn leaves(app: &TestApp, address: &str) {
    let address = EmailAddress::parse(address).unwrap();
    let found = subscriptions::of_address(&mut app.app.db.read().await.unwrap(), &address).await.unwrap();
    let token = app.app.actions.keys.sign(Purpose::Unsubscribe, found[0].id.0);
    assert_eq!(app.post_form(&format!("/unsubscribe/{token}"), &[]).await.status(), 200);
}

on_both_engines! {
    async fn who_left_long_ago_is_forgotten_and_old_mails_are_erased(engine: Engine) {
        let app = TestApp::start_with(engine, |settings| {
            settings.retention.left = Some(DAY * 100);
            settings.retention.mails = Some(DAY * 10);
        })
        .await;
        for address in ["stays@example.org", "left@example.org", "back@example.org"] {
            app.reader(address).await;
        }
        leaves(&app, "left@example.org").await;
        leaves(&app, "back@example.org").await;
        assert_eq!(retain(&app.app.jobs).await.unwrap(), Retained::default());
        app.clock.advance(DAY * 11);
        assert_eq!(retain(&app.app.jobs).await.unwrap(), Retained { readers: 0, mails: 3 });
        app.reader("back@example.org").await;
        app.clock.advance(DAY * 90);
        assert_eq!(retain(&app.app.jobs).await.unwrap(), Retained { readers: 1, mails: 1 });
        assert_eq!(app.status_of("left@example.org").await, None);
        assert_eq!(app.status_of("stays@example.org").await, Some(Active));
        assert_eq!(app.status_of("back@example.org").await, Some(Active));
        let store = app.store().await;
        assert_eq!(store.number("SELECT count(*) FROM forgotten").await, 1);
        assert_eq!(store.number("SELECT count(*) FROM consent_events WHERE address LIKE 'left@%'").await, 0);
        assert_eq!(retain(&app.app.jobs).await.unwrap(), Retained::default(), "and not again");
    }

    async fn with_no_limit_everything_stays(engine: Engine) {
        let app = TestApp::start_with(engine, |settings| {
            settings.retention.left = None;
            settings.retention.mails = None;
        })
        .await;
        app.reader("left@example.org").await;
        leaves(&app, "left@example.org").await;
        app.clock.advance(DAY * 10_000);
        assert_eq!(retain(&app.app.jobs).await.unwrap(), Retained::default());
        assert!(app.status_of("left@example.org").await.is_some());
    }
}
