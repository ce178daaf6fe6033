use crate::error::Error;
use crate::process;
use crate::tools::Tool;

/// Without its server and watcher, which are most of its dependencies.
const MDBOOK: Tool =
    Tool { name: "mdbook", version: "0.5.4", options: &["--no-default-features", "--features", "search"] };

pub(crate) fn build() -> Result<(), Error> {
    MDBOOK.install()?;
    process::run(MDBOOK.command("build").arg("guide"))?;
    println!("the guide is in target/guide/index.html");
    Ok(())
}
