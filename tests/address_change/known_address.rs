//! Readers who move to an address that has signed up here before.

use super::{
    BOB, NEW, OLD, agreements, asks_on_page, assert_ledger_holds, at, copies, moves, moves_on_page,
    while_an_issue_goes_out,
};
use crate::support::{Engine, OPERATOR, TestApp, address, on_both_engines};
use daily::{
    actions::privacy::erase::{ErasureOutcome, erase},
    db::subscribers::data_export,
    domain::{
        delivery::status::DeliveryStatus::Skipped,
        subscriber::{
            cadence::Cadence,
            subscription::SubscriptionStatus::{Active, Complained, Paused, Pending, Unsubscribed},
        },
    },
};
use jiff::{SignedDuration, civil::date};

async fn reader_of_the_weekly(app: &TestApp, address: &str) {
    let reader = app.visitor(address);
    reader.signs_up_for(&["weekly"]).await;
    reader.confirms().await;
}

on_both_engines!(
    the_subscription_at_the_new_address_keeps_its_settings_and_the_old_one_ends,
    an_issue_that_both_wait_for_comes_once,
    an_issue_that_the_new_address_has_had_does_not_come_again,
    a_pause_at_the_new_address_goes_on,
    a_pending_subscription_at_the_new_address_becomes_active,
    an_ended_subscription_at_the_new_address_goes_on_with_the_old_ones_settings,
    a_copy_is_not_missed_when_the_fan_out_has_passed_the_new_address,
    a_reader_who_unsubscribes_after_agreeing_stays_unsubscribed,
    a_newsletter_that_the_new_address_never_had_changes_hands,
    a_copy_that_was_made_for_the_old_reader_comes_to_the_new_address,
    ended_and_pending_subscriptions_stay_at_the_old_address,
    a_complaint_at_the_new_address_prevents_the_move,
);

async fn the_subscription_at_the_new_address_keeps_its_settings_and_the_old_one_ends(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (old, new) = (app.visitor(OLD), app.visitor(NEW));
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    app.reader(OLD).await;
    old.joins("weekly").await;
    app.reader(NEW).await;
    new.chooses(&[("cadence", "weekdays")]).await;
    let answer = old.asks_for_address(NEW).await;
    assert!(answer.status == 200 && answer.contains("We’ve emailed both addresses."), "{answer}");
    for (language, says) in [
        (
            "en",
            "ann@example.net already gets Daily and keeps its own preferences. Your old address will be unsubscribed.",
        ),
        (
            "de",
            "ann@example.net bekommt Daily bereits und behält die eigenen Einstellungen. Ihre alte Adresse wird abgemeldet.",
        ),
        (
            "fr",
            "ann@example.net reçoit déjà Daily et conserve ses propres préférences. Votre ancienne adresse sera désabonnée.",
        ),
        (
            "es",
            "ann@example.net ya recibe Daily y conserva sus propias preferencias. Daremos de baja su dirección antigua.",
        ),
        (
            "pt",
            "ann@example.net já recebe Daily e mantém as suas próprias preferências. Cancelaremos a subscrição do seu endereço antigo.",
        ),
    ] {
        let shown = app.page(&format!("{}?lang={language}", new.address_link())).await;
        assert!(shown.contains(says) && !shown.contains("example.org"), "{language}: {shown}");
        let shown = app.page(&format!("{}?lang={language}", old.address_link())).await;
        assert!(!shown.contains(&says[says.len() - 20..]), "the old address learns nothing: {shown}");
    }
    assert!(new.agrees_with("New/1.0").await.contains("One more step"));
    assert!(old.agrees_with("Old/1.0").await.contains("Your address has changed"));
    for to in [OLD, NEW] {
        assert!(
            app.visitor(to).agrees_to_address().await.contains("Your address has changed"),
            "pressed again"
        );
    }
    assert_eq!(old.subscription_to("daily").await.status, Unsubscribed);
    let kept = new.subscription_to("daily").await;
    assert_eq!((kept.status, kept.cadence), (Active, Cadence::Weekdays));
    assert_eq!(new.subscription_to("weekly").await.status, Active, "moved beside it");
    assert_eq!(old.subscriptions().await.len(), 1);
    assert_eq!(app.consent_of(OLD).await, ["requested", "confirmed", "unsubscribed"]);
    let ended = agreements(&app, OLD, "Old/1.0").await;
    assert_eq!(ended.iter().filter(|it| it.kind == "unsubscribed").count(), 1);
    assert_ledger_holds(&app).await;
    let mut tx = app.app.db.read().await.unwrap();
    let export = data_export::read(&mut tx, &address(OLD), app.clock.now()).await.unwrap().unwrap();
    assert!(!export.to_json().unwrap().contains("example.net"), "the old mailbox may change hands");
    drop(tx);
    let before = (app.emails_to(OLD).len(), app.emails_to(NEW).len());
    app.article("The news").await;
    app.send_issue().await;
    assert_eq!((app.emails_to(OLD).len(), app.emails_to(NEW).len()), (before.0, before.1 + 1));
}

async fn an_issue_that_both_wait_for_comes_once(engine: Engine) {
    let app = while_an_issue_goes_out(engine, &[(OLD, "17:00"), (NEW, "18:00")]).await;
    at(&app, "07:00").await;
    moves(&app, OLD, NEW).await;
    at(&app, "17:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 0));
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
    let skipped = app.delivery(app.latest_issue().await.id, OLD).await;
    assert_eq!(
        (skipped.status, skipped.reply_text.as_deref()),
        (Skipped, Some("the reader left before it was sent"))
    );
    assert_ledger_holds(&app).await;
}

async fn an_issue_that_the_new_address_has_had_does_not_come_again(engine: Engine) {
    let app = while_an_issue_goes_out(engine, &[(OLD, "18:00"), (NEW, "07:00")]).await;
    at(&app, "07:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
    moves(&app, OLD, NEW).await;
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
}

async fn a_pause_at_the_new_address_goes_on(engine: Engine) {
    let app = TestApp::start(engine).await;
    let new = app.visitor(NEW);
    app.reader(OLD).await;
    app.reader(NEW).await;
    new.pauses_until("2026-05-20").await;
    moves(&app, OLD, NEW).await;
    let kept = new.subscription_to("daily").await;
    assert_eq!((kept.status, kept.paused_until.map(|it| it.0)), (Paused, Some(date(2026, 5, 20))));
    assert_eq!(app.status_of(OLD).await, Some(Unsubscribed));
}

async fn a_pending_subscription_at_the_new_address_becomes_active(engine: Engine) {
    let app = while_an_issue_goes_out(engine, &[(OLD, "18:00")]).await;
    let (old, new) = (app.visitor(OLD), app.visitor(NEW));
    at(&app, "07:00").await;
    new.signs_up().await;
    let confirm = new.confirmation_link();
    old.asks_for_address(NEW).await;
    let shown = app.page(&new.address_link()).await;
    assert!(!shown.contains("already gets"), "{shown}");
    new.agrees_with("New/1.0").await;
    old.agrees_with("Old/1.0").await;
    let moved = new.subscription_to("daily").await;
    assert_eq!((moved.status, moved.send_time.as_deref()), (Active, Some("18:00")));
    assert_eq!(app.status_of(OLD).await, Some(Unsubscribed));
    assert_eq!(app.consent_of(NEW).await, ["requested", "confirmed", "confirmed"]);
    for (address, browser) in [(OLD, "Old/1.0"), (NEW, "New/1.0")] {
        let agreed = agreements(&app, address, browser).await;
        let agreed = agreed.iter().filter(|it| it.kind == "confirmed" && it.subscription_id == moved.id.0);
        assert_eq!(agreed.count(), 1, "{address}");
    }
    assert!(app.get(&confirm).await.text().await.unwrap().contains("You’re in"));
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
    let mail = app.emails_to(NEW).into_iter().find(|it| it.text().contains("The news")).unwrap();
    assert_eq!(app.post(&mail.link("/unsubscribe/")).await.status(), 200);
    assert_eq!(app.status_of(NEW).await, Some(Unsubscribed));
    assert_ledger_holds(&app).await;
}

async fn an_ended_subscription_at_the_new_address_goes_on_with_the_old_ones_settings(engine: Engine) {
    let app = while_an_issue_goes_out(engine, &[(OLD, "18:00"), (NEW, "07:00")]).await;
    let (old, new) = (app.visitor(OLD), app.visitor(NEW));
    // The copy for the new address is skipped at seven, and the one for the old address still waits.
    app.run_due_at("2026-05-02T06:30:00Z").await;
    new.unsubscribes().await;
    at(&app, "07:00").await;
    assert_eq!(copies(&app, NEW), 0);
    old.chooses(&[("cadence", "weekdays"), ("send_time", "18:00")]).await;
    moves(&app, OLD, NEW).await;
    let moved = new.subscription_to("daily").await;
    assert_eq!((moved.status, moved.cadence, moved.ended_at), (Active, Cadence::Weekdays, None));
    assert_eq!(app.status_of(OLD).await, Some(Unsubscribed));
    let past = ["requested", "confirmed", "unsubscribed", "confirmed", "confirmed"];
    assert_eq!(app.consent_of(NEW).await, past);
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
    assert_ledger_holds(&app).await;
}

async fn a_copy_is_not_missed_when_the_fan_out_has_passed_the_new_address(engine: Engine) {
    let app = while_an_issue_goes_out(engine, &[(NEW, "18:00"), (OLD, "18:00")]).await;
    let (old, new) = (app.visitor(OLD), app.visitor(NEW));
    new.unsubscribes().await;
    at(&app, "07:00").await;
    // The fan-out is halfway: it has passed the unsubscribed reader, and has not reached the other.
    let (bob, new, old) = (
        app.visitor(BOB).subscription().await.id.0,
        new.subscription().await.id.0,
        old.subscription().await.id.0,
    );
    assert!(bob < new && new < old);
    app.store().await.interrupt_fan_out_after(2, "frozen").await;
    moves(&app, OLD, NEW).await;
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
}

async fn a_reader_who_unsubscribes_after_agreeing_stays_unsubscribed(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (old, new) = (app.visitor(OLD), app.visitor(NEW));
    app.reader(OLD).await;
    app.reader(NEW).await;
    old.asks_for_address(NEW).await;
    new.agrees_to_address().await;
    app.clock.advance(SignedDuration::from_mins(1));
    new.unsubscribes().await;
    assert!(old.agrees_to_address().await.contains("Your address has changed"));
    assert_eq!(
        (app.status_of(OLD).await, app.status_of(NEW).await),
        (Some(Unsubscribed), Some(Unsubscribed))
    );
}

async fn a_newsletter_that_the_new_address_never_had_changes_hands(engine: Engine) {
    let app = while_an_issue_goes_out(engine, &[(OLD, "18:00")]).await;
    let (old, new) = (app.visitor(OLD), app.visitor(NEW));
    reader_of_the_weekly(&app, NEW).await;
    at(&app, "07:00").await;
    let links = [old.preferences().await, old.unsubscribe_link().await];
    moves(&app, OLD, NEW).await;
    assert_eq!((old.subscriptions().await.len(), new.subscriptions().await.len()), (0, 2));
    let moved = new.subscription_to("daily").await;
    assert_eq!((moved.status, moved.send_time.as_deref()), (Active, Some("18:00")));
    assert_ledger_holds(&app).await;
    let store = app.store().await;
    let left = store.columns_naming(OLD).await;
    assert!(!left.iter().any(|it| it.starts_with("subscribers.")), "the old address is free: {left:?}");
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
    for link in &links {
        let shown = app.page(link).await;
        assert!(shown.contains("Daily") && !shown.contains("a***") && !shown.contains("example."), "{shown}");
    }
    assert_eq!(app.press(&links[1]).await.status, 200);
    assert_eq!(new.subscription_to("daily").await.status, Unsubscribed, "links of before still work");
    assert_eq!(new.subscription_to("weekly").await.status, Active);
    assert_eq!(erase(&app.app.actions, &OPERATOR, &address(NEW)).await.unwrap(), ErasureOutcome::Done);
    assert_eq!(store.columns_naming("ann@").await, Vec::<String>::new());
    assert_eq!(store.rows_in("reader_requests").await, 0);
}

async fn a_copy_that_was_made_for_the_old_reader_comes_to_the_new_address(engine: Engine) {
    let app = while_an_issue_goes_out(engine, &[(OLD, "18:00")]).await;
    reader_of_the_weekly(&app, NEW).await;
    at(&app, "07:00").await;
    let before = app.visitor(OLD).subscription().await;
    moves(&app, OLD, NEW).await;
    // As if the fan-out had read the subscription before the move, when it belonged to the old reader.
    app.store().await.reassign_deliveries(before.id, before.subscriber_id).await;
    at(&app, "18:00").await;
    assert_eq!((copies(&app, OLD), copies(&app, NEW)), (0, 1));
}

async fn ended_and_pending_subscriptions_stay_at_the_old_address(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (old, new) = (app.visitor(OLD), app.visitor(NEW));
    for slug in ["weekly", "monthly"] {
        app.add_newsletter(slug, |_| {}).await;
    }
    app.reader(OLD).await;
    old.joins("weekly").await;
    old.signs_up_for(&["monthly"]).await;
    let confirm = old.confirmation_link();
    old.unsubscribes().await;
    app.store().await.end_subscriptions("daily", "complained").await;
    app.reader(NEW).await;
    moves_on_page(&app, "weekly", OLD, NEW).await;
    assert_eq!(new.subscription_to("weekly").await.status, Active);
    assert_eq!(new.subscription_to("daily").await.status, Active);
    let stays: Vec<_> =
        old.subscriptions().await.iter().map(|it| (it.newsletter.clone(), it.status)).collect();
    assert_eq!(stays, [("daily".to_owned(), Complained), ("monthly".to_owned(), Pending)]);
    assert_eq!(app.post(&confirm).await.status(), 200);
    assert_eq!(old.subscription_to("monthly").await.status, Active);
    assert_ledger_holds(&app).await;
}

async fn a_complaint_at_the_new_address_prevents_the_move(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (old, new) = (app.visitor(OLD), app.visitor(NEW));
    app.add_newsletter("weekly", |_| {}).await;
    app.reader(NEW).await;
    app.store().await.end_subscriptions("daily", "complained").await;
    app.reader(OLD).await;
    old.joins("weekly").await;
    asks_on_page(&app, "weekly", OLD, NEW).await;
    new.agrees_to_address().await;
    assert!(old.agrees_to_address().await.contains("This link has expired"));
    assert!(old.subscriptions().await.iter().all(|it| it.status == Active));
    assert_eq!(app.status_of(NEW).await, Some(Complained));
}
