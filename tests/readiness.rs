//! Issues wait until everything is set up that readers need.

use crate::support::{
    Engine, OPERATOR, TestApp, on_both_engines,
    sink::{Options, Sink},
};
use daily::{
    actions::issue::approve_issue::send_anyway,
    domain::{
        delivery::{email::EmailKind, relay::RelayUrl},
        issue::status::IssueStatus,
    },
    settings::Relay,
};

on_both_engines!(an_issue_waits_until_everything_is_set_up_or_goes_out_anyway);

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
