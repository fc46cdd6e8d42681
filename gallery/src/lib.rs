//! A gallery of what readers see: every case as HTML and, with Chromium, as pictures and contact sheets.
//!
//! A [`Case`] is a name and a document. [`emails::cases`] has those of the emails. `examples/gallery/` of the
//! program adds its pages and calls [`run`]. Tests measure the same cases in a browser.
//!
//! ```text
//! cargo run --example gallery DIR
//! ```

pub mod blocks;
pub mod browser;
pub mod emails;
pub mod faults;
mod pictures;
mod sheet;
mod view;

use std::path::Path;

pub use pictures::HOST as PICTURES;
pub use view::{Theme, Variation, View};

/// The error of a command line: a sentence.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A document in one state.
#[derive(Debug, Clone)]
pub struct Case {
    /// Part of the contact sheets it is on, such as "digest".
    pub group: &'static str,
    /// Unique, and fit for a file's name.
    pub name: String,
    /// The document. Pictures at [`PICTURES`] are shown from the gallery's own folder.
    pub html: String,
    pub medium: Medium,
    /// Further views of this case: larger text, no style sheets, no pictures, forced inversion.
    pub is_stressed: bool,
}

/// Where a document is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    Email,
    Page,
}

impl Case {
    /// Makes the case of an email.
    pub fn new(group: &'static str, name: impl Into<String>, html: String) -> Self {
        Self { group, name: name.into(), html, medium: Medium::Email, is_stressed: false }
    }

    /// Makes the case of a page of the web. Its style sheets must be part of the document.
    pub fn page(group: &'static str, name: impl Into<String>, html: String) -> Self {
        Self { medium: Medium::Page, ..Self::new(group, name, html) }
    }

    /// Adds the views that show whether a layout bears what mail programs do to it.
    #[must_use]
    pub fn stressed(self) -> Self {
        Self { is_stressed: true, ..self }
    }

    /// The views of this case in the gallery.
    pub fn views(&self) -> Vec<View> {
        let (usual, stress) = match self.medium {
            Medium::Email => (View::EMAIL.as_slice(), View::EMAIL_STRESS.as_slice()),
            Medium::Page => (View::PAGE.as_slice(), View::PAGE_STRESS.as_slice()),
        };
        let stress = if self.is_stressed { stress } else { &[] };
        usual.iter().chain(stress).copied().collect()
    }
}

/// Writes a gallery to a folder: `html/`, `png/`, `sheets/` and `pictures/`. Without Chromium it writes HTML
/// only. `only` selects cases whose group or name contains it.
pub fn run(folder: &Path, only: Option<&str>, cases: Vec<Case>) -> Result<(), Error> {
    let is_wanted =
        |case: &Case| only.is_none_or(|only| case.name.contains(only) || case.group.contains(only));
    let cases: Vec<Case> = cases.into_iter().filter(is_wanted).collect();
    write_html(folder, &cases)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let Some(browser) = browser::Browser::start().await? else {
            println!("chromedriver is not installed, so there is HTML only, in {}", folder.display());
            return Ok(());
        };
        sheet::photograph(&browser, folder, &cases).await?;
        browser.close().await
    })
}

/// Writes the documents and the pictures that they show.
pub fn write_html(folder: &Path, cases: &[Case]) -> Result<(), Error> {
    let html = folder.join("html");
    std::fs::create_dir_all(&html)?;
    for case in cases {
        std::fs::write(html.join(format!("{}.html", case.name)), &case.html)?;
        for view in case.views().into_iter().filter(|view| view.variation != Variation::None) {
            let varied = pictures::with_local_pictures(&view.variation.apply(&case.html), "../pictures/");
            std::fs::write(html.join(view.file_of(&case.name)), varied)?;
        }
        let local = pictures::with_local_pictures(&case.html, "../pictures/");
        std::fs::write(html.join(format!("{}.html", case.name)), local)?;
    }
    pictures::write(&folder.join("pictures"))?;
    Ok(())
}
