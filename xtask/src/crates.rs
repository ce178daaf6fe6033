use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::error::Error;
use crate::process;

pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) rust_version: Option<String>,
    pub(crate) features: Vec<String>,
}

pub(crate) fn published() -> Result<Vec<Crate>, Error> {
    let folder = process::root().join("crates");
    let mut crates = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|source| cannot_read(&folder, source))?.flatten() {
        let path = entry.path().join("Cargo.toml");
        // Not every folder is a crate.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let manifest = parse(&path, &text)?;
        let is_published = package(&manifest, "publish").and_then(Value::as_bool) != Some(false);
        if let Some(name) = value(&manifest, "name")
            && is_published
        {
            let (rust_version, features) = (value(&manifest, "rust-version"), features(&manifest));
            crates.push(Crate { name, folder: entry.path(), rust_version, features });
        }
    }
    crates.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(crates)
}

fn parse(path: &Path, text: &str) -> Result<Table, Error> {
    text.parse().map_err(|source| Error::Manifest { path: path.display().to_string(), source: Box::new(source) })
}

fn cannot_read(path: &Path, source: std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), source }
}

fn package<'a>(manifest: &'a Table, key: &str) -> Option<&'a Value> {
    manifest.get("package")?.get(key)
}

/// Returns `None` if the value comes from the workspace.
fn value(manifest: &Table, key: &str) -> Option<String> {
    package(manifest, key)?.as_str().map(str::to_owned)
}

fn features(manifest: &Table) -> Vec<String> {
    manifest.get("features").and_then(Value::as_table).into_iter().flat_map(Table::keys).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::{features, value};

    #[test]
    fn features_are_read_from_a_manifest() {
        let manifest =
            "[package]\nkeywords = [\"a\"]\n[features]\n# The store.\nsqlite = [\"dep:b\"]\n[dependencies]\nb = [1]\n";
        assert_eq!(features(&manifest.parse().unwrap()), ["sqlite"]);
    }

    #[test]
    fn values_are_read_from_a_manifest() {
        let manifest = "[package]\nname = \"keyward\"\nversion.workspace = true\nrust-version = \"1.89\"\n";
        let manifest = manifest.parse().unwrap();
        assert_eq!(value(&manifest, "name").as_deref(), Some("keyward"));
        assert_eq!(value(&manifest, "rust-version").as_deref(), Some("1.89"));
        assert_eq!(value(&manifest, "version"), None);
    }
}
