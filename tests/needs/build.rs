//! Looks for the programs again whenever one may have been installed or removed.

#![allow(clippy::print_stdout, reason = "a build script speaks to cargo on its standard output")]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "src/programs.rs"]
mod programs;

use programs::{INSTALLED, PROGRAMS, find, folders};

fn main() {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = package.ancestors().nth(2).unwrap_or(&package);
    // Cargo runs this script every time if a watched path does not exist.
    let _ = fs::create_dir_all(root.join(INSTALLED));
    let mut watched = BTreeSet::from([package.join("build.rs"), package.join("src"), root.join(INSTALLED)]);
    let mut missing = Vec::new();
    for program in PROGRAMS {
        match program.found(root) {
            Some(files) => watched.extend(files),
            None => {
                missing.push(program.name);
                // An installation changes the folder.
                let is_file_missing = program.files.iter().any(|names| find(names).is_none());
                watched.extend(is_file_missing.then(folders).into_iter().flatten());
            }
        }
    }
    println!("cargo::rustc-env=KEYWARD_MISSING={}", missing.join(","));
    println!("cargo::rerun-if-env-changed=PATH");
    for path in watched.iter().map(PathBuf::as_path).filter(|path| Path::exists(path)) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}
