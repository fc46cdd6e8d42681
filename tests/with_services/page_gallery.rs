//! The pages and the signup box of the gallery hold in every width: nothing is cut off, buttons are high enough for
//! thumbs, headings are in order. Some pages are recorded block by block.

#[path = "../../examples/gallery/newsroom.rs"]
mod newsroom;
#[path = "../../examples/gallery/pages.rs"]
mod pages;
#[path = "../../examples/gallery/publishers.rs"]
mod publishers;
#[path = "../../examples/gallery/signup_box.rs"]
mod signup_box;

use gallery::{Case, Theme, Variation, View, blocks, browser::Browser, faults};
use std::path::{Path, PathBuf};

/// Pages whose blocks are recorded.
const RECORDED: [&str; 4] = ["courier-signup", "courier-issue", "courier-unsubscribe", "post-archive"];

#[tokio::test(flavor = "multi_thread")]
async fn every_page_holds_in_every_width() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("every-page");
    let cases = Box::pin(pages::cases(None)).await.unwrap();
    gallery::write_html(&folder, &cases).unwrap();
    let browser =
        Browser::start().await.unwrap().expect("chromedriver is not installed: run script/bootstrap");
    let mut all = Vec::new();
    for case in &cases {
        let stress = case.views().into_iter().filter(|view| view.variation != Variation::None);
        for view in [View { width: 320, ..View::PHONE }, View::WIDE].into_iter().chain(stress) {
            browser.open(&file(&folder, case, view), view.width, view.theme).await.unwrap();
            let found = faults::find(&browser, case.medium).await.unwrap();
            all.extend(found.iter().map(|fault| format!("{}: {fault}", view.name_of(&case.name))));
        }
    }
    let recorded: Vec<&Case> = cases.iter().filter(|case| RECORDED.contains(&case.name.as_str())).collect();
    assert_eq!(recorded.len(), RECORDED.len());
    for case in recorded {
        for view in [View::WIDE, View { theme: Theme::Dark, ..View::PHONE }] {
            browser.open(&file(&folder, case, view), view.width, view.theme).await.unwrap();
            let blocks = blocks::record(&browser, case.medium).await.unwrap();
            insta::assert_snapshot!(view.name_of(&case.name), blocks);
        }
    }
    browser.close().await.unwrap();
    assert!(all.is_empty(), "{}", all.join("\n"));
}

fn file(folder: &Path, case: &Case, view: View) -> PathBuf {
    folder.join("html").join(view.file_of(&case.name))
}
