//! The preferences page: its languages, and other newsletters on it.

use crate::support::{Engine, TestApp, browser::Browser, on_both_engines, with_services};
use daily::{
    actions::subscription::pause_subscription::pause_subscription,
    domain::{
        delivery::email::EmailKind,
        join_wording::join_wording,
        newsletter::SendClock,
        subscriber::subscription::SubscriptionStatus::{Active, Complained, Paused, Unsubscribed},
    },
    jobs::send_email,
};
use fantoccini::Locator;
use jiff::{SignedDuration, civil::date};

const ANN: &str = "ann@example.org";

on_both_engines!(
    a_card_saves_itself_and_the_inputs_of_others_stay_as_typed,
    another_newsletter_is_joined_and_unsubscribed_from_with_a_click,
    a_newsletter_joined_by_a_forwarded_link_is_reported_to_the_reader,
    a_pause_does_not_hold_back_the_notice_about_a_joining,
    joining_is_limited_and_unsubscribing_is_not,
    links_in_old_emails_cause_a_few_emails_a_day,
    suppressed_and_unsubscribed_readers_can_not_join,
    the_page_speaks_the_readers_language,
);

async fn a_card_saves_itself_and_the_inputs_of_others_stay_as_typed(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.story("The whale", "Science").await;
    app.story("The bridge opens", "Local").await;
    let ann = app.reader(ANN).await;
    let typed = [
        ("cadence", "weekly"),
        ("sections", ""),
        ("sections", "science"),
        ("language", "fr"),
        ("until", "2026-07-01"),
        ("address", "half-typed"),
    ];
    let saved = ann.chooses(&[&typed[..], &[("do", "cadence")]].concat()).await;
    assert!(saved.contains("Saved. Your next issue comes"), "{saved}");
    for kept in [
        "value=\"science\" checked",
        "value=\"half-typed\"",
        "value=\"fr\" lang=\"fr\" selected",
        "2026-07-01",
    ] {
        assert!(saved.contains(kept), "{kept}: {saved}");
    }
    let subscription = ann.subscription().await;
    assert_eq!((subscription.cadence.as_str(), subscription.sections.is_all()), ("weekly", true));
    assert_eq!(subscription.status, Active);
    assert_ne!(subscription.language.as_deref(), Some("fr"));
    // A problem concerns its own card only.
    let refused = ann.chooses(&[&typed[..], &[("do", "address")]].concat()).await;
    assert!(refused.status == 422 && refused.contains("id=\"address-error\""), "{refused}");
    assert!(refused.contains("value=\"science\" checked"), "{refused}");
    ann.chooses(&[&typed[..], &[("do", "sections")]].concat()).await;
    assert_eq!(ann.subscription().await.sections.to_string(), "science");
    // Enter saves all preferences, and nothing else.
    let all = ann.chooses(&[&typed[..], &[("do", "save")]].concat()).await;
    assert!(all.contains("<html lang=\"fr\"") && all.contains("Enregistré."), "{all}");
    assert_eq!(ann.status_at("daily").await, Some(Active));
}

async fn another_newsletter_is_joined_and_unsubscribed_from_with_a_click(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.welcome_mail = true).await;
    let ann = app.visitor(ANN);
    ann.signs_up_with(&[("time_zone", "Asia/Tokyo")]).await;
    ann.confirms().await;
    let alone = ann.opens_preferences().await;
    assert!(!alone.contains("Other newsletters"), "{alone}");
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    app.settle().await;
    let mails = ann.emails().len();
    let shown = ann.opens_preferences().await;
    assert!(
        shown.contains("Subscribe to The Weekly") && !shown.contains("Unsubscribe from The Weekly"),
        "{shown}"
    );
    assert_eq!(ann.status_at("weekly").await, None, "looking changes nothing");

    let joined = ann.joins("weekly").await;
    for says in
        ["You’re now subscribed to The Weekly.", "Unsubscribe from The Weekly", "Preferences for The Weekly"]
    {
        assert!(joined.contains(says), "{says}: {joined}");
    }
    assert_eq!(ann.status_at("weekly").await, Some(Active));
    let weekly = ann.subscriptions().await.remove(1);
    assert_eq!(weekly.time_zone.as_deref(), Some("Asia/Tokyo"));
    let entry = ann.ledger().await.pop().unwrap();
    assert_eq!((entry.kind.as_str(), entry.method.as_str()), ("confirmed", "preferences"));
    assert!(entry.client_address.is_some());
    let own = format!("/preferences/{}", app.token(&weekly));
    assert!(joined.contains(&own) && app.page(&own).await.contains("The Weekly goes to <b>"));
    app.settle().await;
    assert_eq!(ann.emails().len(), mails + 1, "a welcome");

    let left = ann.leaves("weekly").await;
    assert!(
        left.contains("You’ve unsubscribed from The Weekly.") && left.contains("Subscribe to The Weekly"),
        "{left}"
    );
    assert_eq!(ann.status_at("weekly").await, Some(Unsubscribed));
    assert_eq!(ann.status_at("daily").await, Some(Active));
    // The reader is notified when somebody joins again, but at most once a day.
    ann.joins("weekly").await;
    app.settle().await;
    assert_eq!(ann.emails().len(), mails + 1);
    ann.leaves("weekly").await;
    app.clock.advance(SignedDuration::from_hours(25));
    ann.joins("weekly").await;
    app.settle().await;
    assert_eq!(ann.emails().len(), mails + 2);
    assert_eq!(ann.status_at("weekly").await, Some(Active));
    for fields in [("join", "nothing"), ("leave", "\0"), ("leave", "daily")] {
        let page = ann.chooses(&[fields]).await;
        assert!(page.status == 422 && page.contains("There is no such newsletter."), "{fields:?}: {page}");
    }
    let page = ann.chooses(&[("do", "nonsense"), ("cadence", "weekly")]).await;
    assert!(page.status == 422 && page.contains("Choose one of: save, cadence,"), "{page}");
    assert_eq!(ann.subscription().await.cadence.as_str(), "every_issue");
    assert_eq!(
        ann.status_at("daily").await,
        Some(Active),
        "unsubscribing from the page's own newsletter has its own button"
    );
}

async fn a_newsletter_joined_by_a_forwarded_link_is_reported_to_the_reader(engine: Engine) {
    // Welcome emails are off.
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    let wording = join_wording(Some("en"));
    let shown = ann.opens_preferences().await;
    assert!(shown.contains(wording.text), "{shown}");
    ann.joins("weekly").await;
    app.settle().await;
    let mail = ann.last_email();
    let text = mail.text().replace('\n', " ");
    assert!(
        text.contains("You’re now subscribed to The Weekly at ann@example.org")
            && text.contains("If that wasn’t you"),
        "{text}"
    );
    let entry = app.store().await.ledger().await.pop().unwrap();
    assert_eq!((entry.method.as_str(), entry.address.as_deref()), ("preferences", Some(ANN)));
    assert_eq!(
        (entry.wording_version, entry.wording.as_deref()),
        (Some(wording.version), Some(wording.text))
    );
    assert_eq!(app.post(&mail.link("/unsubscribe/")).await.status(), 200);
    assert_eq!(
        (ann.status_at("weekly").await, ann.status_at("daily").await),
        (Some(Unsubscribed), Some(Active))
    );
    assert!(app.verify_ledger().await.broken == 0);
}

async fn a_pause_does_not_hold_back_the_notice_about_a_joining(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    ann.joins("weekly").await;
    app.settle().await;
    // As if she had paused before the workers ran. The welcome is not sent, but the notice about joining is.
    let mut before = ann.emails().len();
    for (it, is_told) in ann.subscriptions().await.into_iter().zip([false, true]) {
        assert!(pause_subscription(&app.app.actions, it.id, date(2026, 5, 9)).await.unwrap());
        let mail = app.insert_email(EmailKind::Welcome, ANN, Some(&it)).await;
        send_email::run(&app.app.jobs.delivery, &[mail]).await.unwrap();
        before += usize::from(is_told);
        assert_eq!(ann.emails().len(), before, "{}", it.newsletter);
    }
    assert!(ann.last_email().text().contains("The Weekly"));
}

async fn links_in_old_emails_cause_a_few_emails_a_day(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    app.add_newsletter("weekly", |_| {}).await;
    app.clock.advance(SignedDuration::from_hours(48));
    let before = ann.emails().len();
    for n in 0..10 {
        ann.joins("weekly").await;
        ann.leaves("weekly").await;
        ann.asks_for_address(&format!("new{n}@example.net")).await;
        ann.chooses(&[("do", "data_export")]).await;
    }
    app.settle().await;
    let caused = ann.emails().len() - before;
    assert!((4..=7).contains(&caused), "{caused}: five in all, and a welcome and a goodbye");
}

async fn joining_is_limited_and_unsubscribing_is_not(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    app.add_newsletter("weekly", |_| {}).await;
    for _ in 0..20 {
        ann.joins("weekly").await;
        assert_eq!(ann.status_at("weekly").await, Some(Active));
        ann.leaves("weekly").await;
        assert_eq!(ann.status_at("weekly").await, Some(Unsubscribed));
    }
    let store = app.store().await;
    let before = store.rows_in("consent_events").await;
    let refused = app.post_form(&ann.preferences().await, &[("join", "weekly")]).await;
    assert!(refused.status() == 429 && refused.headers().contains_key("retry-after"));
    assert!(refused.text().await.unwrap().contains("Too many requests"));
    ann.leaves("weekly").await;
    assert_eq!(store.rows_in("consent_events").await, before, "and the ledger does not grow");
    ann.unsubscribes().await;
    assert_eq!(ann.status_at("daily").await, Some(Unsubscribed));
}

async fn suppressed_and_unsubscribed_readers_can_not_join(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader(ANN).await;
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    app.suppress(ANN, "complained").await;
    assert!(ann.joins("weekly").await.contains("We can’t send The Weekly to your address"));
    assert_eq!(ann.status_at("weekly").await, None);
    app.store().await.lift_suppressions().await;
    ann.joins("weekly").await;
    app.store().await.end_subscriptions("weekly", "complained").await;
    let page = ann.joins("weekly").await;
    assert!(!page.contains("The Weekly"), "{page}");
    assert_eq!(ann.status_at("weekly").await, Some(Complained));
    for newsletter in ["daily", "weekly"] {
        app.store().await.end_subscriptions(newsletter, "unsubscribed").await;
    }
    assert!(ann.joins("weekly").await.contains("You’re not subscribed"));
    assert_eq!(ann.status_at("weekly").await, Some(Unsubscribed));
}

async fn the_page_speaks_the_readers_language(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.language = "de".into()).await;
    let ann = app.reader(ANN).await;
    let url = ann.preferences().await;
    let read = async |query: &str| app.page(&format!("{url}{query}")).await;
    for (query, language, says) in [
        ("", "de", "Wie oft"),
        ("?lang=pt-BR", "pt", "Com que frequência"),
        ("?lang=es", "es", "Con qué frecuencia"),
        ("?lang=xx", "de", "Montag bis Freitag"),
        ("?lang=en", "en", "How often"),
    ] {
        let page = read(query).await;
        assert!(
            page.contains(says) && page.contains(&format!("<html lang=\"{language}\"")),
            "{query}: {page}"
        );
    }
    // A choice applies from then on, to all newsletters and to the answer.
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    ann.joins("weekly").await;
    let saved = ann.chooses(&[("cadence", "weekly"), ("language", "fr")]).await;
    for says in ["Enregistré.", "un numéro par semaine (dimanche)", "<html lang=\"fr\""] {
        assert!(saved.contains(says), "{says}: {saved}");
    }
    assert!(read("").await.contains("À quel rythme"));
    assert!(read("?lang=en").await.contains("How often"));
    let all = ann.subscriptions().await;
    assert!(all.iter().all(|it| it.language.as_deref() == Some("fr")), "{all:?}");
    let refused = ann.chooses(&[("cadence", "every_issue"), ("language", "<b>")]).await;
    assert!(refused.status == 422 && !refused.contains("<b>\""), "{refused}");
    assert_eq!(ann.subscription().await.cadence.as_str(), "weekly", "nothing is saved by halves");
    let asked = app.submit(&format!("{url}?lang=es"), &[("do", "resume")]).await;
    assert!(
        asked.contains("?lang=es\"") && asked.contains("Con qué frecuencia"),
        "a language that is asked for stays: {asked}"
    );
    let french = ann.pauses_until("2026-05-09").await;
    assert!(french.contains("jusqu’au 9 mai 2026"), "{french}");
    app.clock.advance(SignedDuration::from_hours(1));
    let unknown = app.page("/preferences/x?lang=de").await;
    assert!(unknown.status == 404 && unknown.contains("Dieser Link funktioniert nicht"), "{unknown}");
}

with_services!(every_form_of_the_page_works_on_a_phone);

async fn every_form_of_the_page_works_on_a_phone() {
    let app = TestApp::start(Engine::Sqlite).await;
    app.change_newsletter(|it| it.clock = SendClock::Reader).await;
    app.story("The bridge opens", "Local News").await;
    app.add_newsletter("weekly", |it| it.title = "The Weekly, with a long name".into()).await;
    let ann = app.reader(ANN).await;
    let url = format!("{}{}", app.url, ann.preferences().await);
    for (name, browser) in [("dark", Browser::dark_phone().await), ("light", Browser::phone().await)] {
        let client = browser.client();
        for language in ["de", "fr", "pt", "es", "en"] {
            client.goto(&format!("{url}?lang={language}")).await.unwrap();
            let fits =
                "return [window.innerWidth, document.documentElement.scrollWidth <= window.innerWidth]";
            assert_eq!(
                client.execute(fits, vec![]).await.unwrap(),
                serde_json::json!([390, true]),
                "{language}"
            );
        }
        client.goto(&format!("{url}?lang=de")).await.unwrap();
        for part in 0..4 {
            client.execute("window.scrollTo(0, arguments[0] * 800)", vec![part.into()]).await.unwrap();
            browser.screenshot(&format!("own-page-{name}-{part}")).await;
        }
        // The inputs of other cards stay as typed.
        client.find(Locator::Css("#address")).await.unwrap().send_keys("half-typed").await.unwrap();
        client.find(Locator::Css("#until option:nth-child(3)")).await.unwrap().click().await.unwrap();
        browser.press("[value=pause]").await;
        browser.screenshot(&format!("own-page-paused-{name}")).await;
        assert_eq!(ann.status_at("daily").await, Some(Paused));
        let kept = client.execute("return document.querySelector('#address').value", vec![]).await.unwrap();
        assert_eq!(kept, "half-typed");
        browser.press("[value=resume]").await;
        assert_eq!(ann.status_at("daily").await, Some(Active));
        browser.press("[name=join]").await;
        assert_eq!(ann.status_at("weekly").await, Some(Active));
        let list = "document.querySelector('#newsletters').scrollIntoView({ block: 'center' })";
        client.execute(list, vec![]).await.unwrap();
        browser.screenshot(&format!("own-page-joined-{name}")).await;
        browser.press("[name=leave]").await;
        assert_eq!(ann.status_at("weekly").await, Some(Unsubscribed));
        browser.press("[value=data_export]").await;
        app.settle().await;
        client.goto(&ann.last_email().link("/data-export/")).await.unwrap();
        browser.screenshot(&format!("data-export-{name}")).await;
        client.goto(&url).await.unwrap();
        client.find(Locator::Css("#address")).await.unwrap().send_keys("ann@example.net").await.unwrap();
        browser.press("[value=address]").await;
        app.settle().await;
        client.goto(&app.emails_to("ann@example.net").last().unwrap().link("/address/")).await.unwrap();
        browser.screenshot(&format!("address-{name}")).await;
        browser.press("button").await;
        let said = client.find(Locator::Css("h1")).await.unwrap().text().await.unwrap();
        assert_eq!(said, "One more step");
    }
}
