//! Backups, restores, and databases that don't know what this machine sent from them.

use crate::support::{
    Engine, eventually, on_both_engines, on_postgres,
    service::{Installation, reader, serve},
};
use std::os::unix::fs::PermissionsExt as _;

/// Waits until the service says why it is not ready, and returns that.
async fn why_not_ready(url: &str, why: &str) -> String {
    eventually("the service says why it is not ready", || async {
        let answer = reqwest::get(format!("{url}/readyz")).await.ok()?;
        let is_unavailable = answer.status() == 503;
        let text = answer.text().await.ok()?;
        (is_unavailable && text.contains(why)).then_some(text)
    })
    .await
}

#[tokio::test]
async fn a_file_that_was_set_back_is_disarmed_although_nobody_used_restore() {
    let it = Installation::new(Engine::Sqlite).await;
    let file = it.folder().join("daily.db");
    let (running, environment, url) = serve(it.daily.clone()).await;
    reader(&url, it.folder(), "ann@lamp.example").await;
    running.terminate().await;
    let older = std::fs::read(&file).unwrap();
    let (running, environment, url) = serve(environment).await;
    reader(&url, it.folder(), "zoe@lamp.example").await;
    running.terminate().await;
    std::fs::write(&file, older).unwrap();

    let running = environment.start(&["serve"]);
    assert!(why_not_ready(&url, "disarmed").await.contains("daily arm"));
    let asked = environment.run(&["arm"]).await;
    assert!(asked.stderr.contains("it was set back"), "{asked:?}");
    assert_eq!(environment.run(&["arm", "--yes"]).await.code, 0);
    crate::support::service::ready(&url).await;
    reader(&url, it.folder(), "max@lamp.example").await;
    running.terminate().await;
}

#[tokio::test]
async fn a_marker_that_cant_be_read_disarms_nothing_but_is_not_ready() {
    let it = Installation::new(Engine::Sqlite).await;
    let marker = it.folder().join("daily.db.armed");
    let (running, environment, url) = serve(it.daily.clone()).await;
    reader(&url, it.folder(), "ann@lamp.example").await;
    running.terminate().await;
    let good = std::fs::read(&marker).unwrap();
    std::fs::write(&marker, "not JSON").unwrap();

    let running = environment.start(&["serve"]);
    let why = why_not_ready(&url, "sends nothing").await;
    assert!(why.contains("daily.db.armed can't be read"), "{why}");
    let arm = environment.run(&["arm"]).await;
    assert!(arm.code == 0 && arm.stdout.contains("armed already"), "{arm:?}");
    std::fs::write(&marker, good).unwrap();
    crate::support::service::ready(&url).await;
    reader(&url, it.folder(), "zoe@lamp.example").await;
    running.terminate().await;
}

on_both_engines!(a_backup_replaces_no_file_and_a_restore_no_data, a_damaged_backup_restores_nothing);

async fn a_backup_replaces_no_file_and_a_restore_no_data(engine: Engine) {
    let it = Installation::new(engine).await;
    let file = it.folder().join("backup.tar");
    let file = file.to_str().unwrap();
    let made = it.daily.run(&["backup", file, "--json"]).await;
    assert_eq!(made.code, 0, "{made:?}");
    assert_eq!(
        made.json()["manifest"]["engine"],
        if engine == Engine::Sqlite { "sqlite" } else { "postgres" }
    );
    let permissions = std::fs::metadata(file).unwrap().permissions();
    assert_eq!(permissions.mode() & 0o077, 0, "only the owner can read it");
    let again = it.daily.run(&["backup", file]).await;
    assert!(again.code == 1 && again.stderr.contains("exists already"), "{again:?}");
    let over = it.daily.run(&["restore", file]).await;
    assert!(over.code == 1 && over.stderr.contains("holds data already"), "{over:?}");
    let left: Vec<_> = std::fs::read_dir(it.folder()).unwrap().map(|it| it.unwrap().file_name()).collect();
    let is_ours = |name: &std::ffi::OsString| name.to_string_lossy().contains("backup.tar.");
    assert!(!left.iter().any(is_ours), "no temporary files are left: {left:?}");
}

async fn a_damaged_backup_restores_nothing(engine: Engine) {
    let (it, new) = (Installation::new(engine).await, Installation::new(engine).await);
    let file = it.folder().join("backup.tar");
    assert_eq!(it.daily.run(&["backup", file.to_str().unwrap()]).await.code, 0);
    let whole = std::fs::read(&file).unwrap();
    let mut changed = whole.clone();
    let middle = whole.len() / 2;
    changed[middle] ^= 0xff;
    for damaged in [&whole[..middle], &changed, b"not a backup"] {
        std::fs::write(&file, damaged).unwrap();
        let ended = new.daily.run(&["restore", file.to_str().unwrap()]).await;
        assert!(ended.code == 1 && ended.stderr.contains("was not restored"), "{ended:?}");
    }
    std::fs::write(&file, whole).unwrap();
    let ended = new.daily.run(&["restore", file.to_str().unwrap()]).await;
    assert_eq!(ended.code, 0, "the database is still new: {ended:?}");
    let ledger = new.daily.run(&["consent", "verify"]).await;
    assert_eq!(ledger.code, 0, "{ledger:?}");
}

on_postgres!(
    with_postgresql_no_secret_is_made_in_whatever_folder_one_stands_in,
    a_machine_without_a_lasting_folder_names_its_database
);

async fn with_postgresql_no_secret_is_made_in_whatever_folder_one_stands_in() {
    let it = Installation::new(Engine::Postgres).await;
    let ended = it.daily.clone().set("DAILY__DATA__FOLDER", "").run(&["newsletter", "list"]).await;
    assert!(ended.code == 1 && ended.stderr.contains("data.folder"), "{ended:?}");
    let secret = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let named = it.daily.set("DAILY__DATA__FOLDER", "").set("DAILY__TOKENS__SECRETS", secret);
    assert_eq!(named.run(&["newsletter", "list"]).await.code, 0);
}

async fn a_machine_without_a_lasting_folder_names_its_database() {
    let it = Installation::new(Engine::Postgres).await;
    let (running, environment, url) = serve(it.daily.clone()).await;
    reader(&url, it.folder(), "ann@lamp.example").await;
    running.terminate().await;
    std::fs::remove_file(it.folder().join("daily.armed")).unwrap();

    let running = environment.start(&["serve"]);
    assert!(why_not_ready(&url, "disarmed").await.contains("disarmed"));
    let armed = environment.run(&["arm", "--yes", "--json"]).await;
    assert_eq!(armed.code, 0, "{armed:?}");
    let marker = armed.json()["marker"].as_str().unwrap().to_owned();
    running.terminate().await;
    std::fs::remove_file(it.folder().join("daily.armed")).unwrap();

    let (running, _environment, url) = serve(environment.set("DAILY__SENDING__ARMED", &marker)).await;
    reader(&url, it.folder(), "zoe@lamp.example").await;
    assert!(!it.folder().join("daily.armed").exists());
    running.terminate().await;
}
