//! Findings about this machine: who can read the secrets, the limit of open files, and the addresses.

use super::Finding;
use crate::{
    db::DatabaseUrl,
    service::{disk::free_bytes, open_files},
    settings::Settings,
};
use std::{
    net::IpAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

pub(super) fn findings(settings: &Settings, config: Option<&Path>) -> Vec<Finding> {
    let (mut found, mut full) = (Vec::new(), None);
    let mut warn = |what: &str, detail: String| {
        found.push(Finding::warning(what, detail));
    };
    for file in secret_files(settings, config) {
        let name = file.display();
        warn("secrets", format!("others may read {name}; close it: chmod 600 {name}"));
    }
    for folder in data_folders(settings) {
        let Ok(free) = free_bytes(&folder) else { continue };
        let shown = format!("{} has {} MB free", folder.display(), free / 1_000_000);
        if free < DISK_FAILED {
            full = Some(shown);
        } else if free < DISK_WARNING {
            warn("disk", format!("{shown}; make room, or move the data"));
        }
    }
    let needed = open_files::needed(settings);
    if let Some(limit) = open_files::limit().filter(|limit| *limit < needed) {
        warn(
            "open files",
            format!(
                "this shell allows {limit}, and http.max_connections needs {needed}; set LimitNOFILE={needed} in the \
                 unit, or `ulimit -n {needed}`"
            ),
        );
    }
    let is_public = !is_local(&settings.http.public_url);
    if is_public && settings.http.trusted_proxies.is_empty() && settings.http.listen.ip().is_loopback() {
        warn(
            "http.trusted_proxies",
            "empty, and only a proxy on this machine can reach http.listen: signups are not limited by client, and \
             consent is recorded without the reader's address; set it to [\"127.0.0.1\"]"
                .into(),
        );
    }
    if is_public && settings.relays.iter().any(|relay| relay.url.mailbox().is_some()) {
        warn(
            "relays",
            "http.public_url is public, and a mailbox: relay sends nothing to readers; set a url such as \
             smtps://user:password@host:465"
                .into(),
        );
    }
    found.extend(full.map(|shown| {
        Finding::failed("disk", shown)
            .because("soon nothing can be recorded, and so nothing sent")
            .cured_by("make room")
    }));
    found
}

/// Free space below which sending will soon stop.
const DISK_FAILED: u64 = 100_000_000;
/// Free space below which it is time to make room.
const DISK_WARNING: u64 = 1_000_000_000;

/// Returns the folders that Daily writes to on this machine.
fn data_folders(settings: &Settings) -> Vec<PathBuf> {
    let mut folders = vec![settings.data.folder.clone()];
    if let DatabaseUrl::Sqlite(file) = &settings.database.url {
        folders.extend(file.parent().map(Path::to_owned));
    }
    folders.dedup();
    folders
}

/// Returns the files with secrets that others can read.
fn secret_files(settings: &Settings, config: Option<&Path>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    if settings.tokens.secrets.is_empty() {
        files.push(settings.data.folder.join("secret.key"));
    }
    files.extend(config.filter(|file| holds_secret(file)).map(Path::to_owned));
    files.retain(|file| {
        std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    });
    files
}

/// Returns whether a configuration file holds a password in a URL, or secrets for tokens.
fn holds_secret(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::trim).filter(|line| !line.starts_with('#')).any(|line| {
        let has_password = line
            .split_once("://")
            .and_then(|(_, rest)| rest.split_once('@'))
            .is_some_and(|(user, _)| user.contains(':') && !user.contains('/'));
        has_password || (line.starts_with("secrets") && line.contains('"'))
    })
}

fn is_local(url: &str) -> bool {
    match url::Url::parse(url).ok().as_ref().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(url::Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_secret_that_others_can_read_is_a_finding() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::defaults().unwrap();
        folder.path().clone_into(&mut settings.data.folder);
        let (key, config) = (folder.path().join("secret.key"), folder.path().join("daily.toml"));
        for file in [&key, &config] {
            fs::write(file, "url = \"smtps://ann:secret@relay.example:465\"\n").unwrap();
        }
        let of = |mode: u32| {
            for file in [&key, &config] {
                fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
            }
            secret_files(&settings, Some(&config))
        };
        assert_eq!(of(0o600), <[PathBuf; 0]>::default());
        assert_eq!(of(0o640), [key.clone(), config.clone()]);
        fs::write(&config, "# url = \"smtps://ann:secret@relay.example\"\nurl = \"smtp://relay.example\"\n")
            .unwrap();
        assert_eq!(of(0o644), std::slice::from_ref(&key), "a configuration without a secret may be read");
        fs::write(&config, "[tokens]\nsecrets = [\"0123\"]\n").unwrap();
        assert_eq!(of(0o644).len(), 2);
    }

    #[test]
    fn addresses_that_do_not_fit_together_are_findings() {
        let mut settings = Settings::defaults().unwrap();
        let about = |settings: &Settings| {
            let found = findings(settings, None).into_iter().map(|it| it.what);
            found.filter(|it| it.starts_with("http") || it == "relays").collect::<Vec<_>>()
        };
        assert!(about(&settings).is_empty());
        settings.http.public_url = "https://news.example.org".into();
        assert_eq!(about(&settings), ["http.trusted_proxies", "relays"]);
        settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        assert_eq!(about(&settings), ["relays"]);
    }
}
