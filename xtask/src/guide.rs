//! `cargo xtask guide`: the guide as a book, into `target/guide`.

use crate::error::Error;
use crate::process;
use crate::tools::Tool;

/// Without its server and its watcher, which are most of what it is built from.
const MDBOOK: Tool =
    Tool { name: "mdbook", version: "0.5.4", options: &["--no-default-features", "--features", "search"] };

pub(crate) fn build() -> Result<(), Error> {
    MDBOOK.install()?;
    process::run(MDBOOK.command("build").arg("guide"))?;
    println!("the guide is in target/guide/index.html");
    Ok(())
}
