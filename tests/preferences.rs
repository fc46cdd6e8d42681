//! What readers choose: how often, about what, when.

use crate::support::{
    Engine,
    app::{TestApp, at},
    browser::Browser,
    command::Environment,
    on_both_engines, with_services,
};
use daily::{
    actions::set_newsletter::set_newsletter,
    db::{
        DbError, articles,
        articles::Origin,
        subscriptions::{self, SubscriptionRecord},
    },
    domain::{
        article::FoundArticle,
        cadence::Cadence,
        days::Days,
        email_address::EmailAddress,
        newsletter::{Newsletter, WhoseClock},
        sections::Sections,
        token::{KeyRing, Purpose},
    },
};

async fn subscription(app: &TestApp, address: &str) -> SubscriptionRecord {
    app.signups_taken().await;
    let address = EmailAddress::parse(address).unwrap();
    let mut tx = app.app.db.read().await.unwrap();
    subscriptions::of_address(&mut tx, &address).await.unwrap().remove(0)
}

/// The reader's page.
async fn page_of(app: &TestApp, address: &str) -> String {
    let id = subscription(app, address).await.id;
    format!("/preferences/{}", app.app.actions.keys.sign(Purpose::Unsubscribe, id.0))
}

/// What is chosen: cadence, sections, zone and time.
async fn chosen(app: &TestApp, address: &str) -> String {
    let it = subscription(app, address).await;
    let or_none = |text: Option<String>| text.unwrap_or("-".into());
    format!("{} [{}] {} {}", it.cadence, it.sections, or_none(it.time_zone), or_none(it.send_time))
}

async fn set(app: &TestApp, change: impl FnOnce(&mut Newsletter)) {
    let id = app.newsletter().await.id;
    let changed = set_newsletter::<DbError>(&app.app.actions, id, |it| {
        change(it);
        Ok(())
    });
    changed.await.unwrap();
}

async fn article(app: &TestApp, title: &str, section: &str) {
    let mut found = FoundArticle::titled(title);
    let slug = title.to_lowercase().replace(' ', "-");
    found.url = Some(format!("https://news.example/{slug}").parse().unwrap());
    found.section = Some(section.into());
    let mut tx = app.app.db.begin().await.unwrap();
    articles::store(&mut tx, &found, Origin::Operator, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn text(answer: reqwest::Response) -> String {
    answer.text().await.unwrap()
}

on_both_engines!(
    a_reader_chooses_and_the_page_shows_it_from_then_on,
    what_the_page_does_not_ask_about_stays,
    wrong_choices_are_explained_and_change_nothing,
    only_the_readers_own_link_opens_the_page_and_only_while_subscribed,
    a_signup_keeps_the_zone_it_came_from_once,
    an_operator_changes_and_sees_what_a_reader_chose,
    a_choice_after_the_freeze_does_not_change_the_issue,
);

async fn a_reader_chooses_and_the_page_shows_it_from_then_on(engine: Engine) {
    let app = TestApp::start(engine).await;
    set(&app, |it| it.clock = WhoseClock::Reader).await;
    article(&app, "The bridge opens", "Local News").await;
    article(&app, "The probe lands", "Science").await;
    article(&app, "The probe lifts off", "SCIENCE").await;
    app.reader("ann@example.org").await;
    let page = page_of(&app, "ann@example.org").await;
    let url = format!("{}{page}", app.url);
    let before = text(app.get(&url).await).await;
    for says in [
        "a***@example.org",
        "Every issue",
        "Monday to Friday",
        "Once a week",
        "Local News",
        "Europe",
        "07:00",
        "/unsubscribe/",
    ] {
        assert!(before.contains(says), "{says} is missing in {before}");
    }
    assert_eq!(before.to_lowercase().matches(">science<").count(), 1, "one section, however it is written");
    assert_eq!(chosen(&app, "ann@example.org").await, "every_issue [] - -", "looking changes nothing");

    let fields = [
        ("cadence", "weekdays"),
        ("sections", ""),
        ("sections", "science"),
        ("sections", "local news"),
        ("time_zone", "America/New_York"),
        ("send_time", "06:30"),
    ];
    let saved = app.post_form(&page, &fields).await;
    assert_eq!(saved.status(), 200);
    let saved = text(saved).await;
    assert!(saved.contains("Saved.") && saved.contains("06:30 (New York time)"), "{saved}");
    assert_eq!(chosen(&app, "ann@example.org").await, "weekdays [local news,science] America/New_York 06:30");
    let after = text(app.get(&url).await).await;
    for tag in after.split('<').filter(|tag| tag.starts_with("input") || tag.starts_with("option")) {
        let is_chosen = ["\"weekdays\"", "\"science\"", "\"local news\"", "\"America/New_York\"", "\"en\""]
            .iter()
            .any(|it| tag.contains(it));
        assert_eq!(tag.contains(" checked") || tag.contains(" selected"), is_chosen, "{tag}");
    }

    let fields = [("cadence", "every_issue"), ("sections", ""), ("time_zone", ""), ("send_time", "")];
    assert_eq!(app.post_form(&page, &fields).await.status(), 200);
    assert_eq!(chosen(&app, "ann@example.org").await, "every_issue [] - -");
    assert_eq!(
        app.consent_of("ann@example.org").await,
        ["requested", "confirmed"],
        "no consent is given here"
    );
}

async fn what_the_page_does_not_ask_about_stays(engine: Engine) {
    let app = TestApp::start(engine).await;
    set(&app, |it| it.days = Days::parse("sat").unwrap()).await;
    app.post_form("/subscribe", &[("email", "ann@example.org"), ("time_zone", "Asia/Tokyo")]).await;
    app.settle().await;
    app.post(&app.confirmation_link("ann@example.org")).await;
    let page = page_of(&app, "ann@example.org").await;
    let shown = text(app.get(&format!("{}{page}", app.url)).await).await;
    for unasked in ["time_zone", "send_time", "sections", "Once a week"] {
        assert!(!shown.contains(unasked), "{unasked}");
    }
    assert_eq!(app.post_form(&page, &[("cadence", "every_issue")]).await.status(), 200);
    assert_eq!(chosen(&app, "ann@example.org").await, "every_issue [] Asia/Tokyo -");
    // A section chosen earlier is offered though no article has it now.
    assert_eq!(app.post_form(&page, &[("sections", ""), ("sections", "chess")]).await.status(), 200);
    assert!(text(app.get(&format!("{}{page}", app.url)).await).await.contains("chess"));
}

async fn wrong_choices_are_explained_and_change_nothing(engine: Engine) {
    let app = TestApp::start(engine).await;
    set(&app, |it| it.clock = WhoseClock::Reader).await;
    app.reader("ann@example.org").await;
    let page = page_of(&app, "ann@example.org").await;
    let many: Vec<String> = (0..31).map(|number| format!("section {number}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| ("sections", name.as_str())).collect();
    let long = "x".repeat(101);
    for (fields, says) in [
        (&[("cadence", "hourly")][..], "one of the ways"),
        (&[("time_zone", "Mars/Olympus")], "not a time zone"),
        (&[("send_time", "25:00")], "not a time of day"),
        (&[("sections", "!?")], "not the name of a section"),
        (&[("sections", &long)], "longer than 100"),
        (&many, "more than 30"),
        (&[("cadence", "weekly"), ("time_zone", "<script>alert(1)</script>")], "&lt;script&gt;"),
    ] {
        let answer = app.post_form(&page, fields).await;
        assert_eq!(answer.status(), 422, "{says}");
        let answer = text(answer).await;
        assert!(answer.contains(says), "{says}: {answer}");
        assert!(!answer.contains("<script"), "{answer}");
    }
    let plain = app.client.post(format!("{}{page}", app.url)).body("cadence=weekly").send().await.unwrap();
    assert_eq!(plain.status(), 415);
    assert_eq!(chosen(&app, "ann@example.org").await, "every_issue [] - -");
}

async fn only_the_readers_own_link_opens_the_page_and_only_while_subscribed(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    let page = page_of(&app, "ann@example.org").await;
    let id = subscription(&app, "ann@example.org").await.id.0;
    let (other_key, keys) = (KeyRing::new(&[[7_u8; 32]]).unwrap(), &app.app.actions.keys);
    let wrong = [
        other_key.sign(Purpose::Unsubscribe, id),
        keys.sign(Purpose::Confirm, id),
        keys.sign(Purpose::Unsubscribe, 999),
        "x".into(),
    ];
    for wrong in wrong {
        let page = format!("/preferences/{wrong}");
        assert_eq!(app.get(&format!("{}{page}", app.url)).await.status(), 404);
        assert_eq!(app.post_form(&page, &[("cadence", "weekly")]).await.status(), 404);
    }
    let test = format!("/preferences/{}", keys.sign(Purpose::Test, id));
    assert!(text(app.get(&format!("{}{test}", app.url)).await).await.contains("This was a test"));
    assert!(text(app.post_form(&test, &[("cadence", "weekly")]).await).await.contains("This was a test"));
    let leave = page.replace("/preferences/", "/unsubscribe/");
    assert!(text(app.get(&format!("{}{page}", app.url)).await).await.contains(&leave));
    assert_eq!(app.post(&format!("{}{leave}", app.url)).await.status(), 200);
    let gone = text(app.post_form(&page, &[("cadence", "weekly")]).await).await;
    assert!(gone.contains("You are not subscribed") && gone.contains("Sign up"), "{gone}");
    assert_eq!(chosen(&app, "ann@example.org").await, "every_issue [] - -");
}

async fn a_signup_keeps_the_zone_it_came_from_once(engine: Engine) {
    let app = TestApp::start(engine).await;
    let zone = async |address: &str| subscription(&app, address).await.time_zone;
    app.post_form("/subscribe", &[("email", "ann@example.org"), ("time_zone", "europe/berlin")]).await;
    assert_eq!(zone("ann@example.org").await.as_deref(), Some("Europe/Berlin"));
    app.clock.advance(jiff::SignedDuration::from_mins(5));
    app.post_form("/subscribe", &[("email", "ann@example.org"), ("time_zone", "Asia/Tokyo")]).await;
    assert_eq!(zone("ann@example.org").await.as_deref(), Some("Europe/Berlin"), "a stranger can't change it");
    let long = "x".repeat(5000);
    for (number, unknown) in
        ["", "Mars/Olympus", "Etc/Unknown", "\0", "right/Europe/Berlin", &long].iter().enumerate()
    {
        let address = format!("reader{number}@example.org");
        let fields = [("email", address.as_str()), ("time_zone", unknown)];
        assert_eq!(app.post_form("/subscribe", &fields).await.status(), 200, "{unknown:.20}");
        assert_eq!(zone(&address).await, None, "{unknown:.20}");
    }
    for (address, value, expected) in
        [("json@example.org", "\"Asia/Tokyo\"", Some("Asia/Tokyo")), ("none@example.org", "null", None)]
    {
        let body = format!("{{\"email\":\"{address}\",\"time_zone\":{value}}}");
        let answer = app
            .client
            .post(format!("{}/subscribe", app.url))
            .header("content-type", "application/json")
            .body(body);
        assert_eq!(answer.send().await.unwrap().status(), 202);
        assert_eq!(zone(address).await.as_deref(), expected);
    }
    app.settle().await;
    assert_eq!(app.post(&app.confirmation_link("ann@example.org")).await.status(), 200);
    app.clock.advance(jiff::SignedDuration::from_hours(30));
    app.post_form("/subscribe", &[("email", "ann@example.org"), ("time_zone", "Asia/Tokyo")]).await;
    assert_eq!(zone("ann@example.org").await.as_deref(), Some("Europe/Berlin"));
}

async fn an_operator_changes_and_sees_what_a_reader_chose(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    app.sign_up("bob@example.org").await;
    app.settle().await;
    let daily = match &app.app.settings.database {
        daily::db::DatabaseUrl::Sqlite(_) => {
            Environment::in_folder(app.app.settings.data_folder.as_path(), None)
        }
        daily::db::DatabaseUrl::Postgres(url) => {
            Environment::in_folder(app.app.settings.data_folder.as_path(), Some(url))
        }
    };
    let set = ["subscriber", "set", "ANN@example.org", "--cadence", "weekly", "--sections", "Science,local"];
    let ended =
        daily.run(&[&set[..], &["--time-zone", "Europe/Berlin", "--send-time", "06:15"]].concat()).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(
        ended.stdout.contains("daily: active (weekly; local, science; 06:15, Europe/Berlin; reads en)"),
        "{}",
        ended.stdout
    );
    assert_eq!(chosen(&app, "ann@example.org").await, "weekly [local,science] Europe/Berlin 06:15");
    let shown = daily.run(&["--json", "subscriber", "show", "ann@example.org"]).await;
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    let it = &shown["subscriptions"][0]["subscription"];
    assert_eq!(
        (&it["cadence"], &it["sections"][1], &it["time_zone"]),
        (&"weekly".into(), &"science".into(), &"Europe/Berlin".into())
    );
    let back = [
        "subscriber",
        "set",
        "ann@example.org",
        "--sections",
        "all",
        "--time-zone",
        "newsletter",
        "--send-time",
        "newsletter",
    ];
    assert_eq!(daily.run(&back).await.code, 0);
    assert_eq!(chosen(&app, "ann@example.org").await, "weekly [] - -");
    for (wrong, code) in [
        (["ann@example.org", "--cadence", "hourly"], 2),
        (["ann@example.org", "--sections", "!,?"], 2),
        (["ann@example.org", "--time-zone", "Berlin"], 2),
        (["ann@example.org", "--send-time", "7"], 2),
        (["ann", "--cadence", "weekly"], 2),
        (["nobody@example.org", "--cadence", "weekly"], 1),
        (["bob@example.org", "--cadence", "weekly"], 1),
    ] {
        let ended = daily.run(&[&["subscriber", "set"][..], &wrong].concat()).await;
        assert_eq!(ended.code, code, "{wrong:?}: {ended:?}");
    }
    assert_eq!(chosen(&app, "bob@example.org").await, "every_issue [] - -");
}

async fn a_choice_after_the_freeze_does_not_change_the_issue(engine: Engine) {
    let app = TestApp::start(engine).await;
    set(&app, |it| it.clock = WhoseClock::Reader).await;
    app.reader("ann@example.org").await;
    app.article("The bridge opens").await;
    app.clock.set(at("2026-05-02T07:00:00Z"));
    app.tick().await;
    let before = app.issues().await.remove(0);
    let page = page_of(&app, "ann@example.org").await;
    assert_eq!(app.post_form(&page, &[("time_zone", "Pacific/Honolulu")]).await.status(), 200);
    let after = app.issues().await.remove(0);
    assert_eq!((after.due_at, after.last_due_at), (before.due_at, before.last_due_at));
    assert_eq!(chosen(&app, "ann@example.org").await, "every_issue [] Pacific/Honolulu -");
}

with_services!(the_page_works_in_a_browser_and_the_signup_says_its_zone);

async fn the_page_works_in_a_browser_and_the_signup_says_its_zone() {
    let app = TestApp::start(Engine::Sqlite).await;
    set(&app, |it| it.clock = WhoseClock::Reader).await;
    for (title, section) in [
        ("The bridge opens", "Local News"),
        ("The probe lands", "Science"),
        ("The match ends", "Sport"),
        ("The play begins", "Arts and an uncommonly long name of a section"),
    ] {
        article(&app, title, section).await;
    }
    app.reader("ann@example.org").await;
    let page = format!("{}{}", app.url, page_of(&app, "ann@example.org").await);
    for (name, browser, width) in
        [("phone", Browser::dark_phone().await, 390), ("desk", Browser::start().await, 1000)]
    {
        let client = browser.client();
        if width == 1000 {
            client.set_window_size(1000, 1400).await.unwrap();
        }
        client.goto(&page).await.unwrap();
        let fits = client
            .execute("return document.documentElement.scrollWidth <= window.innerWidth", vec![])
            .await
            .unwrap();
        assert_eq!(fits, serde_json::json!(true), "{name}");
        browser.screenshot(&format!("preferences-{name}")).await;
        let script = "const it = document.querySelector('.choices'); it.querySelector('[value=weekdays]').click(); \
            it.querySelector('[value=science]').checked = true; it.querySelector('#send-time').value = '06:30'; \
            it.querySelector('#time-zone').value = 'Europe/Lisbon'; it.requestSubmit();";
        client.execute(script, vec![]).await.unwrap();
        client.wait().for_element(fantoccini::Locator::Css("[role=status]")).await.unwrap();
        browser.screenshot(&format!("preferences-saved-{name}")).await;
        assert_eq!(chosen(&app, "ann@example.org").await, "weekdays [science] Europe/Lisbon 06:30");
        if width == 1000 {
            client.goto(&app.url).await.unwrap();
            let said = "return document.querySelector('[name=time_zone]').value === Intl.DateTimeFormat().resolvedOptions().timeZone";
            assert_eq!(client.execute(said, vec![]).await.unwrap(), serde_json::json!(true));
            browser.screenshot("signup-with-zone").await;
        }
        let id = subscription(&app, "ann@example.org").await.id;
        let all = daily::domain::preferences::Preferences {
            cadence: Cadence::EveryIssue,
            sections: Sections::ALL,
            time_zone: None,
            send_time: None,
        };
        assert!(daily::actions::set_preferences::set_preferences(&app.app.actions, id, &all).await.unwrap());
    }
}
