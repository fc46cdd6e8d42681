//! Pages and emails in languages other than English.

use crate::support::{Engine, TestApp, form_token_in, on_both_engines};
use daily::domain::signup_wording::signup_wording;
use jiff::SignedDuration;
use serde_json::{Value, json};

const ANN: &str = "ann@example.org";

/// Signs up through the JSON API, and returns status, language and body of the answer.
async fn sign_up_by_json(app: &TestApp, signup: &Value) -> (u16, String, Value) {
    let answer = app.post_json("/subscribe", signup).await;
    let language = answer.headers()["content-language"].to_str().unwrap().to_owned();
    (answer.status().as_u16(), language, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

/// Returns the text that a reader agreed to, and its version.
async fn agreed_to(app: &TestApp, address: &str) -> (Option<String>, Option<i64>) {
    app.wait_for_signups().await;
    let ledger = app.store().await.ledger().await;
    let entry = ledger.into_iter().find(|it| it.address.as_deref() == Some(address)).unwrap();
    (entry.wording, entry.wording_version)
}

on_both_engines!(
    a_reader_signs_up_and_unsubscribes_in_the_newsletters_language,
    errors_are_in_the_language_of_the_page_with_the_form,
    a_slip_is_asked_about_in_the_readers_language,
    other_pages_are_in_the_requested_or_the_browsers_language,
    emails_are_in_the_language_of_the_signup,
);

async fn a_reader_signs_up_and_unsubscribes_in_the_newsletters_language(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.language = "de-AT".into()).await;
    app.article("Die Brücke").await;
    let page = app.page("/").await;
    for says in ["in Ihrem Postfach", "E-Mail-Adresse", "Anmelden", "Frühere Ausgaben"] {
        assert!(page.contains(says), "{says}: {page}");
    }
    let answer = app.sign_up(ANN).await.text().await.unwrap();
    assert!(answer.contains("bestätigen Sie Ihre Anmeldung zu Daily."), "{answer}");
    app.settle().await;
    let ann = app.visitor(ANN);
    let mail = ann.last_email();
    assert_eq!(mail.header("Content-Language"), Some("de-AT"));
    assert_eq!(mail.subject(), "Bitte bestätigen Sie Ihre Anmeldung zu Daily");
    let link = ann.confirmation_link();
    let before = app.page(&link).await;
    assert!(before.contains("Sie bekommen Daily an <b>ann@example.org</b>, täglich um"), "{before}");
    assert!(app.press(&link).await.contains("Sie sind dabei"));
    app.send_issue().await;
    let issue = ann.last_email();
    assert_eq!(issue.header("Content-Language"), Some("de-AT"));
    assert!(
        issue.text().contains("Freitag, 1. Mai") && issue.text().contains("Abbestellen:"),
        "{}",
        issue.text()
    );
    let link = issue.link("/unsubscribe/");
    let before = app.page(&link).await;
    assert!(before.contains("Daily, verschickt an <b>") && before.contains("Seltener bekommen"), "{before}");
    let after = app.press(&link).await;
    for says in
        ["Sie sind abgemeldet", "Ich habe mich nicht angemeldet", "value=\"never_asked\"", "Rückgängig"]
    {
        assert!(after.contains(says), "{says}: {after}");
    }
}

async fn errors_are_in_the_language_of_the_page_with_the_form(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.change_newsletter(|it| it.language = "es".into()).await;
    let (status, language, taken) = sign_up_by_json(&app, &json!({ "email": ANN, "lang": "de-CH" })).await;
    assert_eq!((status, language.as_str()), (202, "de"));
    assert!(taken["message"].as_str().unwrap().contains("Sehen Sie in Ihr Postfach"), "{taken}");
    let (_, language, taken) = sign_up_by_json(&app, &json!({ "email": ANN })).await;
    assert_eq!(language, "es", "the newsletter's");
    assert!(taken["message"].as_str().unwrap().contains("Mire su correo"), "{taken}");
    for (email, says) in [
        ("", "Indiquez une adresse"),
        ("ann@localhost", "n’est pas un nom de domaine"),
        ("ann@mailinator.com", "Cette adresse est temporaire"),
    ] {
        let (status, language, problem) =
            sign_up_by_json(&app, &json!({ "email": email, "lang": "fr" })).await;
        assert_eq!((status, language.as_str()), (422, "fr"));
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
        let page = app.submit("/subscribe", &[("email", email), ("lang", "fr")]).await;
        assert_eq!(page.status, 422);
        assert!(page.contains("<html lang=\"fr\"") && page.contains(says), "{page}");
    }
    let (_, language, problem) =
        sign_up_by_json(&app, &json!({ "email": ANN, "newsletter": "none", "lang": "pt" })).await;
    assert_eq!((language.as_str(), &problem["detail"]), ("pt", &json!("Esta newsletter não existe.")));
}

async fn a_slip_is_asked_about_in_the_readers_language(engine: Engine) {
    let app = TestApp::start(engine).await;
    let fields = [("email", "ann@gmial.com"), ("lang", "fr")];
    let page = app.submit("/subscribe", &fields).await;
    for says in ["Vouliez-vous dire ann@gmail.com\u{a0}?", "Utiliser ann@gmail.com", "Garder ma saisie"] {
        assert!(page.contains(says), "{says}: {page}");
    }
    assert!(page.contains(r#"name="lang" value="fr""#), "the answer to it is in the same language");
    let (_, _, problem) = sign_up_by_json(&app, &json!({ "email": "ann@gmial.com", "lang": "de" })).await;
    assert_eq!(problem["detail"], "Meinten Sie ann@gmail.com?");
    assert_eq!(problem["insist"], json!({ "as_typed": "yes" }));
    assert_eq!(problem["keep"], "Eingabe beibehalten");
}

async fn other_pages_are_in_the_requested_or_the_browsers_language(engine: Engine) {
    let app = TestApp::start(engine).await;
    let get = |path: &str| {
        let request = app.getting(path).header("accept-language", "es, en;q=0.5");
        async { request.send().await.unwrap().text().await.unwrap() }
    };
    for (path, says) in [
        ("/nowhere", "No hay ninguna página"),
        ("/nowhere?lang=de", "gibt es keine Seite"),
        ("/confirm/x", "suscríbase otra vez"),
        ("/unsubscribe/x?lang=fr", "Ce lien ne fonctionne pas"),
        ("/subscribe", "no acepta ese tipo de solicitud"),
        ("/issues?before=x", "No ha funcionado"),
        ("/?newsletter=none", "Este boletín no existe."),
        ("/issues/2026-01-01?lang=pt", "Daily não tem nenhuma edição"),
    ] {
        let page = get(path).await;
        assert!(page.contains(says) && !page.contains("<html lang=\"en\""), "{path}: {page}");
    }
    // The newsletter is in English, and so is its form, unless another language is asked for.
    assert!(get("/").await.contains("Get Daily in your inbox"));
    let page = get("/?lang=pt-BR").await;
    assert!(
        page.contains("Receba Daily no seu e-mail") && page.contains(r#"name="lang" value="pt""#),
        "{page}"
    );
}

async fn emails_are_in_the_language_of_the_signup(engine: Engine) {
    let app = TestApp::start(engine).await;
    let page = app.page("/?lang=fr").await;
    let promise = signup_wording(Some("fr"));
    assert!(page.contains(promise.text), "{page}");
    let started = form_token_in(&page);
    let ann = app.visitor(ANN);
    ann.signs_up_with(&[("lang", "fr"), ("started", &started)]).await;
    let mail = ann.last_email();
    assert_eq!(
        (mail.subject(), mail.header("Content-Language")),
        ("Confirmez votre abonnement à Daily", Some("fr"))
    );
    let link = ann.confirmation_link();
    assert!(app.page(&link).await.contains("Confirmez votre abonnement"));
    assert!(app.page(&format!("{link}?lang=de")).await.contains("Bestätigen Sie Ihre Anmeldung"));
    assert!(app.press(&link).await.contains("C’est fait"));
    let kept = agreed_to(&app, ANN).await;
    assert_eq!(kept, (Some(promise.text.to_owned()), Some(promise.version)), "the ledger has what was shown");
    // The wording is unknown for forms of other sites, for programs, and for forms loaded days ago.
    app.visitor("bob@example.org").signs_up_with(&[("lang", "fr")]).await;
    sign_up_by_json(&app, &json!({ "email": "cleo@example.org", "lang": "fr" })).await;
    app.clock.advance(SignedDuration::from_hours(50));
    app.visitor("dora@example.org").signs_up_with(&[("lang", "fr"), ("started", &started)]).await;
    for address in ["bob@example.org", "cleo@example.org", "dora@example.org"] {
        assert_eq!(agreed_to(&app, address).await, (None, None), "{address}");
    }
    // An issue is in the newsletter's language, the page to unsubscribe in the reader's.
    app.article("The bridge").await;
    app.send_issue().await;
    let issue = ann.last_email();
    assert_eq!(issue.header("Content-Language"), Some("en"));
    let leave = issue.link("/unsubscribe/");
    assert!(app.page(&leave).await.contains("Se désabonner"));
    assert!(app.press(&leave).await.contains("Désabonnement confirmé"));
}
