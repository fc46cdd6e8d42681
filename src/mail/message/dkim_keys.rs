//! DKIM keys: loaded from the configured files, or generated.

use crate::{
    domain::{
        delivery::dkim::{Algorithm, TxtRecord, signs_for},
        subscriber::email_address::EmailAddress,
    },
    settings::Dkim,
};
use aws_lc_rs::{
    digest::Digest,
    encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{
    fmt, fs, io,
    io::Write as _,
    ops::RangeInclusive,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, pem, pem::PemObject as _};

/// Accepted RSA key sizes. Shorter keys are insecure (RFC 8301 section 3.2), and longer ones don't fit into
/// some DNS answers.
const RSA_BITS: RangeInclusive<usize> = 2048..=4096;

/// Reasons why a key is rejected. `key` names it as in the configuration or command line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}; {cure}")]
pub struct DkimError {
    /// The configuration key, or the option.
    pub key: String,
    pub problem: String,
    pub cure: String,
}

pub struct DkimKey {
    domain: String,
    selector: String,
    secret: SecretKey,
    file: PathBuf,
    readable_by_others: bool,
    /// The beginning of the header, up to the tags that differ between messages, as written and in relaxed
    /// form.
    start: String,
    relaxed_start: String,
}

enum SecretKey {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

#[derive(Debug, Default)]
pub struct DkimKeys(Vec<Arc<DkimKey>>);

impl DkimKeys {
    pub fn load(configured: &[Dkim]) -> Result<Self, DkimError> {
        let mut keys: Vec<Arc<DkimKey>> = Vec::new();
        for (index, settings) in configured.iter().enumerate() {
            if keys.iter().any(|key| key.domain == settings.domain && key.selector == settings.selector) {
                return Err(DkimError {
                    key: format!("dkim.{index}.selector"),
                    problem: format!(
                        "{} has two keys with the selector `{}`",
                        settings.domain, settings.selector
                    ),
                    cure: "give each key its own selector".into(),
                });
            }
            let key = DkimKey::read(&settings.domain, &settings.selector, &settings.key_file).map_err(
                |problem| DkimError {
                    key: format!("dkim.{index}.key_file"),
                    problem: format!("{} {problem}", settings.key_file.display()),
                    cure: "use a PEM file with an RSA key of 2048 to 4096 bits or an Ed25519 key, such as \
                       `daily dkim new` makes"
                        .into(),
                },
            )?;
            keys.push(Arc::new(key));
        }
        Ok(Self(keys))
    }

    /// Returns the keys whose domain covers a sender.
    pub(super) fn covering(&self, sender: &EmailAddress) -> Vec<Arc<DkimKey>> {
        self.0.iter().filter(|key| signs_for(&key.domain, sender)).cloned().collect()
    }

    /// Creates an RSA and an Ed25519 key for a domain.
    #[cfg(test)]
    pub(super) fn new_for_tests(domain: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = [Algorithm::Rsa, Algorithm::Ed25519].map(|algorithm| {
            let name = algorithm.key_tag();
            Arc::new(DkimKey::make(domain, name, algorithm, &folder.path().join(name)).unwrap())
        });
        Self(keys.into())
    }

    /// Iterates over all keys in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &DkimKey> {
        self.0.iter().map(AsRef::as_ref)
    }
}

impl DkimKey {
    /// Generates a key and writes it to a new file that only its owner can read.
    pub fn make(domain: &str, selector: &str, algorithm: Algorithm, file: &Path) -> Result<Self, DkimError> {
        let error = |problem: String, cure: &str| DkimError {
            key: "--out".into(),
            problem: format!("{} {problem}", file.display()),
            cure: cure.into(),
        };
        let der = algorithm.make().map_err(|error| DkimError {
            key: "--algorithm".into(),
            problem: format!("the key can't be generated: {error}"),
            cure: "try the other algorithm".into(),
        })?;
        write_new(file, &pem(&der)).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => error(
                "already exists and is not overwritten".into(),
                "choose another file, or move the old one away if it is no longer used",
            ),
            _ => error(format!("can't be written: {source}"), "choose a file in a writable folder"),
        })?;
        Self::read(domain, selector, file).map_err(|problem| error(problem, "try the other algorithm"))
    }

    fn read(domain: &str, selector: &str, file: &Path) -> Result<Self, String> {
        let unreadable = |source: io::Error| format!("can't be read: {source}");
        let text = fs::read(file).map_err(unreadable)?;
        let mode = fs::metadata(file).map_err(unreadable)?.permissions().mode();
        let secret = SecretKey::from_pem(&text)?;
        let algorithm = secret.algorithm().signature_tag();
        let between = if domain.len() + selector.len() > 60 { "\r\n " } else { " " };
        let start = format!(
            "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed;\r\n d={domain};{between}s={selector};\r\n "
        );
        let relaxed_start =
            format!("dkim-signature:v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={selector}; ");
        Ok(Self {
            domain: domain.to_owned(),
            selector: selector.to_owned(),
            secret,
            file: file.to_owned(),
            readable_by_others: mode & 0o077 != 0,
            start,
            relaxed_start,
        })
    }

    /// Returns the domain that the key signs for.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    pub fn selector(&self) -> &str {
        &self.selector
    }

    pub fn algorithm(&self) -> Algorithm {
        self.secret.algorithm()
    }

    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Whether users other than the owner can read or change the file.
    pub fn readable_by_others(&self) -> bool {
        self.readable_by_others
    }

    /// Returns the DNS record that publishes the key.
    pub fn record(&self) -> TxtRecord {
        TxtRecord::for_key(&self.domain, &self.selector, self.algorithm(), &self.secret.public())
    }

    pub(super) fn start(&self) -> &str {
        &self.start
    }

    pub(super) fn relaxed_start(&self) -> &str {
        &self.relaxed_start
    }

    /// Signs a hash; `None` if the library fails.
    pub(super) fn sign(&self, hash: &Digest) -> Option<Vec<u8>> {
        match &self.secret {
            SecretKey::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign_digest(&RSA_PKCS1_SHA256, hash, &mut signature).ok().map(|()| signature)
            }
            // Ed25519 signs the hash as a message (RFC 8463 section 3).
            SecretKey::Ed25519(key) => Some(key.sign(hash.as_ref()).as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for DkimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DkimKey({}._domainkey.{}, ***)", self.selector, self.domain)
    }
}

impl SecretKey {
    /// Parses PKCS #8, or PKCS #1 for older RSA keys.
    fn from_pem(text: &[u8]) -> Result<Self, String> {
        let der = PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
            pem::Error::NoItemsFound => "contains no unencrypted private key in PEM form".to_owned(),
            other => format!("is not a PEM file: {other}"),
        })?;
        let unusable = |error| format!("contains an unusable key ({error})");
        let rsa = match &der {
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
                    return Ok(Self::Ed25519(key));
                }
                RsaKeyPair::from_pkcs8(der).map_err(unusable)?
            }
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(unusable)?,
            _ => return Err("contains a key that is neither RSA nor Ed25519".into()),
        };
        let bits = rsa.public_modulus_len() * 8;
        if RSA_BITS.contains(&bits) {
            Ok(Self::Rsa(Box::new(rsa)))
        } else {
            Err(format!("contains an RSA key of {bits} bits"))
        }
    }

    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::Rsa,
            Self::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// Returns the public key in its DNS form.
    fn public(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                let der: PublicKeyX509Der<'_> =
                    key.public_key().as_der().expect("a key that was read has a public half");
                der.as_ref().to_vec()
            }
            Self::Ed25519(key) => key.public_key().as_ref().to_vec(),
        }
    }
}

impl Algorithm {
    /// Generates a private key in PKCS #8 form.
    fn make(self) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
        match self {
            Self::Rsa => {
                let der: Pkcs8V1Der<'_> = RsaKeyPair::generate(KeySize::Rsa2048)?.as_der()?;
                Ok(der.as_ref().to_vec())
            }
            Self::Ed25519 => Ok(Ed25519KeyPair::generate()?.to_pkcs8v1()?.as_ref().to_vec()),
        }
    }
}

/// Encodes a private key as PEM (RFC 7468 section 10).
fn pem(der: &[u8]) -> String {
    let mut text = String::from("-----BEGIN PRIVATE KEY-----\n");
    let encoded = STANDARD.encode(der);
    for line in encoded.as_bytes().chunks(64) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text + "-----END PRIVATE KEY-----\n"
}

fn write_new(file: &Path, text: &str) -> io::Result<()> {
    let mut new = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    let written = new.write_all(text.as_bytes()).and_then(|()| new.sync_all());
    if written.is_err() {
        // A partial file would block the next attempt.
        let _ = fs::remove_file(file);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &Path) -> Result<DkimKeys, DkimError> {
        let configured =
            Dkim { domain: "example.org".into(), selector: "daily".into(), key_file: file.into() };
        DkimKeys::load(&[configured])
    }

    #[test]
    fn a_new_key_is_private_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        for algorithm in [Algorithm::Rsa, Algorithm::Ed25519] {
            let file = folder.path().join(algorithm.key_tag());
            let key = DkimKey::make("example.org", "daily", algorithm, &file).unwrap();
            assert_eq!(key.algorithm(), algorithm);
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            assert!(!key.readable_by_others());
            let before = fs::read(&file).unwrap();
            let error = DkimKey::make("example.org", "daily", algorithm, &file).unwrap_err();
            assert!(error.to_string().contains("is not overwritten; choose another file"), "{error}");
            assert_eq!(fs::read(&file).unwrap(), before);
            let again = load(&file).unwrap();
            assert_eq!(again.iter().next().unwrap().record(), key.record());
            assert!(!format!("{again:?}").contains("PRIVATE"));
        }
    }

    #[test]
    fn errors_name_the_setting_of_a_file_without_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        assert!(load(&file).unwrap_err().to_string().starts_with("dkim.0.key_file: "));
        fs::write(&file, "rubbish").unwrap();
        assert!(
            load(&file).unwrap_err().to_string().contains("contains no unencrypted private key in PEM form")
        );
    }

    #[test]
    fn selectors_are_unique_per_domain() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        DkimKey::make("example.org", "daily", Algorithm::Ed25519, &file).unwrap();
        let settings = Dkim { domain: "example.org".into(), selector: "daily".into(), key_file: file };
        let error = DkimKeys::load(&[settings.clone(), settings]).unwrap_err();
        assert_eq!(error.key, "dkim.1.selector");
    }
}
