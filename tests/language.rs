//! The rules of `docs/STYLE.md` that a machine can check, over comments, docs and configuration files.
//!
//! `tests/language/allowances.txt` holds the findings that are still allowed per rule and folder. A count may
//! only shrink: `DAILY_LOWER_ALLOWANCES=1 cargo test --test language` writes the lower ones. With `--
//! --nocapture`, all counts are printed.

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
const ALLOWANCES: &str = "tests/language/allowances.txt";
/// Most findings listed per rule and folder.
const LISTED: usize = 20;

/// Findings by rule and folder.
type Found = BTreeMap<(&'static str, String), Vec<Finding>>;

#[test]
fn prose_follows_the_style_guide() {
    let found = check_all_files();
    let allowed = read_allowances();
    let mut report = String::new();
    let mut failed = String::new();
    for (key, findings) in &found {
        let (rule, folder) = key;
        let allowance = allowed.get(&(rule.to_string(), folder.clone())).copied().unwrap_or(0);
        let _ = writeln!(report, "{rule:13} {folder:24} {:5} of {allowance}", findings.len());
        if findings.len() > allowance {
            let _ =
                writeln!(failed, "\n{rule} in {folder}: {} findings, {allowance} allowed", findings.len());
            for finding in findings.iter().take(LISTED) {
                let _ = writeln!(failed, "  {finding}");
            }
        }
    }
    println!("{report}");
    if std::env::var_os("DAILY_LOWER_ALLOWANCES").is_some() {
        lower_allowances(&found, &allowed);
    }
    assert!(failed.is_empty(), "docs/STYLE.md explains the rules.{failed}");
}

/// Findings that are gone must not come back, so an allowance that nothing uses is an error.
#[test]
fn no_allowance_is_left_over() {
    if std::env::var_os("DAILY_LOWER_ALLOWANCES").is_some() {
        return;
    }
    let found = check_all_files();
    for (rule, folder) in read_allowances().keys() {
        let is_used =
            found.keys().any(|(found_rule, found_folder)| found_rule == rule && found_folder == folder);
        assert!(is_used, "{ALLOWANCES}: remove `{rule} {folder}`, it has no findings any more");
    }
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
            found.entry((rule, folder(&name))).or_default().push(finding);
        }
    }
    found
}

/// Returns two levels of folders below `src`, and one level elsewhere.
fn folder(name: &str) -> String {
    let mut parts = name.split('/');
    let first = parts.next().unwrap_or_default();
    match parts.next() {
        Some(second) if first == "src" && !second.contains('.') => format!("src/{second}"),
        Some(_) => first.to_owned(),
        None => ".".to_owned(),
    }
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

/// Writes the counts of findings where they are lower than the allowances. Allowances without findings go.
fn lower_allowances(found: &Found, allowed: &BTreeMap<(String, String), usize>) {
    let mut text = String::from("# Findings that are still allowed: rule, folder, count.\n");
    for ((rule, folder), allowance) in allowed {
        let count = found.iter().find(|((own_rule, own_folder), _)| own_rule == rule && own_folder == folder);
        if let Some((_, findings)) = count {
            let _ = writeln!(text, "{rule} {folder} {}", findings.len().min(*allowance));
        }
    }
    std::fs::write(Path::new(ROOT).join(ALLOWANCES), text).unwrap();
}

fn read_allowances() -> BTreeMap<(String, String), usize> {
    let text = std::fs::read_to_string(Path::new(ROOT).join(ALLOWANCES)).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parsed = lines.map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [rule, folder, count] = words[..] else { panic!("{ALLOWANCES}: `{line}`") };
        ((rule.to_owned(), folder.to_owned()), count.parse().unwrap())
    });
    parsed.collect()
}
