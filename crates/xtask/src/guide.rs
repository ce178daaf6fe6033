//! `cargo xtask guide`: the guide as a book, into `target/guide`.

use crate::error::Error;
use crate::process;
use crate::tool::Tool;

/// Without its server and its watcher, which are most of what it is built from, and unoptimised: one book of few pages needs no more.
const MDBOOK: Tool =
    Tool { name: "mdbook", version: "0.5.4", options: &["--debug", "--no-default-features", "--features", "search"] };

pub(crate) fn build() -> Result<(), Error> {
    MDBOOK.install()?;
    process::run(&mut process::command(&MDBOOK.path().to_string_lossy(), &["build", "guide"]))?;
    println!("the guide is in target/guide/index.html");
    Ok(())
}
