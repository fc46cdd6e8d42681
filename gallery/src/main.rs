//! `cargo run -p gallery -- DIR [ONLY]`: the gallery of the emails alone, without building the program.

use std::path::PathBuf;

fn main() -> Result<(), gallery::Error> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().map(PathBuf::from).ok_or("name a folder to write the gallery to")?;
    let only = arguments.next().and_then(|only| only.into_string().ok());
    gallery::run(&folder, only.as_deref(), gallery::emails::cases())
}
