//! Links between documents.

use super::{blocks::without_blocks, documents_with_text};
use std::path::Path;

#[test]
fn links_lead_to_files_and_headings_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (document, text) in documents_with_text() {
        let folder = root.join(&document).parent().unwrap().to_owned();
        for target in without_blocks(&text).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { root.join(&document) } else { folder.join(file) };
            assert!(path.exists(), "{document}: {target} does not exist");
            if !heading.is_empty() {
                let text = std::fs::read_to_string(path).unwrap();
                let is_there =
                    text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading);
                assert!(is_there, "{document}: {target} has no such heading");
            }
        }
    }
}

/// Returns the anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
        .collect::<String>()
        .replace(' ', "-")
}

/// Folders whose files the documents name in code spans.
const FOLDERS: [&str; 9] = [
    "src/",
    "tests/",
    "docs/",
    "config/",
    "script/",
    "migrations/",
    "email_templates/",
    "examples/",
    "benches/",
];

#[test]
fn files_named_in_the_docs_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (document, text) in documents_with_text() {
        for span in without_blocks(&text).split('`').skip(1).step_by(2) {
            let is_path =
                FOLDERS.iter().any(|folder| span.starts_with(folder)) && !span.contains([' ', '\n', '*']);
            assert!(!is_path || root.join(span).exists(), "{document}: `{span}` does not exist");
        }
    }
}
