//! The documentation, tried out: its commands run, its configuration is valid, and its links lead somewhere.
//!
//! Every fenced `sh` block of a document runs in order, against an installation made for that document. A
//! second word chooses the situation: `sh sending` has an issue that is being sent, `sh uncertain` has copies
//! in doubt. Fenced `toml` blocks are loaded as configuration files. Commands in the text are compared with
//! the help.

mod blocks;
mod commands;
mod installation;
mod links;

use blocks::{Block, Language};
use installation::{DocsInstallation, Situation};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::PathBuf,
    sync::Arc,
};
use tokio::{sync::Semaphore, task::JoinSet};

/// Documents that are tried out at the same time.
const AT_ONCE: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn commands_and_configuration_in_the_docs_work() {
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut documents = JoinSet::new();
    for (document, text) in documents_with_text() {
        let permits = permits.clone();
        documents.spawn(async move {
            let _permit = permits.acquire().await.unwrap();
            (document, try_out(&blocks::blocks(&text)).await)
        });
    }
    let mut problems = String::new();
    while let Some(tried) = documents.join_next().await {
        let (document, found) = tried.unwrap();
        problems.extend(found.into_iter().map(|problem| format!("\n{document}: {problem}\n")));
    }
    assert!(problems.is_empty(), "{problems}");
}

/// Runs a document's blocks and returns the problems.
async fn try_out(blocks: &[Block]) -> Vec<String> {
    let mut installations: BTreeMap<Situation, DocsInstallation> = BTreeMap::new();
    let mut problems = Vec::new();
    for block in blocks {
        let situation = match block.language {
            Language::Sh => match block.variant.as_str() {
                "" => Situation::Ready,
                "sending" => Situation::Sending,
                "uncertain" => Situation::Uncertain,
                other => {
                    problems.push(format!("line {}: there is no situation `{other}`", block.line));
                    continue;
                }
            },
            Language::Toml => Situation::Ready,
        };
        let installation = match installations.entry(situation) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(DocsInstallation::new(situation).await),
        };
        let ended = match block.language {
            Language::Sh => installation.run_script(&block.text).await,
            Language::Toml => installation.load_configuration(&block.text).await,
        };
        if ended.code != 0 {
            problems.push(format!(
                "line {}: exit code {}\n{}\n{}{}",
                block.line, ended.code, block.text, ended.stdout, ended.stderr
            ));
        }
    }
    problems
}

/// Returns the documents that describe Daily, by their paths in the repository.
fn documents_with_text() -> Vec<(String, String)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut documents: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root.join(name)).into();
    let mut open = vec![root.join("docs")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(path);
            }
        }
    }
    documents.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    documents.into_iter().map(read).collect()
}
