//! Tests in Chromium, which `script/bootstrap` installs. `script/test --quick` skips them.

use std::path::{Path, PathBuf};

use gallery::browser::Browser;
use gallery::{Case, Theme, Variation, View, blocks, emails, faults};
use serde_json::Value;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

async fn browser() -> Browser {
    let browser = Browser::start().await.expect("Chromium starts");
    browser.expect("chromedriver is not installed: run script/bootstrap")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_email_holds_in_every_width_theme_and_variation() {
    let folder = folder("every-email");
    let cases = emails::cases();
    gallery::write_html(&folder, &cases).expect("the target folder is writable");
    let browser = browser().await;
    let mut all = Vec::new();
    for case in &cases {
        let views = [View { width: 320, ..View::PHONE }, View::PHONE, View::DESKTOP];
        let stress = case.views().into_iter().filter(|view| view.variation != Variation::None);
        for view in views.into_iter().chain(stress) {
            let file = folder.join("html").join(view.file_of(&case.name));
            browser.open(&file, view.width, view.theme).await.unwrap();
            let found = faults::find(&browser, case.medium).await.unwrap();
            all.extend(found.iter().map(|fault| format!("{}: {fault}", view.name_of(&case.name))));
        }
    }
    browser.close().await.unwrap();
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_measures_find_faults() {
    let folder = folder("faulty-emails");
    let faulty = r#"<h2>a</h2><p style="width:900px;margin:0">b</p><h2 style="margin-top:-300px">c</h2>
        <span class="btn"><a href="x">d</a></span>"#;
    let case = Case::new("faulty", "faulty", format!("<!DOCTYPE html><title>x</title>{faulty}"));
    gallery::write_html(&folder, std::slice::from_ref(&case)).expect("the target folder is writable");
    let browser = browser().await;
    browser.open(&folder.join("html/faulty.html"), 700, Theme::Light).await.unwrap();
    let found = faults::find(&browser, case.medium).await.unwrap().join("\n");
    browser.close().await.unwrap();
    for fault in ["px wide", "P ends at", "a button is", "heading 2 is above"] {
        assert!(found.contains(fault), "{fault}: {found}");
    }
}

/// Runs axe-core. Rules about landmarks are for pages: in an email, the mail program provides them.
const AXE: &str = "const options = { resultTypes: ['violations'], rules: { region: { enabled: false }, \
    'landmark-one-main': { enabled: false }, 'page-has-heading-one': { enabled: false } } }; \
    return axe.run(document, options).then(found => found.violations.flatMap(it => \
    it.nodes.map(node => `${it.id}: ${node.html.slice(0, 160)}`)));";

#[tokio::test(flavor = "multi_thread")]
async fn no_email_has_a_barrier() {
    let axe = cache().join("daily-tests/axe-core-4.14.1/node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(&axe).unwrap_or_else(|error| {
        panic!("axe-core is not in {} ({error}): run script/bootstrap", axe.display())
    });
    let folder = folder("accessible-emails");
    let cases = emails::cases();
    gallery::write_html(&folder, &cases).expect("the target folder is writable");
    let browser = browser().await;
    let mut barriers = Vec::new();
    for case in &cases {
        for theme in [Theme::Light, Theme::Dark] {
            let view = View { theme, ..View::PHONE };
            browser
                .open(&folder.join("html").join(view.file_of(&case.name)), view.width, theme)
                .await
                .unwrap();
            browser.run(&axe).await.unwrap();
            let Value::Array(found) = browser.run(AXE).await.unwrap() else { panic!("no list of barriers") };
            barriers.extend(found.iter().map(|it| format!("{}: {it}", view.name_of(&case.name))));
        }
    }
    browser.close().await.unwrap();
    assert!(barriers.is_empty(), "{}", barriers.join("\n"));
}

/// The folder where script/bootstrap installs test dependencies.
fn cache() -> PathBuf {
    std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()).map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or("/tmp".into())).join(".cache"),
        PathBuf::from,
    )
}

/// Emails whose blocks are recorded.
const RECORDED: [&str; 7] = [
    "digest-12-note",
    "digest-no-pictures-05",
    "digest-small-pictures-03",
    "digest-sections-12",
    "digest-arabic",
    "confirmation",
    "welcome-logo",
];

#[tokio::test(flavor = "multi_thread")]
async fn blocks_have_the_places_sizes_and_colours_of_the_design() {
    let folder = folder("recorded-emails");
    let cases: Vec<Case> =
        emails::cases().into_iter().filter(|case| RECORDED.contains(&case.name.as_str())).collect();
    assert_eq!(cases.len(), RECORDED.len());
    gallery::write_html(&folder, &cases).expect("the target folder is writable");
    let browser = browser().await;
    for case in &cases {
        for view in [View::DESKTOP, View { theme: Theme::Dark, ..View::PHONE }] {
            browser
                .open(&folder.join("html").join(view.file_of(&case.name)), view.width, view.theme)
                .await
                .unwrap();
            let blocks = blocks::record(&browser, case.medium).await.unwrap();
            insta::assert_snapshot!(view.name_of(&case.name), blocks);
        }
    }
    browser.close().await.unwrap();
}
