use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::crates::{Crate, published};
use crate::error::Error;
use crate::process::{self, cargo};
use crate::tools;

#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Update the listings instead of comparing them.
    #[arg(long)]
    update: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let folder = process::root().join("docs/api");
    fs::create_dir_all(&folder).map_err(|source| cannot_use(&folder, source))?;
    let mut crates = published()?;
    crates.retain(|found| found.folder.join("src/lib.rs").is_file());
    let documents = describe(&crates)?;
    let mut differing = Vec::new();
    for Crate { name, .. } in &crates {
        let file = folder.join(format!("{name}.txt"));
        let now = listing(name, &documents)?;
        if options.update {
            fs::write(&file, &now).map_err(|source| cannot_use(&file, source))?;
            continue;
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        if kept != now {
            show_difference(name, &kept, &now);
            differing.push(name.as_str());
        }
    }
    if !differing.is_empty() {
        return Err(Error::Api(differing.join(", ")));
    }
    println!("{} {} listings in docs/api", if options.update { "written:" } else { "checked:" }, crates.len());
    Ok(())
}

/// One command does all crates, so that dependencies are checked once.
fn describe(crates: &[Crate]) -> Result<PathBuf, Error> {
    let mut document = cargo(&["doc", "--quiet", "--workspace", "--no-deps", "--lib", "--all-features"]);
    document.args(crates.iter().flat_map(|found| ["--package", &found.name])).env("RUSTDOC", rustdoc()?);
    document.env("RUSTDOCFLAGS", "-Z unstable-options --output-format json");
    process::run(&mut document)?;
    Ok(process::target().join("doc"))
}

fn listing(name: &str, documents: &Path) -> Result<String, Error> {
    let json = documents.join(format!("{}.json", name.replace('-', "_")));
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .map_err(|source| Error::Listing { name: name.to_owned(), source })?;
    Ok(api.items().map(|item| format!("{item}\n")).collect())
}

/// The stable rustdoc needs `RUSTC_BOOTSTRAP`. Setting it for a whole build would make cargo compile everything again.
fn rustdoc() -> Result<PathBuf, Error> {
    use std::os::unix::fs::PermissionsExt as _;

    let file = tools::root().join("bin/rustdoc-json");
    fs::create_dir_all(tools::root().join("bin")).map_err(|source| cannot_use(&file, source))?;
    fs::write(&file, "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n")
        .map_err(|source| cannot_use(&file, source))?;
    let runnable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&file, runnable).map_err(|source| cannot_use(&file, source))?;
    Ok(file)
}

fn show_difference(name: &str, kept: &str, now: &str) {
    let (old, new): (BTreeSet<&str>, BTreeSet<&str>) = (kept.lines().collect(), now.lines().collect());
    println!("{name}:");
    old.difference(&new).for_each(|line| println!("- {line}"));
    new.difference(&old).for_each(|line| println!("+ {line}"));
}

fn cannot_use(path: &Path, source: std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), source }
}
