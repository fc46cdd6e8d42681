//! Confirmation links: they confirm at once in the same browser, elsewhere with a button, and never for
//! programs.

use crate::support::{DAY, Engine, OPERATOR, TestApp, on_both_engines, web::URLENCODED};
use daily::{
    actions::issue::{edit_issue::edit_issue, send_issue::begin_issue},
    db::{Db, issues::IssueWords, subscribers},
    domain::{
        ids::ConfirmationId,
        issue::schedule::date_at,
        subscriber::subscription::SubscriptionStatus::{Active, Pending},
    },
};
use jiff::SignedDuration;

const ANN: &str = "ann@example.org";

on_both_engines!(
    in_the_browser_that_signed_up_the_link_confirms_at_once,
    the_cookie_is_kept_from_scripts_and_other_sites,
    an_expired_link_sends_a_new_email_with_one_click,
    one_reminder_is_sent_if_configured,
    reminders_are_off_unless_asked_for_and_late_ones_are_not_sent,
    a_confirmation_at_the_moment_of_unsubscribing_does_not_claim_success,
    an_unconfirmed_address_is_erased,
    the_promised_reading_time_is_the_one_that_the_latest_issue_names,
);

async fn in_the_browser_that_signed_up_the_link_confirms_at_once(engine: Engine) {
    let app = TestApp::start(engine).await;
    let cookie = browser_cookie(&app, ANN, None).await.expect("a cookie");
    app.settle().await;
    let link = app.confirmation_link(ANN);
    // Programs, pages that embed the link as a picture, other browsers, and browsers of other readers confirm
    // nothing and use nothing up.
    let head = app.client.head(&link).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(head.status(), 200);
    let other = browser_cookie(&app, "bob@example.org", None).await.expect("a cookie");
    for (name, value, cookie) in [
        ("sec-purpose", "prefetch;prerender", &cookie),
        ("purpose", "prefetch", &cookie),
        ("x-moz", "prefetch", &cookie),
        ("sec-fetch-dest", "image", &cookie),
        ("sec-fetch-mode", "no-cors", &cookie),
        ("accept", "text/html", &other),
        ("accept", "text/html", &String::new()),
        ("accept", "text/html", &cookie.replace(|c: char| c.is_ascii_digit(), "1")),
    ] {
        let page = app.client.get(&link).header(name, value).header("cookie", cookie).send().await.unwrap();
        assert_eq!(page.status(), 200);
        assert!(page.text().await.unwrap().contains("<button"), "{name}: {value}");
    }
    assert_eq!(app.status_of(ANN).await, Some(Pending));

    let visit = || {
        let request =
            app.client.get(&link).header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");
        request.header("cookie", format!("a=b; {cookie}")).send()
    };
    assert!(visit().await.unwrap().text().await.unwrap().contains("You’re in"));
    assert_eq!(app.status_of(ANN).await, Some(Active));
    assert!(visit().await.unwrap().text().await.unwrap().contains("You’re in"), "a second click is no error");
    assert_eq!(app.consent_of(ANN).await, ["requested", "confirmed"]);
    assert_eq!(app.visitor(ANN).ledger().await[1].method, "same_browser");
}

async fn the_cookie_is_kept_from_scripts_and_other_sites(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.http.public_url = "https://news.example.org".into();
    })
    .await;
    let answer = app.sign_up(ANN).await;
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/confirm", "; Max-Age=604800"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("ann"), "{cookie}");
    assert!(browser_cookie(&app, ANN, Some("same-site")).await.is_some());
    assert!(browser_cookie(&app, ANN, Some("cross-site")).await.is_none());
}

async fn an_expired_link_sends_a_new_email_with_one_click(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.visitor(ANN);
    ann.signs_up().await;
    let link = ann.confirmation_link();
    // The page is for expired links. For a working link it shows the button.
    assert!(app.press(&format!("{link}/renew")).await.contains("Confirm my subscription"));
    app.clock.advance(DAY * 8);
    let page = app.page(&link).await;
    assert_eq!(page.status, 410);
    let renew = link.replace(&app.url, "") + "/renew";
    assert!(page.contains(&format!("action=\"{renew}\"")), "{page}");
    assert_eq!(app.get(&renew).await.status(), 405);
    for _ in 0..3 {
        assert!(app.press(&renew).await.contains("Check your inbox"));
    }
    app.settle().await;
    assert_eq!(ann.emails().len(), 2, "the pause between mails holds here too");
    let fresh = ann.confirmation_link();
    assert_ne!(fresh, link);
    assert!(app.press(&fresh).await.contains("You’re in"));
    assert_eq!(app.post("/confirm/x/renew").await.status(), 404);
}

async fn one_reminder_is_sent_if_configured(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.reminder_hours = 24;
    })
    .await;
    let ann = app.visitor(ANN);
    ann.signs_up().await;
    app.reader("in@example.org").await;
    let first = ann.confirmation_link();
    app.run_due_after(SignedDuration::from_hours(23)).await;
    assert_eq!(ann.emails().len(), 1);
    for _ in 0..3 {
        app.run_due_after(SignedDuration::from_hours(2)).await;
    }
    let mails = ann.emails();
    assert_eq!(mails.len(), 2, "one reminder and no more");
    assert_eq!(mails[1].header("Subject").map(|it| it.starts_with("Reminder")), Some(true));
    assert_eq!(app.emails_to("in@example.org").len(), 1, "confirmed readers are left alone");
    assert_ne!(ann.confirmation_link(), first);
    assert!(ann.confirms().await.contains("You’re in"));
}

async fn reminders_are_off_unless_asked_for_and_late_ones_are_not_sent(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up(ANN).await;
    app.run_due_after(SignedDuration::from_hours(30)).await;
    assert_eq!(app.emails().len(), 1);
    drop(app);
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.reminder_hours = 24;
    })
    .await;
    app.sign_up(ANN).await;
    app.run_due_after(DAY * 5).await;
    assert_eq!(app.emails().len(), 1);
}

async fn a_confirmation_at_the_moment_of_unsubscribing_does_not_claim_success(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.visitor(ANN);
    ann.signs_up().await;
    let link = ann.confirmation_link();
    // SQLite has one writer, so there the two can't meet.
    if matches!(app.app.db, Db::Sqlite { .. }) {
        return;
    }
    let id = ann.subscription().await.id;
    let mut unsubscribing = app.app.db.begin().await.unwrap();
    subscribers::use_confirmation(&mut unsubscribing, ConfirmationId(1), app.clock.now()).await.unwrap();
    subscribers::end(&mut unsubscribing, id, app.clock.now()).await.unwrap();
    let (page, ()) = tokio::join!(app.press(&link), async {
        app.wait_for_lock_waits(1).await;
        unsubscribing.commit().await.unwrap();
    });
    assert!(page.status == 410 && !page.contains("You’re in"), "{page}");
}

async fn an_unconfirmed_address_is_erased(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.visitor(ANN);
    ann.signs_up().await;
    let link = ann.confirmation_link();
    app.reader("in@example.org").await;
    app.run_due_after(DAY * 29).await;
    assert_eq!(app.status_of(ANN).await, Some(Pending));
    app.run_due_after(SignedDuration::from_hours(25)).await;
    assert_eq!(app.status_of(ANN).await, None);
    let store = app.store().await;
    assert_eq!(store.columns_naming("ann@").await, Vec::<String>::new());
    let ledger = store.ledger().await;
    assert_eq!(ledger.iter().filter(|it| it.client_address.is_some()).count(), 2, "the other reader's");
    assert_eq!(store.rows_in("confirmations").await, 1, "the other reader's");
    assert_eq!(app.status_of("in@example.org").await, Some(Active));
    assert_eq!(app.post(&link).await.status(), 404);
    app.reader(ANN).await;
    assert_eq!(app.status_of(ANN).await, Some(Active));
}

/// Signs up like a browser, and returns the cookie.
async fn browser_cookie(app: &TestApp, address: &str, site: Option<&str>) -> Option<String> {
    let request = app.posting("/subscribe").header("content-type", URLENCODED);
    let request = request.header("sec-fetch-site", site.unwrap_or("same-origin"));
    let answer =
        request.body(serde_urlencoded::to_string([("email", address)]).unwrap()).send().await.unwrap();
    let cookie = answer.headers().get("set-cookie")?.to_str().unwrap().to_owned();
    cookie.split(';').next().map(str::to_owned)
}

async fn the_promised_reading_time_is_the_one_that_the_latest_issue_names(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader_at_once("ben@example.org").await;
    app.article("The bridge opens").await;
    let newsletter = app.newsletter().await;
    let today = date_at(&newsletter.newsletter, app.clock.now());
    let issue = begin_issue(&app.app.actions, &OPERATOR, &newsletter, today).await.unwrap();
    // Most of this issue is its note.
    let words = IssueWords { note: Some("word ".repeat(700)), ..IssueWords::default() };
    edit_issue(&app.app.actions, &OPERATOR, issue.id, &words, &[]).await.unwrap();
    app.send_issue().await;
    let digest = app.visitor("ben@example.org").last_email();
    assert!(digest.text().contains("3-minute read"), "{}", digest.text());
    let ann = app.visitor(ANN);
    ann.signs_up().await;
    app.settle().await;
    assert!(ann.last_email().text().contains("About a 3-minute read"), "{}", ann.last_email().text());
}
