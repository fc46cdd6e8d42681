//! Unconfirmed signups: reminders, and their expiry.

use crate::support::{DAY, Engine, TestApp, address, in_time, on_both_engines, on_postgres};
use daily::{
    db::{DbError, signups::alarm, subscribers},
    domain::{
        delivery::email::EmailKind,
        subscriber::subscription::SubscriptionStatus::{Active, Pending, Undeliverable, Unsubscribed},
    },
    jobs::periodic::apply_retention::apply_retention,
    settings::Settings,
};
use jiff::{SignedDuration, civil::date};

const ANN: &str = "ann@example.org";
const BEN: &str = "ben@example.org";

async fn add_newsletter(app: &TestApp, slug: &str) {
    app.add_newsletter(slug, |it| it.title = format!("The {slug}")).await;
}

/// Returns the kinds of entries in the ledger, with whether their personal data is there.
async fn evidence(app: &TestApp) -> Vec<(String, bool)> {
    let ledger = app.store().await.ledger().await;
    ledger.into_iter().map(|it| (it.kind, it.address.is_some() || it.client_address.is_some())).collect()
}

/// Imports a list with Ann as unsubscribed from the first newsletter.
async fn import_leaver(app: &TestApp) {
    app.import_list(
        "email,status,requested_at,requested_ip\nann@example.org,unsubscribed,2025-01-01,203.0.113.9\n",
    )
    .await;
}

async fn sign_up_victims(app: &TestApp, numbers: std::ops::Range<usize>) {
    for n in numbers {
        app.sign_up(&format!("victim{n}@example.org")).await;
    }
    app.wait_for_signups().await;
}

async fn is_under_attack(app: &TestApp) -> bool {
    alarm::get(&mut app.app.db.read().await.unwrap()).await.unwrap().is_on().is_some()
}

fn entries(of: &[(&str, bool)]) -> Vec<(String, bool)> {
    of.iter().map(|(kind, there)| ((*kind).to_owned(), *there)).collect()
}

fn reminding(settings: &mut Settings) {
    settings.signup.reminder_hours = 24;
}

on_both_engines!(
    a_strangers_signup_does_not_extend_the_retention_of_an_unsubscribed_reader,
    a_signup_for_another_newsletter_does_not_bring_them_back_either,
    an_undeliverable_reader_is_so_again_unless_they_confirm_in_time,
    expiry_erases_imported_evidence_too,
    a_signup_at_the_moment_of_expiry_keeps_its_reader,
    one_reminder_names_all_newsletters_and_its_link_confirms_all,
    a_reminder_counts_towards_the_limit_of_its_address,
    signups_of_an_attack_are_not_reminded,
    reminders_do_not_count_as_signups_and_raise_no_alarm,
    one_email_welcomes_to_all_newsletters_and_one_says_that_all_are_subscribed,
    within_the_limit_an_email_to_confirm_comes_first,
);

async fn a_strangers_signup_does_not_extend_the_retention_of_an_unsubscribed_reader(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.retention.left_days = 100).await;
    let ann = app.reader(ANN).await;
    app.clock.advance(DAY);
    ann.unsubscribes().await;
    let left_at = ann.subscriptions().await[0].ended_at.unwrap();
    app.clock.advance(DAY * 80);
    ann.signs_up().await;
    let link = ann.confirmation_link();
    assert_eq!(app.status_of(ANN).await, Some(Pending));
    app.run_due_after(DAY * 30).await;
    let it = ann.subscriptions().await.remove(0);
    assert_eq!((it.status, it.ended_at), (Unsubscribed, Some(left_at)));
    let kept = [("requested", true), ("confirmed", true), ("unsubscribed", true), ("requested", false)];
    assert_eq!(evidence(&app).await, entries(&kept), "what the stranger left is erased, and no more");
    assert!(app.verify_ledger().await.first_broken.is_none());
    let store = app.store().await;
    assert_eq!(store.rows_in("confirmations").await, 1, "the one that Ann used");
    assert_eq!(store.emails().await.iter().filter(|it| it.confirmation_id.is_some()).count(), 1);
    assert_eq!(app.post(&link).await.status(), 404);
    assert_eq!(
        apply_retention(&app.app.jobs.readers).await.unwrap().readers,
        1,
        "a hundred days after she left"
    );
    assert_eq!(app.status_of(ANN).await, None);
}

async fn a_signup_for_another_newsletter_does_not_bring_them_back_either(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.retention.left_days = 100).await;
    add_newsletter(&app, "sports").await;
    let (ann, ben) = (app.reader(ANN).await, app.reader(BEN).await);
    app.clock.advance(DAY);
    for reader in [ann, ben] {
        reader.unsubscribes().await;
    }
    app.clock.advance(DAY * 80);
    for reader in [ann, ben] {
        reader.signs_up_for(&["sports"]).await;
    }
    app.run_due_after(DAY * 30).await;
    assert_eq!(ann.subscriptions().await.iter().map(|it| it.status).collect::<Vec<_>>(), [Unsubscribed; 2]);
    // Ben had signed up himself. He confirms, and unsubscribes again.
    ben.signs_up_for(&["sports"]).await;
    ben.confirms().await;
    let sports = app.token(&ben.subscriptions().await[1]);
    assert_eq!(app.press(&format!("/unsubscribe/{sports}")).await.status, 200);
    assert_eq!(
        apply_retention(&app.app.jobs.readers).await.unwrap().readers,
        1,
        "a hundred days after she left"
    );
    assert_eq!(app.status_of(ANN).await, None);
    app.clock.advance(DAY * 99);
    assert_eq!(apply_retention(&app.app.jobs.readers).await.unwrap().readers, 0, "he left later");
    app.clock.advance(DAY * 2);
    assert_eq!(apply_retention(&app.app.jobs.readers).await.unwrap().readers, 1);
}

async fn an_undeliverable_reader_is_so_again_unless_they_confirm_in_time(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (ann, ben) = (app.reader(ANN).await, app.reader(BEN).await);
    // As after a relay's refusal, once an operator has lifted the suppression.
    app.store().await.end_subscriptions("daily", "undeliverable").await;
    app.clock.advance(DAY);
    for reader in [ann, ben] {
        reader.signs_up().await;
    }
    ben.confirms().await;
    app.run_due_after(DAY * 31).await;
    let it = ann.subscriptions().await.remove(0);
    assert_eq!((it.status, it.ended_at), (Undeliverable, Some(it.requested_at)));
    assert_eq!(app.status_of(BEN).await, Some(Active));
}

async fn expiry_erases_imported_evidence_too(engine: Engine) {
    let app = TestApp::start(engine).await;
    add_newsletter(&app, "sports").await;
    import_leaver(&app).await;
    let ann = app.visitor(ANN);
    ann.signs_up_for(&["sports"]).await;
    assert_eq!(
        evidence(&app).await,
        entries(&[("requested", true), ("unsubscribed", true), ("requested", true)])
    );
    app.run_due_after(DAY * 31).await;
    assert_eq!(ann.subscriptions().await.len(), 0);
    assert_eq!(
        evidence(&app).await,
        entries(&[("requested", false), ("unsubscribed", false), ("requested", false)])
    );
    let store = app.store().await;
    assert_eq!(store.count_ledger_salts().await, 0);
    assert!(store.subscriptions().await.iter().all(|it| it.erased_at.is_some()));
    assert_eq!(store.rows_in("newsletter_suppressions").await, 1, "no list brings them back");
}

async fn a_signup_at_the_moment_of_expiry_keeps_its_reader(engine: Engine) {
    let app = TestApp::start(engine).await;
    add_newsletter(&app, "sports").await;
    let ann = app.visitor(ANN);
    ann.signs_up_for(&["daily"]).await;
    app.clock.advance(DAY * 31);
    let (now, sports) = (app.clock.now(), app.newsletter_named("sports").await);
    // Processing a batch of signups locks the same rows.
    let mut signup = app.app.db.begin().await.unwrap();
    let reader = subscribers::subscribers(&mut signup, &[&address(ANN)], now).await.unwrap()[0];
    subscribers::subscriptions(&mut signup, &[(reader, sports.id)], now).await.unwrap();
    if engine == Engine::Postgres {
        // Expiry skips the rows that the batch has locked.
        in_time(app.run_due()).await;
        assert_eq!(ann.subscriptions().await[0].status, Pending);
    }
    signup.commit().await.unwrap();
    app.run_due().await;
    let found = ann.subscriptions().await;
    let standing: Vec<_> = found.iter().map(|it| (it.newsletter.as_str(), it.status)).collect();
    assert_eq!(standing, [("daily", Unsubscribed), ("sports", Pending)]);
}

async fn one_reminder_names_all_newsletters_and_its_link_confirms_all(engine: Engine) {
    let app = TestApp::start_with(engine, reminding).await;
    for slug in ["sports", "weekend"] {
        add_newsletter(&app, slug).await;
    }
    let ann = app.visitor(ANN);
    ann.signs_up_for(&["daily", "sports"]).await;
    app.clock.advance(SignedDuration::from_hours(1));
    ann.signs_up_for(&["weekend"]).await;
    let before = ann.emails().len();
    for _ in 0..3 {
        app.run_due_after(SignedDuration::from_hours(23)).await;
    }
    let mails = ann.emails();
    assert_eq!(mails.len(), before + 1, "one for all");
    let text = mails[before].text();
    for title in ["Daily", "The sports", "The weekend"] {
        assert!(text.contains(title), "{title}: {text}");
    }
    ann.confirms().await;
    assert!(ann.subscriptions().await.iter().all(|it| it.status == Active));
}

async fn a_reminder_counts_towards_the_limit_of_its_address(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        reminding(settings);
        settings.signup.reminder_hours = 6;
        settings.signup.mails_per_address_per_day = 1;
    })
    .await;
    let ann = app.visitor(ANN);
    ann.signs_up().await;
    app.run_due_after(DAY / 4).await;
    assert_eq!(ann.emails().len(), 1);
    // The reminder counts towards the limit, so the next signup causes no email.
    let app = TestApp::start_with(engine, |settings| {
        reminding(settings);
        settings.signup.reminder_hours = 6;
        settings.signup.mails_per_address_per_day = 2;
    })
    .await;
    let ann = app.visitor(ANN);
    ann.signs_up().await;
    app.run_due_after(DAY / 4).await;
    ann.signs_up().await;
    assert_eq!(ann.emails().len(), 2);
}

async fn signups_of_an_attack_are_not_reminded(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        reminding(settings);
        settings.signup.attack_signups = 3;
    })
    .await;
    app.sign_up("before@example.org").await;
    app.clock.advance(SignedDuration::from_mins(11));
    sign_up_victims(&app, 0..3).await;
    app.run_due_after(SignedDuration::from_secs(30)).await;
    assert!(is_under_attack(&app).await);
    app.run_due_after(SignedDuration::from_mins(12)).await;
    app.run_due_after(SignedDuration::from_mins(20)).await;
    assert!(!is_under_attack(&app).await);
    app.clock.advance(SignedDuration::from_mins(1));
    app.sign_up("after@example.org").await;
    app.settle().await;
    // A second attack the next morning must not make Daily forget the first one.
    app.clock.advance(SignedDuration::from_hours(22));
    sign_up_victims(&app, 3..6).await;
    app.run_due_after(SignedDuration::from_secs(30)).await;
    for _ in 0..4 {
        app.run_due_after(SignedDuration::from_hours(12)).await;
    }
    let mut reminded: Vec<_> = app.store().await.emails().await;
    reminded.retain(|it| it.kind == EmailKind::ConfirmationReminder);
    let mut reminded: Vec<_> = reminded.iter().map(|it| it.recipient.to_string()).collect();
    reminded.sort();
    assert_eq!(reminded, ["after@example.org", "before@example.org"]);
}

async fn reminders_do_not_count_as_signups_and_raise_no_alarm(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        reminding(settings);
        settings.signup.attack_signups = 3;
    })
    .await;
    for n in 0..4 {
        app.sign_up(&format!("reader{n}@example.org")).await;
        app.settle().await;
        app.run_due_after(SignedDuration::from_mins(11)).await;
    }
    app.run_due_after(DAY).await;
    assert_eq!(app.count_emails(EmailKind::ConfirmationReminder).await, 4);
    app.run_due_after(SignedDuration::from_secs(30)).await;
    assert!(!is_under_attack(&app).await);
    let mut tx = app.app.db.read().await.unwrap();
    let pulse = alarm::pulse(&mut tx, None, Some(3), app.clock.now()).await.unwrap();
    assert_eq!((pulse.waiting, pulse.usual.signups), (0, 4));
}

async fn one_email_welcomes_to_all_newsletters_and_one_says_that_all_are_subscribed(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.welcome_mail = true).await;
    for slug in ["sports", "weekend"] {
        add_newsletter(&app, slug).await;
    }
    let ann = app.visitor(ANN);
    ann.signs_up_for(&["sports", "daily", "weekend"]).await;
    ann.confirms().await;
    let mails = ann.emails();
    assert_eq!(mails.len(), 2, "one to confirm, one welcome");
    assert_eq!(mails[1].subject(), "Welcome to The sports", "of what the mail came from");
    app.clock.advance(DAY);
    ann.signs_up_for(&["sports", "daily", "weekend"]).await;
    let mails = ann.emails();
    assert_eq!(mails.len(), 3, "one that names all");
    for title in ["The sports", "Daily", "The weekend"] {
        assert!(mails[2].text().contains(title), "{title}: {}", mails[2].text());
    }
    ann.signs_up_for(&["sports", "daily", "weekend"]).await;
    assert_eq!(ann.emails().len(), 3, "once a day");
}

async fn within_the_limit_an_email_to_confirm_comes_first(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.mails_per_address_per_day = 1;
    })
    .await;
    add_newsletter(&app, "sports").await;
    let ann = app.reader(ANN).await;
    app.clock.advance(DAY * 2);
    ann.signs_up_for(&["daily", "sports"]).await;
    let mails = ann.emails();
    assert_eq!(mails.len(), 2);
    assert!(mails[1].text().contains("/confirm/"), "{}", mails[1].text());
}

on_postgres!(expiry_skips_a_reader_whose_other_subscription_is_locked);

/// On PostgreSQL a batch already holds locks on other readers, so waiting could deadlock.
async fn expiry_skips_a_reader_whose_other_subscription_is_locked() {
    let app = TestApp::start(Engine::Postgres).await;
    add_newsletter(&app, "sports").await;
    import_leaver(&app).await;
    let ann = app.visitor(ANN);
    ann.signs_up_for(&["sports"]).await;
    app.clock.advance(DAY * 31);
    let of_the_list = ann.subscriptions().await[0].id;
    let mut tx = app.app.db.begin().await.unwrap();
    subscribers::lock_rows(&mut tx, &[of_the_list]).await.unwrap();
    in_time(app.run_due()).await;
    assert_eq!(ann.subscriptions().await[1].status, Pending);
    tx.commit().await.unwrap();
    app.run_due().await;
    assert_eq!(ann.subscriptions().await.len(), 0);
}

on_postgres!(a_pause_extended_at_the_moment_it_ends_goes_on);

/// On PostgreSQL two transactions may overlap. On SQLite the second one starts after the first has ended.
async fn a_pause_extended_at_the_moment_it_ends_goes_on() {
    let app = TestApp::start(Engine::Postgres).await;
    let ann = app.reader_at_once(ANN).await;
    let (id, now) = (ann.subscriptions().await[0].id, app.clock.now());
    let day = |day| date(2026, 5, day);
    let mut tx = app.app.db.begin().await.unwrap();
    assert!(subscribers::pause(&mut tx, id, day(1), now).await.unwrap());
    tx.commit().await.unwrap();
    let mut reader = app.app.db.begin().await.unwrap();
    assert!(subscribers::pause(&mut reader, id, day(9), now + DAY * 8).await.unwrap());
    let db = app.app.db.clone();
    let ending = tokio::spawn(async move {
        let mut tx = db.begin().await?;
        let resumed = subscribers::resume_due(&mut tx, now, 500).await?.len();
        tx.commit().await?;
        Ok::<_, DbError>(resumed)
    });
    app.wait_for_lock_waits(1).await;
    reader.commit().await.unwrap();
    assert_eq!(ending.await.unwrap().unwrap(), 0);
    assert_eq!(ann.subscriptions().await[0].paused_until.map(|it| it.0), Some(date(2026, 5, 9)));
}
