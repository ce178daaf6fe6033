use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{deploy, read, root};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    // People create `secrets`.
    let kept = entries.filter(|path| !path.ends_with("secrets"));
    kept.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn each_variable_is_a_setting() {
    let settings = read("guide/src/configuration.md");
    let mut found = BTreeSet::new();
    for file in files(&deploy("")) {
        let text = fs::read_to_string(file).unwrap();
        let words = text.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
        found.extend(words.filter(|word| word.starts_with("KEYWARD_")).map(str::to_owned));
    }
    assert!(found.contains("KEYWARD_METRICS_LISTEN"), "{found:?}");
    let unknown: Vec<_> = found.iter().filter(|name| !settings.contains(&format!("`{name}`"))).collect();
    assert!(unknown.is_empty(), "guide/src/configuration.md lacks {unknown:?}");
}

#[test]
fn readme_names_each_file_and_its_links_lead_to_files() {
    let readme = read("deploy/README.md");
    for entry in fs::read_dir(deploy("")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_named = name.starts_with('.') || name == "README.md" || readme.contains(&format!("]({name})"));
        assert!(is_named || name == "secrets" || name.ends_with("ignore"), "deploy/README.md lacks {name}");
    }
    for link in readme.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
        let leads = link.starts_with("https://") || link.is_empty() || root().join("deploy").join(link).exists();
        assert!(leads, "deploy/README.md: {link}");
    }
}
