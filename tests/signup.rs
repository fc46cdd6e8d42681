//! From the signup form to a confirmed subscription.

use crate::support::{
    Engine, TestApp, eventually,
    locks::{RowLocks, Strength},
    on_both_engines, on_postgres,
    rows::SignupRow,
};
use daily::domain::{
    ids::NewsletterId,
    subscriber::subscription::SubscriptionStatus::{Active, Pending, Unsubscribed},
    token::{KeyRing, Purpose},
};
use jiff::SignedDuration;
use serde_json::json;

/// A newsletter that does not exist, so that a signup for it can't be processed.
const MISSING: NewsletterId = NewsletterId(99);

on_both_engines!(
    a_signup_leaves_a_pending_subscription_a_consent_event_and_one_email,
    following_the_link_changes_nothing_and_pressing_the_button_confirms,
    the_answer_is_the_same_for_every_address,
    a_reader_who_signs_up_again_gets_a_helpful_email_at_most_once_a_day,
    foreign_altered_and_expired_links_are_answered_and_confirm_nothing,
    a_reader_who_unsubscribed_by_mistake_can_come_back_at_once,
    an_old_confirmation_link_does_not_bring_back_a_reader_who_unsubscribed,
    bad_signups_get_a_clear_answer_and_leave_nothing,
    a_signup_whose_job_cannot_be_kept_leaves_nothing_and_works_again_later,
    two_signups_at_once_make_one_subscription_and_one_email,
);

async fn a_signup_leaves_a_pending_subscription_a_consent_event_and_one_email(engine: Engine) {
    let app = TestApp::start(engine).await;
    let fields = [("email", "ann@example.org"), ("source", "https://news.example/a-story")];
    assert_eq!(app.post_form("/subscribe", &fields).await.status(), 200);
    app.settle().await;
    assert_eq!(app.status_of("ann@example.org").await, Some(Pending));
    assert_eq!(app.consent_of("ann@example.org").await, ["requested"]);
    let mails = app.emails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to(), "ann@example.org");
    assert!(mails[0].text().contains(&app.confirmation_link("ann@example.org")));
    assert!(mails[0].html().contains(&app.confirmation_link("ann@example.org")));
    assert_eq!(mails[0].header("Auto-Submitted"), Some("auto-replied"));
}

async fn following_the_link_changes_nothing_and_pressing_the_button_confirms(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up("ann@example.org").await;
    app.settle().await;
    let link = app.confirmation_link("ann@example.org");
    for _ in 0..3 {
        let page = app.get(&link).await;
        assert_eq!(page.status(), 200);
        assert!(page.text().await.unwrap().contains("<button"));
        assert_eq!(app.client.head(&link).send().await.unwrap().status(), 200);
    }
    assert_eq!(app.status_of("ann@example.org").await, Some(Pending));
    assert!(app.post(&link).await.text().await.unwrap().contains("You’re in"));
    assert_eq!(app.status_of("ann@example.org").await, Some(Active));
    assert!(app.post(&link).await.text().await.unwrap().contains("You’re in"), "a second press is no error");
    assert!(app.get(&link).await.text().await.unwrap().contains("You’re in"));
    assert_eq!(app.consent_of("ann@example.org").await, ["requested", "confirmed"]);
}

async fn the_answer_is_the_same_for_every_address(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("active@example.org").await;
    app.reader("left@example.org").await;
    app.visitor("left@example.org").unsubscribes().await;
    app.sign_up("pending@example.org").await;
    let mut answers = Vec::new();
    for address in ["new@example.org", "pending@example.org", "active@example.org", "left@example.org"] {
        let form = app.sign_up(address).await;
        // The page repeats the address that was typed.
        let form = (form.status(), form.text().await.unwrap().replace(address, "ADDRESS"));
        let json = app.post_json("/subscribe", &json!({ "email": address })).await;
        assert_eq!(json.status(), 202);
        answers.push((form, json.text().await.unwrap()));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
}

async fn a_reader_who_signs_up_again_gets_a_helpful_email_at_most_once_a_day(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    app.clock.advance(SignedDuration::from_hours(25));
    for _ in 0..3 {
        app.sign_up("ann@example.org").await;
        app.settle().await;
    }
    let mails = app.emails_to("ann@example.org");
    assert_eq!(mails.len(), 2, "the confirmation and one more");
    assert!(mails[1].text().contains("/unsubscribe/"));
    assert_eq!(app.status_of("ann@example.org").await, Some(Active));
}

async fn foreign_altered_and_expired_links_are_answered_and_confirm_nothing(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up("ann@example.org").await;
    app.settle().await;
    let link = app.confirmation_link("ann@example.org");
    let (start, token) = link.rsplit_once('/').unwrap();
    let other_key = KeyRing::new(&[[7_u8; 32]]).unwrap().sign(Purpose::Confirm, 1);
    let other_purpose = app.app.subscription.keys.sign(Purpose::Unsubscribe, 1);
    let nobody = app.app.subscription.keys.sign(Purpose::Confirm, 999);
    let altered = format!("{}{}", &token[..token.len() - 1], if token.ends_with('A') { 'B' } else { 'A' });
    let long = "x".repeat(5000);
    for wrong in [&other_key, &other_purpose, &nobody, &altered, &token[1..].to_owned(), &"%00".into(), &long]
    {
        let answer = app.post(&format!("{start}/{wrong}")).await;
        assert_eq!(answer.status(), 404, "{wrong:.60}");
        assert!(answer.text().await.unwrap().contains("doesn’t work"));
    }
    app.clock.advance(SignedDuration::from_hours(24 * 7 + 1));
    let answer = app.post(&link).await;
    assert_eq!(answer.status(), 410);
    assert!(answer.text().await.unwrap().contains("Send me a new link"));
    assert_eq!(app.status_of("ann@example.org").await, Some(Pending));
    app.sign_up("ann@example.org").await;
    app.settle().await;
    assert_eq!(app.post(&app.confirmation_link("ann@example.org")).await.status(), 200);
    assert_eq!(app.status_of("ann@example.org").await, Some(Active));
}

async fn a_reader_who_unsubscribed_by_mistake_can_come_back_at_once(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    app.visitor("ann@example.org").unsubscribes().await;
    app.reader("ann@example.org").await;
    assert_eq!(app.status_of("ann@example.org").await, Some(Active));
    assert_eq!(app.emails_to("ann@example.org").len(), 2);
    let ledger = app.consent_of("ann@example.org").await;
    assert_eq!(ledger, ["requested", "confirmed", "unsubscribed", "requested", "confirmed"]);
}

async fn an_old_confirmation_link_does_not_bring_back_a_reader_who_unsubscribed(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.reader("ann@example.org").await;
    let link = app.confirmation_link("ann@example.org");
    app.visitor("ann@example.org").unsubscribes().await;
    assert_eq!(app.post(&link).await.status(), 410);
    assert_eq!(app.status_of("ann@example.org").await, Some(Unsubscribed));
}

async fn bad_signups_get_a_clear_answer_and_leave_nothing(engine: Engine) {
    let app = TestApp::start(engine).await;
    let post = |kind: &'static str, body: String| {
        let request =
            app.client.post(format!("{}/subscribe", app.url)).header("content-type", kind).body(body);
        async move {
            let answer = request.send().await.expect("an answer");
            (answer.status().as_u16(), answer.text().await.expect("a body"))
        }
    };
    let (form, json) = ("application/x-www-form-urlencoded", "application/json");
    let long = "a".repeat(300);
    for (kind, body, status, says) in [
        (form, "email=ann".to_owned(), 422, "name@example.org"),
        (form, String::new(), 422, "Enter an email address"),
        (form, "email=ann%40example.org&colour=red".into(), 422, "unknown field. Valid fields are email"),
        (form, format!("email={long}%40example.org"), 422, "can have at most 64"),
        (form, "email=ann%40example.org%0d%0aBcc%3A+x%40example.org".into(), 422, "before the @"),
        (form, "email=ann%40example.org&newsletter=weekly".into(), 422, "There is no such newsletter."),
        (form, "email=ann%40example.org&newsletter=%00".into(), 422, "Use up to 64 lowercase"),
        (form, format!("email={}", "a".repeat(20_000)), 413, ""),
        (json, "{".into(), 400, "not valid JSON (line 1, column 1)"),
        (json, "[\"ann@example.org\", null, null]".into(), 422, "wrong type"),
        (json, "{\"email\":7}".into(), 422, "#/email"),
        (json, "{\"email\":\"ann@localhost\"}".into(), 422, "domain name"),
        (
            json,
            "{\"email\":\"ann@example.org\",\"admin\":true}".into(),
            422,
            "unknown field. Valid fields are email",
        ),
        ("text/plain", "ann@example.org".into(), 415, "application/json"),
    ] {
        let (got, text) = post(kind, body.clone()).await;
        assert_eq!(got, status, "{body:.80}: {text}");
        assert!(text.contains(says), "{body:.80}: {text}");
    }
    app.settle().await;
    assert!(app.emails().is_empty());
    assert_eq!(app.status_of("ann@example.org").await, None);
}

async fn a_signup_whose_job_cannot_be_kept_leaves_nothing_and_works_again_later(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.store().await.hide_queue().await;
    assert_eq!(app.sign_up("ann@example.org").await.status(), 503);
    assert_eq!(app.status_of("ann@example.org").await, None);
    app.store().await.restore_queue().await;
    assert_eq!(app.sign_up("ann@example.org").await.status(), 200);
    eventually("the mail arrives", || async { (app.emails().len() == 1).then_some(()) }).await;
    assert_eq!(app.consent_of("ann@example.org").await, ["requested"]);
}

async fn two_signups_at_once_make_one_subscription_and_one_email(engine: Engine) {
    let app = TestApp::start(engine).await;
    let answers = futures_util::future::join_all((0..8).map(|_| app.sign_up("ann@example.org"))).await;
    assert!(answers.iter().all(|answer| answer.status() == 200));
    app.settle().await;
    assert_eq!(app.emails().len(), 1);
    assert_eq!(app.consent_of("ann@example.org").await, ["requested"], "the ledger can't be flooded");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_configured_origins_may_sign_up_by_script() {
    let app = TestApp::start_with(Engine::Sqlite, |settings| {
        settings.http.allowed_origins = vec!["https://news.example".into()];
    })
    .await;
    for (origin, allowed) in [("https://news.example", true), ("https://evil.example", false)] {
        let answer = app
            .client
            .request(reqwest::Method::OPTIONS, format!("{}/subscribe", app.url))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.headers().contains_key("access-control-allow-origin"), allowed, "{origin}");
    }
}

on_both_engines!(
    several_newsletters_on_one_form_are_confirmed_by_one_link,
    a_signup_whose_job_was_lost_is_processed_by_the_scheduler,
    an_invalid_signup_delays_no_other,
);

async fn several_newsletters_on_one_form_are_confirmed_by_one_link(engine: Engine) {
    let app = TestApp::start(engine).await;
    for slug in ["sports", "weekend"] {
        app.add_newsletter(slug, |it| it.title = format!("The {slug}")).await;
    }
    let fields = [
        ("email", "ann@example.org"),
        ("newsletter", "weekend"),
        ("newsletter", "sports"),
        ("newsletter", "weekend"),
    ];
    assert_eq!(app.post_form("/subscribe", &fields).await.status(), 200);
    app.settle().await;
    let mails = app.emails_to("ann@example.org");
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text().contains("The weekend, The sports"), "{}", mails[0].text());
    let link = app.confirmation_link("ann@example.org");
    assert!(app.get(&link).await.text().await.unwrap().contains("The weekend, The sports"));
    let page = app.post(&link).await.text().await.unwrap();
    assert!(page.contains("The weekend, The sports"), "{page}");
    let found = app.visitor("ann@example.org").subscriptions().await;
    let mut standing: Vec<_> = found.iter().map(|it| (it.newsletter.as_str(), it.status)).collect();
    standing.sort_unstable_by_key(|it| it.0);
    assert_eq!(standing, [("sports", Active), ("weekend", Active)]);
    assert_eq!(app.consent_of("ann@example.org").await, ["requested", "confirmed", "requested", "confirmed"]);
    // A JSON list. One email mentions the existing subscription, and another asks to confirm the new one.
    let json = async |email: &str, newsletters: &[String]| {
        let signup = json!({ "email": email, "newsletter": newsletters });
        app.post_json("/subscribe", &signup).await.status().as_u16()
    };
    assert_eq!(json("ann@example.org", &["sports".into(), "daily".into()]).await, 202);
    app.settle().await;
    assert_eq!(app.emails_to("ann@example.org").len(), 3);
    // All newsletters exist, or the signup is refused.
    assert_eq!(json("ben@example.org", &["sports".into(), "nothing".into()]).await, 422);
    let many: Vec<_> = (0..21).map(|n| format!("n{n}")).collect();
    assert_eq!(json("ben@example.org", &many).await, 422);
    assert_eq!(app.status_of("ben@example.org").await, None);
}

async fn a_signup_whose_job_was_lost_is_processed_by_the_scheduler(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.store_signup("ann@example.org", app.newsletter().await.id).await;
    app.run_due().await;
    assert_eq!(app.emails().len(), 0, "its job may still come");
    app.run_due_after(SignedDuration::from_secs(6)).await;
    assert_eq!(app.emails_to("ann@example.org").len(), 1);
    assert_eq!(app.status_of("ann@example.org").await, Some(Pending));
}

async fn an_invalid_signup_delays_no_other(engine: Engine) {
    let app = TestApp::start(engine).await;
    let store = app.store().await;
    app.store_signup("zoe@example.org", MISSING).await;
    app.sign_up("ann@example.org").await;
    app.settle().await;
    assert_eq!(app.emails_to("ann@example.org").len(), 1);
    // It is postponed, each time for longer, so that others are processed in batches again.
    let attempts = async || store.signups().await.remove(0).attempts;
    assert_eq!(attempts().await, 1);
    for (seconds, tried) in [(6, 1), (6, 2), (39, 2), (2, 3)] {
        app.run_due_after(SignedDuration::from_secs(seconds)).await;
        assert_eq!(attempts().await, tried, "{seconds}");
    }
    // It expires in the end, like an unconfirmed signup.
    app.run_due_after(SignedDuration::from_hours(24 * 400)).await;
    assert_eq!(store.rows_in("signups").await, 0);
}

on_postgres!(
    a_signup_that_another_process_has_locked_is_not_put_off_for_an_invalid_one,
    a_signup_whose_transaction_ends_in_a_deadlock_is_retried_at_once,
);

async fn a_signup_that_another_process_has_locked_is_not_put_off_for_an_invalid_one() {
    let app = TestApp::start(Engine::Postgres).await;
    let store = app.store().await;
    app.store_signup("ann@example.org", app.newsletter().await.id).await;
    let locks = RowLocks::hold(store, Strength::Update, &["signups"]).await.expect("PostgreSQL");
    app.store_signup("zoe@example.org", MISSING).await;
    app.run_due_after(SignedDuration::from_secs(6)).await;
    locks.release().await;
    let put_off: Vec<_> = store.signups().await.into_iter().filter(|it| it.attempts > 0).collect();
    assert_eq!(put_off, [SignupRow { address: "zoe@example.org".into(), attempts: 1 }]);
    app.run_due_after(SignedDuration::from_secs(6)).await;
    assert_eq!(app.emails_to("ann@example.org").len(), 1);
}

async fn a_signup_whose_transaction_ends_in_a_deadlock_is_retried_at_once() {
    let app = TestApp::start(Engine::Postgres).await;
    let store = app.store().await;
    store.deadlock_new_subscribers(3).await;
    app.sign_up("ann@example.org").await;
    app.settle().await;
    assert_eq!(app.emails_to("ann@example.org").len(), 1);
    assert_eq!(store.count_subscriber_inserts().await, 4);
}
