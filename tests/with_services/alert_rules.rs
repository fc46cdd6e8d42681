//! The example alert rules and dashboard, read with promql-parser.

use super::bootstrapped;
use std::process::Command;

/// Prints each expression, or what is wrong with a file.
const READ: &str = r#"
import json, sys, yaml, promql_parser
rules = [rule for group in yaml.safe_load(open(sys.argv[1]))["groups"] for rule in group["rules"]]
panels = json.load(open(sys.argv[2]))["panels"]
targets = [target for panel in panels for target in panel.get("targets", [])]
for rule in rules:
    if set(rule) - {"alert", "expr", "for", "labels", "annotations"}:
        sys.exit(f"unknown fields: {rule}")
    if not rule["annotations"].get("summary") or not rule["annotations"].get("action"):
        sys.exit(f"nothing says what to do: {rule}")
for where, expression in [("alert", rule["expr"]) for rule in rules] + [("panel", it["expr"]) for it in targets]:
    try:
        promql_parser.parse(expression)
    except Exception as error:
        sys.exit(f"{where}: {expression}: {error}")
    print(where)
"#;

#[test]
fn the_example_alerts_and_dashboard_are_valid() {
    let python = bootstrapped("promql-parser-0.11.0/bin/python");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/monitoring");
    let files = [folder.join("alerts.yml"), folder.join("grafana.json")];
    let output = Command::new(python).args(["-c", READ]).args(files).output().unwrap();
    let (said, wrong) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(output.status.success(), "{wrong}");
    let count = |what: &str| said.lines().filter(|line| *line == what).count();
    assert!(count("alert") > 10 && count("panel") > 10, "{said}");
}
