use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::deny;
use crate::error::Error;
use crate::process::{self, cargo, command};
use crate::tools::Tool;

const CYCLONEDX: Tool = Tool { name: "cargo-cyclonedx", version: "0.5.9", options: &[] };
const SEMVER_CHECKS: Tool = Tool { name: "cargo-semver-checks", version: "0.51.0", options: &[] };

#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Check only this part.
    #[arg(long, value_name = "PART")]
    only: Option<Part>,
}

/// The parts, in the order in which they run.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Check the dependencies' licences, sources and advisories.
    Deny,
    /// Write each crate's bill of materials, and check that it is complete.
    Sbom,
    /// Compile the workspace with the oldest versions that it allows.
    Minimal,
    /// Compare the public API with the last release.
    Semver,
}

impl Options {
    pub(crate) fn quick() -> Self {
        Self { only: Some(Part::Sbom) }
    }
}

pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let parts = match &options.only {
        Some(part) => std::slice::from_ref(part),
        None => Part::value_variants(),
    };
    parts.iter().try_for_each(|part| match part {
        Part::Deny => deny::check(),
        Part::Sbom => bill_of_materials(),
        Part::Minimal => minimal_versions(),
        Part::Semver => semver(),
    })
}

/// Compares them with `cargo tree`.
fn bill_of_materials() -> Result<(), Error> {
    CYCLONEDX.install()?;
    // The tool writes beside each Cargo.toml, so it works on a copy.
    let copy = copy_of_sources("sbom-sources")?;
    let mut cyclonedx = CYCLONEDX.command("--quiet");
    cyclonedx.args(["--format", "json", "--spec-version", "1.5", "--all-features", "--target", "all"]);
    cyclonedx.args(["--override-filename", "bom", "--manifest-path"]).arg(copy.join("Cargo.toml"));
    process::run(&mut cyclonedx)?;

    let target = process::root().join("target/sbom");
    fs::create_dir_all(&target).map_err(|source| cannot_use(&target, source))?;
    let mut bills = String::new();
    let mut count = 0;
    for file in tracked_files()?.iter().filter(|file| file.ends_with("Cargo.toml")) {
        let bill = copy.join(file).with_file_name("bom.json");
        let Ok(text) = fs::read_to_string(&bill) else { continue };
        let name =
            Path::new(file).parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        let to = target.join(format!("{name}.cdx.json"));
        fs::write(&to, &text).map_err(|source| cannot_use(&to, source))?;
        bills.push_str(&text);
        count += 1;
    }

    let tree = ["tree", "--workspace", "--all-features", "--target", "all", "--prefix", "none", "--format", "{p}"];
    let used = packages(&process::output(command("cargo", &[&tree[..], &["--edges", "normal,build"]].concat()))?);
    let lock = fs::read_to_string(process::root().join("Cargo.lock"))
        .map_err(|source| cannot_use(Path::new("Cargo.lock"), source))?;
    let locked = locked(&lock);
    let missing: Vec<&String> = used.iter().filter(|package| !is_in(&bills, package)).collect();
    let unlocked: Vec<&String> = used.difference(&locked).collect();
    if count == 0 || !missing.is_empty() || !unlocked.is_empty() {
        return Err(Error::Supply(format!(
            "of the packages that cargo builds into the {count} crates, the bills of materials lack {missing:?} and Cargo.lock lacks {unlocked:?}"
        )));
    }
    let tests = locked.difference(&used).count();
    println!(
        "checked: {} bills of materials in {} have all {} packages; only tests use the other {tests} of Cargo.lock",
        count,
        target.display(),
        used.len(),
    );
    Ok(())
}

fn minimal_versions() -> Result<(), Error> {
    let copy = copy_of_sources("minimal-sources")?;
    let in_copy = |arguments: &[&str]| {
        let mut cargo = cargo(arguments);
        // A stable cargo needs this to choose the oldest versions. Published builds do not use it.
        cargo
            .current_dir(&copy)
            .env("CARGO_TARGET_DIR", process::root().join("target/minimal"))
            .env("RUSTC_BOOTSTRAP", "1");
        cargo
    };
    process::run(&mut in_copy(&["update", "--quiet", "-Z", "direct-minimal-versions"]))?;
    let mut check = in_copy(&["check", "--quiet", "--keep-going", "--workspace", "--all-features"]);
    process::run(check.env_remove("RUSTC_BOOTSTRAP"))?;
    println!("checked: the workspace compiles with the oldest versions that it allows");
    Ok(())
}

fn semver() -> Result<(), Error> {
    let tags =
        process::output(command("git", &["tag", "--list", "v[0-9]*", "--merged", "HEAD", "--sort=-version:refname"]))?;
    let Some(tag) = tags.lines().next() else {
        println!("NOT checked: the public API, because there is no release yet (no tag like v0.1.0)");
        return Ok(());
    };
    SEMVER_CHECKS.install()?;
    let mut check = SEMVER_CHECKS.command("check-release");
    process::run(check.args(["--workspace", "--all-features", "--baseline-rev", tag]))?;
    println!("checked: the public API is compatible with {}", tag);
    Ok(())
}

fn copy_of_sources(name: &str) -> Result<PathBuf, Error> {
    let copy = process::root().join("target").join(name);
    if copy.exists() {
        fs::remove_dir_all(&copy).map_err(|source| cannot_use(&copy, source))?;
    }
    for file in tracked_files()? {
        let (from, to) = (process::root().join(&file), copy.join(&file));
        let folder = to.parent().unwrap_or(&copy);
        fs::create_dir_all(folder).map_err(|source| cannot_use(folder, source))?;
        // Skips a file whose removal is not committed yet.
        if from.is_file() {
            fs::copy(&from, &to).map_err(|source| cannot_use(&from, source))?;
        }
    }
    Ok(copy)
}

fn tracked_files() -> Result<Vec<String>, Error> {
    let listed = process::output(command("git", &["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    Ok(listed.lines().map(str::to_owned).collect())
}

fn packages(tree: &str) -> BTreeSet<String> {
    let package = |line: &str| {
        let mut words = line.split_whitespace();
        Some(format!("{}@{}", words.next()?, words.next()?.strip_prefix('v')?))
    };
    tree.lines().filter_map(package).collect()
}

fn locked(lock: &str) -> BTreeSet<String> {
    let value = |line: &str, key: &str| Some(line.strip_prefix(key)?.strip_prefix(" = ")?.trim_matches('"').to_owned());
    let package = |part: &str| {
        let find = |key| part.lines().find_map(|line| value(line, key));
        Some(format!("{}@{}", find("name")?, find("version")?))
    };
    lock.split("[[package]]").skip(1).filter_map(package).collect()
}

/// By its package URL.
fn is_in(bills: &str, package: &str) -> bool {
    ['"', '?'].iter().any(|end| bills.contains(&format!("pkg:cargo/{package}{end}")))
}

fn cannot_use(path: &Path, source: std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::{is_in, locked, packages};

    #[test]
    fn packages_are_read_from_what_cargo_says() {
        let tree = "keyward v0.1.0 (/a/folder)\nserde v1.0.228 (*)\n\nserde_derive v1.0.228 (proc-macro)\n";
        let lock = "version = 4\n\n[[package]]\nname = \"serde\"\nversion = \"1.0.228\"\nsource = \"registry\"\n";
        assert_eq!(
            packages(tree).into_iter().collect::<Vec<_>>(),
            ["keyward@0.1.0", "serde@1.0.228", "serde_derive@1.0.228"]
        );
        assert_eq!(locked(lock).into_iter().collect::<Vec<_>>(), ["serde@1.0.228"]);
    }

    #[test]
    fn a_package_is_in_a_bill_by_its_whole_name_and_version() {
        let bill = r#"{ "purl": "pkg:cargo/serde@1.0.22", "other": "pkg:cargo/keyward@0.1.0?download_url=file" }"#;
        assert!(is_in(bill, "serde@1.0.22") && is_in(bill, "keyward@0.1.0"));
        assert!(!is_in(bill, "serde@1.0.2") && !is_in(bill, "erde@1.0.22"));
    }
}
