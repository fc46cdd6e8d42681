//! `cargo run --example gallery -- DIR [ONLY]`: every email, every page and the signup box in every state, as HTML,
//! pictures and contact sheets. ONLY is a part of the names or groups to render. `cargo run -p gallery` has the
//! emails alone, without building the program.
//!
//! The pages come from a running Daily with a database of its own, so the gallery shows what readers get.

mod newsroom;
mod pages;
mod publishers;
mod signup_box;

use std::path::PathBuf;

fn main() -> Result<(), gallery::Error> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().map(PathBuf::from).ok_or("name a folder to write the gallery to")?;
    let only = arguments.next().and_then(|only| only.into_string().ok());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let pages = runtime.block_on(pages::cases(only.as_deref()))?;
    drop(runtime);
    let cases = gallery::emails::cases().into_iter().chain(pages).collect();
    gallery::run(&folder, only.as_deref(), cases)
}
