//! The signup form with several newsletters, and in a frame of another site.

use crate::support::{
    Engine, TestApp, browser::Browser, eventually, form_token_in, on_both_engines, with_services,
};
use daily::domain::{newsletter::Archive, subscriber::subscription::SubscriptionStatus};
use fantoccini::Locator;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

on_both_engines!(
    with_several_newsletters_the_form_lists_them,
    every_problem_of_a_signup_is_named_at_once,
    pages_do_not_quote_what_was_asked_for,
    a_form_with_an_unknown_newsletter_says_so,
    readers_pages_lead_feed_readers_to_the_feed,
);

async fn with_several_newsletters_the_form_lists_them(engine: Engine) {
    let app = TestApp::start(engine).await;
    assert!(!app.page("/").await.contains("type=\"checkbox\""), "a single one is no question");
    app.add_newsletter("weekly", |it| it.title = "The Weekly".into()).await;
    let form = app.page("/?newsletter=weekly&lang=de").await;
    assert!(form.contains("Welche Newsletter möchten Sie bekommen?"), "{form}");
    assert!(form.contains(r#"name="newsletter" value="weekly" checked"#), "{form}");
    assert!(form.contains(r#"name="newsletter" value="daily">"#), "{form}");
    let started = form_token_in(&form);
    let own =
        [("email", "ann@example.org"), ("started", started.as_str()), ("lang", "de"), ("newsletter", "")];
    let none = app.submit("/subscribe", &own).await;
    assert_eq!(none.status, 422);
    assert!(
        none.contains("mindestens einen Newsletter") && none.contains("value=\"ann@example.org\""),
        "{none}"
    );
    assert!(!none.contains("aria-invalid") && !none.contains(" checked"), "{none}");
    let both = [&own[..], &[("newsletter", "weekly"), ("newsletter", "daily")]].concat();
    let answer = app.submit("/subscribe", &both).await;
    assert!(answer.status == 200 && answer.contains("Ihre Anmeldung zu The Weekly und Daily"), "{answer}");
    app.settle().await;
    let ann = app.visitor("ann@example.org");
    for newsletter in ["daily", "weekly"] {
        assert_eq!(ann.status_at(newsletter).await, Some(SubscriptionStatus::Pending), "{newsletter}");
    }
    assert_eq!(ann.emails().len(), 1, "one email asks about both");
    // The boxes stay ticked if the address is wrong.
    let wrong = [&own[..], &[("newsletter", "daily")]].concat();
    let wrong: Vec<_> =
        wrong.into_iter().map(|(name, value)| (name, if name == "email" { "x" } else { value })).collect();
    let wrong = app.submit("/subscribe", &wrong).await;
    assert!(wrong.contains(r#"value="daily" checked"#) && wrong.contains(r#"value="weekly">"#), "{wrong}");
}

async fn every_problem_of_a_signup_is_named_at_once(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.add_newsletter("weekly", |_| {}).await;
    let wrong = json!({ "email": "secret@localhost", "newsletter": ["daily", "SECRET"], "lang": "de" });
    let answer = app.post_json("/subscribe", &wrong).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-language"]),
        (422, &"de".parse().unwrap())
    );
    let text = answer.text().await.unwrap();
    assert!(!text.to_lowercase().contains("secret"), "nothing of the request is quoted: {text}");
    let problem: Value = serde_json::from_str(&text).unwrap();
    let told: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["pointer"].as_str().unwrap(), it["code"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("#/email", "address_domain"), ("#/newsletter/1", "short_name")]);
    for error in problem["errors"].as_array().unwrap() {
        assert!(problem["detail"].as_str().unwrap().contains(error["detail"].as_str().unwrap()), "{problem}");
    }
    // Each wrong item of a list is named, beside a refused address and fields that can't be read.
    for (wrong, expected) in [
        (
            json!({ "email": "secret@mailinator.com", "newsletter": ["SECRET", "secret", "daily", "secret-2"] }),
            &[
                ("#/email", "disposable_domain"),
                ("#/newsletter/0", "short_name"),
                ("#/newsletter/1", "newsletter_unknown"),
                ("#/newsletter/3", "newsletter_unknown"),
            ][..],
        ),
        (
            json!({ "email": "info@localhost", "newsletter": "secret" }),
            &[("#/email", "address_domain"), ("#/newsletter", "newsletter_unknown")],
        ),
        (
            json!({ "email": "secret@localhost", "newsletter": ["SECRET"], "lang": 7 }),
            &[("#/email", "address_domain"), ("#/lang", "wrong_type"), ("#/newsletter", "short_name")],
        ),
        (json!({ "lang": 7 }), &[("#/email", "address_required"), ("#/lang", "wrong_type")]),
    ] {
        let answer = app.post_json("/subscribe", &wrong).await;
        assert_eq!(answer.status(), 422);
        let text = answer.text().await.unwrap();
        assert!(!text.to_lowercase().contains("secret") && !text.contains("mailinator"), "{text}");
        let problem: Value = serde_json::from_str(&text).unwrap();
        let found: Vec<_> = problem["errors"].as_array().unwrap().iter().collect();
        let found: Vec<_> =
            found.iter().map(|it| (it["pointer"].as_str().unwrap(), it["code"].as_str().unwrap())).collect();
        assert_eq!(found, expected, "{wrong}");
    }
    // The same applies to unreadable bodies.
    for (body, pointer, code) in [
        (json!({ "email": ["SECRET"] }), "#/email", "wrong_type"),
        (json!({ "email": "ann@example.org", "SECRET": 1 }), "#", "unknown_field"),
        (json!(["SECRET"]), "#", "wrong_type"),
        (json!({}), "#/email", "address_required"),
    ] {
        let answer = app.post_json("/subscribe", &body).await;
        assert_eq!(answer.status(), 422);
        let text = answer.text().await.unwrap();
        assert!(!text.contains("SECRET"), "{text}");
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        assert_eq!(problem["errors"][0]["code"], code, "{problem}");
    }
    // In a form each message is beside its field.
    let started = app.form_token().await;
    let page = app
        .submit("/subscribe", &[("email", "x"), ("newsletter", ""), ("started", &started), ("lang", "fr")])
        .await;
    assert_eq!(page.status, 422);
    for (id, says) in [("email-error", "nom@example.org"), ("newsletter-error", "au moins une newsletter")] {
        let (_, message) = page.split_once(&format!("id=\"{id}\"")).expect(id);
        assert!(message.split("</p>").next().unwrap().contains(says), "{page}");
        assert!(page.contains(&format!("aria-describedby=\"{id}\"")), "{page}");
    }
    assert_eq!(app.store().await.rows_in("signups").await, 0, "nothing was taken");
}

async fn pages_do_not_quote_what_was_asked_for(engine: Engine) {
    let app = TestApp::start(engine).await;
    for path in ["/?newsletter=secret", "/?newsletter=SECRET%3Cb%3E", "/issues?newsletter=secret", "/secret"]
    {
        for accept in ["text/html", "application/json"] {
            let answer = app.getting(path).header("accept", accept).send().await.unwrap();
            assert_eq!(answer.status(), 404, "{path}");
            let text = answer.text().await.unwrap();
            assert!(!text.to_lowercase().contains("secret"), "{path}: {text}");
        }
    }
    let url = format!("{}/subscribe", app.url);
    let answer = app.client.request("SECRET".parse().unwrap(), url).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    let text = answer.text().await.unwrap();
    assert!(text.contains("doesn’t support that kind of request") && !text.contains("SECRET"), "{text}");
}

async fn a_form_with_an_unknown_newsletter_says_so(engine: Engine) {
    let app = TestApp::start(engine).await;
    let says = "There is no such newsletter.";
    // The form of a newsletter that there is.
    let fields = [("email", "ann@example.org"), ("newsletter", "secret"), ("newsletter", "daily")];
    let page = app.submit("/subscribe", &fields).await;
    assert_eq!(page.status, 422);
    assert!(page.contains(says) && page.contains("value=\"ann@example.org\""), "{page}");
    assert!(!page.contains("secret"), "{page}");
    let page = app.submit("/subscribe", &fields[..2]).await;
    assert!(page.status == 422 && page.contains(says) && !page.contains("<form"), "{page}");
    assert_eq!(app.store().await.rows_in("signups").await, 0);
}

async fn readers_pages_lead_feed_readers_to_the_feed(engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.reader("ann@example.org").await;
    app.article("The bridge opens").await;
    app.send_issue().await;
    let leave = ann.unsubscribe_link().await;
    let feed = r#"<link rel="alternate" type="application/atom+xml" title="Daily" href="/issues.xml?newsletter=daily">"#;
    for path in ["/", "/issues", leave.as_str()] {
        assert!(app.page(path).await.contains(feed), "{path}");
    }
    app.change_newsletter(|it| it.archive = Archive::Unlisted).await;
    assert!(!app.page("/").await.contains("atom+xml"), "there is none");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_sites_that_may_sign_readers_up_may_frame_the_form_and_nothing_else() {
    let app = TestApp::start_with(Engine::Sqlite, |settings| {
        settings.http.allowed_origins = vec!["https://www.example.org".into(), "https://blog.example".into()];
    })
    .await;
    let policy = async |path: &str| {
        let answer = app.get(path).await;
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        policy.rsplit_once("frame-ancestors ").unwrap().1.to_owned()
    };
    assert_eq!(policy("/embed").await, "https://www.example.org https://blog.example");
    assert_eq!(policy("/embed?newsletter=none").await, "https://www.example.org https://blog.example");
    for path in ["/", "/?embed", "/subscribe", "/confirm/x", "/preferences/x", "/embed/", "/issues"] {
        assert_eq!(policy(path).await, "'none'", "{path}");
    }
    let alone = TestApp::start(Engine::Sqlite).await;
    let answer = alone.get("/embed").await;
    assert!(
        answer.headers()["content-security-policy"].to_str().unwrap().ends_with("frame-ancestors 'none'")
    );
}

with_services!(
    in_a_frame_the_form_its_questions_and_its_answers_stay_there,
    a_frame_beside_the_script_is_as_high_as_its_page,
);

async fn in_a_frame_the_form_its_questions_and_its_answers_stay_there() {
    let publisher = MockServer::start().await;
    let origin = publisher.uri();
    let allowed = vec![origin.clone()];
    let app = TestApp::start_with(Engine::Sqlite, |settings| settings.http.allowed_origins = allowed).await;
    let article = format!(
        "<!doctype html><html lang=\"fr\"><meta charset=\"utf-8\"><title>Le pont</title><h1>Le pont</h1>\
         <iframe src=\"{}/embed?lang=fr\" title=\"Daily\" width=\"360\" height=\"420\"></iframe></html>",
        app.url
    );
    let answer = ResponseTemplate::new(200)
        .insert_header("content-security-policy", format!("default-src 'none'; frame-src {}", app.url))
        .set_body_raw(article, "text/html");
    Mock::given(path("/article")).respond_with(answer).mount(&publisher).await;
    for browser in [Browser::start().await, Browser::without_scripts().await] {
        let page = browser.client();
        page.goto(&format!("{origin}/article")).await.unwrap();
        page.enter_frame(0).await.unwrap();
        let says = |words: &'static str| page.wait().for_element(Locator::XPath(words));
        says("//h1[contains(text(), 'Recevez Daily par e-mail')]").await.unwrap();
        page.find(Locator::Css("input[type=email]"))
            .await
            .unwrap()
            .send_keys("ann@gmial.com\u{e007}")
            .await
            .unwrap();
        says("//h1[text()='Vouliez-vous dire ann@gmail.com\u{a0}?']").await.unwrap();
        browser.screenshot("frame-slip").await;
        page.find(Locator::XPath("//button[contains(text(), 'Utiliser')]"))
            .await
            .unwrap()
            .click()
            .await
            .unwrap();
        says("//h1[text()='Consultez votre boîte mail']").await.unwrap();
        page.enter_parent_frame().await.unwrap();
        assert_eq!(page.current_url().await.unwrap().path(), "/article", "the reader stays on the article");
    }
    assert_eq!(app.status_of("ann@gmail.com").await, Some(SubscriptionStatus::Pending));
    let source = app.visitor("ann@gmail.com").ledger().await[0].source_url.clone().unwrap();
    assert!(source.starts_with(&origin), "{source}");
}

async fn a_frame_beside_the_script_is_as_high_as_its_page() {
    let publisher = MockServer::start().await;
    let (origin, allowed) = (publisher.uri(), vec![publisher.uri()]);
    let app = TestApp::start_with(Engine::Sqlite, |settings| settings.http.allowed_origins = allowed).await;
    let article = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>The bridge</title><h1>The bridge</h1>\
         <iframe src=\"{0}/embed\" title=\"Daily\" width=\"360\" height=\"40\" data-daily></iframe>\
         <script src=\"{0}/embed.js\" async></script></html>",
        app.url
    );
    Mock::given(path("/article"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(article, "text/html"))
        .mount(&publisher)
        .await;
    let browser = Browser::start().await;
    let page = browser.client();
    page.goto(&format!("{origin}/article")).await.unwrap();
    // Waits until the frame is exactly as high as the page in it, and returns the height.
    let fits = async || {
        eventually("the frame fits its page", || async {
            let outside = page.execute("return document.querySelector('iframe').clientHeight", vec![]).await;
            page.enter_frame(0).await.ok()?;
            let script = "return Math.ceil(document.body.getBoundingClientRect().height)";
            let inside = page.execute(script, vec![]).await;
            page.enter_parent_frame().await.ok()?;
            let (outside, inside) = (outside.ok()?.as_u64()?, inside.ok()?.as_u64()?);
            (outside == inside && inside > 40).then_some(inside)
        })
        .await
    };
    let form = fits().await;
    // A problem needs more room, and the next page less.
    for (entered, is_fitting) in
        [("ann@localhost", u64::gt as fn(&u64, &u64) -> bool), ("ann@example.org", u64::ne)]
    {
        page.enter_frame(0).await.unwrap();
        let field = page.find(Locator::Css("input[type=email]")).await.unwrap();
        field.clear().await.unwrap();
        browser.turn_page(async |_| field.send_keys(&format!("{entered}\u{e007}")).await.unwrap()).await;
        page.enter_parent_frame().await.unwrap();
        let height = fits().await;
        assert!(is_fitting(&height, &form), "{entered}: {height} after {form}");
    }
}
