//! Configuration files and environment variables, as operators use them.

use crate::support::command::Environment;

#[tokio::test]
async fn a_wrong_file_is_refused_with_all_its_problems_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("daily.toml");
    std::fs::write(
        &file,
        "[http]\nlisten = \"everywhere\"\n[sending]\ntimeout_seconds = 1000\n[feed]\nx = 1\n",
    )
    .unwrap();
    let ended = Environment::default().run(&["--config", file.to_str().unwrap(), "issue", "list"]).await;
    assert_eq!(ended.code, 2, "{ended:?}");
    for says in [
        "http.listen: `everywhere`",
        "sending.timeout_seconds: 1000 is out of range",
        "feed.x: there is no such key",
    ] {
        assert!(ended.stderr.contains(says), "{says} is missing in {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_missing_file_or_certificate_is_named() {
    let ended = Environment::default().run(&["--config", "nowhere.toml", "issue", "list"]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("nowhere.toml"), "{}", ended.stderr);
    let folder = tempfile::tempdir().unwrap();
    let ended = Environment::in_folder(folder.path(), None)
        .set("DAILY__RELAYS__0__URL", "smtps://mail.example.org")
        .set("DAILY__RELAYS__0__CA_FILE", "nowhere.pem")
        .run(&["issue", "list"])
        .await;
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("relays.0.ca_file") && ended.stderr.contains("nowhere.pem"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn the_secret_is_made_once_and_only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let environment = Environment::in_folder(folder.path(), None);
    let key = folder.path().join("secret.key");
    assert_eq!(environment.run(&["issue", "list"]).await.code, 0);
    let first = std::fs::read(&key).unwrap();
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(environment.run(&["issue", "list"]).await.code, 0);
    assert_eq!(std::fs::read(&key).unwrap(), first);
    std::fs::write(&key, "rubbish").unwrap();
    let ended = environment.run(&["issue", "list"]).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("secret.key"), "{}", ended.stderr);
}

#[tokio::test]
async fn the_example_files_are_valid() {
    for example in ["first.example.toml", "production.example.toml"] {
        let example = format!("{}/config/{example}", env!("CARGO_MANIFEST_DIR"));
        let folder = tempfile::tempdir().unwrap();
        let daily = Environment::in_folder(folder.path(), None);
        let ended = daily.run(&["--config", &example, "newsletter", "list"]).await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
}
