//! Readers' preferences: cadence, sections, time zone and send time.

use crate::support::{
    Engine, TestApp,
    browser::Browser,
    on_both_engines,
    reader::{Reader, anything},
    with_services,
};
use daily::domain::{
    issue::days::Days,
    newsletter::SendClock,
    token::{KeyRing, Purpose},
};
use jiff::SignedDuration;
use serde_json::json;

const ANN: &str = "ann@example.org";

/// Returns cadence, sections, time zone and send time.
async fn chosen(reader: &Reader<'_>) -> String {
    let it = reader.subscription().await;
    let or_none = |text: Option<String>| text.unwrap_or("-".into());
    format!("{} [{}] {} {}", it.cadence, it.sections, or_none(it.time_zone), or_none(it.send_time))
}

async fn with_readers_clock(engine: Engine) -> TestApp {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.clock = SendClock::Reader).await;
    app
}

on_both_engines!(
    choices_are_saved_and_shown_from_then_on,
    fields_that_the_page_does_not_show_are_kept,
    wrong_choices_are_explained_and_change_nothing,
    only_the_readers_own_link_opens_the_page_and_only_while_subscribed,
    a_signup_keeps_the_zone_it_came_from_once,
    an_operator_sees_and_changes_preferences,
    a_choice_after_the_freeze_does_not_change_the_issue,
);

async fn choices_are_saved_and_shown_from_then_on(engine: Engine) {
    let app = with_readers_clock(engine).await;
    app.story("The bridge opens", "Local News").await;
    app.story("The probe lands", "Science").await;
    app.story("The probe lifts off", "SCIENCE").await;
    let ann = app.reader(ANN).await;
    let before = ann.opens_preferences().await;
    for says in [
        "a***@example.org",
        "Every issue",
        "Monday to Friday",
        "Once a week",
        "Local News",
        "Europe",
        "7\u{a0}am",
        "/unsubscribe/",
    ] {
        assert!(before.contains(says), "{says} is missing in {before}");
    }
    assert_eq!(before.to_lowercase().matches(">science<").count(), 1, "one section, however it is written");
    assert_eq!(chosen(&ann).await, "every_issue [] - -", "looking changes nothing");

    let fields = [
        ("cadence", "weekdays"),
        ("sections", ""),
        ("sections", "science"),
        ("sections", "local news"),
        ("time_zone", "America/New_York"),
        ("send_time", "06:30"),
    ];
    let saved = ann.chooses(&fields).await;
    assert_eq!(saved.status, 200);
    assert!(saved.contains("Saved.") && saved.contains("6:30\u{a0}am (New York time)"), "{saved}");
    assert_eq!(chosen(&ann).await, "weekdays [local news,science] America/New_York 06:30");
    let after = ann.opens_preferences().await;
    for tag in after.split('<').filter(|tag| tag.starts_with("input") || tag.starts_with("option")) {
        let is_chosen = ["\"weekdays\"", "\"science\"", "\"local news\"", "\"America/New_York\"", "\"en\""]
            .iter()
            .any(|it| tag.contains(it));
        assert_eq!(tag.contains(" checked") || tag.contains(" selected"), is_chosen, "{tag}");
    }

    let fields = [("cadence", "every_issue"), ("sections", ""), ("time_zone", ""), ("send_time", "")];
    assert_eq!(ann.chooses(&fields).await.status, 200);
    assert_eq!(chosen(&ann).await, "every_issue [] - -");
    assert_eq!(app.consent_of(ANN).await, ["requested", "confirmed"], "no consent is given here");
}

async fn fields_that_the_page_does_not_show_are_kept(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.days = Days::parse("sat").unwrap()).await;
    let ann = app.visitor(ANN);
    ann.signs_up_with(&[("time_zone", "Asia/Tokyo")]).await;
    ann.confirms().await;
    let shown = ann.opens_preferences().await;
    for unasked in ["time_zone", "send_time", "sections", "Once a week"] {
        assert!(!shown.contains(unasked), "{unasked}");
    }
    assert_eq!(ann.chooses(&[("cadence", "every_issue")]).await.status, 200);
    assert_eq!(chosen(&ann).await, "every_issue [] Asia/Tokyo -");
    // A section that the reader chose earlier is offered even if no article has it now.
    assert_eq!(ann.chooses(&[("sections", ""), ("sections", "chess")]).await.status, 200);
    assert!(ann.opens_preferences().await.contains("chess"));
}

async fn wrong_choices_are_explained_and_change_nothing(engine: Engine) {
    let app = with_readers_clock(engine).await;
    let ann = app.reader(ANN).await;
    let many: Vec<String> = (0..31).map(|number| format!("section {number}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| ("sections", name.as_str())).collect();
    let long = "x".repeat(101);
    for (fields, says) in [
        (&[("cadence", "hourly")][..], "Choose how often you want"),
        (&[("time_zone", "Mars/Olympus")], "Choose a time zone"),
        (&[("send_time", "25:00")], "Enter a time of day"),
        (&[("sections", "!?")], "needs a letter or a digit"),
        (&[("sections", &long)], "at most 100"),
        (&many, "more than 30 sections"),
        (&[("cadence", "weekly"), ("time_zone", "<script>alert(1)</script>")], "Choose a time zone"),
    ] {
        let answer = ann.chooses(fields).await;
        assert_eq!(answer.status, 422, "{says}");
        assert!(answer.contains(says), "{says}: {answer}");
        assert!(!answer.contains("script>"), "{answer}");
    }
    // All problems at once, each beside its field.
    let answer = ann.chooses(&[("cadence", "hourly"), ("time_zone", "Mars"), ("send_time", "late")]).await;
    for (id, says) in [
        ("cadence-error", "Choose how often you want"),
        ("time_zone-error", "Choose a time zone"),
        ("send_time-error", "Enter a time of day"),
    ] {
        let (_, message) = answer.split_once(&format!("id=\"{id}\"")).expect(id);
        assert!(message.split("</p>").next().unwrap().contains(says), "{id}: {answer}");
    }
    assert!(answer.contains("Please check what you entered"), "{answer}");
    let plain = app.posting(&ann.preferences().await).body("cadence=weekly").send().await.unwrap();
    assert_eq!(plain.status(), 415);
    assert_eq!(chosen(&ann).await, "every_issue [] - -");
}

async fn only_the_readers_own_link_opens_the_page_and_only_while_subscribed(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    let (page, leave) = (ann.preferences().await, ann.unsubscribe_link().await);
    let id = ann.subscription().await.id.0;
    let (other_key, keys) = (KeyRing::new(&[[7_u8; 32]]).unwrap(), &app.app.subscription.keys);
    let wrong = [
        other_key.sign(Purpose::Unsubscribe, id),
        keys.sign(Purpose::Confirm, id),
        keys.sign(Purpose::Unsubscribe, 999),
        "x".into(),
    ];
    for wrong in wrong {
        let page = format!("/preferences/{wrong}");
        assert_eq!(app.get(&page).await.status(), 404);
        assert_eq!(app.post_form(&page, &[("cadence", "weekly")]).await.status(), 404);
    }
    let test = format!("/preferences/{}", keys.sign(Purpose::Test, id));
    assert!(app.page(&test).await.contains("This is a test"));
    assert!(app.submit(&test, &[("cadence", "weekly")]).await.contains("This is a test"));
    assert!(app.page(&page).await.contains(&leave));
    ann.unsubscribes().await;
    let gone = ann.chooses(&[("cadence", "weekly")]).await;
    assert!(gone.contains("You’re not subscribed") && gone.contains("Sign up"), "{gone}");
    assert_eq!(chosen(&ann).await, "every_issue [] - -");
}

async fn a_signup_keeps_the_zone_it_came_from_once(engine: Engine) {
    let app = TestApp::start(engine).await;
    let zone = async |address: &str| app.visitor(address).subscription().await.time_zone;
    let ann = app.visitor(ANN);
    ann.signs_up_with(&[("time_zone", "europe/berlin")]).await;
    assert_eq!(zone(ANN).await.as_deref(), Some("Europe/Berlin"));
    app.clock.advance(SignedDuration::from_mins(5));
    ann.signs_up_with(&[("time_zone", "Asia/Tokyo")]).await;
    assert_eq!(zone(ANN).await.as_deref(), Some("Europe/Berlin"), "a stranger can't change it");
    let long = "x".repeat(5000);
    for (number, unknown) in
        ["", "Mars/Olympus", "Etc/Unknown", "\0", "right/Europe/Berlin", &long].iter().enumerate()
    {
        let address = format!("reader{number}@example.org");
        let answer = app.visitor(&address).signs_up_with(&[("time_zone", unknown)]).await;
        assert_eq!(answer.status, 200, "{unknown:.20}");
        assert_eq!(zone(&address).await, None, "{unknown:.20}");
    }
    for (address, value) in [("json@example.org", Some("Asia/Tokyo")), ("none@example.org", None)] {
        let answer = app.post_json("/subscribe", &json!({ "email": address, "time_zone": value })).await;
        assert_eq!(answer.status(), 202);
        assert_eq!(zone(address).await.as_deref(), value);
    }
    ann.confirms().await;
    app.clock.advance(SignedDuration::from_hours(30));
    ann.signs_up_with(&[("time_zone", "Asia/Tokyo")]).await;
    assert_eq!(zone(ANN).await.as_deref(), Some("Europe/Berlin"));
}

async fn an_operator_sees_and_changes_preferences(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    let bob = app.visitor("bob@example.org");
    bob.signs_up().await;
    let daily = app.program();
    let set = ["subscriber", "set", "ANN@example.org", "--cadence", "weekly", "--sections", "Science,local"];
    let ended =
        daily.run(&[&set[..], &["--time-zone", "Europe/Berlin", "--send-time", "06:15"]].concat()).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(
        ended.stdout.contains("daily: active (weekly; local, science; 06:15, Europe/Berlin; reads en)"),
        "{}",
        ended.stdout
    );
    assert_eq!(chosen(&ann).await, "weekly [local,science] Europe/Berlin 06:15");
    let shown = daily.run(&["--json", "subscriber", "show", ANN]).await.json();
    let it = &shown["subscriptions"][0]["subscription"];
    assert_eq!(
        (&it["cadence"], &it["sections"][1], &it["time_zone"]),
        (&"weekly".into(), &"science".into(), &"Europe/Berlin".into())
    );
    let back = ["--sections", "all", "--time-zone", "newsletter", "--send-time", "newsletter"];
    assert_eq!(daily.run(&[&["subscriber", "set", ANN][..], &back].concat()).await.code, 0);
    assert_eq!(chosen(&ann).await, "weekly [] - -");
    for (wrong, code) in [
        ([ANN, "--cadence", "hourly"], 2),
        ([ANN, "--sections", "!,?"], 2),
        ([ANN, "--time-zone", "Berlin"], 2),
        ([ANN, "--send-time", "7"], 2),
        (["ann", "--cadence", "weekly"], 2),
        (["nobody@example.org", "--cadence", "weekly"], 1),
        (["bob@example.org", "--cadence", "weekly"], 1),
    ] {
        let ended = daily.run(&[&["subscriber", "set"][..], &wrong].concat()).await;
        assert_eq!(ended.code, code, "{wrong:?}: {ended:?}");
    }
    assert_eq!(chosen(&bob).await, "every_issue [] - -");
}

async fn a_choice_after_the_freeze_does_not_change_the_issue(engine: Engine) {
    let app = with_readers_clock(engine).await;
    let ann = app.reader(ANN).await;
    app.article("The bridge opens").await;
    app.run_due_at("2026-05-02T07:00:00Z").await;
    let before = app.latest_issue().await;
    assert_eq!(ann.chooses(&[("time_zone", "Pacific/Honolulu")]).await.status, 200);
    let after = app.latest_issue().await;
    assert_eq!((after.due_at, after.last_due_at), (before.due_at, before.last_due_at));
    assert_eq!(chosen(&ann).await, "every_issue [] Pacific/Honolulu -");
}

with_services!(the_page_works_in_a_browser_and_the_signup_says_its_zone);

async fn the_page_works_in_a_browser_and_the_signup_says_its_zone() {
    let app = with_readers_clock(Engine::Sqlite).await;
    for (title, section) in [
        ("The bridge opens", "Local News"),
        ("The probe lands", "Science"),
        ("The match ends", "Sport"),
        ("The play begins", "Arts and an uncommonly long name of a section"),
    ] {
        app.story(title, section).await;
    }
    let ann = app.reader(ANN).await;
    let page = format!("{}{}", app.url, ann.preferences().await);
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
        assert_eq!(fits, json!(true), "{name}");
        browser.screenshot(&format!("preferences-{name}")).await;
        let script = "const it = document.querySelector('form[novalidate]'); it.querySelector('[value=weekdays]').click(); \
            it.querySelector('[value=science]').checked = true; it.querySelector('#send-time').value = '06:30'; \
            it.querySelector('#time-zone').value = 'Europe/Lisbon'; it.requestSubmit();";
        client.execute(script, vec![]).await.unwrap();
        client.wait().for_element(fantoccini::Locator::Css("[role=status]")).await.unwrap();
        browser.screenshot(&format!("preferences-saved-{name}")).await;
        assert_eq!(chosen(&ann).await, "weekdays [science] Europe/Lisbon 06:30");
        if width == 1000 {
            client.goto(&app.url).await.unwrap();
            let said = "return document.querySelector('[name=time_zone]').value === Intl.DateTimeFormat().resolvedOptions().timeZone";
            assert_eq!(client.execute(said, vec![]).await.unwrap(), json!(true));
            browser.screenshot("signup-with-zone").await;
        }
        app.set_preferences(&app.newsletter().await, ANN, &anything()).await;
    }
}
