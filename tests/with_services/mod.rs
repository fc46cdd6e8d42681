//! Stories that need other programs: Postfix, Chromium, SpamAssassin, OpenSSL, and packages from PyPI and
//! npm. `script/bootstrap` installs them, and `script/test --sqlite` skips these stories.

mod alert_rules;
mod axe;
mod bounces;
mod browser;
mod dkim;
mod embed;
mod fuzz;
mod oidc;
mod openssl_keys;
mod operators;
mod operators_at_work;
mod operators_pages;
mod operators_together;
mod page_gallery;
mod postfix;
mod relay_tls;
mod spam_score;
mod verifiers;

use std::path::PathBuf;

/// Returns a file that script/bootstrap installs in the cache folder. Panics with instructions if the file is
/// missing.
fn bootstrapped(file: &str) -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").unwrap_or_else(|| set("HOME").unwrap_or("/tmp".into()).join(".cache"));
    let file = cache.join("daily-tests").join(file);
    assert!(file.is_file(), "{} is not installed: run script/bootstrap", file.display());
    file
}
