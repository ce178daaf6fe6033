//! The messages of the compiler for programs that use keyward wrongly.
//!
//! Each file below `tests/messages` is a program that must not compile. Its lines `//~ text` are parts of what the compiler
//! must say. The rest of the compiler's text may differ, because it changes with the compiler.
//!
//! axum's `Handler` and actix's `ResponseError` are not ours, so their cases only show that the program does not compile. The
//! guide leads to `AuthRejection` and `Authenticated`.
//!
//! The cases are compiled against the library of this package, which the test's build has just made. So no dependency is
//! built for them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// Not a case: this program must compile.
const CORRECT: &str = "correct.rs";

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

/// The newest build of `keyward_tests`: of all features, the build has just made the one that this test is linked with.
fn library(dependencies: &Path) -> PathBuf {
    let files = fs::read_dir(dependencies).unwrap().map(|entry| entry.unwrap().path());
    let libraries = files.filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap_or_default();
        name.starts_with("libkeyward_tests-") && name.ends_with(".rlib")
    });
    libraries.max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap()).unwrap()
}

fn compile(case: &Path, output: &Path) -> Result<(), String> {
    let this = std::env::current_exe().unwrap();
    let dependencies = this.parent().unwrap();
    // rustup chooses the toolchain of the tests, because cargo passes on its name.
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "--color", "never"]);
    rustc.arg("--extern").arg(format!("keyward_tests={}", library(dependencies).display()));
    rustc.arg("-L").arg(format!("dependency={}", dependencies.display()));
    // The compiler shows code of the workspace by its path from here.
    rustc.arg("--out-dir").arg(output).arg(case).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
    let output = rustc.output().unwrap();
    // The compiler may break lines.
    let said = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    if output.status.success() { Ok(()) } else { Err(said) }
}

fn check(case: &Path, output: &Path) -> Result<(), String> {
    let source = fs::read_to_string(case).unwrap();
    let expected: Vec<&str> = source.lines().filter_map(|line| line.trim_start().strip_prefix("//~ ")).collect();
    match compile(case, output) {
        Ok(()) if case.ends_with(CORRECT) => Ok(()),
        Ok(()) => Err("it compiles".to_owned()),
        Err(said) if case.ends_with(CORRECT) => Err(format!("it does not compile:\n{said}")),
        Err(_) if expected.is_empty() => Err("it has no line `//~ text`".to_owned()),
        Err(said) => match expected.iter().find(|text| !said.contains(**text)) {
            Some(text) => Err(format!("the compiler does not say `{text}`, but:\n{said}")),
            None => Ok(()),
        },
    }
}

#[test]
fn the_compiler_says_what_to_do() {
    let cases = cases();
    assert!(cases.len() > 10, "{cases:?}");
    let output = tempfile::tempdir().unwrap();
    let failed = Mutex::new(Vec::new());
    let left = Mutex::new(cases.iter());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = { left.lock().unwrap().next() } {
                    if let Err(why) = check(case, output.path()) {
                        failed.lock().unwrap().push(format!("{}: {why}", case.display()));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
