//! The MX check: addresses at domains that can't receive email are refused like mistyped ones.

use crate::support::{
    Engine, Page, TestApp,
    name_server::{NameServer, Zone},
    on_both_engines,
};
use daily::{actions::signup::challenge, domain::signup::challenge::solve, settings::Settings};
use jiff::SignedDuration;
use serde_json::{Value, json};

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
    ("silence1.org", Zone::Silence),
    ("silence2.org", Zone::Silence),
];

on_both_engines!(
    a_domain_without_mail_server_is_refused_and_doubt_is_not,
    made_up_names_are_looked_up_no_more_often_than_the_client_may_sign_up,
    a_signup_for_an_unknown_newsletter_causes_no_lookup,
    every_lookup_counts_whatever_becomes_of_the_signup,
    under_attack_domains_are_looked_up_only_for_solved_challenges,
);

async fn a_domain_without_mail_server_is_refused_and_doubt_is_not(engine: Engine) {
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
        let page = Page::read(app.sign_up(&address).await).await;
        assert_eq!(page.status, status, "{domain}");
        let says = "The domain after the @ can’t receive email. Please check the address.";
        assert_eq!(page.contains(says), status == 422, "{domain}: {page}");
        assert!(
            page.contains(&format!("value=\"{address}\"")),
            "to correct it, or to send the email again: {page}"
        );
        assert_eq!(app.status_of(&address).await.is_some(), status == 200, "{domain}");
    }
}

async fn made_up_names_are_looked_up_no_more_often_than_the_client_may_sign_up(engine: Engine) {
    let server = NameServer::start(ZONES).await;
    let app = asking_with(engine, &server, |settings| {
        settings.signup.client_per_hour = 3;
        settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    for (n, status) in [422, 422, 422, 429, 429].into_iter().enumerate() {
        assert_eq!(app.sign_up_from("192.0.2.1", &format!("x@r{n}.org")).await.status(), status, "{n}");
    }
    assert_eq!(server.asked(), 3);
    // Known names need no lookup, and other clients have their own limits.
    assert_eq!(app.sign_up_from("192.0.2.1", "x@r0.org").await.status(), 422);
    assert_eq!(app.sign_up_from("192.0.2.2", "x@r4.org").await.status(), 422);
    assert_eq!(app.sign_up_from("192.0.2.2", "ann@with-mx.org").await.status(), 200);
}

async fn a_signup_for_an_unknown_newsletter_causes_no_lookup(engine: Engine) {
    let server = NameServer::start(ZONES).await;
    let app = asking(engine, &server).await;
    for n in 0..5 {
        let (email, newsletters) = (format!("x@r{n}.org"), ["daily", "nothing"]);
        let answer = app.post_json("/subscribe", &json!({ "email": email, "newsletter": newsletters })).await;
        assert_eq!(answer.status(), 422);
        assert!(answer.text().await.unwrap().contains("#/newsletter/1"));
    }
    assert_eq!(server.asked(), 0);
}

async fn every_lookup_counts_whatever_becomes_of_the_signup(engine: Engine) {
    let server = NameServer::start(ZONES).await;
    // Clients on this machine have only the overall limit.
    let app = asking_with(engine, &server, |settings| settings.signup.signups_per_minute = 5).await;
    app.begin_attack().await;
    let proof = solve(&challenge::issue(&app.app.signup)).unwrap();
    let mut statuses = Vec::new();
    for n in 0..8 {
        let body = json!({ "email": format!("x@r{n}.org"), "proof": proof });
        statuses.push(app.post_json("/subscribe", &body).await.status().as_u16());
    }
    assert_eq!(statuses, [422, 422, 422, 422, 422, 429, 429, 429]);
    assert_eq!(server.asked(), 5);
}

async fn under_attack_domains_are_looked_up_only_for_solved_challenges(engine: Engine) {
    let server = NameServer::start(ZONES).await;
    let app = asking(engine, &server).await;
    app.begin_attack().await;
    let (email, proof) = ("ann@unknown.org", solve(&challenge::issue(&app.app.signup)).unwrap());
    assert_eq!(app.sign_up(email).await.status(), 200);
    assert_eq!(server.asked(), 0);
    assert_eq!(app.post_form("/subscribe", &[("email", email), ("proof", &proof)]).await.status(), 422);
    assert_eq!(server.asked(), 1);
    // A refused signup does not use up the solution.
    let fields = [("email", "ann@with-mx.org"), ("proof", proof.as_str())];
    assert_eq!(app.post_form("/subscribe", &fields).await.status(), 200);
    assert!(app.status_of("ann@with-mx.org").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_of_single_domains_does_not_end_the_lookups() {
    let server = NameServer::start(ZONES).await;
    let app = asking(Engine::Sqlite, &server).await;
    for domain in ["trouble.org", "trouble1.org", "trouble2.org"] {
        assert_eq!(app.sign_up(&format!("ann@{domain}")).await.status(), 200);
    }
    assert_eq!(app.sign_up("ann@unknown.org").await.status(), 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_servers_of_single_domains_do_not_end_the_lookups() {
    let server = NameServer::start(ZONES).await;
    let app = asking(Engine::Sqlite, &server).await;
    for domain in ["silence.org", "silence1.org", "silence2.org", "silence.org"] {
        assert_eq!(app.sign_up(&format!("ann@{domain}")).await.status(), 200);
    }
    let before = server.asked();
    assert_eq!(app.sign_up("ann@unknown.org").await.status(), 422, "the name server itself answers");
    assert_eq!(app.sign_up("ben@silence.org").await.status(), 200);
    assert_eq!(server.asked(), before + 1, "an answer that didn't come is not asked for again at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insisted_typo_is_refused_with_the_probable_address() {
    let server = NameServer::start(ZONES).await;
    let app = asking(Engine::Sqlite, &server).await;
    let fields = [("email", "ann@gmial.com"), ("as_typed", "yes")];
    let page = app.submit("/subscribe", &fields).await;
    assert_eq!(page.status, 422);
    assert!(
        page.contains("The domain after the @ can’t receive email. Did you mean ann@gmail.com?"),
        "{page}"
    );
    let answer = app.post_json("/subscribe", &json!({ "email": "ann@gmial.com", "as_typed": "yes" })).await;
    assert_eq!(answer.status(), 422);
    let problem: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(
        (&problem["errors"][0]["pointer"], &problem["suggestion"]),
        (&"#/email".into(), &"ann@gmail.com".into())
    );
    app.change_newsletter(|it| it.language = "de".into()).await;
    let page = app.sign_up("ann@bare.org").await.text().await.unwrap();
    assert!(
        page.contains("Die Domain nach dem @ empfängt keine E-Mails. Bitte prüfen Sie die Adresse."),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_cached_and_a_silent_server_is_not_asked_again() {
    let server = NameServer::start(ZONES).await;
    let app = asking(Engine::Sqlite, &server).await;
    for name in ["ann", "ben"] {
        assert_eq!(app.sign_up(&format!("{name}@with-mx.org")).await.status(), 200);
        assert_eq!(app.sign_up(&format!("{name}@unknown.org")).await.status(), 422);
    }
    assert_eq!(server.asked(), 2);
    app.clock.advance(SignedDuration::from_mins(6));
    assert_eq!(app.sign_up("eve@with-mx.org").await.status(), 200);
    assert_eq!(app.sign_up("eve@unknown.org").await.status(), 422);
    assert_eq!(server.asked(), 3, "a no is asked for again sooner than a yes");
    // The server is silent from now on. After three failed lookups, no domain is looked up.
    server.fall_silent();
    for n in 0..3 {
        assert_eq!(app.sign_up(&format!("ann@away{n}.org")).await.status(), 200);
    }
    let before = server.asked();
    for n in 3..53 {
        assert_eq!(app.sign_up(&format!("ann@away{n}.org")).await.status(), 200);
    }
    assert_eq!(server.asked(), before);
}

async fn asking(engine: Engine, server: &NameServer) -> TestApp {
    asking_with(engine, server, |_| {}).await
}

async fn asking_with(engine: Engine, server: &NameServer, change: impl FnOnce(&mut Settings)) -> TestApp {
    TestApp::start_with(engine, |settings| {
        settings.signup.check_mx = true;
        settings.signup.dns_server = Some(server.address);
        change(settings);
    })
    .await
}
