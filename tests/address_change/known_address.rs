//! Readers who move to an address that has signed up here before.

use super::{
    NEW, OLD, ask, ask_of, at, copies, ledger_holds, link, moves, moves_of, of, own, press, press_with,
    subscription, while_an_issue_goes_out,
};
use crate::support::{Engine, OPERATOR, app::TestApp, on_both_engines};
use daily::{
    actions::privacy::erase::{Forgetting, forget},
    db::subscribers::data_export,
    domain::subscriber::{
        cadence::Cadence,
        email_address::EmailAddress,
        subscription::SubscriptionStatus::{Active, Complained, Paused, Pending, Unsubscribed},
    },
};
use jiff::SignedDuration;

async fn unsubscribe(app: &TestApp, address: &str) {
    let leave = own(app, address, "unsubscribe").await;
    assert_eq!(app.post(&format!("{}{leave}", app.url)).await.status(), 200);
}

async fn join(app: &TestApp, address: &str, newsletter: &str) {
    let page = own(app, address, "preferences").await;
    assert_eq!(app.post_form(&page, &[("join", newsletter)]).await.status(), 200);
}

async fn reader_of_the_weekly(app: &TestApp, address: &str) {
    app.post_form("/subscribe", &[("email", address), ("newsletter", "weekly")]).await;
    app.settle().await;
    assert_eq!(app.post(&app.confirmation_link(address)).await.status(), 200);
}

on_both_engines!(
    the_new_addresss_subscription_keeps_its_settings_and_the_old_one_ends,
    an_issue_that_both_wait_for_comes_once,
    an_issue_that_the_new_address_has_had_does_not_come_again,
    a_break_at_the_new_address_goes_on,
    a_pending_subscription_at_the_new_address_becomes_active,
    an_ended_subscription_at_the_new_address_goes_on_with_the_old_ones_settings,
    a_copy_is_not_missed_where_the_fan_out_had_passed_the_new_address_by,
    who_unsubscribes_after_agreeing_to_the_move_stays_unsubscribed,
    a_newsletter_that_the_new_address_never_had_changes_hands,
    a_copy_that_was_made_for_the_old_reader_comes_to_the_new_address,
    what_has_ended_or_waits_at_the_old_address_stays_there,
    who_complained_at_the_new_address_is_not_covered_up,
);

async fn the_new_addresss_subscription_keeps_its_settings_and_the_old_one_ends(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    app.reader(OLD).await;
    join(&app, OLD, "weekly").await;
    app.reader(NEW).await;
    app.post_form(&own(&app, NEW, "preferences").await, &[("cadence", "weekdays")]).await;
    let (status, answer) = ask(&app, OLD, NEW).await;
    assert!(status == 200 && answer.contains("We have written to both addresses."), "{answer}");
    for (language, says) in [
        (
            "en",
            "ann@example.net already gets Daily and keeps its own settings. Your old address will be unsubscribed.",
        ),
        (
            "de",
            "ann@example.net bekommt Daily bereits und behält die eigenen Einstellungen. Ihre alte Adresse wird abgemeldet.",
        ),
        (
            "fr",
            "ann@example.net reçoit déjà Daily et garde ses propres réglages. Votre ancienne adresse sera désinscrite.",
        ),
        (
            "es",
            "ann@example.net ya recibe Daily y conserva sus propios ajustes. Daremos de baja su dirección antigua.",
        ),
        (
            "pt",
            "ann@example.net já recebe Daily e mantém as suas próprias definições. Cancelaremos a subscrição do seu endereço antigo.",
        ),
    ] {
        let shown = app.get(&format!("{}?lang={language}", link(&app, NEW))).await.text().await.unwrap();
        assert!(shown.contains(says) && !shown.contains("example.org"), "{language}: {shown}");
        let shown = app.get(&format!("{}?lang={language}", link(&app, OLD))).await.text().await.unwrap();
        assert!(!shown.contains(&says[says.len() - 20..]), "the old address learns nothing: {shown}");
    }
    assert!(press_with(&app, NEW, "New/1.0").await.contains("One more step"));
    assert!(press_with(&app, OLD, "Old/1.0").await.contains("The address is changed"));
    for to in [OLD, NEW] {
        assert!(press(&app, to).await.contains("The address is changed"), "pressed again");
    }
    assert_eq!(subscription(&app, OLD, "daily").await.status, Unsubscribed);
    let kept = subscription(&app, NEW, "daily").await;
    assert_eq!((kept.status, kept.cadence), (Active, Cadence::Weekdays));
    assert_eq!(subscription(&app, NEW, "weekly").await.status, Active, "moved beside it");
    assert_eq!(of(&app, OLD).await.len(), 1);
    assert_eq!(app.consent_of(OLD).await, ["requested", "confirmed", "unsubscribed"]);
    let ended = "SELECT count(*) FROM consent_events WHERE kind = 'unsubscribed' AND method = 'address_change' \
        AND address = 'ann@example.org' AND user_agent = 'Old/1.0' AND client_address IS NOT NULL";
    assert_eq!(app.store().await.number(ended).await, 1);
    ledger_holds(&app).await;
    let mut tx = app.app.db.read().await.unwrap();
    let old = EmailAddress::parse(OLD).unwrap();
    let export = data_export::read(&mut tx, &old, app.clock.now()).await.unwrap().unwrap();
    assert!(!export.to_json().unwrap().contains("example.net"), "the old mailbox may change hands");
    drop(tx);
    let before = (app.mails_to(OLD).len(), app.mails_to(NEW).len());
    app.article("The news").await;
    app.send_issue().await;
    assert_eq!((app.mails_to(OLD).len(), app.mails_to(NEW).len()), (before.0, before.1 + 1));
}

async fn an_issue_that_both_wait_for_comes_once(engine: Engine) {
    let app = while_an_issue_goes_out(engine, &[(OLD, "17:00"), (NEW, "18:00")]).await;
    at(&app, "07:00").await;
    moves(&app, OLD, NEW).await;
    at(&app, "17:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 0));
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
    let skipped = "SELECT count(*) FROM deliveries WHERE status = 'skipped' AND reply_text = 'the reader left before it was sent'";
    assert_eq!(app.store().await.number(skipped).await, 1);
    ledger_holds(&app).await;
}

async fn an_issue_that_the_new_address_has_had_does_not_come_again(engine: Engine) {
    let app = while_an_issue_goes_out(engine, &[(OLD, "18:00"), (NEW, "07:00")]).await;
    at(&app, "07:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
    moves(&app, OLD, NEW).await;
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
}

async fn a_break_at_the_new_address_goes_on(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(OLD).await;
    app.reader(NEW).await;
    let page = own(&app, NEW, "preferences").await;
    app.post_form(&page, &[("do", "pause"), ("until", "2026-05-20")]).await;
    moves(&app, OLD, NEW).await;
    let kept = subscription(&app, NEW, "daily").await;
    assert_eq!((kept.status, kept.paused_until.as_deref()), (Paused, Some("2026-05-20")));
    assert_eq!(app.status_of(OLD).await, Some(Unsubscribed));
}

async fn a_pending_subscription_at_the_new_address_becomes_active(engine: Engine) {
    let app = while_an_issue_goes_out(engine, &[(OLD, "18:00")]).await;
    at(&app, "07:00").await;
    app.sign_up(NEW).await;
    app.settle().await;
    let confirm = app.confirmation_link(NEW);
    ask(&app, OLD, NEW).await;
    let shown = app.get(&link(&app, NEW)).await.text().await.unwrap();
    assert!(!shown.contains("already gets"), "{shown}");
    press_with(&app, NEW, "New/1.0").await;
    press_with(&app, OLD, "Old/1.0").await;
    let moved = subscription(&app, NEW, "daily").await;
    assert_eq!((moved.status, moved.send_time.as_deref()), (Active, Some("18:00")));
    assert_eq!(app.status_of(OLD).await, Some(Unsubscribed));
    assert_eq!(app.consent_of(NEW).await, ["requested", "confirmed", "confirmed"]);
    for (address, browser) in [(OLD, "Old/1.0"), (NEW, "New/1.0")] {
        let agreed = format!(
            "SELECT count(*) FROM consent_events WHERE kind = 'confirmed' AND method = 'address_change' \
            AND subscription_id = {} AND address = '{address}' AND user_agent = '{browser}'",
            moved.id
        );
        assert_eq!(app.store().await.number(&agreed).await, 1, "{address}");
    }
    assert!(app.get(&confirm).await.text().await.unwrap().contains("You are in"));
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
    let mail = app.mails_to(NEW).into_iter().find(|it| it.text().contains("The news")).unwrap();
    assert_eq!(app.post(&mail.link("/unsubscribe/")).await.status(), 200);
    assert_eq!(app.status_of(NEW).await, Some(Unsubscribed));
    ledger_holds(&app).await;
}

async fn an_ended_subscription_at_the_new_address_goes_on_with_the_old_ones_settings(engine: Engine) {
    let app = while_an_issue_goes_out(engine, &[(OLD, "18:00"), (NEW, "07:00")]).await;
    // The copy for the new address is skipped at seven, and the one for the old address still waits.
    app.clock.set("2026-05-02T06:30:00Z".parse::<jiff::Timestamp>().unwrap());
    app.tick().await;
    unsubscribe(&app, NEW).await;
    at(&app, "07:00").await;
    assert_eq!(copies(&app, NEW), 0);
    app.post_form(&own(&app, OLD, "preferences").await, &[("cadence", "weekdays"), ("send_time", "18:00")])
        .await;
    moves(&app, OLD, NEW).await;
    let moved = subscription(&app, NEW, "daily").await;
    assert_eq!((moved.status, moved.cadence, moved.ended_at), (Active, Cadence::Weekdays, None));
    assert_eq!(app.status_of(OLD).await, Some(Unsubscribed));
    let past = ["requested", "confirmed", "unsubscribed", "confirmed", "confirmed"];
    assert_eq!(app.consent_of(NEW).await, past);
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
    ledger_holds(&app).await;
}

async fn a_copy_is_not_missed_where_the_fan_out_had_passed_the_new_address_by(engine: Engine) {
    let app = while_an_issue_goes_out(engine, &[(NEW, "18:00"), (OLD, "18:00")]).await;
    unsubscribe(&app, NEW).await;
    at(&app, "07:00").await;
    // The fan-out is between the two: it has passed the one that has left, and has not come to the other.
    let (new, old) = (subscription(&app, NEW, "daily").await, subscription(&app, OLD, "daily").await);
    assert!(new.id.0 < old.id.0);
    let store = app.store().await;
    store.execute(&format!("DELETE FROM deliveries WHERE subscription_id = {}", old.id)).await;
    store.execute(&format!("UPDATE issues SET status = 'frozen', fanned_out_to = {}", new.id)).await;
    moves(&app, OLD, NEW).await;
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
}

async fn who_unsubscribes_after_agreeing_to_the_move_stays_unsubscribed(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(OLD).await;
    app.reader(NEW).await;
    ask(&app, OLD, NEW).await;
    press(&app, NEW).await;
    app.clock.advance(SignedDuration::from_mins(1));
    unsubscribe(&app, NEW).await;
    assert!(press(&app, OLD).await.contains("The address is changed"));
    assert_eq!(
        (app.status_of(OLD).await, app.status_of(NEW).await),
        (Some(Unsubscribed), Some(Unsubscribed))
    );
}

async fn a_newsletter_that_the_new_address_never_had_changes_hands(engine: Engine) {
    let app = while_an_issue_goes_out(engine, &[(OLD, "18:00")]).await;
    reader_of_the_weekly(&app, NEW).await;
    at(&app, "07:00").await;
    let links = [own(&app, OLD, "preferences").await, own(&app, OLD, "unsubscribe").await];
    moves(&app, OLD, NEW).await;
    assert_eq!((of(&app, OLD).await.len(), of(&app, NEW).await.len()), (0, 2));
    let moved = subscription(&app, NEW, "daily").await;
    assert_eq!((moved.status, moved.send_time.as_deref()), (Active, Some("18:00")));
    ledger_holds(&app).await;
    let store = app.store().await;
    let known = "SELECT count(*) FROM subscribers WHERE address_key = 'ann@example.org'";
    assert_eq!(store.number(known).await, 0, "nothing is left at the old address");
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
    for link in &links {
        let shown = app.get(&format!("{}{link}", app.url)).await.text().await.unwrap();
        assert!(shown.contains("Daily") && !shown.contains("a***") && !shown.contains("example."), "{shown}");
    }
    assert_eq!(app.post(&format!("{}{}", app.url, links[1])).await.status(), 200);
    assert_eq!(subscription(&app, NEW, "daily").await.status, Unsubscribed, "links of before still work");
    assert_eq!(subscription(&app, NEW, "weekly").await.status, Active);
    let address = EmailAddress::parse(NEW).unwrap();
    assert_eq!(forget(&app.app.actions, &OPERATOR, &address).await.unwrap(), Forgetting::Done);
    for table in [
        "consent_events WHERE address LIKE 'ann@%'",
        "subscribers WHERE address_key LIKE 'ann@%'",
        "mails WHERE recipient LIKE 'ann@%'",
        "reader_requests",
    ] {
        assert_eq!(store.number(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
}

async fn a_copy_that_was_made_for_the_old_reader_comes_to_the_new_address(engine: Engine) {
    let app = while_an_issue_goes_out(engine, &[(OLD, "18:00")]).await;
    reader_of_the_weekly(&app, NEW).await;
    at(&app, "07:00").await;
    moves(&app, OLD, NEW).await;
    // As if the fan-out had read the subscription before the move, when it was still the old reader's.
    let moved = subscription(&app, NEW, "daily").await.id;
    let made = "UPDATE deliveries SET subscriber_id = (SELECT id FROM subscribers WHERE address_key LIKE 'forgotten-%')";
    app.store().await.execute(&format!("{made} WHERE subscription_id = {moved}")).await;
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
}

async fn what_has_ended_or_waits_at_the_old_address_stays_there(engine: Engine) {
    let app = TestApp::start(engine).await;
    for slug in ["weekly", "monthly"] {
        app.add_newsletter(slug, |_| {}).await;
    }
    app.reader(OLD).await;
    join(&app, OLD, "weekly").await;
    app.post_form("/subscribe", &[("email", OLD), ("newsletter", "monthly")]).await;
    app.settle().await;
    let confirm = app.confirmation_link(OLD);
    unsubscribe(&app, OLD).await;
    let complained = "UPDATE subscriptions SET status = 'complained' WHERE status = 'unsubscribed'";
    app.store().await.execute(complained).await;
    app.reader(NEW).await;
    moves_of(&app, subscription(&app, OLD, "weekly").await.id, OLD, NEW).await;
    assert_eq!(subscription(&app, NEW, "weekly").await.status, Active);
    assert_eq!(subscription(&app, NEW, "daily").await.status, Active);
    let stays: Vec<_> = of(&app, OLD).await.iter().map(|it| (it.newsletter.clone(), it.status)).collect();
    assert_eq!(stays, [("daily".to_owned(), Complained), ("monthly".to_owned(), Pending)]);
    assert_eq!(app.post(&confirm).await.status(), 200);
    assert_eq!(subscription(&app, OLD, "monthly").await.status, Active);
    ledger_holds(&app).await;
}

async fn who_complained_at_the_new_address_is_not_covered_up(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.add_newsletter("weekly", |_| {}).await;
    app.reader(OLD).await;
    join(&app, OLD, "weekly").await;
    app.reader(NEW).await;
    app.store()
        .await
        .execute(
            "UPDATE subscriptions SET status = 'complained' WHERE subscriber_id = \
        (SELECT id FROM subscribers WHERE address_key = 'ann@example.net')",
        )
        .await;
    ask_of(&app, subscription(&app, OLD, "weekly").await.id, OLD, NEW).await;
    press(&app, NEW).await;
    assert!(press(&app, OLD).await.contains("This link works no more"));
    assert!(of(&app, OLD).await.iter().all(|it| it.status == Active));
    assert_eq!(app.status_of(NEW).await, Some(Complained));
}
