//! What readers' pages say in other languages than English.

use crate::support::{
    Engine,
    app::{TestApp, mark_in},
    on_both_engines,
};
use daily::{
    db::data_export,
    domain::{email_address::EmailAddress, signup_wording::signup_wording},
};
use serde_json::{Value, json};

/// A signup by a program: status, language and body of the answer.
async fn sign_up_by_json(app: &TestApp, signup: &Value) -> (u16, String, Value) {
    let post = app.client.post(format!("{}/subscribe", app.url)).header("content-type", "application/json");
    let answer = post.body(signup.to_string()).send().await.unwrap();
    let language = answer.headers()["content-language"].to_str().unwrap().to_owned();
    (answer.status().as_u16(), language, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

/// The text that a reader agreed to, as the ledger has it.
async fn agreed_to(app: &TestApp, address: &str) -> (Option<String>, Option<i64>) {
    let address = EmailAddress::parse(address).unwrap();
    let mut tx = app.app.db.read().await.unwrap();
    let export = data_export::read(&mut tx, &address, app.clock.now()).await.unwrap().unwrap();
    let held: Value = serde_json::from_str(&export.to_json().unwrap()).unwrap();
    let asked = &held["consent"][0];
    (asked["wording"].as_str().map(Into::into), asked["wording_version"].as_i64())
}

on_both_engines!(
    a_reader_comes_and_goes_in_the_newsletters_language,
    what_is_wrong_is_said_in_the_language_of_the_page_the_form_stands_on,
    a_slip_is_asked_about_in_the_readers_language,
    pages_of_no_newsletter_speak_the_language_asked_for_or_the_browsers,
    who_signs_up_in_a_language_is_written_to_in_it,
);

async fn a_reader_comes_and_goes_in_the_newsletters_language(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.language = "de-AT".into()).await;
    app.article("Die Brücke").await;
    let page = app.get(&format!("{}/", app.url)).await.text().await.unwrap();
    for says in ["Daily in Ihrem Postfach", "E-Mail-Adresse", "Anmelden", "Frühere Ausgaben"] {
        assert!(page.contains(says), "{says}: {page}");
    }
    let answer = app.sign_up("ann@example.org").await.text().await.unwrap();
    assert!(answer.contains("Daily beginnt, sobald Sie ihm gefolgt sind."), "{answer}");
    app.settle().await;
    let mail = app.mails_to("ann@example.org").pop().unwrap();
    assert_eq!(mail.header("Content-Language"), Some("de-AT"));
    assert_eq!(mail.subject(), "Bestätigen Sie Ihre Anmeldung zu Daily");
    let link = app.confirmation_link("ann@example.org");
    let before = app.get(&link).await.text().await.unwrap();
    assert!(before.contains("Ein Klick, und <strong>"), "{before}");
    assert!(app.post(&link).await.text().await.unwrap().contains("Sie sind dabei"));
    app.send_issue().await;
    let mails = app.mails_to("ann@example.org");
    let issue = mails.last().unwrap();
    assert_eq!(issue.header("Content-Language"), Some("de-AT"));
    assert!(
        issue.text().contains("Freitag, 1. Mai 2026") && issue.text().contains("Abmelden:"),
        "{}",
        issue.text()
    );
    let link = issue.link("/unsubscribe/");
    let before = app.get(&link).await.text().await.unwrap();
    assert!(
        before.contains("Daily abbestellen?") && before.contains("</strong> wird nichts mehr geschickt."),
        "{before}"
    );
    let after = app.post(&link).await.text().await.unwrap();
    for says in
        ["Sie sind abgemeldet", "Ich habe mich nie angemeldet", "value=\"never_asked\"", "Wieder anmelden"]
    {
        assert!(after.contains(says), "{says}: {after}");
    }
}

async fn what_is_wrong_is_said_in_the_language_of_the_page_the_form_stands_on(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.language = "es".into()).await;
    let (status, language, taken) =
        sign_up_by_json(&app, &json!({ "email": "ann@example.org", "lang": "de-CH" })).await;
    assert_eq!((status, language.as_str()), (202, "de"));
    assert!(taken["message"].as_str().unwrap().contains("sehen Sie in Ihr Postfach"), "{taken}");
    let (_, language, taken) = sign_up_by_json(&app, &json!({ "email": "ann@example.org" })).await;
    assert_eq!(language, "es", "the newsletter's");
    assert!(taken["message"].as_str().unwrap().contains("Revise su bandeja"), "{taken}");
    for (email, says) in [
        ("", "Indiquez une adresse"),
        ("ann@localhost", "n’est pas un nom de domaine"),
        ("ann@mailinator.com", "chez mailinator.com"),
    ] {
        let (status, language, problem) =
            sign_up_by_json(&app, &json!({ "email": email, "lang": "fr" })).await;
        assert_eq!((status, language.as_str()), (422, "fr"));
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
        let page = app.post_form("/subscribe", &[("email", email), ("lang", "fr")]).await;
        assert_eq!(page.status(), 422);
        let page = page.text().await.unwrap();
        assert!(page.contains("<html lang=\"fr\"") && page.contains(says), "{page}");
    }
    let (_, language, problem) =
        sign_up_by_json(&app, &json!({ "email": "ann@example.org", "newsletter": "none", "lang": "pt" }))
            .await;
    assert_eq!((language.as_str(), &problem["detail"]), ("pt", &json!("Não existe a newsletter «none».")));
}

async fn a_slip_is_asked_about_in_the_readers_language(engine: Engine) {
    let app = TestApp::start(engine).await;
    let fields = [("email", "ann@gmial.com"), ("lang", "fr")];
    let page = app.post_form("/subscribe", &fields).await.text().await.unwrap();
    for says in
        ["Vouliez-vous dire ann@gmail.com ?", "Oui, prendre ann@gmail.com", "Non, ann@gmial.com est juste"]
    {
        assert!(page.contains(says), "{says}: {page}");
    }
    assert!(page.contains(r#"name="lang" value="fr""#), "the answer to it is in the same language");
    let (_, _, problem) = sign_up_by_json(&app, &json!({ "email": "ann@gmial.com", "lang": "de" })).await;
    assert_eq!(problem["detail"], "Meinten Sie ann@gmail.com?");
    assert_eq!(problem["insist"], json!({ "as_typed": "yes" }));
    assert_eq!(problem["keep"], "Nein, ann@gmial.com stimmt");
}

async fn pages_of_no_newsletter_speak_the_language_asked_for_or_the_browsers(engine: Engine) {
    let app = TestApp::start(engine).await;
    let get = |path: &str| {
        let request = app.client.get(format!("{}{path}", app.url)).header("accept-language", "es, en;q=0.5");
        async { request.send().await.unwrap().text().await.unwrap() }
    };
    for (path, says) in [
        ("/nowhere", "No hay ninguna página"),
        ("/nowhere?lang=de", "gibt es keine Seite"),
        ("/confirm/x", "suscríbase otra vez"),
        ("/unsubscribe/x?lang=fr", "Ce lien ne fonctionne pas"),
        ("/subscribe", "no acepta GET"),
        ("/issues?before=x", "No ha funcionado"),
        ("/?newsletter=none", "No existe el boletín «none»"),
        ("/issues/2026-01-01?lang=pt", "Daily não tem nenhuma edição"),
    ] {
        let page = get(path).await;
        assert!(page.contains(says) && !page.contains("<html lang=\"en\""), "{path}: {page}");
    }
    // The newsletter is in English, and so is its form, unless another language is asked for.
    assert!(get("/").await.contains("Read Daily in your inbox"));
    let page = get("/?lang=pt-BR").await;
    assert!(
        page.contains("Daily na sua caixa de entrada") && page.contains(r#"name="lang" value="pt""#),
        "{page}"
    );
}

async fn who_signs_up_in_a_language_is_written_to_in_it(engine: Engine) {
    let app = TestApp::start(engine).await;
    let page = app.get(&format!("{}/?lang=fr", app.url)).await.text().await.unwrap();
    let promise = signup_wording(Some("fr"));
    assert!(page.contains(promise.text), "{page}");
    let started = mark_in(&page);
    app.post_form("/subscribe", &[("email", "ann@example.org"), ("lang", "fr"), ("started", &started)]).await;
    app.settle().await;
    let mail = app.mails_to("ann@example.org").pop().unwrap();
    assert_eq!(
        (mail.subject(), mail.header("Content-Language")),
        ("Confirmez votre inscription à Daily", Some("fr"))
    );
    let link = app.confirmation_link("ann@example.org");
    assert!(app.get(&link).await.text().await.unwrap().contains("Recevoir Daily par e-mail"));
    assert!(
        app.get(&format!("{link}?lang=de")).await.text().await.unwrap().contains("Daily per Mail bekommen?")
    );
    assert!(app.post(&link).await.text().await.unwrap().contains("C’est fait"));
    let kept = agreed_to(&app, "ann@example.org").await;
    assert_eq!(kept, (Some(promise.text.to_owned()), Some(promise.version)), "the ledger has what was shown");
    // Of a form on another site, of a program and of our own form of days ago it is not known what they showed.
    app.post_form("/subscribe", &[("email", "bob@example.org"), ("lang", "fr")]).await;
    sign_up_by_json(&app, &json!({ "email": "cleo@example.org", "lang": "fr" })).await;
    app.clock.advance(jiff::SignedDuration::from_hours(50));
    app.post_form("/subscribe", &[("email", "dora@example.org"), ("lang", "fr"), ("started", &started)])
        .await;
    for address in ["bob@example.org", "cleo@example.org", "dora@example.org"] {
        app.signups_taken().await;
        assert_eq!(agreed_to(&app, address).await, (None, None), "{address}");
    }
    // An issue is the newsletter's; the page to leave is the reader's, and so is the last mail.
    app.article("The bridge").await;
    app.send_issue().await;
    let issue = app.mails_to("ann@example.org").pop().unwrap();
    assert_eq!(issue.header("Content-Language"), Some("en"));
    let leave = issue.link("/unsubscribe/");
    assert!(app.get(&leave).await.text().await.unwrap().contains("Quitter Daily"));
    assert!(app.post(&leave).await.text().await.unwrap().contains("Vous êtes désinscrit"));
}
