//! Findings about this machine: who can read the secrets, the limit of open files, and the addresses.

use super::open_files;
use crate::{actions::check::Finding, db::DatabaseUrl, settings::Settings};
use std::{
    io,
    net::IpAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// Checks this machine. `free` returns the free bytes of a folder's disk.
pub(super) fn findings(settings: &Settings, free: impl Fn(&Path) -> io::Result<u64>) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in secret_files(settings) {
        let name = file.display();
        found.push(
            Finding::warning("secrets", format!("others may read {name}"))
                .because("it holds secrets that open your relays or sign links")
                .cured_by(format!("close it: chmod 600 {name}")),
        );
    }
    found.extend(disk(settings, free));
    let mut warn = |what: &str, detail: &str, why: &str, cure: String| {
        found.push(Finding::warning(what, detail).because(why).cured_by(cure));
    };
    let needed = open_files::needed(settings);
    if let Some(limit) = open_files::limit().filter(|limit| *limit < needed) {
        warn(
            "open files",
            &format!("this shell allows {limit}"),
            &format!("http.max_connections needs {needed}"),
            format!("set LimitNOFILE={needed} in the unit, or `ulimit -n {needed}`"),
        );
    }
    let is_public = !is_local(&settings.http.public_url);
    if is_public && settings.http.trusted_proxies.is_empty() && settings.http.listen.ip().is_loopback() {
        warn(
            "http.trusted_proxies",
            "empty, and only a proxy on this machine can reach http.listen",
            "signups are not limited by client, and consent is recorded without the reader's address",
            "set it to [\"127.0.0.1\"]".into(),
        );
    }
    if is_public && settings.relays.iter().any(|relay| relay.url.mailbox().is_some()) {
        warn(
            "relays",
            "http.public_url is public, and there is a mailbox: relay",
            "it sends nothing to readers",
            "set a url such as smtps://user:password@host:465".into(),
        );
    }
    if matches!(settings.database.url, DatabaseUrl::Postgres(_)) && settings.tokens.secrets.is_empty() {
        warn(
            "tokens.secrets",
            "not set: this machine signs links with a secret of its own",
            "other machines on the same database can't verify them",
            "set the same secrets on all machines".into(),
        );
    }
    found
}

/// Checks the free space where Daily writes. The fullest disk counts.
fn disk(settings: &Settings, free: impl Fn(&Path) -> io::Result<u64>) -> Option<Finding> {
    let folders = data_folders(settings);
    let known = folders.iter().filter_map(|folder| Some((free(folder).ok()?, folder)));
    let (free, folder) = known.min_by_key(|(free, _)| *free)?;
    let shown = format!("{} has {} MB free", folder.display(), free / 1_000_000);
    // `/readyz` has the same limit.
    let least = settings.monitoring.min_free_mb * 1_000_000;
    Some(if free < least {
        Finding::failed("disk", shown)
            .said("the disk is full")
            .because("soon nothing can be recorded, and so nothing sent")
            .cured_by("make room")
    } else if free < least.saturating_mul(WARNING_FACTOR) {
        Finding::warning("disk", shown)
            .because("when it is full, nothing can be recorded, and so nothing sent")
            .cured_by("make room, or move the data")
    } else {
        Finding::ok("disk", format!("{} has {} free", folder.display(), gigabytes(free)))
    })
}

fn gigabytes(bytes: u64) -> String {
    format!("{} GB", bytes / 1_000_000_000)
}

/// It is time to make room when less than this many times the least free space is left.
const WARNING_FACTOR: u64 = 10;

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
fn secret_files(settings: &Settings) -> Vec<PathBuf> {
    let mut files = Vec::new();
    if settings.tokens.secrets.is_empty() {
        files.push(settings.data.folder.join("secret.key"));
    }
    files.extend(settings.file.clone().filter(|file| holds_secret(file)));
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
    use crate::{actions::check::State, service::disk::free_bytes};
    use std::fs;

    #[test]
    fn a_secret_that_others_can_read_is_a_finding() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::defaults().unwrap();
        folder.path().clone_into(&mut settings.data.folder);
        let (key, config) = (folder.path().join("secret.key"), folder.path().join("daily.toml"));
        settings.file = Some(config.clone());
        for file in [&key, &config] {
            fs::write(file, "url = \"smtps://ann:secret@relay.example:465\"\n").unwrap();
        }
        let of = |mode: u32| {
            for file in [&key, &config] {
                fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
            }
            secret_files(&settings)
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
            let found = findings(settings, free_bytes).into_iter().map(|it| it.what);
            found.filter(|it| it.starts_with("http") || it == "relays").collect::<Vec<_>>()
        };
        assert!(about(&settings).is_empty());
        settings.http.public_url = "https://news.example.org".into();
        assert_eq!(about(&settings), ["http.trusted_proxies", "relays"]);
        settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        assert_eq!(about(&settings), ["relays"]);
    }

    #[test]
    fn a_disk_that_is_nearly_full_is_a_finding() {
        let settings = Settings::defaults().unwrap();
        let state = |free| disk(&settings, |_| Ok(free)).unwrap().state;
        assert_eq!(
            [50, 500, 5_000].map(|mb| state(mb * 1_000_000)),
            [State::Failed, State::Warning, State::Ok]
        );
        assert!(disk(&settings, |_| Err(io::ErrorKind::NotFound.into())).is_none());
    }
}
