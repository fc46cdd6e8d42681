//! Readers who move to another address.

mod known_address;
mod races;

use crate::support::{Engine, TestApp, address, on_both_engines, rows::LedgerRow};
use daily::{
    db::{
        bounces::{self, RefusedAddress},
        subscribers,
    },
    domain::{
        issue::days::Days,
        newsletter::SendClock,
        subscriber::subscription::SubscriptionStatus::{Active, Pending, Unsubscribed},
        token::Purpose,
    },
};
use jiff::SignedDuration;

const OLD: &str = "ann@example.org";
const NEW: &str = "ann@example.net";
const BOB: &str = "bob@example.org";

/// Moves a reader, who starts from the page of a subscription and confirms at both addresses.
async fn moves(app: &TestApp, from: &str, to: &str) {
    moves_on_page(app, "daily", from, to).await;
}

async fn moves_on_page(app: &TestApp, newsletter: &str, from: &str, to: &str) {
    asks_on_page(app, newsletter, from, to).await;
    assert!(app.visitor(to).agrees_to_address().await.contains("One more step"));
    assert!(app.visitor(from).agrees_to_address().await.contains("Your address has changed"));
}

async fn asks_on_page(app: &TestApp, newsletter: &str, from: &str, to: &str) {
    let page = app.token(&app.visitor(from).subscription_to(newsletter).await);
    let asked = app.submit(&format!("/preferences/{page}"), &[("do", "address"), ("address", to)]).await;
    assert_eq!(asked.status, 200, "{asked}");
    app.settle().await;
}

/// Returns the ledger's entries of a change of address for an address and a browser, with the client's IP
/// address.
async fn agreements(app: &TestApp, address: &str, browser: &str) -> Vec<LedgerRow> {
    let mut entries = app.store().await.ledger().await;
    entries.retain(|it| {
        it.method == "address_change"
            && it.address.as_deref() == Some(address)
            && it.user_agent.as_deref() == Some(browser)
            && it.client_address.is_some()
    });
    entries
}

async fn assert_ledger_holds(app: &TestApp) {
    let checked = app.verify_ledger().await;
    assert_eq!((checked.broken, checked.unlinked), (0, 0), "{checked:?}");
}

/// Creates readers of the daily newsletter, each with the send time of the issue of 2 May. Another reader
/// gets it at seven, when sending begins.
async fn while_an_issue_goes_out(engine: Engine, readers: &[(&str, &str)]) -> TestApp {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.clock = SendClock::Reader).await;
    app.add_newsletter("weekly", |it| it.days = Days::parse("sun").unwrap()).await;
    app.reader(BOB).await;
    for (address, time) in readers {
        let chosen = app.reader(address).await.chooses(&[("send_time", time), ("time_zone", "UTC")]).await;
        assert_eq!(chosen.status, 200, "{chosen}");
    }
    app.article("The news").await;
    app
}

/// Runs the scheduler at a time of day.
async fn at(app: &TestApp, time: &str) {
    app.run_due_at(&format!("2026-05-02T{time}:00Z")).await;
    app.run_due_after(SignedDuration::from_mins(5)).await;
    assert_eq!(copies(app, BOB), 1);
}

/// Returns how many copies of the issue came to an address.
fn copies(app: &TestApp, to: &str) -> usize {
    app.emails_to(to).iter().filter(|it| it.text().contains("The news")).count()
}

on_both_engines!(
    both_ends_confirm_and_then_everything_moves,
    the_page_says_nothing_about_the_new_address_and_a_suppressed_one_gets_no_email,
    wrong_addresses_old_links_and_too_many_requests_are_refused,
    permanent_links_do_not_reveal_the_new_address,
    a_confirmation_link_from_before_the_move_is_renewed_at_the_new_address,
    a_list_does_not_bring_the_old_address_back,
    a_rejection_of_the_old_address_does_not_count_against_the_new_one,
);

async fn both_ends_confirm_and_then_everything_moves(engine: Engine) {
    let app = TestApp::start(engine).await;
    let (old, new) = (app.visitor(OLD), app.visitor(NEW));
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    app.reader(OLD).await;
    old.joins("weekly").await;
    let page = old.asks_for_address(NEW).await;
    assert!(page.status == 200 && page.contains("We’ve emailed both addresses."), "{page}");
    let to_new = new.last_email();
    assert!(!to_new.text().contains("example.org"), "a stranger is not told who asked: {}", to_new.text());
    for to in [OLD, NEW] {
        let shown = app.page(&app.visitor(to).address_link()).await;
        assert!(shown.contains("Change your email address?") && shown.contains(NEW), "{shown}");
        assert_eq!(shown.contains(OLD), to == OLD);
    }
    assert!(new.agrees_with("New/1.0").await.contains("One more step"));
    app.clock.advance(SignedDuration::from_hours(2));
    assert!(new.agrees_with("Another/1.0").await.contains("One more step"), "one end twice is not both");
    assert_eq!((old.subscriptions().await.len(), new.subscriptions().await.len()), (2, 0));
    assert!(old.agrees_with("Old/1.0").await.contains("Your address has changed"));
    assert_eq!((old.subscriptions().await.len(), new.subscriptions().await.len()), (0, 2));
    for to in [OLD, NEW] {
        assert!(
            app.visitor(to).agrees_to_address().await.contains("Your address has changed"),
            "pressed again"
        );
    }
    let both = ["requested", "confirmed", "confirmed", "confirmed", "confirmed", "confirmed", "confirmed"];
    assert_eq!(app.consent_of(NEW).await, both, "either end, of either newsletter");
    assert_ledger_holds(&app).await;
    let (by_old, by_new) = (agreements(&app, OLD, "Old/1.0").await, agreements(&app, NEW, "New/1.0").await);
    assert_eq!((by_old.len(), by_new.len()), (2, 2));
    for agreed in &by_new {
        let later = by_old.iter().filter(|it| it.occurred_at > agreed.occurred_at);
        assert_eq!(later.filter(|it| it.subscription_id == agreed.subscription_id).count(), 1, "{agreed:?}");
    }
    let before = app.emails_to(OLD).len();
    app.article("The news").await;
    app.send_issue().await;
    assert_eq!(app.emails_to(OLD).len(), before);
    let mail = new.last_email();
    assert_eq!(app.post(&mail.link("/unsubscribe/")).await.status(), 200);
    assert_eq!(app.status_of(NEW).await, Some(Unsubscribed));
}

async fn the_page_says_nothing_about_the_new_address_and_a_suppressed_one_gets_no_email(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("reader@example.net").await;
    app.reader("left@example.net").await.unsubscribes().await;
    app.suppress("blocked@example.net", "complained").await;
    let mut pages = Vec::new();
    for (number, new) in ["new@example.net", "reader@example.net", "left@example.net", "blocked@example.net"]
        .iter()
        .enumerate()
    {
        let old = format!("ann{number}@example.org");
        let reader = app.reader(&old).await;
        let page = reader.asks_for_address(new).await;
        pages.push((page.status, page.replace(&old, "OLD").replace(&reader.token().await, "TOKEN")));
    }
    assert!(pages.iter().all(|page| *page == pages[0] && page.0 == 200), "{pages:?}");
    assert!(app.emails_to("blocked@example.net").is_empty());
    assert!(app.visitor("ann3@example.org").agrees_to_address().await.contains("One more step"));
    assert_eq!(app.visitor("ann3@example.org").subscriptions().await[0].status, Active);
    // The address may get a subscription in between.
    assert!(app.visitor("ann0@example.org").agrees_to_address().await.contains("One more step"));
    app.suppress("new@example.net", "complained").await;
    assert!(app.visitor("new@example.net").agrees_to_address().await.contains("This link has expired"));
    for to in ["ann0@example.org", "new@example.net"] {
        let shown = app.page(&app.visitor(to).address_link()).await;
        assert!(shown.contains("This link has expired"), "what can't be done is not offered again: {shown}");
    }
    assert_eq!(app.store().await.requests_agreed_by_both().await, 1, "and that both ends agreed is kept");
    assert_eq!(
        (
            app.visitor("ann0@example.org").subscriptions().await.len(),
            app.visitor("new@example.net").subscriptions().await.len()
        ),
        (1, 0)
    );
}

async fn wrong_addresses_old_links_and_too_many_requests_are_refused(engine: Engine) {
    let app = TestApp::start(engine).await;
    let old = app.visitor(OLD);
    app.reader(OLD).await;
    for (wrong, says) in [
        ("ann", "such as name@example.org"),
        ("", "Enter an email address"),
        ("ANN@example.org", "already your address"),
        ("\0@x.example", "a character or a dot"),
    ] {
        let page = old.asks_for_address(wrong).await;
        assert!(page.status == 422 && page.contains(says), "{wrong}: {page}");
    }
    let keys = &app.app.subscription.keys;
    for wrong in [
        keys.sign(Purpose::OldAddress, 999),
        keys.sign(Purpose::DataExport, 1),
        keys.sign(Purpose::Unsubscribe, 1),
        "x".into(),
    ] {
        let url = format!("/address/{wrong}");
        assert_eq!((app.page(&url).await.status, app.press(&url).await.status), (404, 404));
    }
    assert_eq!(old.asks_for_address(NEW).await.status, 200);
    app.clock.advance(SignedDuration::from_hours(72));
    for to in [OLD, NEW] {
        assert_eq!(app.post(&app.visitor(to).address_link()).await.status(), 410);
    }
    assert_eq!(app.status_of(NEW).await, None);
    for (number, status) in [200, 200, 200, 429].into_iter().enumerate() {
        assert_eq!(old.asks_for_address(&format!("new{number}@example.net")).await.status, status);
    }
    // One of several requests is carried out, and the others become void.
    for number in 0..2 {
        let new = format!("new{number}@example.net");
        assert!(app.visitor(&new).agrees_to_address().await.contains("One more step"));
    }
    let mails = app.emails_to(OLD);
    let links: Vec<String> =
        mails.iter().filter(|it| it.text().contains("/address/")).map(|it| it.link("/address/")).collect();
    assert_eq!(app.post(&links[1]).await.status(), 200);
    assert_eq!(app.post(&links[2]).await.status(), 410);
    assert_eq!(app.visitor("new0@example.net").subscriptions().await.len(), 1);
    // A limit keeps many readers from sending emails to one stranger again and again.
    for number in 0..6 {
        let old = format!("reader{number}@example.org");
        assert_eq!(app.reader(&old).await.asks_for_address("stranger@example.net").await.status, 200);
    }
    assert_eq!(app.emails_to("stranger@example.net").len(), 5);
    // The signup form shares this limit.
    app.sign_up("stranger@example.net").await;
    app.settle().await;
    assert_eq!(app.emails_to("stranger@example.net").len(), 5);
}

async fn permanent_links_do_not_reveal_the_new_address(engine: Engine) {
    let app = TestApp::start(engine).await;
    let old = app.visitor(OLD);
    app.reader(OLD).await;
    let links = [old.preferences().await, old.unsubscribe_link().await];
    let new = "private.name@home.example";
    moves(&app, OLD, new).await;
    for link in links {
        let shown = app.page(&link).await;
        assert_eq!(shown.status, 200);
        assert!(
            shown.contains("Daily") && !shown.contains("home.example") && !shown.contains("p***"),
            "{shown}"
        );
        assert!(!shown.contains("{address}") && !shown.contains("For "), "{shown}");
    }
}

async fn a_confirmation_link_from_before_the_move_is_renewed_at_the_new_address(engine: Engine) {
    let app = TestApp::start(engine).await;
    let new = app.visitor(NEW);
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    app.reader(OLD).await;
    app.post_form("/subscribe", &[("email", OLD), ("newsletter", "weekly")]).await;
    app.settle().await;
    let link = app.confirmation_link(OLD);
    app.clock.advance(SignedDuration::from_hours(25));
    moves(&app, OLD, NEW).await;
    for shown in [app.page(&link).await, app.press(&link).await] {
        assert_eq!(shown.status, 410);
        assert!(!shown.contains("example.net"), "{shown}");
    }
    assert_eq!(new.status_at("weekly").await, Some(Pending));
    app.clock.advance(SignedDuration::from_secs(1));
    let before = app.emails_to(OLD).len();
    let renewed = app.press(&format!("{link}/renew")).await;
    assert!(renewed.status == 200 && !renewed.contains("example.net"), "{renewed}");
    app.settle().await;
    assert_eq!(app.emails_to(OLD).len(), before);
    assert_eq!(app.post(&app.confirmation_link(NEW)).await.status(), 200);
    assert_eq!(new.status_at("weekly").await, Some(Active));
}

async fn a_list_does_not_bring_the_old_address_back(engine: Engine) {
    let app = TestApp::start(engine).await;
    let old = app.visitor(OLD);
    app.reader(OLD).await;
    moves(&app, OLD, NEW).await;
    let list = app.app.settings.data.folder.join("list.csv");
    std::fs::write(
        &list,
        format!("email,confirmed_at\n{OLD},2024-01-01T00:00:00Z\n{NEW},2024-01-01T00:00:00Z\n"),
    )
    .unwrap();
    let ended =
        app.program().run(&["subscriber", "import", list.to_str().unwrap(), "--newsletter", "daily"]).await;
    assert!(ended.code == 0 && ended.stdout.contains("changed their address"), "{ended:?}");
    assert_eq!((old.subscriptions().await.len(), app.status_of(NEW).await), (0, Some(Active)));
    // The readers themselves may.
    app.reader(OLD).await;
    assert_eq!(app.status_of(OLD).await, Some(Active));
}

async fn a_rejection_of_the_old_address_does_not_count_against_the_new_one(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader_at_once(OLD).await;
    app.reader_at_once(BOB).await;
    app.article("The news").await;
    app.send_issue().await;
    let issue = app.issues().await.remove(0).id;
    let refused = [app.delivery(issue, OLD).await.id, app.delivery(issue, BOB).await.id];
    let new = address(NEW);
    let mut tx = app.app.db.begin().await.unwrap();
    // The relay's answer comes after the move.
    let reader = subscribers::get_by_address(&mut tx, &address(OLD)).await.unwrap().unwrap();
    subscribers::set_address(&mut tx, reader, &new, app.clock.now()).await.unwrap();
    let answers = [(refused[0], OLD), (refused[1], BOB)]
        .map(|(delivery, address_key)| RefusedAddress { delivery: delivery.unwrap(), address_key });
    bounces::insert_refusals(&mut tx, &answers, app.clock.now()).await.unwrap();
    for (whose, count) in [(new, 0), (address(OLD), 0), (address(BOB), 1)] {
        assert_eq!(bounces::for_address(&mut tx, &whose, 10).await.unwrap().len(), count, "{whose}");
    }
}
