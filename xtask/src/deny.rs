use crate::error::Error;
use crate::process;
use crate::tools::Tool;

const CARGO_DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2", options: &[] };

pub(crate) fn check() -> Result<(), Error> {
    CARGO_DENY.install()?;
    process::run(CARGO_DENY.command("check").args(["licenses", "bans", "sources"]))?;

    // The database of advisories is in a git repository, which not every machine can reach.
    if process::succeeds(CARGO_DENY.command("fetch").arg("db")) {
        process::run(CARGO_DENY.command("check").arg("advisories"))?;
        println!("checked: licenses, bans, sources, advisories");
    } else {
        println!("checked: licenses, bans, sources");
        println!("NOT checked: advisories, because their database cannot be fetched from here");
    }
    Ok(())
}
