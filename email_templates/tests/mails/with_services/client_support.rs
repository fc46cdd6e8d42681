//! Checks with caniemail's data that mail programs support the HTML and CSS of emails. `email_templates/lint`
//! has the accepted gaps.

use std::path::{Path, PathBuf};
use std::process::Command;

use email_templates::{Masthead, digest};

use crate::fixtures::{arabic_digest, every_mail, full_digest, masthead};

#[test]
fn mail_programs_support_what_the_mails_use() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("client-support");
    std::fs::create_dir_all(&folder).expect("the target folder can be written to");
    let mut mails = every_mail(masthead());
    let dressed = full_digest().masthead.theme;
    mails.extend(every_mail(Masthead { theme: dressed, ..masthead() }));
    mails.push(("digest-from-the-right", digest::render(&arabic_digest())));
    let files: Vec<PathBuf> = mails
        .iter()
        .enumerate()
        .map(|(index, (name, email))| {
            let file = folder.join(format!("{index}-{name}.html"));
            std::fs::write(&file, &email.html).expect("the target folder can be written to");
            file
        })
        .collect();

    let packages = cache().join("daily-tests/doiuse-email-1.0.4");
    assert!(
        packages.join("node_modules").is_dir(),
        "doiuse-email is not installed in {}: run script/bootstrap",
        packages.display()
    );
    let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("lint/check.mjs");
    let output = Command::new("node").arg(&check).arg(&packages).args(&files).output();
    let output = output.unwrap_or_else(|error| panic!("node does not run ({error}): run script/bootstrap"));
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "see email_templates/lint/accepted.json:\n{said}");
}

/// The folder where script/bootstrap installs test dependencies.
fn cache() -> PathBuf {
    std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()).map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or("/tmp".into())).join(".cache"),
        PathBuf::from,
    )
}
