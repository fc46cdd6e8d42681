//! Addresses at domains that take no mail are answered like mistyped ones, where the name system says so clearly.

use crate::support::{
    Engine,
    app::TestApp,
    name_server::{NameServer, Zone},
    on_both_engines,
};
use daily::{
    actions::challenge,
    domain::{challenge::solve, rate_limit::Limit},
};
use jiff::SignedDuration;
use serde_json::Value;

const ZONES: &[(&str, Zone)] = &[
    ("with-mx.org", Zone::MailServer("mx.with-mx.org")),
    ("only-address.org", Zone::Address),
    ("no-mail.org", Zone::MailServer("")),
    ("bare.org", Zone::Bare),
    ("trouble.org", Zone::Trouble),
    ("silence.org", Zone::Silence),
    ("gmial.com", Zone::Bare),
    ("trouble1.org", Zone::Trouble),
    ("trouble2.org", Zone::Trouble),
];

on_both_engines!(
    a_domain_that_takes_no_mail_is_a_wrong_address_and_doubt_is_not,
    who_makes_names_up_has_them_asked_about_no_more_often_than_they_may_sign_up,
    under_attack_only_clients_that_solved_a_challenge_have_anything_asked,
);

async fn a_domain_that_takes_no_mail_is_a_wrong_address_and_doubt_is_not(engine: Engine) {
    let server = NameServer::start(ZONES).await;
    let app = asking(engine, &server).await;
    for (domain, status) in [
        ("with-mx.org", 200),
        ("only-address.org", 200),
        ("no-mail.org", 422),
        ("bare.org", 422),
        ("unknown.org", 422),
        ("trouble.org", 200),
        ("silence.org", 200),
        ("desk.example", 200),
    ] {
        let address = format!("ann@{domain}");
        let answer = app.sign_up(&address).await;
        assert_eq!(answer.status(), status, "{domain}");
        let page = answer.text().await.unwrap();
        let says = format!("No mail arrives at {domain}; please check the address.");
        assert_eq!(page.contains(&says), status == 422, "{domain}: {page}");
        assert_eq!(page.contains(&format!("value=\"{address}\"")), status == 422, "{domain}: {page}");
        assert_eq!(app.status_of(&address).await.is_some(), status == 200, "{domain}");
    }
}

async fn who_makes_names_up_has_them_asked_about_no_more_often_than_they_may_sign_up(engine: Engine) {
    let server = NameServer::start(ZONES).await;
    let address = server.address;
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.check_mx = true;
        settings.signup.dns_server = Some(address);
        settings.signup.limits.client = Limit::new(3, SignedDuration::from_hours(1));
        settings.http.proxies.trusted = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    for (n, status) in [422, 422, 422, 429, 429].into_iter().enumerate() {
        assert_eq!(
            from(&app, "192.0.2.1", &[("email", &format!("x@r{n}.org"))]).await.status(),
            status,
            "{n}"
        );
    }
    assert_eq!(server.asked(), 3);
    // What is known already is said without a question; others are not touched.
    assert_eq!(from(&app, "192.0.2.1", &[("email", "x@r0.org")]).await.status(), 422);
    assert_eq!(from(&app, "192.0.2.2", &[("email", "x@r4.org")]).await.status(), 422);
    assert_eq!(from(&app, "192.0.2.2", &[("email", "ann@with-mx.org")]).await.status(), 200);
}

async fn under_attack_only_clients_that_solved_a_challenge_have_anything_asked(engine: Engine) {
    let server = NameServer::start(ZONES).await;
    let app = asking(engine, &server).await;
    app.begin_attack().await;
    let (email, proof) = ("ann@unknown.org", solve(&challenge::issue(&app.app.actions)).unwrap());
    assert_eq!(app.sign_up(email).await.status(), 200);
    assert_eq!(server.asked(), 0);
    assert_eq!(app.post_form("/subscribe", &[("email", email), ("proof", &proof)]).await.status(), 422);
    assert_eq!(server.asked(), 1);
    // The solution is not used up by that.
    let fields = [("email", "ann@with-mx.org"), ("proof", proof.as_str())];
    assert_eq!(app.post_form("/subscribe", &fields).await.status(), 200);
    assert!(app.status_of("ann@with-mx.org").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_of_single_domains_does_not_end_the_asking() {
    let server = NameServer::start(ZONES).await;
    let app = asking(crate::support::Engine::Sqlite, &server).await;
    for domain in ["trouble.org", "trouble1.org", "trouble2.org"] {
        assert_eq!(app.sign_up(&format!("ann@{domain}")).await.status(), 200);
    }
    assert_eq!(app.sign_up("ann@unknown.org").await.status(), 422);
}

/// Signs up through a proxy that says who the client is.
async fn from(app: &TestApp, client: &str, fields: &[(&str, &str)]) -> reqwest::Response {
    let request = app.client.post(format!("{}/subscribe", app.url)).header("x-forwarded-for", client);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body(serde_urlencoded::to_string(fields).unwrap()).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_insists_on_a_slip_is_told_what_was_probably_meant() {
    let server = NameServer::start(ZONES).await;
    let app = asking(crate::support::Engine::Sqlite, &server).await;
    let fields = [("email", "ann@gmial.com"), ("as_typed", "yes")];
    let answer = app.post_form("/subscribe", &fields).await;
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    assert!(page.contains("No mail arrives at gmial.com; perhaps you meant ann@gmail.com."), "{page}");
    let answer = app
        .client
        .post(format!("{}/subscribe", app.url))
        .header("content-type", "application/json")
        .body("{\"email\":\"ann@gmial.com\",\"as_typed\":\"yes\"}")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 422);
    let problem: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!((&problem["field"], &problem["suggestion"]), (&"email".into(), &"ann@gmail.com".into()));
    app.change_newsletter(|it| it.language = "de".into()).await;
    let page = app.sign_up("ann@bare.org").await.text().await.unwrap();
    assert!(page.contains("Bei bare.org kommt keine Mail an; bitte prüfen Sie die Adresse."), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_is_remembered_for_a_while_and_silence_is_not_asked_again_and_again() {
    let server = NameServer::start(ZONES).await;
    let app = asking(crate::support::Engine::Sqlite, &server).await;
    for name in ["ann", "ben"] {
        assert_eq!(app.sign_up(&format!("{name}@with-mx.org")).await.status(), 200);
        assert_eq!(app.sign_up(&format!("{name}@unknown.org")).await.status(), 422);
    }
    assert_eq!(server.asked(), 2);
    app.clock.advance(SignedDuration::from_mins(6));
    assert_eq!(app.sign_up("eve@with-mx.org").await.status(), 200);
    assert_eq!(app.sign_up("eve@unknown.org").await.status(), 422);
    assert_eq!(server.asked(), 3, "a no is asked for again sooner than a yes");
    drop(server);
    // Nobody is there now. After three domains in vain none is asked about.
    for n in 0..3 {
        assert_eq!(app.sign_up(&format!("ann@away{n}.org")).await.status(), 200);
    }
    let begun = std::time::Instant::now();
    for n in 3..53 {
        assert_eq!(app.sign_up(&format!("ann@away{n}.org")).await.status(), 200);
    }
    println!("50 signups without a name server took {:?}", begun.elapsed());
}

async fn asking(engine: crate::support::Engine, server: &NameServer) -> TestApp {
    let address = server.address;
    TestApp::start_with(engine, |settings| {
        settings.signup.check_mx = true;
        settings.signup.dns_server = Some(address);
    })
    .await
}
