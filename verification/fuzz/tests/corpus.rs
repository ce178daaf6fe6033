//! Every target has a folder and a program, and passes its corpus.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use keyward_fuzzing::TARGETS;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn the_corpus_holds() {
    for (name, run) in TARGETS {
        let seeds = files(&folder("corpus").join(name));
        assert!(seeds.len() >= 5, "{name} has fewer than 5 seeds");
        for seed in seeds {
            let input = fs::read(&seed).unwrap();
            println!("{}", seed.display());
            run(&input);
        }
    }
}

#[test]
fn every_target_has_a_program_and_every_program_a_target() {
    let mut programs: Vec<String> = files(&folder("libfuzzer/fuzz_targets"))
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut targets: Vec<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    programs.sort();
    targets.sort();
    assert_eq!(programs, targets);
    let manifest = fs::read_to_string(folder("libfuzzer/Cargo.toml")).unwrap();
    for name in targets {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in the manifest");
    }
}
