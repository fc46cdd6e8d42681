//! The OpenAPI document describes exactly the public endpoints.

use crate::support::{Engine, app::TestApp};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Only exists while the service is local, and not for readers.
const NOT_PUBLIC: &str = "/mailbox";

#[tokio::test(flavor = "multi_thread")]
async fn every_public_route_is_described_and_every_description_is_a_route() {
    let app = TestApp::start(Engine::Sqlite).await;
    let described = description(&app).await;
    let mut there = BTreeMap::new();
    for path in routes() {
        // No route has this method, so the answer lists those that work.
        let address = format!("{}{}", app.url, path.replace(['{', '}'], ""));
        let answer = app.client.request("BREW".parse().unwrap(), address).send().await.unwrap();
        assert_eq!(answer.status(), 405, "{path}");
        let allow = answer.headers()["allow"].to_str().unwrap().to_ascii_lowercase();
        // Every GET route also answers HEAD.
        let methods = allow.split(',').map(|it| it.trim().to_owned()).filter(|it| it != "head");
        there.insert(path, methods.collect::<BTreeSet<_>>());
    }
    assert_eq!(methods(&described["paths"]), there, "left: src/web/assets/openapi.json, right: the program");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reference_leads_somewhere_and_everything_named_is_used() {
    let app = TestApp::start(Engine::Sqlite).await;
    let described = description(&app).await;
    let text = described.to_string();
    let references: BTreeSet<&str> = text
        .split("\"$ref\":\"#")
        .skip(1)
        .map(|rest| rest.split_once('"').map_or(rest, |(reference, _)| reference))
        .collect();
    for reference in &references {
        assert!(described.pointer(reference).is_some(), "{reference}");
    }
    for (group, named) in described["components"].as_object().unwrap() {
        for name in named.as_object().unwrap().keys() {
            assert!(references.contains(format!("/components/{group}/{name}").as_str()), "{group}/{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_described_as_they_are_read() {
    let app = TestApp::start(Engine::Sqlite).await;
    let described = description(&app).await;
    let schemas = &described["components"]["schemas"];
    assert_eq!(schemas["Signup"]["required"], json!(["email"]));
    assert_eq!(schemas["Signup"]["additionalProperties"], false);
    assert_eq!(schemas["Signup"]["properties"]["newsletter"]["anyOf"][1]["maxItems"], 20);
    // The error message and the document list the same fields.
    let answer = app.post_json("/subscribe", &json!({ "email": "ann@example.org", "emial": "x" })).await;
    assert_eq!(answer.status(), 422);
    let problem: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    for kind in ["Signup", "SignupForm"] {
        for (name, property) in schemas[kind]["properties"].as_object().unwrap() {
            assert!(problem["detail"].as_str().unwrap().contains(name.as_str()), "{name}: {problem}");
            assert!(property["description"].is_string(), "{name}");
        }
    }
    let codes = schemas["FieldError"]["properties"]["code"]["enum"].as_array().unwrap();
    assert!(codes.contains(&problem["errors"][0]["code"]), "{problem}");
    for (kind, fields) in [
        ("Unsubscribe", &["List-Unsubscribe", "instead", "reason", "remark", "until"][..]),
        (
            "Preferences",
            &[
                "address",
                "cadence",
                "do",
                "join",
                "language",
                "leave",
                "sections",
                "send_time",
                "time_zone",
                "until",
            ],
        ),
    ] {
        let names: BTreeSet<&str> =
            schemas[kind]["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, fields.iter().copied().collect(), "{kind}");
        assert!(!schemas[kind].to_string().contains("\"null\""), "a form has no null: {kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_the_members_that_are_described() {
    let app = TestApp::start(Engine::Sqlite).await;
    let described = description(&app).await;
    let schemas = &described["components"]["schemas"];
    let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let challenge: Value = serde_json::from_str(&app.get("/challenge").await.text().await.unwrap()).unwrap();
    assert_eq!(members(&challenge), members(&schemas["Challenge"]["properties"]));
    assert_eq!(
        members(&challenge),
        schemas["Challenge"]["required"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap().into())
            .collect()
    );
    assert_eq!(challenge["algorithm"], schemas["Challenge"]["properties"]["algorithm"]["const"]);
    // Every kind of problem: a wrong field, a likely typo, a missing solution.
    let mut problems = BTreeSet::new();
    let mut answer = async |body: Value, status: u16| {
        let answer = app.post_json("/subscribe", &body).await;
        assert_eq!(answer.status(), status, "{body}");
        let problem: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        for name in schemas["Problem"]["required"].as_array().unwrap() {
            assert!(problem.get(name.as_str().unwrap()).is_some(), "{name}: {problem}");
        }
        for error in problem["errors"].as_array().into_iter().flatten() {
            assert_eq!(members(error), members(&schemas["FieldError"]["properties"]));
        }
        problems.extend(members(&problem));
    };
    answer(json!({ "email": "ann" }), 422).await;
    answer(json!({ "email": "ann@gmial.com" }), 422).await;
    app.begin_attack().await;
    answer(json!({ "email": "ann@example.org" }), 428).await;
    assert_eq!(problems, members(&schemas["Problem"]["properties"]));
    // A form repeats the field that is a list in JSON.
    let newsletter = |kind: &str| &schemas[kind]["properties"]["newsletter"];
    assert_eq!(newsletter("SignupForm")["$ref"], newsletter("Signup")["anyOf"][0]["$ref"]);
}

async fn description(app: &TestApp) -> Value {
    let answer = app.get(&format!("{}/openapi.json", app.url)).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// Returns the documented methods of each path.
fn methods(paths: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let names = |item: &Map<String, Value>| item.keys().filter(|it| *it != "parameters").cloned().collect();
    paths
        .as_object()
        .unwrap()
        .iter()
        .map(|(path, item)| (path.clone(), names(item.as_object().unwrap())))
        .collect()
}

/// Returns the paths of the public routes, read from the source because the router does not list them.
fn routes() -> Vec<String> {
    let text = std::fs::read_to_string(source("mod.rs")).unwrap();
    let found: Vec<String> = text
        .split(".route(")
        .skip(1)
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split_once('"'))
        .map(|(path, _)| path.to_owned())
        .filter(|path| !path.starts_with(NOT_PUBLIC))
        .collect();
    assert!(found.len() > 10, "the routes are no longer in src/web/mod.rs: {found:?}");
    found
}

fn source(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web").join(file)
}
