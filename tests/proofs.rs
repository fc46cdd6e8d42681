//! Where signups look like an attack, who signs up works or waits a little; everybody else notices nothing.

use crate::support::{Engine, app::TestApp, browser::Browser, on_both_engines, with_services};
use daily::{
    actions::prove,
    domain::{
        email_address::EmailAddress,
        proof_of_work::{ProofPolicy, solve},
        rate_limit::Limit,
    },
};
use fantoccini::Locator;
use jiff::SignedDuration;
use serde_json::{Value, json};

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

on_both_engines!(
    a_program_is_told_of_the_challenge_and_each_answer_is_good_once,
    without_scripts_a_reader_waits_and_a_client_gets_in_that_way_three_times_an_hour,
    a_slip_costs_no_proof_and_proofs_are_dearer_while_the_limit_for_everybody_fills,
    who_comes_when_the_limit_for_everybody_is_reached_has_their_ticket_still,
    signups_that_nobody_confirms_raise_an_alarm_once_and_proofs_are_needed_until_it_is_over,
    a_limit_that_is_reached_raises_the_alarm_and_without_operators_only_the_log_says_so,
    far_fewer_confirmations_than_usual_raise_the_alarm,
);

async fn a_program_is_told_of_the_challenge_and_each_answer_is_good_once(engine: Engine) {
    let app = always(engine).await;
    let refused = post_json(&app, json!({ "email": "ann@example.org" })).await;
    assert_eq!(refused.status(), 428);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    let problem: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
    assert_eq!(problem["challenge"], format!("{}/challenge", app.url));
    let proof = solved(&app).await;
    let signup = json!({ "email": "ann@example.org", "proof": proof });
    assert_eq!(post_json(&app, signup.clone()).await.status(), 202);
    assert!(app.status_of("ann@example.org").await.is_some());
    // A second time it is refused, here and by every other process.
    assert_eq!(post_json(&app, json!({ "email": "bob@example.org", "proof": proof })).await.status(), 428);
    assert!(!prove::prove(&app.another().await.actions, &proof).await.unwrap());
    let late = solved(&app).await;
    app.clock.advance(MINUTE * 11);
    assert_eq!(post_json(&app, json!({ "email": "bob@example.org", "proof": late })).await.status(), 428);
    assert_eq!(app.status_of("bob@example.org").await, None);
    // What could not be used any more is not kept.
    app.tick().await;
    assert_eq!(app.store().await.number("SELECT count(*) FROM used_proofs").await, 0);
}

async fn without_scripts_a_reader_waits_and_a_client_gets_in_that_way_three_times_an_hour(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.proof_of_work = ProofPolicy::Always;
        settings.http.proxies.trusted = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let fields = [("email", "ann@example.org"), ("source", "https://news.example/a"), ("as_typed", "yes")];
    let page = app.post_form("/subscribe", &fields).await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    for says in
        ["One moment, please", "wait 20 seconds", "value=\"https://news.example/a\"", "name=\"as_typed\""]
    {
        assert!(page.contains(says), "{says}: {page}");
    }
    let ticket = ticket_of(&page);
    app.clock.advance(SECOND * 5);
    let page = redeem(&app, "192.0.2.1", "ann@example.org", &ticket).await.text().await.unwrap();
    assert!(page.contains("wait 15 seconds"), "{page}");
    assert_eq!(ticket_of(&page), ticket, "its time goes on");
    assert_eq!(app.status_of("ann@example.org").await, None);
    app.clock.advance(SECOND * 16);
    let answer = redeem(&app, "192.0.2.1", "ann@example.org", &ticket).await.text().await.unwrap();
    assert!(answer.contains("Check your inbox"), "{answer}");
    let again = redeem(&app, "192.0.2.1", "bob@example.org", &ticket).await.text().await.unwrap();
    assert!(again.contains("wait 20 seconds"), "{again}");
    for (n, status) in [(1, 200), (2, 200), (3, 429)] {
        let ticket = prove::ticket(&app.app.actions);
        app.clock.advance(SECOND * 21);
        let address = format!("r{n}@example.org");
        assert_eq!(redeem(&app, "192.0.2.1", &address, &ticket).await.status(), status, "{n}");
        assert_eq!(app.status_of(&address).await.is_some(), status == 200, "{n}");
    }
    let ticket = prove::ticket(&app.app.actions);
    app.clock.advance(SECOND * 21);
    let other = redeem(&app, "192.0.2.9", "eve@example.org", &ticket).await.text().await.unwrap();
    assert!(other.contains("Check your inbox"), "others are not touched: {other}");
}

async fn a_slip_costs_no_proof_and_proofs_are_dearer_while_the_limit_for_everybody_fills(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.proof_of_work = ProofPolicy::Always;
        settings.signup.limits.overall = Limit::new(10, MINUTE);
    })
    .await;
    let most = async || {
        let text = app.get(&format!("{}/challenge", app.url)).await.text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["maxnumber"].as_u64().unwrap()
    };
    assert_eq!(most().await, 100_000);
    let proof = solved(&app).await;
    for (email, status) in [("ann@mailinator.com", 422), ("ann@gmial.com", 422), ("ann@example.org", 202)] {
        let answer = post_json(&app, json!({ "email": email, "proof": proof })).await;
        assert_eq!(answer.status(), status, "{email}");
    }
    for n in 0..7 {
        let proof = solved(&app).await;
        let answer = post_json(&app, json!({ "email": format!("r{n}@example.org"), "proof": proof })).await;
        assert_eq!(answer.status(), 202);
    }
    app.clock.advance(SECOND * 2);
    assert_eq!(most().await, 400_000);
    app.clock.advance(MINUTE);
    assert_eq!(most().await, 100_000);
}

async fn who_comes_when_the_limit_for_everybody_is_reached_has_their_ticket_still(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.proof_of_work = ProofPolicy::Always;
        settings.signup.limits.overall = Limit::new(1, MINUTE);
    })
    .await;
    let ticket = prove::ticket(&app.app.actions);
    app.clock.advance(SECOND * 21);
    let proof = solved(&app).await;
    assert_eq!(post_json(&app, json!({ "email": "bob@example.org", "proof": proof })).await.status(), 202);
    assert_eq!(redeem(&app, "192.0.2.1", "ann@example.org", &ticket).await.status(), 429);
    app.clock.advance(MINUTE);
    let page = redeem(&app, "192.0.2.1", "ann@example.org", &ticket).await.text().await.unwrap();
    assert!(page.contains("Check your inbox"), "{page}");
}

async fn signups_that_nobody_confirms_raise_an_alarm_once_and_proofs_are_needed_until_it_is_over(
    engine: Engine,
) {
    let app = TestApp::start_with(engine, |settings| settings.signup.most_waiting = Some(3)).await;
    operator(&app, "desk@example.org").await;
    for n in 0..3 {
        assert_eq!(post_json(&app, json!({ "email": format!("r{n}@example.org") })).await.status(), 202);
    }
    app.settle().await;
    app.tick_after(SECOND * 11).await;
    app.tick_after(SECOND * 11).await;
    assert_eq!(post_json(&app, json!({ "email": "ann@example.org" })).await.status(), 428);
    let proof = solved(&app).await;
    assert_eq!(post_json(&app, json!({ "email": "ann@example.org", "proof": proof })).await.status(), 202);
    assert!(prove::is_needed(&app.another().await.actions).await.unwrap(), "every process knows");
    let letters = app.mails_to("desk@example.org");
    assert_eq!(letters.len(), 1);
    assert!(letters[0].header("Subject").unwrap().contains("Signups look like an attack"));
    assert!(letters[0].text().contains("Many signups wait for their confirmation"), "{}", letters[0].text());
    app.tick_after(MINUTE * 11).await;
    assert_eq!(
        post_json(&app, json!({ "email": "bob@example.org" })).await.status(),
        428,
        "it is not over yet"
    );
    app.tick_after(MINUTE * 15).await;
    app.tick_after(MINUTE).await;
    assert_eq!(post_json(&app, json!({ "email": "bob@example.org" })).await.status(), 202);
    let letters = app.mails_to("desk@example.org");
    assert_eq!(letters.len(), 2);
    assert!(letters.iter().any(|it| it.header("Subject").unwrap().contains("as usual again")));
}

async fn a_limit_that_is_reached_raises_the_alarm_and_without_operators_only_the_log_says_so(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.limits.overall = Limit::new(2, MINUTE * 60);
    })
    .await;
    for address in ["a@example.org", "b@example.org"] {
        assert_eq!(app.sign_up(address).await.status(), 200);
    }
    app.tick_after(SECOND * 11).await;
    assert!(prove::is_needed(&app.app.actions).await.unwrap());
    assert_eq!(app.store().await.number("SELECT count(*) FROM mails WHERE kind = 'signup_alarm'").await, 0);
    // Who is added while it is on is told.
    operator(&app, "desk@example.org").await;
    app.tick_after(SECOND * 11).await;
    assert!(
        app.mails_to("desk@example.org")[0].text().contains("limit of signups from everybody is reached")
    );
}

async fn far_fewer_confirmations_than_usual_raise_the_alarm(engine: Engine) {
    let app = TestApp::start(engine).await;
    app.sign_up("ann@example.org").await;
    app.settle().await;
    let ask = async |count: usize, minutes_ago: i64, confirmed: bool| {
        let moment = app.clock.now() - MINUTE * i32::try_from(minutes_ago).unwrap();
        let at = match engine {
            Engine::Sqlite => moment.as_microsecond().to_string(),
            Engine::Postgres => format!("'{moment}'"),
        };
        let used = if confirmed { at.as_str() } else { "NULL" };
        let row = format!("((SELECT min(id) FROM subscriptions), {at}, {at}, {used})");
        let rows = vec![row; count].join(", ");
        let insert = "INSERT INTO confirmations (subscription_id, created_at, expires_at, used_at) VALUES";
        app.store().await.execute(&format!("{insert} {rows}")).await;
    };
    ask(150, 60 * 24, true).await;
    ask(100, 60 * 24, false).await;
    ask(30, 30, false).await;
    app.tick_after(SECOND * 11).await;
    assert!(!prove::is_needed(&app.app.actions).await.unwrap(), "too few to say anything");
    ask(30, 30, false).await;
    app.tick_after(SECOND * 11).await;
    assert!(prove::is_needed(&app.app.actions).await.unwrap());
}

with_services!(a_browser_does_its_part_by_itself_on_our_page);

async fn a_browser_does_its_part_by_itself_on_our_page() {
    let app = always(Engine::Sqlite).await;
    let browser = Browser::start().await;
    browser.client().goto(&format!("{}/", app.url)).await.unwrap();
    enter(&browser, "ann@example.org").await;
    browser.client().wait().for_element(Locator::XPath("//h1[text()='Check your inbox']")).await.unwrap();
    assert!(app.status_of("ann@example.org").await.is_some());
}

with_services!(a_browser_without_scripts_gets_there_with_a_wait_and_a_button);

async fn a_browser_without_scripts_gets_there_with_a_wait_and_a_button() {
    let app = always(Engine::Sqlite).await;
    let browser = Browser::without_scripts().await;
    let page = browser.client();
    page.goto(&format!("{}/", app.url)).await.unwrap();
    enter(&browser, "ann@example.org").await;
    page.wait().for_element(Locator::XPath("//h1[text()='One moment, please']")).await.unwrap();
    browser.screenshot("proof").await;
    app.clock.advance(SECOND * 21);
    page.find(Locator::XPath("//button[text()='Go on']")).await.unwrap().click().await.unwrap();
    page.wait().for_element(Locator::XPath("//h1[text()='Check your inbox']")).await.unwrap();
    assert!(app.status_of("ann@example.org").await.is_some());
}

async fn always(engine: Engine) -> TestApp {
    TestApp::start_with(engine, |settings| settings.signup.proof_of_work = ProofPolicy::Always).await
}

async fn operator(app: &TestApp, address: &str) {
    let mut tx = app.app.db.begin().await.unwrap();
    let address = EmailAddress::parse(address).unwrap();
    daily::db::operators::insert(&mut tx, &address, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn post_json(app: &TestApp, body: Value) -> reqwest::Response {
    let request =
        app.client.post(format!("{}/subscribe", app.url)).header("content-type", "application/json");
    request.body(body.to_string()).send().await.unwrap()
}

/// A challenge, and its proof, found as a client finds it.
async fn solved(app: &TestApp) -> String {
    let text = app.get(&format!("{}/challenge", app.url)).await.text().await.unwrap();
    let challenge = serde_json::from_str(&text).unwrap();
    tokio::task::spawn_blocking(move || solve(&challenge)).await.unwrap().expect("a number fits")
}

fn ticket_of(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"ticket\" value=\"").expect("a ticket");
    rest.split('"').next().unwrap().to_owned()
}

async fn redeem(app: &TestApp, client: &str, address: &str, ticket: &str) -> reqwest::Response {
    let fields = [("email", address), ("ticket", ticket), ("proof", "")];
    app.client
        .post(format!("{}/subscribe", app.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-forwarded-for", client)
        .body(serde_urlencoded::to_string(fields).unwrap())
        .send()
        .await
        .unwrap()
}

async fn enter(browser: &Browser, address: &str) {
    let field = browser.client().find(Locator::Css("input[type=email]")).await.unwrap();
    field.send_keys(address).await.unwrap();
    field.send_keys("\u{e007}").await.unwrap(); // Enter
}
