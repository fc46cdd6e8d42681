//! Signups that nobody confirms: what they leave behind, and of what readers are reminded.

use crate::support::{Engine, app::TestApp, on_both_engines, on_postgres};
use daily::{
    actions::{
        import_subscribers::{Import, import_subscribers},
        verify_consent::verify_consent,
    },
    db::{
        DbError, newsletters, signup_watch,
        subscriptions::{self, SubscriptionRecord},
    },
    domain::{
        email_address::EmailAddress,
        import::{Dates, LayoutOptions},
        rate_limit::Limit,
        subscription::SubscriptionStatus::{Active, Pending, Undeliverable, Unsubscribed},
        token::Purpose,
    },
    jobs::retain::retain,
};
use jiff::{SignedDuration, tz::TimeZone};
use std::{io::Cursor, time::Duration};

const ANN: &str = "ann@example.org";
const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn add_newsletter(app: &TestApp, slug: &str) {
    app.add_newsletter(slug, |it| it.title = format!("The {slug}")).await;
}

async fn all_of(app: &TestApp, address: &str) -> Vec<SubscriptionRecord> {
    let address = EmailAddress::parse(address).unwrap();
    subscriptions::of_address(&mut app.app.db.read().await.unwrap(), &address).await.unwrap()
}

async fn sign_up_for(app: &TestApp, address: &str, newsletters: &[&str]) {
    let mut fields = vec![("email", address)];
    fields.extend(newsletters.iter().map(|slug| ("newsletter", *slug)));
    assert_eq!(app.post_form("/subscribe", &fields).await.status(), 200);
    app.settle().await;
}

async fn leave(app: &TestApp, address: &str) {
    let token = app.app.actions.keys.sign(Purpose::Unsubscribe, all_of(app, address).await[0].id.0);
    assert_eq!(app.post_form(&format!("/unsubscribe/{token}"), &[]).await.status(), 200);
}

/// The kinds of entries in the ledger, with whether what is personal in them is there.
async fn evidence(app: &TestApp) -> Vec<(String, i64)> {
    let sql = "SELECT kind, CAST(CASE WHEN address IS NULL AND client_address IS NULL THEN 0 ELSE 1 END AS BIGINT) \
               FROM consent_events ORDER BY id";
    app.store().await.counts(sql).await
}

/// A list tells that Ann has left the first newsletter.
async fn import_leaver(app: &TestApp) {
    let import = Import {
        newsletter: app.newsletter().await.id,
        file_name: "list.csv".into(),
        layout: LayoutOptions::default(),
        encoding: None,
        dates: Dates { format: None, zone: TimeZone::UTC, now: app.clock.now() },
        dry_run: false,
    };
    let list = Cursor::new(
        "email,status,requested_at,requested_ip\nann@example.org,unsubscribed,2025-01-01,203.0.113.9\n",
    );
    import_subscribers(&app.app.actions, list, import, |_| Ok(())).await.unwrap();
}

fn entries(of: &[(&str, i64)]) -> Vec<(String, i64)> {
    of.iter().map(|(kind, there)| ((*kind).to_owned(), *there)).collect()
}

fn reminding(settings: &mut daily::settings::Settings) {
    settings.signup.remind_after = Some(DAY);
}

on_both_engines!(
    a_strangers_signup_changes_nothing_of_how_long_a_reader_who_left_is_kept,
    nor_does_one_for_another_newsletter,
    a_mailbox_that_refused_is_undeliverable_again_and_who_confirms_in_time_stays,
    nothing_of_a_reader_who_is_erased_stays_with_what_a_list_brought,
    a_signup_of_the_same_moment_keeps_its_reader,
    one_reminder_names_all_that_a_reader_asked_for_and_its_link_confirms_all,
    a_reminder_counts_on_the_addresss_limit,
    nobody_is_reminded_of_what_arrived_while_signups_looked_like_an_attack,
    reminders_are_no_signups_and_raise_no_alarm,
    one_mail_says_what_a_reader_gets_already_and_one_greets_them,
    within_the_limit_a_mail_to_confirm_comes_first,
);

async fn a_strangers_signup_changes_nothing_of_how_long_a_reader_who_left_is_kept(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.retention.left = Some(DAY * 100)).await;
    app.reader(ANN).await;
    app.clock.advance(DAY);
    leave(&app, ANN).await;
    let left_at = all_of(&app, ANN).await[0].ended_at.unwrap();
    app.clock.advance(DAY * 80);
    app.sign_up(ANN).await;
    app.settle().await;
    let link = app.confirmation_link(ANN);
    assert_eq!(app.status_of(ANN).await, Some(Pending));
    app.tick_after(DAY * 30).await;
    let it = all_of(&app, ANN).await.remove(0);
    assert_eq!((it.status, it.ended_at), (Unsubscribed, Some(left_at)));
    let kept = [("requested", 1), ("confirmed", 1), ("unsubscribed", 1), ("requested", 0)];
    assert_eq!(evidence(&app).await, entries(&kept), "what the stranger left is erased, and no more");
    assert!(verify_consent(&app.app.db).await.unwrap().first_broken.is_none());
    let store = app.store().await;
    assert_eq!(store.number("SELECT count(*) FROM confirmations").await, 1, "the one that Ann used");
    assert_eq!(store.number("SELECT count(*) FROM mails WHERE confirmation_id IS NOT NULL").await, 1);
    assert_eq!(app.post(&link).await.status(), 404);
    assert_eq!(retain(&app.app.jobs).await.unwrap().readers, 1, "a hundred days after she left");
    assert_eq!(app.status_of(ANN).await, None);
}

async fn nor_does_one_for_another_newsletter(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.retention.left = Some(DAY * 100)).await;
    add_newsletter(&app, "sports").await;
    for address in [ANN, "ben@example.org"] {
        app.reader(address).await;
    }
    app.clock.advance(DAY);
    for address in [ANN, "ben@example.org"] {
        leave(&app, address).await;
    }
    app.clock.advance(DAY * 80);
    for address in [ANN, "ben@example.org"] {
        sign_up_for(&app, address, &["sports"]).await;
    }
    app.tick_after(DAY * 30).await;
    assert_eq!(all_of(&app, ANN).await.iter().map(|it| it.status).collect::<Vec<_>>(), [Unsubscribed; 2]);
    // Ben meant it after all, and left that one, too.
    sign_up_for(&app, "ben@example.org", &["sports"]).await;
    assert_eq!(app.post(&app.confirmation_link("ben@example.org")).await.status(), 200);
    let ben = all_of(&app, "ben@example.org").await.remove(1);
    let token = app.app.actions.keys.sign(Purpose::Unsubscribe, ben.id.0);
    assert_eq!(app.post_form(&format!("/unsubscribe/{token}"), &[]).await.status(), 200);
    assert_eq!(retain(&app.app.jobs).await.unwrap().readers, 1, "a hundred days after she left");
    assert_eq!(app.status_of(ANN).await, None);
    app.clock.advance(DAY * 99);
    assert_eq!(retain(&app.app.jobs).await.unwrap().readers, 0, "he left later");
    app.clock.advance(DAY * 2);
    assert_eq!(retain(&app.app.jobs).await.unwrap().readers, 1);
}

async fn a_mailbox_that_refused_is_undeliverable_again_and_who_confirms_in_time_stays(engine: Engine) {
    let app = TestApp::start(engine).await;
    for address in [ANN, "ben@example.org"] {
        app.reader(address).await;
    }
    // As a relay's refusal leaves it, once an operator has lifted the suppression.
    let store = app.store().await;
    store.execute("UPDATE subscriptions SET status = 'undeliverable', ended_at = confirmed_at").await;
    app.clock.advance(DAY);
    for address in [ANN, "ben@example.org"] {
        app.sign_up(address).await;
        app.settle().await;
    }
    assert_eq!(app.post(&app.confirmation_link("ben@example.org")).await.status(), 200);
    app.tick_after(DAY * 31).await;
    let it = all_of(&app, ANN).await.remove(0);
    assert_eq!((it.status, it.ended_at), (Undeliverable, Some(it.requested_at)));
    assert_eq!(app.status_of("ben@example.org").await, Some(Active));
}

async fn nothing_of_a_reader_who_is_erased_stays_with_what_a_list_brought(engine: Engine) {
    let app = TestApp::start(engine).await;
    add_newsletter(&app, "sports").await;
    import_leaver(&app).await;
    sign_up_for(&app, ANN, &["sports"]).await;
    assert_eq!(evidence(&app).await, entries(&[("requested", 1), ("unsubscribed", 1), ("requested", 1)]));
    app.tick_after(DAY * 31).await;
    assert_eq!(all_of(&app, ANN).await.len(), 0);
    assert_eq!(evidence(&app).await, entries(&[("requested", 0), ("unsubscribed", 0), ("requested", 0)]));
    let store = app.store().await;
    assert_eq!(store.number("SELECT count(*) FROM consent_chain WHERE salt IS NOT NULL").await, 0);
    assert_eq!(store.number("SELECT count(*) FROM subscriptions WHERE erased_at IS NULL").await, 0);
    assert_eq!(
        store.number("SELECT count(*) FROM newsletter_suppressions").await,
        1,
        "no list brings them back"
    );
}

async fn a_signup_of_the_same_moment_keeps_its_reader(engine: Engine) {
    let app = TestApp::start(engine).await;
    add_newsletter(&app, "sports").await;
    sign_up_for(&app, ANN, &["daily"]).await;
    app.clock.advance(DAY * 31);
    let (now, address) = (app.clock.now(), EmailAddress::parse(ANN).unwrap());
    let sports =
        newsletters::by_slug(&mut app.app.db.read().await.unwrap(), "sports").await.unwrap().unwrap();
    // As a portion of signups does it.
    let mut signup = app.app.db.begin().await.unwrap();
    let reader = subscriptions::subscribers(&mut signup, &[&address], now).await.unwrap()[0];
    subscriptions::standings(&mut signup, &[(reader, sports.id)], now).await.unwrap();
    if engine == Engine::Postgres {
        // It is not waited for: what it has in hand is left for later.
        tokio::time::timeout(Duration::from_secs(20), app.tick()).await.expect("no waiting");
        assert_eq!(all_of(&app, ANN).await[0].status, Pending);
    }
    signup.commit().await.unwrap();
    app.tick().await;
    let found = all_of(&app, ANN).await;
    let standing: Vec<_> = found.iter().map(|it| (it.newsletter.as_str(), it.status)).collect();
    assert_eq!(standing, [("daily", Unsubscribed), ("sports", Pending)]);
}

async fn one_reminder_names_all_that_a_reader_asked_for_and_its_link_confirms_all(engine: Engine) {
    let app = TestApp::start_with(engine, reminding).await;
    for slug in ["sports", "weekend"] {
        add_newsletter(&app, slug).await;
    }
    sign_up_for(&app, ANN, &["daily", "sports"]).await;
    app.clock.advance(SignedDuration::from_hours(1));
    sign_up_for(&app, ANN, &["weekend"]).await;
    let before = app.mails_to(ANN).len();
    for _ in 0..3 {
        app.tick_after(SignedDuration::from_hours(23)).await;
    }
    let mails = app.mails_to(ANN);
    assert_eq!(mails.len(), before + 1, "one for all");
    let text = mails[before].text();
    for title in ["Daily", "The sports", "The weekend"] {
        assert!(text.contains(title), "{title}: {text}");
    }
    assert_eq!(app.post(&app.confirmation_link(ANN)).await.status(), 200);
    assert!(all_of(&app, ANN).await.iter().all(|it| it.status == Active));
}

async fn a_reminder_counts_on_the_addresss_limit(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        reminding(settings);
        settings.signup.limits.address = Limit::new(1, DAY * 10);
    })
    .await;
    app.sign_up(ANN).await;
    app.settle().await;
    app.tick_after(DAY * 2).await;
    assert_eq!(app.mails_to(ANN).len(), 1);
    // The reminder takes up the line, too: the next signup's mail is beyond it.
    let app = TestApp::start_with(engine, |settings| {
        reminding(settings);
        settings.signup.limits.address = Limit::new(2, DAY * 10);
    })
    .await;
    app.sign_up(ANN).await;
    app.settle().await;
    app.tick_after(DAY).await;
    app.sign_up(ANN).await;
    app.settle().await;
    assert_eq!(app.mails_to(ANN).len(), 2);
}

async fn nobody_is_reminded_of_what_arrived_while_signups_looked_like_an_attack(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        reminding(settings);
        settings.signup.most_waiting = Some(3);
    })
    .await;
    app.sign_up("before@example.org").await;
    app.clock.advance(SignedDuration::from_mins(11));
    for n in 0..3 {
        app.sign_up(&format!("victim{n}@example.org")).await;
    }
    app.signups_taken().await;
    app.tick_after(SignedDuration::from_secs(30)).await;
    assert!(signup_watch::get(&mut app.app.db.read().await.unwrap()).await.unwrap().is_on().is_some());
    app.tick_after(SignedDuration::from_mins(12)).await;
    app.tick_after(SignedDuration::from_mins(20)).await;
    assert!(signup_watch::get(&mut app.app.db.read().await.unwrap()).await.unwrap().is_on().is_none());
    app.clock.advance(SignedDuration::from_mins(1));
    app.sign_up("after@example.org").await;
    app.settle().await;
    // Another one the next morning does not make the first one forgotten.
    app.clock.advance(SignedDuration::from_hours(22));
    for n in 3..6 {
        app.sign_up(&format!("victim{n}@example.org")).await;
    }
    app.signups_taken().await;
    app.tick_after(SignedDuration::from_secs(30)).await;
    for _ in 0..4 {
        app.tick_after(SignedDuration::from_hours(12)).await;
    }
    let reminders = "SELECT recipient FROM mails WHERE kind = 'confirmation_reminder' ORDER BY recipient";
    assert_eq!(app.store().await.texts(reminders).await, ["after@example.org", "before@example.org"]);
}

async fn reminders_are_no_signups_and_raise_no_alarm(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        reminding(settings);
        settings.signup.most_waiting = Some(3);
    })
    .await;
    for n in 0..4 {
        app.sign_up(&format!("reader{n}@example.org")).await;
        app.settle().await;
        app.tick_after(SignedDuration::from_mins(11)).await;
    }
    app.tick_after(DAY).await;
    assert_eq!(
        app.store().await.number("SELECT count(*) FROM mails WHERE kind = 'confirmation_reminder'").await,
        4
    );
    app.tick_after(SignedDuration::from_secs(30)).await;
    assert!(signup_watch::get(&mut app.app.db.read().await.unwrap()).await.unwrap().is_on().is_none());
    let mut tx = app.app.db.read().await.unwrap();
    let pulse = signup_watch::pulse(&mut tx, None, Some(3), app.clock.now()).await.unwrap();
    assert_eq!((pulse.waiting, pulse.usual.asked), (0, 4));
}

async fn one_mail_says_what_a_reader_gets_already_and_one_greets_them(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.welcome_mail = true).await;
    for slug in ["sports", "weekend"] {
        add_newsletter(&app, slug).await;
    }
    sign_up_for(&app, ANN, &["sports", "daily", "weekend"]).await;
    assert_eq!(app.post(&app.confirmation_link(ANN)).await.status(), 200);
    app.settle().await;
    let mails = app.mails_to(ANN);
    assert_eq!(mails.len(), 2, "one to confirm, one welcome");
    assert_eq!(mails[1].subject(), "Welcome to The sports", "of what the mail came from");
    app.clock.advance(DAY);
    sign_up_for(&app, ANN, &["sports", "daily", "weekend"]).await;
    let mails = app.mails_to(ANN);
    assert_eq!(mails.len(), 3, "one that names all");
    for title in ["The sports", "Daily", "The weekend"] {
        assert!(mails[2].text().contains(title), "{title}: {}", mails[2].text());
    }
    sign_up_for(&app, ANN, &["sports", "daily", "weekend"]).await;
    assert_eq!(app.mails_to(ANN).len(), 3, "once a day");
}

async fn within_the_limit_a_mail_to_confirm_comes_first(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.limits.address = Limit::new(1, DAY);
    })
    .await;
    add_newsletter(&app, "sports").await;
    app.reader(ANN).await;
    app.clock.advance(DAY * 2);
    sign_up_for(&app, ANN, &["daily", "sports"]).await;
    let mails = app.mails_to(ANN);
    assert_eq!(mails.len(), 2);
    assert!(mails[1].text().contains("/confirm/"), "{}", mails[1].text());
}

on_postgres!(a_reader_is_left_for_later_who_has_another_subscription_in_somebodys_hands);

/// On PostgreSQL a portion holds others' rows by then: waiting could be waiting for each other.
async fn a_reader_is_left_for_later_who_has_another_subscription_in_somebodys_hands() {
    let app = TestApp::start(Engine::Postgres).await;
    add_newsletter(&app, "sports").await;
    import_leaver(&app).await;
    sign_up_for(&app, ANN, &["sports"]).await;
    app.clock.advance(DAY * 31);
    let of_the_list = all_of(&app, ANN).await[0].id;
    let mut tx = app.app.db.begin().await.unwrap();
    subscriptions::hold(&mut tx, &[of_the_list]).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), app.tick()).await.expect("no waiting");
    assert_eq!(all_of(&app, ANN).await[1].status, Pending);
    tx.commit().await.unwrap();
    app.tick().await;
    assert_eq!(all_of(&app, ANN).await.len(), 0);
}

on_postgres!(a_pause_that_is_prolonged_at_the_moment_it_ends_goes_on);

/// On PostgreSQL two may be at it at once; on SQLite the second one begins when the first has ended.
async fn a_pause_that_is_prolonged_at_the_moment_it_ends_goes_on() {
    let app = TestApp::start(Engine::Postgres).await;
    app.reader_at_once(ANN).await;
    let (id, now) = (all_of(&app, ANN).await[0].id, app.clock.now());
    let day = |day| jiff::civil::date(2026, 5, day);
    let mut tx = app.app.db.begin().await.unwrap();
    assert!(subscriptions::pause(&mut tx, id, day(1), now).await.unwrap());
    tx.commit().await.unwrap();
    let mut reader = app.app.db.begin().await.unwrap();
    assert!(subscriptions::pause(&mut reader, id, day(9), now + DAY * 8).await.unwrap());
    let db = app.app.db.clone();
    let ending = tokio::spawn(async move {
        let mut tx = db.begin().await?;
        let resumed = subscriptions::resume_due(&mut tx, now, 500).await?.len();
        tx.commit().await?;
        Ok::<_, DbError>(resumed)
    });
    app.until_waiting(1).await;
    reader.commit().await.unwrap();
    assert_eq!(ending.await.unwrap().unwrap(), 0);
    assert_eq!(all_of(&app, ANN).await[0].paused_until.as_deref(), Some("2026-05-09"));
}
