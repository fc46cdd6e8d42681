//! What readers' pages say in other languages than English.

use crate::support::{app::TestApp, on_both_engines};

on_both_engines! {
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
        let link = app.confirmation_link("ann@example.org");
        let before = app.get(&link).await.text().await.unwrap();
        assert!(before.contains("Ein Klick, und <strong>"), "{before}");
        assert!(app.post(&link).await.text().await.unwrap().contains("Sie sind dabei"));
        app.send_issue().await;
        let link = app.mails_to("ann@example.org").last().unwrap().link("/unsubscribe/");
        let before = app.get(&link).await.text().await.unwrap();
        assert!(before.contains("Daily abbestellen?") && before.contains("</strong> wird nichts mehr geschickt."), "{before}");
        let after = app.post(&link).await.text().await.unwrap();
        for says in ["Sie sind abgemeldet", "Ich habe mich nie angemeldet", "value=\"never_asked\"", "Wieder anmelden"] {
            assert!(after.contains(says), "{says}: {after}");
        }
    }
}
