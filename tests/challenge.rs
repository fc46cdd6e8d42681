//! While signups look like an attack, a signup brings a solved challenge, or its email waits.

use crate::support::{Engine, TestApp, address, browser::Browser, on_both_engines, with_services};
use daily::{
    actions::signup::{
        challenge,
        request::{Proof, Signup, SubscribeError},
        subscribe::subscribe,
    },
    domain::{
        delivery::email::EmailKind,
        signup::challenge::{VerifiedToken, solve},
        subscriber::subscription::SubscriptionStatus::{Active, Pending},
    },
    settings::Settings,
};
use fantoccini::Locator;
use jiff::SignedDuration;
use serde_json::{Value, json};

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

on_both_engines!(
    a_json_client_is_told_of_the_challenge_and_each_solution_is_good_once,
    with_a_solved_challenge_the_email_goes_out_at_once,
    without_a_solution_the_page_is_the_same_and_the_email_waits_until_the_attack_ends,
    a_held_signup_is_discarded_after_a_day_and_nothing_is_kept_of_it,
    beyond_the_limits_held_signups_are_discarded_with_the_same_answer,
    held_and_discarded_signups_keep_the_attack_going,
    a_typo_or_a_limit_costs_no_solution,
    signups_that_nobody_confirms_raise_an_alarm_once_and_challenges_are_needed_until_it_is_over,
    a_limit_that_is_reached_raises_the_alarm_and_without_operators_only_the_log_says_so,
    far_fewer_confirmations_than_usual_raise_the_alarm,
);

async fn a_json_client_is_told_of_the_challenge_and_each_solution_is_good_once(engine: Engine) {
    let app = under_attack(engine, |_| {}).await;
    let refused = post_json(&app, json!({ "email": "ann@example.org" })).await;
    assert_eq!(refused.status(), 428);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    let problem: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
    assert_eq!(problem["challenge"], format!("{}/challenge", app.url));
    let proof = solution(&app).await;
    let signup = json!({ "email": "ann@example.org", "proof": proof });
    assert_eq!(post_json(&app, signup.clone()).await.status(), 202);
    assert!(app.status_of("ann@example.org").await.is_some());
    // A solution is refused the second time, here and by every other process.
    assert_eq!(post_json(&app, json!({ "email": "bob@example.org", "proof": proof })).await.status(), 428);
    let another = app.another().await.signup;
    let token = challenge::verify(&another, &proof).unwrap();
    let again = subscribe(&another, signup_with(token)).await;
    assert!(matches!(again, Err(SubscribeError::Redeemed)), "{again:?}");
    let late = solution(&app).await;
    app.clock.advance(MINUTE * 11);
    assert_eq!(post_json(&app, json!({ "email": "bob@example.org", "proof": late })).await.status(), 428);
    assert_eq!(app.status_of("bob@example.org").await, None);
    app.run_due_after(MINUTE * 10).await;
    assert_eq!(app.store().await.rows_in("redeemed_challenges").await, 0);
}

async fn with_a_solved_challenge_the_email_goes_out_at_once(engine: Engine) {
    let app = under_attack(engine, |_| {}).await;
    let proof = solution(&app).await;
    for address in ["ann@example.org", "bob@example.org"] {
        let answer = app.post_form("/subscribe", &[("email", address), ("proof", &proof)]).await;
        assert_eq!(answer.status(), 200);
    }
    app.settle().await;
    assert_eq!(app.emails_to("ann@example.org").len(), 1);
    assert_eq!(app.emails_to("bob@example.org").len(), 0, "a solution that is used twice counts once");
}

async fn without_a_solution_the_page_is_the_same_and_the_email_waits_until_the_attack_ends(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| settings.signup.attack_signups = 3).await;
    let usual = answer(app.sign_up("first@example.org").await, "first@example.org").await;
    app.settle().await;
    app.begin_attack().await;
    for address in ["ann@example.org", "bob@example.org"] {
        assert_eq!(answer(app.sign_up(address).await, address).await, usual);
    }
    app.run_due_after(SECOND * 11).await;
    assert_eq!(app.emails().len(), 1, "only the first one's");
    assert_eq!(app.status_of("ann@example.org").await, None);
    app.run_due_after(MINUTE * 16).await;
    assert!(!challenge::is_required(&app.app.signup).await.unwrap());
    // Released in order, and slowly enough not to raise another alarm.
    app.run_due_after(SECOND * 11).await;
    assert_eq!(app.status_of("ann@example.org").await, Some(Pending));
    assert_eq!(app.status_of("bob@example.org").await, None);
    for _ in 0..3 {
        app.run_due_after(SECOND * 11).await;
    }
    for address in ["ann@example.org", "bob@example.org"] {
        assert_eq!(app.emails_to(address).len(), 1, "{address}");
        app.post(&app.confirmation_link(address)).await;
        assert_eq!(app.status_of(address).await, Some(Active));
    }
}

async fn a_held_signup_is_discarded_after_a_day_and_nothing_is_kept_of_it(engine: Engine) {
    let app = under_attack(engine, |_| {}).await;
    app.sign_up("ann@example.org").await;
    let store = app.store().await;
    assert_eq!(store.rows_in("signups").await, 1);
    app.run_due_after(HOUR * 24).await;
    for _ in 0..3 {
        app.run_due_after(MINUTE).await;
    }
    for table in ["signups", "subscribers", "subscriptions", "confirmations", "emails", "consent_events"] {
        assert_eq!(store.rows_in(table).await, 0, "{table}");
    }
    assert_eq!(app.emails().len(), 0);
}

async fn beyond_the_limits_held_signups_are_discarded_with_the_same_answer(engine: Engine) {
    let app = under_attack(engine, |settings| {
        settings.signup.client_per_hour = 2;
        settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let held = async || app.store().await.rows_in("signups").await;
    let first = answer(app.sign_up_from("192.0.2.1", "r0@example.org").await, "r0@example.org").await;
    for n in 1..4 {
        let address = format!("r{n}@example.org");
        assert_eq!(answer(app.sign_up_from("192.0.2.1", &address).await, &address).await, first);
    }
    assert_eq!(held().await, 2);
    app.sign_up_from("192.0.2.2", "s@example.org").await;
    assert_eq!(held().await, 3, "others are not touched");
    // The limit of held signups is reached.
    app.store().await.use_up_limit("held", app.clock.now() + HOUR * 24).await;
    assert_eq!(answer(app.sign_up_from("192.0.2.2", "t@example.org").await, "t@example.org").await, first);
    assert_eq!(held().await, 3);
}

async fn held_and_discarded_signups_keep_the_attack_going(engine: Engine) {
    let app = under_attack(engine, |settings| settings.signup.attack_signups = 2).await;
    for n in 0..2 {
        app.clock.advance(MINUTE * 13);
        for half in ["a", "b"] {
            app.sign_up(&format!("{half}{n}@example.org")).await;
        }
        app.run_due().await;
        app.clock.advance(SECOND * 3);
        assert!(challenge::is_required(&app.app.signup).await.unwrap(), "{n}");
    }
    app.run_due_after(MINUTE * 16).await;
    app.clock.advance(SECOND * 3);
    assert!(!challenge::is_required(&app.app.signup).await.unwrap());
}

async fn a_typo_or_a_limit_costs_no_solution(engine: Engine) {
    let app = under_attack(engine, |settings| settings.signup.signups_per_minute = 1).await;
    let proof = solution(&app).await;
    for (email, status) in [("ann@mailinator.com", 422), ("ann@gmial.com", 422), ("ann@example.org", 202)] {
        let answer = post_json(&app, json!({ "email": email, "proof": proof })).await;
        assert_eq!(answer.status(), status, "{email}");
    }
    let proof = solution(&app).await;
    for status in [429, 202] {
        let answer = post_json(&app, json!({ "email": "bob@example.org", "proof": proof })).await;
        assert_eq!(answer.status(), status);
        app.clock.advance(MINUTE);
    }
}

async fn signups_that_nobody_confirms_raise_an_alarm_once_and_challenges_are_needed_until_it_is_over(
    engine: Engine,
) {
    let app = TestApp::start_with(engine, |settings| settings.signup.attack_signups = 3).await;
    app.add_operator("desk@example.org").await;
    for n in 0..3 {
        assert_eq!(post_json(&app, json!({ "email": format!("r{n}@example.org") })).await.status(), 202);
    }
    app.settle().await;
    app.run_due_after(SECOND * 11).await;
    app.run_due_after(SECOND * 11).await;
    assert_eq!(post_json(&app, json!({ "email": "ann@example.org" })).await.status(), 428);
    let proof = solution(&app).await;
    assert_eq!(post_json(&app, json!({ "email": "ann@example.org", "proof": proof })).await.status(), 202);
    assert!(challenge::is_required(&app.another().await.signup).await.unwrap(), "every process knows");
    let notices = app.emails_to("desk@example.org");
    assert_eq!(notices.len(), 1);
    assert!(notices[0].header("Subject").unwrap().contains("Signups look like an attack"));
    assert!(notices[0].text().contains("Many signups are waiting to be confirmed"), "{}", notices[0].text());
    app.run_due_after(MINUTE * 11).await;
    assert_eq!(
        post_json(&app, json!({ "email": "bob@example.org" })).await.status(),
        428,
        "it is not over yet"
    );
    app.run_due_after(MINUTE * 15).await;
    app.run_due_after(MINUTE).await;
    assert_eq!(post_json(&app, json!({ "email": "bob@example.org" })).await.status(), 202);
    let notices = app.emails_to("desk@example.org");
    assert_eq!(notices.len(), 2);
    assert!(notices.iter().any(|it| it.header("Subject").unwrap().contains("back to normal")));
}

async fn a_limit_that_is_reached_raises_the_alarm_and_without_operators_only_the_log_says_so(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.signups_per_minute = 2;
    })
    .await;
    app.clock.advance(SECOND * 6);
    for address in ["a@example.org", "b@example.org"] {
        assert_eq!(app.sign_up(address).await.status(), 200);
    }
    // Immediately, because the limit recovers with time.
    app.run_due_after(SECOND * 5).await;
    assert!(challenge::is_required(&app.app.signup).await.unwrap());
    assert_eq!(app.count_emails(EmailKind::SignupAlarm).await, 0);
    // An operator who is added during the attack is alerted.
    app.add_operator("desk@example.org").await;
    app.run_due_after(SECOND * 11).await;
    assert!(app.emails_to("desk@example.org")[0].text().contains("The overall signup limit was reached"));
}

async fn far_fewer_confirmations_than_usual_raise_the_alarm(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up("ann@example.org").await;
    app.settle().await;
    let (store, now) = (app.store().await, app.clock.now());
    store.add_confirmations(150, now - HOUR * 24, true).await;
    store.add_confirmations(100, now - HOUR * 24, false).await;
    store.add_confirmations(30, now - MINUTE * 30, false).await;
    app.run_due_after(SECOND * 11).await;
    assert!(!challenge::is_required(&app.app.signup).await.unwrap(), "too few to say anything");
    store.add_confirmations(30, app.clock.now() - MINUTE * 30, false).await;
    app.run_due_after(SECOND * 11).await;
    assert!(challenge::is_required(&app.app.signup).await.unwrap());
}

with_services!(
    a_browser_solves_the_challenge_by_itself_on_our_page,
    a_browser_without_scripts_gets_the_usual_page,
);

async fn a_browser_solves_the_challenge_by_itself_on_our_page() {
    let app = under_attack(Engine::Sqlite, |_| {}).await;
    let browser = Browser::start().await;
    browser.client().goto(&format!("{}/", app.url)).await.unwrap();
    enter(&browser, "ann@example.org").await;
    browser.client().wait().for_element(Locator::XPath("//h1[text()='Check your inbox']")).await.unwrap();
    assert!(app.status_of("ann@example.org").await.is_some());
}

async fn a_browser_without_scripts_gets_the_usual_page() {
    let app = under_attack(Engine::Sqlite, |_| {}).await;
    let browser = Browser::without_scripts().await;
    browser.client().goto(&format!("{}/", app.url)).await.unwrap();
    enter(&browser, "ann@example.org").await;
    browser.client().wait().for_element(Locator::XPath("//h1[text()='Check your inbox']")).await.unwrap();
    assert_eq!(app.store().await.rows_in("signups").await, 1);
}

async fn under_attack(engine: Engine, change: impl FnOnce(&mut Settings)) -> TestApp {
    let app = TestApp::start_with(engine, change).await;
    app.begin_attack().await;
    app
}

async fn post_json(app: &TestApp, body: Value) -> reqwest::Response {
    app.post_json("/subscribe", &body).await
}

/// Returns an answer without the address, which the page repeats as it was typed.
async fn answer(response: reqwest::Response, address: &str) -> (u16, Vec<String>, String) {
    let names = response.headers().keys().map(ToString::to_string).collect();
    (response.status().as_u16(), names, response.text().await.unwrap().replace(address, "ADDRESS"))
}

/// Solves a new challenge like a client does.
async fn solution(app: &TestApp) -> String {
    let challenge = serde_json::from_str(&app.page("/challenge").await).unwrap();
    tokio::task::spawn_blocking(move || solve(&challenge)).await.unwrap().expect("a number fits")
}

fn signup_with(token: VerifiedToken) -> Signup {
    Signup {
        address: address("bob@example.org"),
        newsletters: vec!["daily".into()],
        method: "json",
        language: None,
        wording: None,
        time_zone: None,
        evidence: daily::db::subscribers::Evidence::default(),
        proof: Proof::Solved(token),
    }
}

async fn enter(browser: &Browser, address: &str) {
    let field = browser.client().find(Locator::Css("input[type=email]")).await.unwrap();
    field.send_keys(address).await.unwrap();
    field.send_keys("\u{e007}").await.unwrap(); // Enter
}
