//! Sections are made in the plan: what `show` lists is the order of the email.

use crate::support::{Engine, TestApp, on_both_engines};
use daily::domain::issue::sections::SectionOrder;

on_both_engines!(an_issue_has_the_sections_of_its_newsletter_in_the_order_that_was_shown);

async fn an_issue_has_the_sections_of_its_newsletter_in_the_order_that_was_shown(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.digest.max_per_section = 0).await;
    app.change_newsletter(|it| it.sections = SectionOrder::parse("Local, Science").unwrap()).await;
    // The newest article comes first.
    for (title, section) in [
        ("Comet seen", "Science"),
        ("Play opens", "Arts"),
        ("Quay repaired", "Local"),
        ("Whales return", "Science"),
        ("Market moves", "Local"),
        ("Bridge opens", "Travel"),
    ] {
        app.story(title, section).await;
    }
    app.program().run(&["issue", "plan", "--date", "today"]).await;
    let shown = app.program().run(&["issue", "show", "--date", "today"]).await.stdout;
    let expected = [
        "Bridge opens",
        "Local",
        "Market moves",
        "Quay repaired",
        "Science",
        "Whales return",
        "Comet seen",
        "In brief",
        "Play opens",
    ];
    assert_in_order(&shown, &expected);

    app.reader("zoe@lamp.example").await;
    app.send_issue().await;
    let mail = app.emails_to("zoe@lamp.example").pop().expect("her copy");
    assert_in_order(&mail.text(), &expected);
    let verified = app.program().run(&["issue", "verify", "--date", "today"]).await;
    assert!(verified.code == 0 || verified.stderr.contains("approv"), "{verified:?}");
}

/// Asserts that words follow each other, each after the one before.
fn assert_in_order(text: &str, words: &[&str]) {
    let lower = text.to_lowercase();
    let mut from = lower.find(&words[0].to_lowercase()).expect("the first word");
    for word in &words[1..] {
        let at = lower[from + 1..].find(&word.to_lowercase());
        from += 1 + at.unwrap_or_else(|| panic!("`{word}` does not follow in\n{text}"));
    }
}
