//! Pictures of every view, and contact sheets that show them side by side.

use std::fmt::Write as _;
use std::path::Path;

use crate::browser::Browser;
use crate::{Case, Error, Theme, Variation, View};

/// Cases on a sheet.
const CASES_PER_SHEET: usize = 4;
/// Size of a picture on a sheet, compared with the original.
const SCALE_PERCENT: u32 = 50;
const SHEET_WIDTH: u32 = 2400;
/// A width that only the sheets of stressed cases show.
const NARROW_PX: u32 = 320;

/// Photographs every view of the cases, then lays out the contact sheets.
pub(crate) async fn photograph(browser: &Browser, folder: &Path, cases: &[Case]) -> Result<(), Error> {
    let (png, sheets) = (folder.join("png"), folder.join("sheets"));
    std::fs::create_dir_all(&png)?;
    std::fs::create_dir_all(&sheets)?;
    for case in cases {
        for view in case.views() {
            browser.open(&folder.join("html").join(view.file_of(&case.name)), view.width, view.theme).await?;
            let picture = browser.screenshot(view.width).await?;
            std::fs::write(png.join(format!("{}.png", view.name_of(&case.name))), picture)?;
        }
    }
    let mut groups: Vec<&str> = Vec::new();
    for case in cases {
        if !groups.contains(&case.group) {
            groups.push(case.group);
        }
    }
    for group in groups {
        let cases: Vec<&Case> = cases.iter().filter(|case| case.group == group).collect();
        for (index, cases) in cases.chunks(CASES_PER_SHEET).enumerate() {
            for theme in [Theme::Light, Theme::Dark] {
                let name = format!("{group}-{}.{}", index + 1, theme.name());
                let is_usual = |view: &View| view.variation == Variation::None && view.width != NARROW_PX;
                sheet(browser, &sheets, &name, cases, |view| view.theme == theme && is_usual(view)).await?;
            }
        }
        for case in cases.iter().filter(|case| case.is_stressed) {
            let name = format!("{}.stress", case.name);
            let usual = Case { is_stressed: false, ..(*case).clone() }.views();
            sheet(browser, &sheets, &name, &[case], |view| !usual.contains(view)).await?;
        }
    }
    println!("{} documents, with pictures and contact sheets in {}", cases.len(), folder.display());
    Ok(())
}

async fn sheet(
    browser: &Browser,
    folder: &Path,
    name: &str,
    cases: &[&Case],
    is_shown: impl Fn(&View) -> bool,
) -> Result<(), Error> {
    let mut html = String::from(
        "<!DOCTYPE html><meta charset=\"utf-8\"><style>body{margin:0;padding:20px;background:#8b8b85;\
         font:14px sans-serif;color:#fff;display:flex;flex-wrap:wrap;gap:20px;align-items:flex-start;width:fit-content;\
         max-width:2400px;box-sizing:border-box}figure{margin:0}figcaption{margin:0 0 6px}img{display:block}</style><body>",
    );
    for case in cases {
        for view in case.views().into_iter().filter(&is_shown) {
            let (file, width) = (view.name_of(&case.name), view.width * SCALE_PERCENT / 100);
            let caption = match view.variation {
                Variation::None if view.theme == Theme::Inverted => format!("{} inverted", case.name),
                Variation::None => format!("{} {}", case.name, view.width),
                _ => file.clone(),
            };
            write!(
                html,
                "<figure><figcaption>{caption}</figcaption><img src=\"../png/{file}.png\" width=\"{width}\"></figure>"
            )?;
        }
    }
    let file = folder.join(format!("{name}.html"));
    std::fs::write(&file, html)?;
    browser.open(&file, SHEET_WIDTH, Theme::Light).await?;
    std::fs::write(folder.join(format!("{name}.png")), browser.screenshot(SHEET_WIDTH).await?)?;
    Ok(())
}
