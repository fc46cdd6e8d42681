//! Checks the import table of docs/architecture.md, that no modules import each other in a circle, and that
//! stories contain no SQL.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Each part of `src/` and the parts it may import.
const ALLOWED: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &[]),
    ("random", &[]),
    ("metrics", &[]),
    ("http_client", &[]),
    ("i18n", &["domain"]),
    ("db", &["domain", "random"]),
    ("settings", &["db", "domain"]),
    ("telemetry", &["settings"]),
    ("secrets", &["db", "domain", "random", "settings"]),
    ("queue", &["clock", "db", "domain", "metrics", "random"]),
    ("content", &["domain", "http_client"]),
    ("mail", &["clock", "domain", "random", "settings"]),
    ("oidc", &["clock", "domain", "http_client"]),
    ("issues", &["db", "domain"]),
    ("delivery", &["clock", "db", "domain", "issues", "mail", "metrics", "queue", "random", "settings"]),
    ("actions", &["clock", "db", "domain", "issues", "metrics", "oidc", "queue", "random"]),
    (
        "jobs",
        &[
            "clock",
            "content",
            "db",
            "delivery",
            "domain",
            "http_client",
            "issues",
            "mail",
            "metrics",
            "queue",
            "random",
            "settings",
        ],
    ),
    ("web", &["actions", "db", "domain", "i18n", "issues", "metrics"]),
    (
        "app",
        &[
            "actions",
            "clock",
            "content",
            "db",
            "delivery",
            "domain",
            "http_client",
            "jobs",
            "mail",
            "metrics",
            "oidc",
            "queue",
            "random",
            "secrets",
            "settings",
        ],
    ),
    (
        "service",
        &[
            "actions", "app", "clock", "db", "delivery", "domain", "issues", "jobs", "mail", "metrics",
            "queue", "random", "settings", "web",
        ],
    ),
    (
        "cli",
        &[
            "actions",
            "app",
            "clock",
            "content",
            "db",
            "delivery",
            "domain",
            "i18n",
            "issues",
            "jobs",
            "mail",
            "oidc",
            "queue",
            "random",
            "secrets",
            "service",
            "settings",
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

/// Stories use named queries of `support::store::Store`, and wait for events instead of sleeping.
#[test]
fn stories_contain_no_sql_and_do_not_sleep() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let support = tests.join("support");
    for file in rust_files(&tests).iter().filter(|it| !it.starts_with(&support) && !it.ends_with(file!())) {
        let text = fs::read_to_string(file).expect("a test file");
        // A statement that Daily logged may be recognized by its beginning.
        for line in text.lines().filter(|line| !line.contains("starts_with(")) {
            for sign in ["SELECT", "INSERT INTO", "UPDATE", "DELETE FROM", "ALTER", "CREATE", "DROP"] {
                assert!(!line.contains(&format!("\"{sign} ")), "{} contains SQL: {line}", file.display());
            }
            assert!(!line.contains("sleep("), "{} sleeps: {line}", file.display());
        }
    }
}

fn files(src: &Path, part: &str) -> Vec<PathBuf> {
    let mut found = rust_files(&src.join(part));
    found.extend(Some(src.join(format!("{part}.rs"))).filter(|file| file.is_file()));
    assert!(!found.is_empty(), "src/{part} is gone");
    found
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
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
    found
}

#[test]
fn files_import_each_other_in_no_circles() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let found = circles(&import_graph(&src));
    assert!(found.is_empty(), "these files import each other: {found:#?}");
}

/// Returns the modules that each module of `src` imports, as paths (`db::issues`). A module's parents don't
/// count: a folder's `mod.rs` and its files may import each other.
fn import_graph(src: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let modules: BTreeMap<String, String> = rust_files(src)
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file");
            let module = path.strip_prefix(src).expect("below src").with_extension("");
            let mut parts: Vec<&str> =
                module.iter().map(|part| part.to_str().expect("a plain name")).collect();
            parts.pop_if(|last| ["mod", "lib", "main"].contains(last));
            (parts.join("::"), code_of(&text))
        })
        .collect();
    let mut graph = BTreeMap::new();
    for (module, text) in &modules {
        let named = paths(text).into_iter().filter_map(|path| resolve(module, &path, &modules));
        let named = named.filter(|other| !is_within(module, other) && !is_within(other, module)).collect();
        graph.insert(module.clone(), named);
    }
    graph
}

fn is_within(module: &str, parent: &str) -> bool {
    parent.is_empty()
        || module == parent
        || module.strip_prefix(parent).is_some_and(|it| it.starts_with("::"))
}

/// Returns a file without comments and tests.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    text.lines().map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// Returns all paths that start with `crate::`, `self::` or `super::`, and all paths of `use` declarations.
/// Braces are expanded: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in text.match_indices(start) {
            let before = text[..at].chars().next_back();
            if before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == ':')) {
                expand(&text[at..], &mut Vec::new(), &mut found);
            }
        }
    }
    for (at, _) in text.match_indices("use ") {
        if text[..at].chars().next_back().is_none_or(char::is_whitespace) {
            expand(&text[at + "use ".len()..], &mut Vec::new(), &mut found);
        }
    }
    found
}

/// Reads one path or tree of paths, and returns the text behind it.
fn expand<'a>(text: &'a str, before: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let depth = before.len();
    let mut rest = text.trim_start();
    loop {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if end > 0 {
            before.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        if let Some(behind) = rest.strip_prefix("::") {
            rest = behind;
            if let Some(list) = rest.strip_prefix('{') {
                rest = list;
                loop {
                    rest = expand(rest, before, found).trim_start();
                    if let Some(more) = rest.strip_prefix(',') {
                        rest = more.trim_start();
                    }
                    if let Some(behind) = rest.strip_prefix('}') {
                        before.truncate(depth);
                        return behind;
                    }
                    if rest.is_empty() || !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
                        before.truncate(depth);
                        return rest;
                    }
                }
            }
            continue;
        }
        found.push(before.clone());
        before.truncate(depth);
        return rest
            .strip_prefix(" as ")
            .map_or(rest, |alias| alias.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'));
    }
}

/// Returns the longest module that a path names, as seen from a module.
fn resolve(from: &str, path: &[String], modules: &BTreeMap<String, String>) -> Option<String> {
    let mut at: Vec<&str> = if from.is_empty() { Vec::new() } else { from.split("::").collect() };
    let mut path = path.iter().map(String::as_str).peekable();
    match *path.peek()? {
        "crate" => {
            at.clear();
            path.next();
        }
        "self" => {
            path.next();
        }
        "super" => {
            while path.next_if_eq(&"super").is_some() {
                at.pop();
            }
        }
        child => {
            let child = at.iter().copied().chain([child]).collect::<Vec<_>>().join("::");
            modules.contains_key(&child).then_some(())?;
        }
    }
    at.extend(path);
    while !at.is_empty() {
        let module = at.join("::");
        if modules.contains_key(&module) {
            return Some(module);
        }
        at.pop();
    }
    None
}

/// Returns the groups of modules that reach each other.
fn circles(graph: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<Vec<String>> {
    let reachable: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|module| (module.as_str(), reach(graph, module))).collect();
    let mut found = BTreeSet::new();
    for (module, reached) in &reachable {
        if reached.contains(module) {
            let circle = reached.iter().filter(|other| reachable[*other].contains(module));
            found.insert(circle.map(|&other| other.to_owned()).collect());
        }
    }
    found
}

fn reach<'a>(graph: &'a BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = graph[from].iter().map(String::as_str).collect();
    while let Some(module) = open.pop() {
        if reached.insert(module) {
            open.extend(graph[module].iter().map(String::as_str));
        }
    }
    reached
}

#[test]
fn circles_are_found_through_braces_and_parents() {
    let text = "use super::{c::{self, X as Y}, d};\npub use e::f;\nlet a = crate::b::go();";
    let expected: Vec<Vec<String>> = ["crate::b::go", "super::c::self", "super::c::X", "super::d", "e::f"]
        .iter()
        .map(|path| path.split("::").map(str::to_owned).collect())
        .collect();
    let found: BTreeSet<_> = paths(text).into_iter().collect();
    for path in expected {
        assert!(found.contains(&path), "{path:?} is not in {found:?}");
    }
    let graph = [("a", vec!["b"]), ("b", vec!["c"]), ("c", vec!["b"]), ("d", vec!["a"])];
    let graph = graph.map(|(from, to)| (from.to_owned(), to.into_iter().map(str::to_owned).collect()));
    assert_eq!(circles(&BTreeMap::from(graph)), BTreeSet::from([vec!["b".to_owned(), "c".to_owned()]]));
}

/// Returns the first names after `crate::`.
fn imports(text: &str) -> BTreeSet<String> {
    let paths = paths(text).into_iter().filter(|path| path.first().is_some_and(|it| it == "crate"));
    paths.filter_map(|path| path.into_iter().nth(1)).collect()
}

#[test]
fn imports_are_found_one_by_one_and_in_braces() {
    let text =
        "use crate::{\n    actions::{self, x::Y},\n    db::DbError, mail,\n};\nlet a = crate::random::hex();";
    let expected = ["actions", "db", "mail", "random"].map(str::to_owned);
    assert_eq!(imports(text), BTreeSet::from(expected));
}
