//! Readers who move to another address.

mod known_address;
mod races;

use crate::support::{Engine, app::TestApp, command::Environment, on_both_engines};
use daily::{
    actions::privacy::verify_consent::verify_consent,
    db::{
        DatabaseUrl,
        subscribers::{self, SubscriptionRecord},
        suppressions,
    },
    domain::{
        ids::SubscriptionId,
        issue::days::Days,
        newsletter::WhoseClock,
        subscriber::{
            email_address::EmailAddress,
            subscription::SubscriptionStatus::{Active, Pending, Undeliverable, Unsubscribed},
        },
        token::Purpose,
    },
};
use jiff::{SignedDuration, Timestamp};

const OLD: &str = "ann@example.org";
const NEW: &str = "ann@example.net";

async fn of(app: &TestApp, address: &str) -> Vec<SubscriptionRecord> {
    let address = EmailAddress::parse(address).unwrap();
    let mut tx = app.app.db.read().await.unwrap();
    subscribers::of_address(&mut tx, &address).await.unwrap()
}

async fn own(app: &TestApp, address: &str, path: &str) -> String {
    let id = of(app, address).await.remove(0).id;
    format!("/{path}/{}", app.app.subscription.keys.sign(Purpose::Unsubscribe, id.0))
}

/// Asks for another address on the reader's page.
async fn ask(app: &TestApp, from: &str, to: &str) -> (u16, String) {
    let id = of(app, from).await.remove(0).id;
    ask_of(app, id, from, to).await
}

async fn ask_of(app: &TestApp, id: SubscriptionId, from: &str, to: &str) -> (u16, String) {
    let page = format!("/preferences/{}", app.app.subscription.keys.sign(Purpose::Unsubscribe, id.0));
    let answer = app.post_form(&page, &[("do", "address"), ("address", to)]).await;
    app.settle().await;
    (answer.status().as_u16(), answer.text().await.unwrap().replace(from, "OLD"))
}

fn link(app: &TestApp, to: &str) -> String {
    let mails = app.mails_to(to);
    let mail = mails.iter().rfind(|it| it.text().contains("/address/"));
    mail.unwrap_or_else(|| panic!("no mail to {to}")).link("/address/")
}

async fn press(app: &TestApp, to: &str) -> String {
    app.post(&link(app, to)).await.text().await.unwrap()
}

async fn press_with(app: &TestApp, to: &str, browser: &str) -> String {
    let press = app.client.post(link(app, to)).header("user-agent", browser);
    press.send().await.unwrap().text().await.unwrap()
}

async fn moves(app: &TestApp, from: &str, to: &str) {
    let id = of(app, from).await.remove(0).id;
    moves_of(app, id, from, to).await;
}

/// Moves by the page of one of the reader's subscriptions.
async fn moves_of(app: &TestApp, id: SubscriptionId, from: &str, to: &str) {
    assert_eq!(ask_of(app, id, from, to).await.0, 200);
    assert!(press(app, to).await.contains("One more step"));
    assert!(press(app, from).await.contains("The address is changed"));
}

async fn ledger_holds(app: &TestApp) {
    let checked = verify_consent(&app.app.db).await.unwrap();
    assert_eq!((checked.broken, checked.unlinked), (0, 0), "{checked:?}");
}

async fn subscription(app: &TestApp, address: &str, newsletter: &str) -> SubscriptionRecord {
    of(app, address).await.into_iter().find(|it| it.newsletter == newsletter).unwrap()
}

/// Readers of the daily newsletter, each with the time at which the issue of 2 May comes to them. It begins at seven, when it comes to
/// another reader.
async fn while_an_issue_goes_out(engine: Engine, readers: &[(&str, &str)]) -> TestApp {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.clock = WhoseClock::Reader).await;
    app.add_newsletter("weekly", |it| it.days = Days::parse("sun").unwrap()).await;
    for (address, time) in readers {
        app.reader(address).await;
        let page = own(&app, address, "preferences").await;
        assert_eq!(app.post_form(&page, &[("send_time", *time), ("time_zone", "UTC")]).await.status(), 200);
    }
    app.reader("bob@example.org").await;
    app.article("The news").await;
    app
}

/// Lets the issue go out until a time of day.
async fn at(app: &TestApp, time: &str) {
    app.clock.set(format!("2026-05-02T{time}:00Z").parse::<Timestamp>().unwrap());
    app.tick().await;
    app.tick_after(SignedDuration::from_mins(5)).await;
    assert_eq!(copies(app, "bob@example.org"), 1);
}

/// How many copies of the issue came to an address.
fn copies(app: &TestApp, to: &str) -> usize {
    app.mails_to(to).iter().filter(|it| it.text().contains("The news")).count()
}

on_both_engines!(
    both_ends_confirm_and_then_everything_moves,
    nothing_is_told_of_the_new_address_and_nothing_sent_to_one_that_is_suppressed,
    wrong_addresses_old_links_and_too_many_wishes_are_refused,
    links_that_work_for_ever_do_not_tell_where_the_reader_is_mailed_now,
    a_link_to_confirm_of_before_the_move_has_expired_and_a_new_one_goes_to_the_new_address,
    a_list_does_not_bring_the_old_address_back,
    what_a_relay_says_of_the_old_address_is_not_said_of_the_new_one,
);

async fn both_ends_confirm_and_then_everything_moves(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    app.reader(OLD).await;
    app.post_form(&own(&app, OLD, "preferences").await, &[("join", "weekly")]).await;
    let (status, page) = ask(&app, OLD, NEW).await;
    assert!(status == 200 && page.contains("We have written to both addresses."), "{page}");
    let to_new = app.mails_to(NEW).pop().unwrap();
    assert!(!to_new.text().contains("example.org"), "a stranger is not told who asked: {}", to_new.text());
    for to in [OLD, NEW] {
        let shown = app.get(&link(&app, to)).await.text().await.unwrap();
        assert!(shown.contains("Change the address?") && shown.contains(NEW), "{shown}");
        assert_eq!(shown.contains(OLD), to == OLD);
    }
    assert!(press_with(&app, NEW, "New/1.0").await.contains("One more step"));
    app.clock.advance(SignedDuration::from_hours(2));
    assert!(
        press_with(&app, NEW, "Another/1.0").await.contains("One more step"),
        "one end twice is not both"
    );
    assert_eq!((of(&app, OLD).await.len(), of(&app, NEW).await.len()), (2, 0));
    assert!(press_with(&app, OLD, "Old/1.0").await.contains("The address is changed"));
    assert_eq!((of(&app, OLD).await.len(), of(&app, NEW).await.len()), (0, 2));
    for to in [OLD, NEW] {
        assert!(press(&app, to).await.contains("The address is changed"), "pressed again");
    }
    let both = ["requested", "confirmed", "confirmed", "confirmed", "confirmed", "confirmed", "confirmed"];
    assert_eq!(app.consent_of(NEW).await, both, "either end, of either newsletter");
    ledger_holds(&app).await;
    for (address, browser) in [(OLD, "Old/1.0"), (NEW, "New/1.0")] {
        let moved = format!(
            "SELECT count(*) FROM consent_events WHERE method = 'address_change' AND address = '{address}' \
            AND user_agent = '{browser}' AND client_address IS NOT NULL"
        );
        assert_eq!(app.store().await.number(&moved).await, 2, "{address}");
    }
    let apart = "SELECT count(*) FROM consent_events n JOIN consent_events o ON o.subscription_id = n.subscription_id \
        WHERE n.method = 'address_change' AND o.method = 'address_change' AND n.user_agent = 'New/1.0' AND o.occurred_at > n.occurred_at";
    assert_eq!(app.store().await.number(apart).await, 2, "each at its own time");
    let before = app.mails_to(OLD).len();
    app.article("The news").await;
    app.send_issue().await;
    assert_eq!(app.mails_to(OLD).len(), before);
    let mail = app.mails_to(NEW).pop().unwrap();
    assert_eq!(app.post(&mail.link("/unsubscribe/")).await.status(), 200);
    assert_eq!(app.status_of(NEW).await, Some(Unsubscribed));
}

async fn nothing_is_told_of_the_new_address_and_nothing_sent_to_one_that_is_suppressed(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("reader@example.net").await;
    app.reader("left@example.net").await;
    let left = own(&app, "left@example.net", "unsubscribe").await;
    app.post(&format!("{}{left}", app.url)).await;
    app.suppress("blocked@example.net", "complained").await;
    let mut pages = Vec::new();
    for (number, new) in ["new@example.net", "reader@example.net", "left@example.net", "blocked@example.net"]
        .iter()
        .enumerate()
    {
        let old = format!("ann{number}@example.org");
        app.reader(&old).await;
        let (status, page) = ask(&app, &old, new).await;
        let token = own(&app, &old, "preferences").await;
        pages.push((status, page.replace(token.trim_start_matches("/preferences/"), "TOKEN")));
    }
    assert!(pages.iter().all(|page| *page == pages[0] && page.0 == 200), "{pages:?}");
    assert!(app.mails_to("blocked@example.net").is_empty());
    assert!(press(&app, "ann3@example.org").await.contains("One more step"));
    assert_eq!(of(&app, "ann3@example.org").await[0].status, Active);
    // It may become so in between.
    assert!(press(&app, "ann0@example.org").await.contains("One more step"));
    app.suppress("new@example.net", "complained").await;
    assert!(press(&app, "new@example.net").await.contains("This link works no more"));
    for to in ["ann0@example.org", "new@example.net"] {
        let shown = app.get(&link(&app, to)).await.text().await.unwrap();
        assert!(
            shown.contains("This link works no more"),
            "what can't be done is not offered again: {shown}"
        );
    }
    let agreed = "SELECT count(*) FROM reader_requests WHERE old_confirmed_at IS NOT NULL AND new_confirmed_at IS NOT NULL AND done_at IS NULL";
    assert_eq!(app.store().await.number(agreed).await, 1, "and that both ends agreed is kept");
    assert_eq!((of(&app, "ann0@example.org").await.len(), of(&app, "new@example.net").await.len()), (1, 0));
}

async fn wrong_addresses_old_links_and_too_many_wishes_are_refused(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(OLD).await;
    for (wrong, says) in [
        ("ann", "not an email address"),
        ("", "not an email address"),
        ("ANN@example.org", "your address already"),
        ("\0@x.example", "not an email address"),
    ] {
        let (status, page) = ask(&app, OLD, wrong).await;
        assert!(status == 422 && page.contains(says), "{wrong}: {status} {page}");
    }
    let keys = &app.app.subscription.keys;
    for wrong in [
        keys.sign(Purpose::OldAddress, 999),
        keys.sign(Purpose::DataExport, 1),
        keys.sign(Purpose::Unsubscribe, 1),
        "x".into(),
    ] {
        let url = format!("{}/address/{wrong}", app.url);
        assert_eq!(
            (app.get(&url).await.status().as_u16(), app.post(&url).await.status().as_u16()),
            (404, 404)
        );
    }
    assert_eq!(ask(&app, OLD, NEW).await.0, 200);
    app.clock.advance(SignedDuration::from_hours(72));
    for to in [OLD, NEW] {
        assert_eq!(app.post(&link(&app, to)).await.status(), 410);
    }
    assert_eq!(app.status_of(NEW).await, None);
    for (number, status) in [200, 200, 200, 429].into_iter().enumerate() {
        assert_eq!(ask(&app, OLD, &format!("new{number}@example.net")).await.0, status);
    }
    // Of several wishes one comes true, and the others are void.
    for number in 0..2 {
        let new = format!("new{number}@example.net");
        assert!(press(&app, &new).await.contains("One more step"));
    }
    let mails = app.mails_to(OLD);
    let links: Vec<String> =
        mails.iter().filter(|it| it.text().contains("/address/")).map(|it| it.link("/address/")).collect();
    assert_eq!(app.post(&links[1]).await.status(), 200);
    assert_eq!(app.post(&links[2]).await.status(), 410);
    assert_eq!(of(&app, "new0@example.net").await.len(), 1);
    // Many readers can't have one stranger mailed again and again.
    for number in 0..6 {
        let old = format!("reader{number}@example.org");
        app.reader(&old).await;
        assert_eq!(ask(&app, &old, "stranger@example.net").await.0, 200);
    }
    assert_eq!(app.mails_to("stranger@example.net").len(), 5);
    // The form of signups has the same line.
    app.sign_up("stranger@example.net").await;
    app.settle().await;
    assert_eq!(app.mails_to("stranger@example.net").len(), 5);
}

async fn links_that_work_for_ever_do_not_tell_where_the_reader_is_mailed_now(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(OLD).await;
    let links = [own(&app, OLD, "preferences").await, own(&app, OLD, "unsubscribe").await];
    let new = "private.name@home.example";
    moves(&app, OLD, new).await;
    for link in links {
        let answer = app.get(&format!("{}{link}", app.url)).await;
        assert_eq!(answer.status(), 200);
        let shown = answer.text().await.unwrap();
        assert!(
            shown.contains("Daily") && !shown.contains("home.example") && !shown.contains("p***"),
            "{shown}"
        );
        assert!(!shown.contains("{address}") && !shown.contains("For "), "{shown}");
    }
}

async fn a_link_to_confirm_of_before_the_move_has_expired_and_a_new_one_goes_to_the_new_address(
    engine: Engine,
) {
    let app = TestApp::start(engine).await;
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    app.reader(OLD).await;
    app.post_form("/subscribe", &[("email", OLD), ("newsletter", "weekly")]).await;
    app.settle().await;
    let link = app.confirmation_link(OLD);
    app.clock.advance(SignedDuration::from_hours(25));
    moves(&app, OLD, NEW).await;
    for answer in [app.get(&link).await, app.post(&link).await] {
        assert_eq!(answer.status(), 410);
        let shown = answer.text().await.unwrap();
        assert!(!shown.contains("example.net"), "{shown}");
    }
    let weekly =
        async || of(&app, NEW).await.into_iter().find(|it| it.newsletter == "weekly").unwrap().status;
    assert_eq!(weekly().await, Pending);
    app.clock.advance(SignedDuration::from_secs(1));
    let before = app.mails_to(OLD).len();
    let renewed = app.post(&format!("{link}/renew")).await;
    assert_eq!(renewed.status(), 200);
    assert!(!renewed.text().await.unwrap().contains("example.net"));
    app.settle().await;
    assert_eq!(app.mails_to(OLD).len(), before);
    assert_eq!(app.post(&app.confirmation_link(NEW)).await.status(), 200);
    assert_eq!(weekly().await, Active);
}

async fn a_list_does_not_bring_the_old_address_back(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(OLD).await;
    moves(&app, OLD, NEW).await;
    let list = app.app.settings.data.folder.join("list.csv");
    std::fs::write(
        &list,
        format!("email,confirmed_at\n{OLD},2024-01-01T00:00:00Z\n{NEW},2024-01-01T00:00:00Z\n"),
    )
    .unwrap();
    let folder = app.app.settings.data.folder.as_path();
    let daily = match &app.app.settings.database.url {
        DatabaseUrl::Sqlite(_) => Environment::in_folder(folder, None),
        DatabaseUrl::Postgres(url) => Environment::in_folder(folder, Some(url)),
    };
    let ended = daily.run(&["subscriber", "import", list.to_str().unwrap(), "--newsletter", "daily"]).await;
    assert!(ended.code == 0 && ended.stdout.contains("moved to another address"), "{ended:?}");
    assert_eq!((of(&app, OLD).await.len(), app.status_of(NEW).await), (0, Some(Active)));
    // They themselves may.
    app.reader(OLD).await;
    assert_eq!(app.status_of(OLD).await, Some(Active));
}

async fn what_a_relay_says_of_the_old_address_is_not_said_of_the_new_one(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader_at_once(OLD).await;
    app.reader_at_once("bob@example.org").await;
    app.article("The news").await;
    app.send_issue().await;
    let issue = app.issues().await.remove(0).id;
    let refused = [app.delivery(issue, OLD).await.id, app.delivery(issue, "bob@example.org").await.id];
    let new = EmailAddress::parse(NEW).unwrap();
    let mut tx = app.app.db.begin().await.unwrap();
    // The relay's answer comes after the move.
    let reader = subscribers::reader_at(&mut tx, &EmailAddress::parse(OLD).unwrap()).await.unwrap().unwrap();
    subscribers::set_address(&mut tx, reader, &new, app.clock.now()).await.unwrap();
    let answers = [(refused[0], OLD), (refused[1], "bob@example.org")];
    suppressions::add_undeliverable(&mut tx, &answers, app.clock.now()).await.unwrap();
    assert_eq!(suppressions::reason(&mut tx, &new).await.unwrap(), None);
    tx.commit().await.unwrap();
    assert_eq!(app.status_of(NEW).await, Some(Active));
    assert_eq!(app.status_of("bob@example.org").await, Some(Undeliverable));
}
