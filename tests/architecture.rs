//! Who may import whom: the table of the architecture, kept true.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Each part of `src/` and the parts it may import.
const ALLOWED: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &[]),
    ("random", &[]),
    ("shutdown", &[]),
    ("db", &["domain", "random"]),
    ("settings", &["db", "domain"]),
    ("telemetry", &["settings"]),
    ("queue", &["clock", "db", "domain", "random"]),
    ("articles", &["domain"]),
    ("mail", &["clock", "domain", "random", "settings"]),
    ("actions", &["clock", "db", "domain", "queue", "random"]),
    ("jobs", &["articles", "clock", "db", "domain", "mail", "queue", "random"]),
    ("web", &["actions", "db", "domain"]),
    ("app", &["actions", "articles", "clock", "db", "domain", "jobs", "mail", "queue", "random", "settings"]),
    (
        "cli",
        &[
            "actions",
            "app",
            "articles",
            "clock",
            "db",
            "domain",
            "jobs",
            "mail",
            "queue",
            "random",
            "settings",
            "shutdown",
            "telemetry",
            "web",
        ],
    ),
];

#[test]
fn every_part_imports_only_what_the_table_allows() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (part, allowed) in ALLOWED {
        for file in files(&src, part) {
            let text = fs::read_to_string(&file).expect("a source file");
            for imported in imports(&text) {
                let known = ALLOWED.iter().any(|(name, _)| *name == imported);
                if known && imported != *part && !allowed.contains(&imported.as_str()) {
                    wrong.push(format!("{}: {part} must not import {imported}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_names_every_part() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(src.join("lib.rs")).expect("the crate's map");
    let declared: BTreeSet<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(declared, ALLOWED.iter().map(|(name, _)| *name).collect());
}

#[test]
fn only_db_and_queue_know_the_engines() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (part, _) in ALLOWED.iter().filter(|(part, _)| !["db", "queue"].contains(part)) {
        for file in files(&src, part) {
            let text = fs::read_to_string(&file).expect("a source file");
            for sign in ["Db::Sqlite", "Db::Postgres", "EngineTx", "sqlx::query", "apalis"] {
                assert!(!text.contains(sign), "{} names {sign}", file.display());
            }
        }
    }
}

fn files(src: &Path, part: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![src.join(part)];
    let file = src.join(format!("{part}.rs"));
    if file.is_file() {
        found.push(file);
    }
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.expect("a folder entry").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "src/{part} is gone");
    found
}

/// The first names after `crate::`, one by one and in braces.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 1_u32;
            let mut name = Some(String::new());
            for c in list.chars() {
                match (c, &mut name) {
                    ('{', _) => depth += 1,
                    ('}', _) => depth -= 1,
                    (',', _) if depth == 1 => {
                        found.extend(name.take().filter(|name| !name.is_empty()));
                        name = Some(String::new());
                    }
                    (c, Some(name)) if c.is_alphanumeric() || c == '_' => name.push(c),
                    // What follows the first name does not count.
                    (':', name) => found.extend(name.take()),
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            found.extend(name.filter(|name| !name.is_empty()));
        } else {
            found.insert(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

#[test]
fn imports_are_found_one_by_one_and_in_braces() {
    let text =
        "use crate::{\n    actions::{self, x::Y},\n    db::DbError, mail,\n};\nlet a = crate::random::hex();";
    let expected = ["actions", "db", "mail", "random"].map(str::to_owned);
    assert_eq!(imports(text), BTreeSet::from(expected));
}
