//! DKIM keys that operators made with `openssl`.

use crate::support::supervisor::assert_installed;
use daily::{
    mail::{DkimError, DkimKey, DkimKeys},
    settings::Dkim,
};
use std::{fs, path::Path, process::Command};

fn load(file: &Path) -> Result<DkimKeys, DkimError> {
    DkimKeys::load(&[Dkim { domain: "example.org".into(), selector: "daily".into(), key_file: file.into() }])
}

fn openssl(arguments: &[&str], out: &Path) {
    assert_installed(&["openssl"]);
    let made = Command::new("openssl").args(arguments).arg("-out").arg(out).output().unwrap();
    assert!(made.status.success(), "{arguments:?}: {made:?}");
}

#[test]
fn keys_are_read_in_every_form_that_openssl_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (key, traditional) = (folder.path().join("key.pem"), folder.path().join("pkcs1.pem"));
    for arguments in [
        &["genpkey", "-algorithm", "ED25519"][..],
        &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    ] {
        openssl(arguments, &key);
        assert!(fs::read_to_string(&key).unwrap().starts_with("-----BEGIN PRIVATE KEY"));
        load(&key).unwrap();
    }
    openssl(&["rsa", "-traditional", "-in", key.to_str().unwrap()], &traditional);
    assert!(fs::read_to_string(&traditional).unwrap().starts_with("-----BEGIN RSA"));
    let record = |file| load(file).unwrap().iter().map(DkimKey::record).next().unwrap();
    assert_eq!(record(&traditional), record(&key));
}

#[test]
fn keys_that_cannot_sign_are_refused_with_the_problem_and_the_cure() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.pem");
    for arguments in [
        &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"][..],
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ] {
        openssl(arguments, &key);
        let error = load(&key).unwrap_err().to_string();
        assert!(error.contains("`daily dkim new` makes") && error.contains("key"), "{error}");
    }
}
