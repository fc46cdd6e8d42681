//! Issues wait until everything is set up that readers need.

use crate::support::{
    Engine, OPERATOR, TestApp, on_both_engines,
    sink::{Options, Sink},
    site::respond,
};
use daily::{
    actions::issue::approve_issue::send_anyway,
    db::installation,
    domain::{
        delivery::{email::EmailKind, relay::RelayUrl},
        issue::{readiness::PublicAnswer, status::IssueStatus},
        subscriber::email_address::EmailAddress,
    },
    http_client::LazyClient,
    jobs::periodic::watch_public_url::ask,
    settings::Relay,
};
use jiff::SignedDuration;
use wiremock::{MockServer, ResponseTemplate};

on_both_engines!(
    an_issue_waits_until_everything_is_set_up_or_goes_out_anyway,
    an_issue_waits_while_something_else_answers_at_the_public_address,
);

async fn an_issue_waits_until_everything_is_set_up_or_goes_out_anyway(engine: Engine) {
    let sink = Sink::start(0, Options::default()).await;
    let url = sink.url();
    let app = TestApp::start_with(engine, |settings| {
        settings.schedule.require_ready = true;
        settings.relays = vec![Relay::new(RelayUrl::parse(&url).unwrap())];
        settings.sending.canary = 0;
    })
    .await;
    app.article("Bridge opens").await;
    app.reader_at_once("zoe@lamp.example").await;
    app.add_operator("desk@lamp.example").await;

    app.run_due_at("2026-05-02T07:00:00Z").await;
    app.settle().await;
    app.run_due().await;
    let issue = app.latest_issue().await;
    assert_eq!((issue.status, issue.waits_for.as_deref()), (IssueStatus::Planned, Some("setup")));
    assert_eq!(app.count_emails(EmailKind::SetupWanted).await, 1, "its operators are told once");
    let program =
        app.program().set("DAILY__SCHEDULE__REQUIRE_READY", "true").set("DAILY__RELAYS__0__URL", &url);
    let refused = program.run(&["issue", "send", "--yes"]).await;
    assert!(refused.code == 1 && refused.stderr.contains("http.public_url"), "{refused:?}");
    assert!(refused.stderr.contains("postal address"), "everything at once: {refused:?}");
    let checked = program.run(&["check", "--json"]).await;
    assert_eq!(checked.code, 1, "{checked:?}");
    let findings = checked.json();
    let failed: Vec<&str> = findings
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["state"] == "failed")
        .map(|it| it["what"].as_str().unwrap())
        .collect();
    assert_eq!(failed, ["http.public_url (daily)", "sender address (daily)", "postal address (daily)"]);
    assert!(findings.as_array().unwrap().iter().all(|it| it["state"] != "failed" || it["cure"].is_string()));

    assert!(send_anyway(&app.app.actions, &OPERATOR, issue.id).await.unwrap());
    app.wait_for_status(issue.id, IssueStatus::Sent).await;
}

async fn an_issue_waits_while_something_else_answers_at_the_public_address(engine: Engine) {
    let sink = Sink::start(0, Options::default()).await;
    let app = TestApp::start_with(engine, |settings| {
        settings.schedule.require_ready = true;
        settings.relays = vec![Relay::new(RelayUrl::parse(&sink.url()).unwrap())];
        settings.sending.canary = 0;
        settings.http.public_url = "https://news.lamp.example".into();
    })
    .await;
    app.change_newsletter(|it| {
        it.sender_address = EmailAddress::parse("news@lamp.example").unwrap();
        it.postal_address = "Quay 1, Port".into();
    })
    .await;
    app.article("Bridge opens").await;
    app.reader_at_once("zoe@lamp.example").await;
    let found = async |elsewhere| {
        let mut tx = app.app.db.begin().await.unwrap();
        installation::set_links_lead_elsewhere(&mut tx, elsewhere).await.unwrap();
        tx.commit().await.unwrap();
    };
    found(true).await;
    app.run_due_at("2026-05-02T07:00:00Z").await;
    app.settle().await;
    app.run_due().await;
    let issue = app.latest_issue().await;
    assert_eq!((issue.status, issue.waits_for.as_deref()), (IssueStatus::Planned, Some("setup")));
    found(false).await;
    app.run_due_until(issue.id, IssueStatus::Sent, SignedDuration::from_mins(1)).await;
}

#[tokio::test]
async fn only_daily_answers_as_daily_does() {
    let http = LazyClient::new(reqwest::Client::builder);
    for (status, body, expected) in [
        (200, "ok\n", Some(PublicAnswer::Daily)),
        (200, "<html>A parked domain</html>", Some(PublicAnswer::SomethingElse)),
        (404, "ok\n", Some(PublicAnswer::SomethingElse)),
        // A proxy whose server restarts.
        (502, "Bad Gateway", None),
    ] {
        let site = MockServer::start().await;
        respond(&site, "/healthz", ResponseTemplate::new(status).set_body_string(body)).await;
        let answer = ask(&http, &site.uri()).await;
        match expected {
            Some(expected) => assert_eq!(answer, expected, "{status} {body}"),
            None => assert!(matches!(answer, PublicAnswer::Nothing(_)), "{answer:?}"),
        }
    }
    assert!(matches!(ask(&http, "http://127.0.0.1:1").await, PublicAnswer::Nothing(_)));
}
