use crate::crates::published;
use crate::error::Error;
use crate::process::{self, cargo};

const FILES: [&str; 4] = ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// Does not build them, because the tests have built the same files.
pub(crate) fn check() -> Result<(), Error> {
    let crates = published()?;
    let mut package = cargo(&["package", "--quiet", "--no-verify", "--allow-dirty"]);
    process::run(package.args(crates.iter().flat_map(|found| ["--package", &found.name])))?;

    let mut lacking = Vec::new();
    for found in &crates {
        let list = cargo(&["package", "--quiet", "--list", "--allow-dirty", "--package", &found.name]);
        let files = process::output(list)?;
        let missing = FILES.iter().filter(|file| !files.lines().any(|line| line == **file));
        lacking.extend(missing.map(|file| format!("{} has no {file}", found.name)));
    }
    if !lacking.is_empty() {
        return Err(Error::Packages(lacking.join(", ")));
    }
    println!("checked: {} packages, each with its README and licences", crates.len());
    Ok(())
}
