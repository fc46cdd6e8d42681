//! schemathesis sends generated requests to the public endpoints, which answer as documented.

use super::bootstrapped;
use crate::support::{Engine, app::TestApp, on_both_engines};
use serde_json::{Value, json};
use std::process::Command;

/// Settings of schemathesis: all its checks, and the exceptions with their reasons.
const SETTINGS: &str = include_str!("fuzz/schemathesis.toml");

on_both_engines!(every_generated_request_gets_a_documented_answer);

async fn every_generated_request_gets_a_documented_answer(engine: Engine) {
    let app = TestApp::start_with(engine, |settings| {
        settings.signup.mails_per_address_per_day = 0;
        settings.signup.signups_per_minute = 0;
    })
    .await;
    app.article("The bridge opens").await;
    for reader in ["ann", "ben", "eve"] {
        app.reader(&format!("{reader}@example.org")).await;
    }
    app.send_issue().await;
    let own = |reader: &str, way: &str| {
        let link = app.emails_to(&format!("{reader}@example.org")).pop().unwrap().link(way);
        link.rsplit('/').next().unwrap().to_owned()
    };
    app.sign_up("dan@example.org").await;
    app.settle().await;
    let confirm = app.confirmation_link("dan@example.org");
    let confirm = confirm.rsplit('/').next().unwrap();
    let mut described: Value =
        serde_json::from_str(&app.get(&format!("{}/openapi.json", app.url)).await.text().await.unwrap())
            .unwrap();
    // Values that exist here, so that requests get beyond the first check.
    described["components"]["schemas"]["Slug"] = json!({ "type": "string", "enum": ["daily"] });
    let preferences = &mut described["components"]["schemas"]["Preferences"]["properties"];
    preferences["time_zone"]["enum"] = json!(["", "UTC", "Europe/Paris"]);
    preferences["sections"]["anyOf"][1]["items"]["enum"] = json!(["", "Science", "Opinion"]);
    preferences["sections"]["anyOf"][0] = json!({ "type": "string", "enum": ["", "Science"] });
    for (path, token) in [
        ("/confirm/{token}", confirm),
        ("/confirm/{token}/renew", confirm),
        ("/unsubscribe/{token}", &own("ann", "/unsubscribe/")),
        ("/preferences/{token}", &own("ben", "/preferences/")),
    ] {
        let mut parameter = described["components"]["parameters"]["token"].clone();
        parameter["schema"] = json!({ "type": "string", "enum": [token] });
        described["paths"][path]["parameters"][0] = parameter;
    }
    described["paths"]["/issues/{date}"]["get"]["parameters"][0]["example"] = "2026-05-01".into();

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schemathesis.toml"), SETTINGS).unwrap();
    std::fs::write(folder.path().join("openapi.json"), described.to_string()).unwrap();
    let mut command = Command::new(bootstrapped("schemathesis-4.32.5/bin/st"));
    command.args(["run", "openapi.json", "--no-color", "--url", &app.url]).current_dir(folder.path());
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    println!("{said}");
    assert!(ended.status.success(), "{said}\n{}", String::from_utf8_lossy(&ended.stderr));
    // Guards against an empty run, which would also succeed.
    let operations = methods(&described).count();
    assert!(said.contains(&format!("Operations:       {operations} selected")), "{operations}: {said}");
}

/// Returns the paths with their methods.
fn methods(described: &Value) -> impl Iterator<Item = &str> {
    let paths = described["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(_, item)| item.as_object().into_iter().flatten())
        .map(|(name, _)| name.as_str())
        .filter(|it| *it != "parameters")
}
