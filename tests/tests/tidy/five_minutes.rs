//! README's five-minute start: how much its two commands compile, and that they share it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use super::{read, root};

/// The most crates that `cargo quickstart` may compile. It compiles 160.
const QUICKSTART: usize = 162;
/// The most crates that `cargo keyward` may compile. It compiles 332, six of them for mail and four for the second factor. With its default
/// features, it would compile 456.
const KEYWARD: usize = 335;

/// The crates that only the quickstart uses.
const ONLY_QUICKSTART: [&str; 3] = ["example-support", "keyward", "quickstart"];

/// The flags of an alias that decide on features.
fn flags(alias: &str) -> Vec<String> {
    let config = read(".cargo/config.toml");
    let line = config.lines().find_map(|line| line.strip_prefix(&format!("{alias} = \"run ")));
    let line = line.unwrap_or_else(|| panic!(".cargo/config.toml has no alias {alias}"));
    let (line, program) = line.split_once("--bin ").unwrap_or_else(|| panic!("the alias {alias} names no program"));
    assert_eq!(program, format!("{alias} --\""));
    line.split_whitespace().map(str::to_owned).collect()
}

/// The dependencies of each crate. A crate is written as cargo prints it, with its version and features.
struct Tree(BTreeMap<String, BTreeSet<String>>);

impl Tree {
    fn of_default_members(flags: &[String]) -> Self {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["tree", "--offline", "--edges", "normal,build", "--prefix", "depth", "--format", " {p} [{f}]"]);
        let output = cargo.args(flags).current_dir(root()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut path: Vec<String> = Vec::new();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let Some((depth, name)) = line.split_once(' ') else { continue };
            let name = name.trim_end_matches(" (*)").to_owned();
            path.truncate(depth.parse().unwrap());
            if let Some(parent) = path.last() {
                needs.entry(parent.clone()).or_default().insert(name.clone());
            }
            path.push(name);
        }
        Self(needs)
    }

    /// The crates that a package compiles, including itself.
    fn compiled_by(&self, package: &str) -> BTreeSet<&str> {
        let mut ahead: Vec<&str> = self.0.keys().map(String::as_str).filter(|name| name_of(name) == package).collect();
        assert_eq!(ahead.len(), 1, "{package} is no default member");
        let mut found = BTreeSet::new();
        while let Some(name) = ahead.pop() {
            if found.insert(name) {
                ahead.extend(self.0.get(name).into_iter().flatten().map(String::as_str));
            }
        }
        found
    }
}

fn name_of(entry: &str) -> &str {
    entry.split(' ').next().unwrap()
}

/// A crate counts once, whatever its features.
fn count(compiled: &BTreeSet<&str>) -> usize {
    compiled.iter().map(|entry| entry.split(" [").next().unwrap()).collect::<BTreeSet<_>>().len()
}

#[test]
fn the_five_minute_start_shares_crates_and_stays_small() {
    let readme = read("README.md");
    assert!(
        readme.contains("\nDATABASE=keys.db cargo quickstart\n") && readme.contains(" cargo keyward "),
        "README.md"
    );
    let shared = flags("quickstart");
    assert_eq!(shared, flags("keyward"), "other flags choose other features: both commands would share little");
    assert!(!shared.iter().any(|flag| flag.starts_with("-p")), "-p chooses the features of one package");

    let tree = Tree::of_default_members(&shared);
    let (quickstart, keyward) = (tree.compiled_by("quickstart"), tree.compiled_by("keyward-cli"));
    let twice = quickstart.difference(&keyward).filter(|entry| !ONLY_QUICKSTART.contains(&name_of(entry)));
    let twice: Vec<_> = twice.collect();
    assert!(twice.is_empty(), "`cargo keyward` does not use these crates of the quickstart: {twice:#?}");
    for (command, compiled, most) in [("quickstart", &quickstart, QUICKSTART), ("keyward", &keyward, KEYWARD)] {
        let crates = count(compiled);
        assert!(crates <= most, "`cargo {command}` compiles {crates} crates, more than {most}: remove a dependency");
    }
}

#[test]
fn every_migration_of_postgresql_is_listed() {
    for (folder, source) in [
        ("crates/postgres", "crates/postgres/src/connect.rs"),
        ("crates/manage", "crates/manage/src/store/postgres.rs"),
    ] {
        let source = read(source);
        for entry in std::fs::read_dir(root().join(folder).join("migrations")).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            let name = file.strip_suffix(".sql").unwrap();
            let is_listed = source.contains(&format!("(\"{name}\", include_str!("))
                && source.contains(&format!("/migrations/{file}\")"));
            assert!(is_listed, "{folder}/migrations/{file} would never run: add it to MIGRATIONS");
        }
    }
}
