//! A reader's own page: its language, and all newsletters on it.

use crate::support::{Engine, app::TestApp, browser::Browser, on_both_engines, with_services};
use daily::{
    actions::pause_subscription::pause_subscription,
    db::{
        mails::{self, NewMail},
        subscriptions::{self, SubscriptionRecord},
    },
    domain::{
        email_address::EmailAddress,
        joining_wording::joining_wording,
        mail::MailKind,
        newsletter::WhoseClock,
        subscription::SubscriptionStatus::{self, Active, Unsubscribed},
        token::Purpose,
    },
    queue::Job,
};
use fantoccini::Locator;
use jiff::SignedDuration;

const ANN: &str = "ann@example.org";

async fn subscriptions_of(app: &TestApp, address: &str) -> Vec<SubscriptionRecord> {
    let address = EmailAddress::parse(address).unwrap();
    let mut tx = app.app.db.read().await.unwrap();
    subscriptions::of_address(&mut tx, &address).await.unwrap()
}

async fn standing(app: &TestApp, newsletter: &str) -> Option<SubscriptionStatus> {
    let all = subscriptions_of(app, ANN).await;
    all.iter().find(|it| it.newsletter == newsletter).map(|it| it.status)
}

/// The page of Ann's subscription to the first newsletter.
async fn page(app: &TestApp) -> String {
    let id = subscriptions_of(app, ANN).await.remove(0).id;
    format!("/preferences/{}", app.app.actions.keys.sign(Purpose::Unsubscribe, id.0))
}

async fn post(app: &TestApp, fields: &[(&str, &str)]) -> String {
    let answer = app.post_form(&page(app).await, fields).await;
    assert!([200, 422].contains(&answer.status().as_u16()), "{}", answer.status());
    answer.text().await.unwrap()
}

on_both_engines!(
    another_newsletter_comes_and_goes_with_a_click,
    whoever_holds_a_readers_mail_can_not_add_a_newsletter_unnoticed,
    a_break_at_once_does_not_keep_the_mail_about_a_joining_back,
    joining_has_a_limit_and_leaving_has_none,
    nobody_joins_who_must_not_be_mailed_or_has_left,
    the_page_speaks_the_readers_language,
);

async fn another_newsletter_comes_and_goes_with_a_click(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.welcome_mail = true).await;
    app.post_form("/subscribe", &[("email", ANN), ("time_zone", "Asia/Tokyo")]).await;
    app.settle().await;
    app.post(&app.confirmation_link(ANN)).await;
    let alone = app.get(&format!("{}{}", app.url, page(&app).await)).await.text().await.unwrap();
    assert!(!alone.contains("Other newsletters"), "{alone}");
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    app.settle().await;
    let mails = app.mails_to(ANN).len();
    let shown = app.get(&format!("{}{}", app.url, page(&app).await)).await.text().await.unwrap();
    assert!(shown.contains("Get The Weekly") && !shown.contains("Leave The Weekly"), "{shown}");
    assert_eq!(standing(&app, "weekly").await, None, "looking changes nothing");

    let joined = post(&app, &[("join", "weekly")]).await;
    for says in ["The Weekly comes to you from now on.", "Leave The Weekly", "Choose how The Weekly comes"] {
        assert!(joined.contains(says), "{says}: {joined}");
    }
    assert_eq!(standing(&app, "weekly").await, Some(Active));
    let weekly = subscriptions_of(&app, ANN).await.remove(1);
    assert_eq!(weekly.time_zone.as_deref(), Some("Asia/Tokyo"));
    let mut tx = app.app.db.read().await.unwrap();
    let history = subscriptions::consent_history(&mut tx, weekly.id).await.unwrap();
    drop(tx);
    let told: Vec<_> = history.iter().map(|it| (it.kind.as_str(), it.method.as_str())).collect();
    assert_eq!(told, [("confirmed", "preferences")]);
    assert!(history[0].client_address.is_some());
    let own = format!("/preferences/{}", app.app.actions.keys.sign(Purpose::Unsubscribe, weekly.id.0));
    assert!(
        joined.contains(&own)
            && app.get(&format!("{}{own}", app.url)).await.text().await.unwrap().contains("Your The Weekly")
    );
    app.settle().await;
    assert_eq!(app.mails_to(ANN).len(), mails + 1, "a welcome");

    let left = post(&app, &[("leave", "weekly")]).await;
    assert!(
        left.contains("Nothing more of The Weekly comes to you.") && left.contains("Get The Weekly"),
        "{left}"
    );
    assert_eq!(standing(&app, "weekly").await, Some(Unsubscribed));
    assert_eq!(standing(&app, "daily").await, Some(Active));
    // Again: whoever it was, the reader is told.
    post(&app, &[("join", "weekly")]).await;
    app.settle().await;
    assert_eq!(app.mails_to(ANN).len(), mails + 2);
    assert_eq!(standing(&app, "weekly").await, Some(Active));
    post(&app, &[("join", "nothing")]).await;
    post(&app, &[("leave", "\0")]).await;
    post(&app, &[("leave", "daily")]).await;
    assert_eq!(standing(&app, "daily").await, Some(Active), "one's own is left on its page");
}

async fn whoever_holds_a_readers_mail_can_not_add_a_newsletter_unnoticed(engine: Engine) {
    // Readers are not greeted here.
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    let wording = joining_wording(Some("en"));
    let shown = app.get(&format!("{}{}", app.url, page(&app).await)).await.text().await.unwrap();
    assert!(shown.contains(wording.text), "{shown}");
    post(&app, &[("join", "weekly")]).await;
    app.settle().await;
    let mail = app.mails_to(ANN).pop().unwrap();
    let text = mail.text().replace('\n', " ");
    assert!(
        text.contains("From now on The Weekly comes to ann@example.org") && text.contains("If it wasn't you"),
        "{text}"
    );
    let agreed = format!(
        "SELECT count(*) FROM consent_events WHERE method = 'preferences' AND address = '{ANN}' \
        AND wording_version = {} AND wording = '{}'",
        wording.version, wording.text
    );
    assert_eq!(app.store().await.number(&agreed).await, 1);
    assert_eq!(app.post(&mail.link("/unsubscribe/")).await.status(), 200);
    assert_eq!(
        (standing(&app, "weekly").await, standing(&app, "daily").await),
        (Some(Unsubscribed), Some(Active))
    );
    assert!(daily::actions::verify_consent::verify_consent(&app.app.db).await.unwrap().broken == 0);
}

async fn a_break_at_once_does_not_keep_the_mail_about_a_joining_back(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    post(&app, &[("join", "weekly")]).await;
    app.settle().await;
    // As if the break had come before the workers looked; of a greeting, too, which nobody needs any more.
    let actions = &app.app.actions;
    let mut before = app.mails_to(ANN).len();
    for (it, is_told) in subscriptions_of(&app, ANN).await.into_iter().zip([false, true]) {
        assert!(pause_subscription(actions, it.id, jiff::civil::date(2026, 5, 9)).await.unwrap());
        let mail = NewMail {
            kind: MailKind::Welcome,
            newsletter: it.newsletter_id,
            recipient: &EmailAddress::parse(ANN).unwrap(),
            subscription: Some(it.id),
            confirmation: None,
            issue: None,
            feed: None,
            message_id: &format!("break-{}@news.example.org", it.id),
        };
        let mut tx = app.app.db.begin().await.unwrap();
        let mail = mails::insert(&mut tx, &mail, app.clock.now()).await.unwrap();
        actions.queue.enqueue(&mut tx, &Job::SendMail { mail }).await.unwrap();
        tx.commit().await.unwrap();
        app.settle().await;
        before += usize::from(is_told);
        assert_eq!(app.mails_to(ANN).len(), before, "{}", it.newsletter);
    }
    assert!(app.mails_to(ANN).pop().unwrap().text().contains("The Weekly"));
}

async fn joining_has_a_limit_and_leaving_has_none(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    app.add_newsletter("weekly", |_| {}).await;
    for _ in 0..20 {
        post(&app, &[("join", "weekly")]).await;
        assert_eq!(standing(&app, "weekly").await, Some(Active));
        post(&app, &[("leave", "weekly")]).await;
        assert_eq!(standing(&app, "weekly").await, Some(Unsubscribed));
    }
    let entries = "SELECT count(*) FROM consent_events";
    let before = app.store().await.number(entries).await;
    let refused = app.post_form(&page(&app).await, &[("join", "weekly")]).await;
    assert!(refused.status() == 429 && refused.headers().contains_key("retry-after"));
    assert!(refused.text().await.unwrap().contains("asked for often enough"));
    post(&app, &[("leave", "weekly")]).await;
    assert_eq!(app.store().await.number(entries).await, before, "and the ledger does not grow");
    let leave = page(&app).await.replace("preferences", "unsubscribe");
    assert_eq!(app.post(&format!("{}{leave}", app.url)).await.status(), 200);
    assert_eq!(standing(&app, "daily").await, Some(Unsubscribed));
}

async fn nobody_joins_who_must_not_be_mailed_or_has_left(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader(ANN).await;
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    let store = app.store().await;
    store
        .execute(
            "INSERT INTO suppressions (address_key, reason, created_at) \
        SELECT address_key, 'complained', created_at FROM subscribers WHERE address_key = 'ann@example.org'",
        )
        .await;
    assert!(post(&app, &[("join", "weekly")]).await.contains("can’t be sent to your address"));
    assert_eq!(standing(&app, "weekly").await, None);
    store.execute("DELETE FROM suppressions").await;
    post(&app, &[("join", "weekly")]).await;
    store.execute("UPDATE subscriptions SET status = 'complained' WHERE newsletter_id <> 1").await;
    let page = post(&app, &[("join", "weekly")]).await;
    assert!(!page.contains("The Weekly"), "{page}");
    assert_eq!(standing(&app, "weekly").await, Some(SubscriptionStatus::Complained));
    store.execute("UPDATE subscriptions SET status = 'unsubscribed' WHERE newsletter_id = 1").await;
    store.execute("UPDATE subscriptions SET status = 'unsubscribed' WHERE newsletter_id <> 1").await;
    assert!(post(&app, &[("join", "weekly")]).await.contains("You are not subscribed"));
    assert_eq!(standing(&app, "weekly").await, Some(Unsubscribed));
}

async fn the_page_speaks_the_readers_language(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.language = "de".into()).await;
    app.reader(ANN).await;
    let url = format!("{}{}", app.url, page(&app).await);
    let read = async |query: &str| app.get(&format!("{url}{query}")).await.text().await.unwrap();
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
    // A choice holds from then on, for all newsletters, and for the answer.
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    post(&app, &[("join", "weekly")]).await;
    let saved = post(&app, &[("cadence", "weekly"), ("language", "fr")]).await;
    for says in ["Enregistré.", "un numéro par semaine (dimanche)", "<html lang=\"fr\""] {
        assert!(saved.contains(says), "{says}: {saved}");
    }
    assert!(read("").await.contains("À quel rythme"));
    assert!(read("?lang=en").await.contains("How often"));
    let all = subscriptions_of(&app, ANN).await;
    assert!(all.iter().all(|it| it.language.as_deref() == Some("fr")), "{all:?}");
    post(&app, &[("cadence", "weekly"), ("language", "<b>")]).await;
    let asked = app
        .post_form(&format!("{}?lang=es", page(&app).await), &[("do", "resume")])
        .await
        .text()
        .await
        .unwrap();
    assert!(
        asked.contains("?lang=es\"") && asked.contains("Con qué frecuencia"),
        "a language that is asked for stays: {asked}"
    );
    let french = post(&app, &[("do", "pause"), ("until", "2026-05-09")]).await;
    assert!(french.contains("jusqu’au 9 mai 2026"), "{french}");
    app.clock.advance(SignedDuration::from_hours(1));
    let unknown = app.get(&format!("{}/preferences/x?lang=de", app.url)).await;
    assert_eq!(unknown.status(), 404);
    assert!(unknown.text().await.unwrap().contains("Dieser Link funktioniert nicht"));
}

/// A button is pressed, and the next page is there.
async fn press(browser: &Browser, button: &str) {
    let client = browser.client();
    let old = client.find(Locator::Css("html")).await.unwrap();
    client.find(Locator::Css(button)).await.unwrap().click().await.unwrap();
    crate::support::eventually("the next page is there", || async {
        let gone = old.tag_name().await.is_err();
        let ready = client.execute("return document.readyState", vec![]).await.ok()?;
        (gone && ready == "complete").then_some(())
    })
    .await;
}

with_services!(every_form_of_the_page_works_on_a_phone);

async fn every_form_of_the_page_works_on_a_phone() {
    let app = TestApp::start(Engine::Sqlite).await;
    app.change_newsletter(|it| it.clock = WhoseClock::Reader).await;
    app.story("The bridge opens", "Local News").await;
    app.add_newsletter("weekly", |it| it.title = "The Weekly, with a long name".into()).await;
    app.reader(ANN).await;
    let url = format!("{}{}", app.url, page(&app).await);
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
        client.execute("document.querySelector('#until').value = '2026-06-01'", vec![]).await.unwrap();
        press(&browser, "[value=pause]").await;
        browser.screenshot(&format!("own-page-paused-{name}")).await;
        assert_eq!(standing(&app, "daily").await, Some(SubscriptionStatus::Paused));
        press(&browser, "[value=resume]").await;
        assert_eq!(standing(&app, "daily").await, Some(Active));
        press(&browser, "[name=join]").await;
        assert_eq!(standing(&app, "weekly").await, Some(Active));
        let list = "document.querySelector('.newsletters').scrollIntoView({ block: 'center' })";
        client.execute(list, vec![]).await.unwrap();
        browser.screenshot(&format!("own-page-joined-{name}")).await;
        press(&browser, "[name=leave]").await;
        assert_eq!(standing(&app, "weekly").await, Some(Unsubscribed));
        press(&browser, "[value=copy]").await;
        app.settle().await;
        client.goto(&app.mails_to(ANN).last().unwrap().link("/copy/")).await.unwrap();
        browser.screenshot(&format!("copy-{name}")).await;
        client.goto(&url).await.unwrap();
        client.find(Locator::Css("#address")).await.unwrap().send_keys("ann@example.net").await.unwrap();
        press(&browser, "[value=address]").await;
        app.settle().await;
        client.goto(&app.mails_to("ann@example.net").last().unwrap().link("/address/")).await.unwrap();
        browser.screenshot(&format!("address-{name}")).await;
        press(&browser, "button").await;
        let said = client.find(Locator::Css("h1")).await.unwrap().text().await.unwrap();
        assert_eq!(said, "One more step");
    }
}
