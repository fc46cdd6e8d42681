//! The audit log: who made which change.

use crate::support::{Engine, OPERATOR, TestApp, address, on_both_engines};
use daily::{
    actions::privacy::erase::{ErasureOutcome, erase},
    domain::issue::status::IssueStatus,
};
use serde_json::{Value, json};

on_both_engines!(
    the_audit_log_names_who_changed_what,
    changes_without_effect_are_not_recorded,
    nothing_recorded_names_a_reader,
);

async fn entries(app: &TestApp) -> Vec<Value> {
    app.program().run(&["audit", "--json"]).await.json().as_array().expect("a list").clone()
}

async fn actions(app: &TestApp) -> Vec<String> {
    entries(app).await.iter().map(|it| it["action"].as_str().expect("a text").to_owned()).collect()
}

async fn the_audit_log_names_who_changed_what(engine: Engine) {
    let app = TestApp::with_relay(engine, "smtp://127.0.0.1:1").await;
    app.article("The bridge opens").await;
    app.reader_at_once("ann@example.org").await;
    assert_eq!(app.send_issue().await, IssueStatus::Sending, "the relay is down");
    let daily = app.program().set("SUDO_USER", "ada");
    let set = daily.run(&["newsletter", "set", "daily", "--title", "Morning"]).await;
    assert_eq!(set.code, 0, "{set:?}");
    let paused = daily.run(&["issue", "pause", "--reason", "a typo"]).await;
    assert_eq!(paused.code, 0, "{paused:?}");

    let entries = entries(&app).await;
    let [pause, set, send] = entries.as_slice() else { panic!("{entries:?}") };
    for entry in [pause, set] {
        assert_eq!(entry["actor"]["kind"], "command");
        assert_eq!(entry["actor"]["sudo_user"], "ada");
        for field in ["os_user", "host"] {
            assert!(entry["actor"][field].as_str().is_some_and(|it| !it.is_empty()), "{entry}");
        }
    }
    assert_eq!(pause["action"], "issue.pause");
    assert_eq!(pause["subject_id"], app.latest_issue().await.id.0);
    assert_eq!(pause["before"], json!({ "status": "sending", "reason": null }));
    assert_eq!(pause["after"], json!({ "status": "paused", "reason": "a typo" }));
    assert_eq!(set["action"], "newsletter.set");
    assert_eq!(set["subject_id"], app.newsletter().await.id.0);
    assert_eq!(
        (&set["before"], &set["after"]),
        (&json!({ "title": "Daily" }), &json!({ "title": "Morning" }))
    );
    assert_eq!(
        (&send["action"], &send["actor"]),
        (&json!("issue.send"), &json!({ "kind": "operator", "id": 1 }))
    );

    let table = daily.run(&["audit", "--limit", "1"]).await.stdout;
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(table.contains("ada as ") && table.contains("status: sending → paused"), "{table}");
    let next = daily.run(&["audit", "--before", &pause["id"].to_string()]).await.stdout;
    assert!(next.contains("title: Daily → Morning") && !next.contains("issue.pause"), "{next}");

    for refused in app.store().await.tamper_with_audit().await {
        assert!(refused.as_ref().is_err_and(|it| it.contains("append-only")), "{refused:?}");
    }
}

async fn changes_without_effect_are_not_recorded(engine: Engine) {
    let app = TestApp::start(engine).await;
    let article = app.article("The bridge opens").await.to_string();
    let daily = app.program();
    for command in [
        &["article", "pin", &article][..],
        &["newsletter", "set", "daily", "--send-time", "06:30"],
        &["operator", "add", "desk@example.org"],
        &["issue", "edit", "--drop", &article],
        &["issue", "edit", "--undo", &article],
    ] {
        for _ in 0..2 {
            let ended = daily.run(command).await;
            assert_eq!(ended.code, 0, "{ended:?}");
        }
    }
    assert_ne!(daily.run(&["issue", "pause"]).await.code, 0, "it is only planned");
    let expected =
        ["issue.edit", "issue.edit", "issue.begin", "operator.add", "newsletter.set", "article.pin"];
    assert_eq!(actions(&app).await, expected);
    let entries = entries(&app).await;
    let field = format!("article {article}");
    assert_eq!(entries[0]["before"][&field]["wish"], "drop");
    assert_eq!(entries[1]["after"][&field]["wish"], "drop");
    assert_eq!(entries[3]["after"]["address"], "d***@example.org");
}

async fn nothing_recorded_names_a_reader(engine: Engine) {
    let app = TestApp::start(engine).await;
    let list = "email,status\nann@example.org,confirmed\nbob@example.org,unsubscribed\n";
    for _ in 0..2 {
        app.import_list(list).await;
    }
    let set = ["subscriber", "set", "ann@example.org", "--cadence", "weekly"];
    for _ in 0..2 {
        let ended = app.program().run(&set).await;
        assert_eq!(ended.code, 0, "{ended:?}");
    }
    let erased = erase(&app.app.actions, &OPERATOR, &address("ann@example.org")).await.unwrap();
    assert_eq!(erased, ErasureOutcome::Done);

    assert_eq!(actions(&app).await, ["subscriber.erase", "subscriber.set", "subscriber.import"]);
    let entries = entries(&app).await;
    assert_eq!((&entries[0]["before"], &entries[0]["after"]), (&json!({ "subscriptions": 1 }), &Value::Null));
    assert_eq!(entries[1]["after"], json!({ "cadence": "weekly" }));
    assert_eq!(entries[2]["after"], json!({ "added": 1, "left": 1 }));
    let text = Value::Array(entries).to_string();
    assert!(!text.contains("ann@") && !text.contains("bob@"), "{text}");
}
