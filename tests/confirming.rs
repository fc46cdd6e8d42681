//! The link in the confirmation mail: at once for who signed up here, one button elsewhere, nothing for programs.

use crate::support::{Engine, app::TestApp, on_both_engines};
use daily::domain::subscription::SubscriptionStatus::{Active, Pending};
use jiff::SignedDuration;

on_both_engines!(
    in_the_browser_that_signed_up_the_link_confirms_at_once,
    the_browsers_mark_is_kept_from_scripts_and_from_pages_of_others,
    an_expired_link_sends_a_new_mail_with_one_click,
    who_does_not_confirm_is_reminded_once_if_configured,
    reminders_are_off_unless_asked_for_and_late_ones_are_not_sent,
    nobody_is_told_that_they_are_in_whose_subscription_ended_at_that_moment,
    an_address_that_nobody_confirms_is_erased,
);

async fn in_the_browser_that_signed_up_the_link_confirms_at_once(engine: Engine) {
    let app = TestApp::start(engine).await;
    let mark = mark_of(&app, "ann@example.org", None).await.expect("a cookie");
    app.settle().await;
    let link = app.confirmation_link("ann@example.org");
    // Programs, pages that load it as a picture, another browser, a browser of another reader: nothing is confirmed or used up.
    let head = app.client.head(&link).header("cookie", &mark).send().await.unwrap();
    assert_eq!(head.status(), 200);
    let other = mark_of(&app, "bob@example.org", None).await.expect("a cookie");
    for (name, value, cookie) in [
        ("sec-purpose", "prefetch;prerender", &mark),
        ("purpose", "prefetch", &mark),
        ("x-moz", "prefetch", &mark),
        ("sec-fetch-dest", "image", &mark),
        ("sec-fetch-mode", "no-cors", &mark),
        ("accept", "text/html", &other),
        ("accept", "text/html", &String::new()),
        ("accept", "text/html", &mark.replace(|c: char| c.is_ascii_digit(), "1")),
    ] {
        let page = app.client.get(&link).header(name, value).header("cookie", cookie).send().await.unwrap();
        assert_eq!(page.status(), 200);
        assert!(page.text().await.unwrap().contains("<button"), "{name}: {value}");
    }
    assert_eq!(app.status_of("ann@example.org").await, Some(Pending));

    let visit = || {
        let request =
            app.client.get(&link).header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");
        request.header("cookie", format!("a=b; {mark}")).send()
    };
    assert!(visit().await.unwrap().text().await.unwrap().contains("You are in"));
    assert_eq!(app.status_of("ann@example.org").await, Some(Active));
    assert!(
        visit().await.unwrap().text().await.unwrap().contains("You are in"),
        "a second click is no error"
    );
    assert_eq!(app.consent_of("ann@example.org").await, ["requested", "confirmed"]);
    let how = app.store().await.texts("SELECT method FROM consent_events WHERE kind = 'confirmed'").await;
    assert_eq!(how, ["same_browser"]);
}

async fn the_browsers_mark_is_kept_from_scripts_and_from_pages_of_others(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.http.public_url = "https://news.example.org".into();
    })
    .await;
    let answer = app.sign_up("ann@example.org").await;
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/confirm", "; Max-Age=604800"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("ann"), "{cookie}");
    assert!(mark_of(&app, "ann@example.org", Some("same-site")).await.is_some());
    assert!(mark_of(&app, "ann@example.org", Some("cross-site")).await.is_none());
}

async fn an_expired_link_sends_a_new_mail_with_one_click(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up("ann@example.org").await;
    app.settle().await;
    let link = app.confirmation_link("ann@example.org");
    // It is for links that have expired: one that works is shown with its button.
    assert!(app.post(&format!("{link}/renew")).await.text().await.unwrap().contains("Yes, sign me up"));
    app.clock.advance(SignedDuration::from_hours(24 * 8));
    let page = app.get(&link).await;
    assert_eq!(page.status(), 410);
    let page = page.text().await.unwrap();
    let renew = link.replace(&app.url, "") + "/renew";
    assert!(page.contains(&format!("action=\"{renew}\"")), "{page}");
    assert_eq!(app.get(&format!("{}{renew}", app.url)).await.status(), 405);
    for _ in 0..3 {
        let answer = app.post(&format!("{}{renew}", app.url)).await;
        assert!(answer.text().await.unwrap().contains("Check your inbox"));
    }
    app.settle().await;
    assert_eq!(app.mails_to("ann@example.org").len(), 2, "the pause between mails holds here too");
    let fresh = app.confirmation_link("ann@example.org");
    assert_ne!(fresh, link);
    assert!(app.post(&fresh).await.text().await.unwrap().contains("You are in"));
    assert_eq!(app.post(&format!("{}/confirm/x/renew", app.url)).await.status(), 404);
}

async fn who_does_not_confirm_is_reminded_once_if_configured(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.remind_after = Some(SignedDuration::from_hours(24));
    })
    .await;
    app.sign_up("ann@example.org").await;
    app.settle().await;
    app.reader("in@example.org").await;
    let first = app.confirmation_link("ann@example.org");
    app.tick_after(SignedDuration::from_hours(23)).await;
    assert_eq!(app.mails_to("ann@example.org").len(), 1);
    for _ in 0..3 {
        app.tick_after(SignedDuration::from_hours(2)).await;
    }
    let mails = app.mails_to("ann@example.org");
    assert_eq!(mails.len(), 2, "one reminder and no more");
    assert_eq!(mails[1].header("Subject").map(|it| it.starts_with("Reminder")), Some(true));
    assert_eq!(app.mails_to("in@example.org").len(), 1, "who confirmed is left alone");
    assert_ne!(app.confirmation_link("ann@example.org"), first);
    assert!(
        app.post(&app.confirmation_link("ann@example.org"))
            .await
            .text()
            .await
            .unwrap()
            .contains("You are in")
    );
}

async fn reminders_are_off_unless_asked_for_and_late_ones_are_not_sent(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up("ann@example.org").await;
    app.tick_after(SignedDuration::from_hours(30)).await;
    assert_eq!(app.mails().len(), 1);
    drop(app);
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.remind_after = Some(SignedDuration::from_hours(24));
    })
    .await;
    app.sign_up("ann@example.org").await;
    app.tick_after(SignedDuration::from_hours(24 * 5)).await;
    assert_eq!(app.mails().len(), 1);
}

async fn nobody_is_told_that_they_are_in_whose_subscription_ended_at_that_moment(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up("ann@example.org").await;
    app.settle().await;
    let link = app.confirmation_link("ann@example.org");
    // SQLite has one writer: nothing happens at the same moment.
    let daily::db::Db::Postgres(pool) = &app.app.db else { return };
    let mut other = pool.begin().await.unwrap();
    for statement in [
        "UPDATE subscriptions SET status = 'unsubscribed', ended_at = requested_at",
        "UPDATE confirmations SET used_at = created_at",
    ] {
        sqlx::query(statement).execute(&mut *other).await.unwrap();
    }
    let (answer, ()) = tokio::join!(app.post(&link), async {
        app.until_waiting(1).await;
        other.commit().await.unwrap();
    });
    assert_eq!(answer.status(), 410);
    assert!(!answer.text().await.unwrap().contains("You are in"));
}

async fn an_address_that_nobody_confirms_is_erased(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up("ann@example.org").await;
    app.settle().await;
    let link = app.confirmation_link("ann@example.org");
    app.reader("in@example.org").await;
    app.tick_after(SignedDuration::from_hours(24 * 29)).await;
    assert_eq!(app.status_of("ann@example.org").await, Some(Pending));
    app.tick_after(SignedDuration::from_hours(25)).await;
    assert_eq!(app.status_of("ann@example.org").await, None);
    let store = app.store().await;
    for (place, column) in [
        ("subscribers", "address"),
        ("subscribers", "address_key"),
        ("mails", "recipient"),
        ("consent_events", "address"),
    ] {
        let left = store.number(&format!("SELECT count(*) FROM {place} WHERE {column} LIKE '%ann@%'")).await;
        assert_eq!(left, 0, "{place}.{column}");
    }
    let traces = "SELECT count(*) FROM consent_events WHERE client_address IS NOT NULL";
    assert_eq!(store.number(traces).await, 2, "the other reader's: asked, confirmed");
    assert_eq!(store.number("SELECT count(*) FROM confirmations").await, 1, "the other reader's");
    assert_eq!(app.status_of("in@example.org").await, Some(Active));
    assert_eq!(app.post(&link).await.status(), 404);
    app.reader("ann@example.org").await;
    assert_eq!(app.status_of("ann@example.org").await, Some(Active));
}

/// Signs up as a browser does, and returns the cookie it is given.
async fn mark_of(app: &TestApp, address: &str, site: Option<&str>) -> Option<String> {
    let answer = app
        .client
        .post(format!("{}/subscribe", app.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", site.unwrap_or("same-origin"))
        .body(serde_urlencoded::to_string([("email", address)]).expect("a form"))
        .send()
        .await
        .expect("an answer");
    let cookie = answer.headers().get("set-cookie")?.to_str().expect("text").to_owned();
    cookie.split(';').next().map(str::to_owned)
}
