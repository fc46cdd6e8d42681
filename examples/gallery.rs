//! `cargo run --example gallery DIR [ONLY]`: every email in every state, as HTML, pictures and contact sheets.
//! ONLY is a part of the names to render. `cargo run -p gallery` does the same without building the program.

use std::path::PathBuf;

fn main() -> Result<(), gallery::Error> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().map(PathBuf::from).ok_or("name a folder to write the gallery to")?;
    let only = arguments.next().and_then(|only| only.into_string().ok());
    // Pages of the web add their cases here.
    gallery::run(&folder, only.as_deref(), gallery::emails::cases())
}
