//! The published crates, as their manifests describe them.

use std::fs;
use std::path::PathBuf;

use crate::error::Error;
use crate::process;

/// A crate below `crates`.
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// The oldest Rust that it supports, if its manifest has one of its own.
    pub(crate) rust_version: Option<String>,
}

impl Crate {
    /// The names of its features.
    pub(crate) fn features(&self) -> Result<Vec<String>, Error> {
        let manifest = self.folder.join("Cargo.toml");
        let text = fs::read_to_string(&manifest)
            .map_err(|source| Error::File { path: manifest.display().to_string(), source })?;
        Ok(features(&text))
    }
}

/// The crates below `crates` that are published, by name.
pub(crate) fn published() -> Result<Vec<Crate>, Error> {
    let folder = process::root().join("crates");
    let cannot_read = |source| Error::File { path: folder.display().to_string(), source };
    let mut crates = Vec::new();
    for entry in fs::read_dir(&folder).map_err(cannot_read)?.flatten() {
        // Not every folder is a crate.
        let Ok(text) = fs::read_to_string(entry.path().join("Cargo.toml")) else { continue };
        if let Some(name) = value(&text, "name")
            && !text.lines().any(|line| line == "publish = false")
        {
            crates.push(Crate { name, folder: entry.path(), rust_version: value(&text, "rust-version") });
        }
    }
    crates.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(crates)
}

fn value(manifest: &str, key: &str) -> Option<String> {
    let mut lines = manifest.lines();
    lines.find_map(|line| Some(line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')?.to_owned()))
}

fn features(manifest: &str) -> Vec<String> {
    let section = manifest.lines().skip_while(|line| *line != "[features]").skip(1);
    let lines = section.take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| Some(line.split_once(" = [")?.0.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::{features, value};

    #[test]
    fn features_are_read_from_a_manifest() {
        let manifest =
            "[package]\nkeywords = [\"a\"]\n[features]\n# The store.\nsqlite = [\"dep:b\"]\n[dependencies]\nb = [1]\n";
        assert_eq!(features(manifest), ["sqlite"]);
    }

    #[test]
    fn values_are_read_from_a_manifest() {
        let manifest = "[package]\nname = \"keyward\"\nversion.workspace = true\nrust-version = \"1.89\"\n";
        assert_eq!(value(manifest, "name").as_deref(), Some("keyward"));
        assert_eq!(value(manifest, "rust-version").as_deref(), Some("1.89"));
        assert_eq!(value(manifest, "version"), None);
    }
}
