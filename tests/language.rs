//! The rules of `docs/STYLE.md` that a machine can check, over comments, docs and configuration files.

#![expect(clippy::unwrap_used, reason = "a file that cannot be read fails the check, and says where")]

#[path = "language/prose.rs"]
mod prose;
#[path = "language/rules.rs"]
mod rules;

use prose::Kind;
use rules::{Finding, Style};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Most findings listed per rule.
const LISTED: usize = 20;

/// Findings by rule.
type Found = BTreeMap<&'static str, Vec<Finding>>;

#[test]
fn prose_follows_the_style_guide() {
    let mut failed = String::new();
    for (rule, findings) in &check_all_files() {
        let _ = writeln!(failed, "\n{rule}: {} findings", findings.len());
        for finding in findings.iter().take(LISTED) {
            let _ = writeln!(failed, "  {finding}");
        }
    }
    assert!(failed.is_empty(), "docs/STYLE.md explains the rules.{failed}");
}

fn check_all_files() -> Found {
    let style = Style::from_guide(&std::fs::read_to_string(Path::new(ROOT).join("docs/STYLE.md")).unwrap());
    let mut found = Found::new();
    for file in files() {
        let name = file.strip_prefix(ROOT).unwrap().to_str().unwrap().to_owned();
        let Some(kind) = Kind::of(&name) else { continue };
        let text = std::fs::read_to_string(&file).unwrap();
        for (rule, line, excerpt) in rules::check(&style, kind, &name, &text) {
            let finding = Finding { file: name.clone(), line, excerpt };
            found.entry(rule).or_default().push(finding);
        }
    }
    found
}

/// Returns every file of the repository, without what builds and tests leave behind.
fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from(ROOT)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            let name = name.to_str().unwrap();
            let is_skipped = ["target", ".git", "data", "node_modules"].contains(&name);
            if entry.file_type().unwrap().is_dir() {
                if !is_skipped {
                    open.push(entry.path());
                }
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}
