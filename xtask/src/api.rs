//! `cargo xtask api`: what each crate offers, listed in `docs/api`, so that a change to it is seen where it is reviewed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::process::{self, cargo};
use crate::tools;

#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Write the listings anew, instead of comparing them.
    #[arg(long)]
    update: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let rustdoc = rustdoc()?;
    let folder = process::root().join("docs/api");
    fs::create_dir_all(&folder).map_err(|source| cannot_use(&folder, source))?;
    let crates = libraries()?;
    let mut differing = Vec::new();
    for name in &crates {
        let file = folder.join(format!("{name}.txt"));
        let now = listing(name, &rustdoc)?;
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

/// The crates with a library that are published.
fn libraries() -> Result<Vec<String>, Error> {
    let folder = process::root().join("crates");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|source| cannot_use(&folder, source))?.flatten() {
        let manifest = entry.path().join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&manifest) else { continue };
        let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        if let Some(name) = name
            && !text.lines().any(|line| line == "publish = false")
            && entry.path().join("src/lib.rs").is_file()
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// What a crate offers, with all its features; a line for each item.
fn listing(name: &str, rustdoc: &Path) -> Result<String, Error> {
    let mut document = cargo(&["rustdoc", "--quiet", "--lib", "--all-features", "--package", name]);
    document.args(["--", "-Z", "unstable-options", "--output-format", "json"]).env("RUSTDOC", rustdoc);
    process::run(&mut document)?;
    let json = process::root().join("target/doc").join(format!("{}.json", name.replace('-', "_")));
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .map_err(|source| Error::Listing { name: name.to_owned(), source })?;
    Ok(api.items().map(|item| format!("{item}\n")).collect())
}

/// A rustdoc that writes JSON, which is open to the stable one by this variable alone. Not set for all of the build: what is compiled
/// for the tests would be compiled anew.
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
