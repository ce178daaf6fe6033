//! Rules for the source: import directions, limits of core, and tables in the documentation.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod five_minutes;
mod imports;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyward::Rejection;
use keyward_needs::needs;

use imports::{Modules, circle};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn crates() -> Vec<PathBuf> {
    let folders = ["crates", "benches", "verification", "examples"].into_iter().flat_map(|folder| {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path())
    });
    let crates = folders.chain([root().join("tests"), root().join("xtask")]).map(|folder| folder.join("src"));
    crates.filter(|folder| folder.is_dir()).collect()
}

#[test]
fn sibling_modules_import_in_one_direction() {
    let mut circles = Vec::new();
    for folder in crates() {
        for (parent, imports) in Modules::of(&folder).between_siblings() {
            if let Some(circle) = circle(&imports) {
                let steps: Vec<&str> = circle.iter().map(|step| step.files.as_str()).collect();
                let name = folder.strip_prefix(root()).unwrap().display().to_string();
                circles.push(format!("{name} {parent}: {}", steps.join(", ")));
            }
        }
    }
    assert!(circles.is_empty(), "modules import each other in a circle:\n{}", circles.join("\n"));
}

#[test]
fn the_modules_of_core_import_downwards_only() {
    // From the top to the bottom: a module imports from what stands below it.
    const ORDER: [&str; 32] = [
        "adapter",
        "layer",
        "authenticate",
        "memory",
        "lifecycle",
        "lease",
        "cache",
        "render",
        "observe",
        "event",
        "request_id",
        "telemetry",
        "policy",
        "store",
        "location",
        "resource",
        "rejection",
        "identity",
        "credential",
        "connection",
        "endpoint",
        "scope",
        "id",
        "key",
        "clock",
        "name",
        "tags",
        "network",
        "per_thread",
        "sync",
        "log_limited",
        "log_limit",
    ];
    let rank = |module: &str| {
        ORDER.iter().position(|name| *name == module).unwrap_or_else(|| panic!("{module} has no place in the order"))
    };
    let imports = Modules::of(&root().join("crates/core/src")).between_siblings().remove("").unwrap();
    for import in imports {
        assert!(rank(&import.from) < rank(&import.to), "{} goes upwards", import.files);
    }
}

#[test]
fn core_knows_no_framework_and_no_database() {
    let manifest = read("crates/core/Cargo.toml");
    let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
    for name in ["axum", "actix", "tonic", "hyper", "warp", "rocket", "rusqlite", "sqlx", "postgres", "redis", "diesel"]
    {
        assert!(!dependencies.contains(name), "core depends on {name}");
    }
}

#[test]
fn what_users_read_names_the_facade_only() {
    let parts = paths_of_parts();
    let mut files = sources(&root().join("examples"));
    files.extend(pages(&root().join("guide/src")));
    files.extend(pages(&root().join("docs")));
    files.push(root().join("README.md"));
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let named: Vec<&str> = parts.iter().map(String::as_str).filter(|name| text.contains(name)).collect();
        assert!(named.is_empty(), "{} names {named:?} instead of the facade", path.display());
    }
}

fn paths_of_parts() -> Vec<String> {
    let parts =
        ["core", "axum", "actix", "tonic", "sqlite", "postgres", "valkey", "limits", "gateway", "serve", "manage"];
    parts.iter().map(|name| format!("keyward_{name}::")).collect()
}

fn pages(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

#[test]
fn no_file_is_too_long_to_be_read() {
    for folder in ["crates", "benches", "verification", "examples", "tests", "xtask"] {
        for path in sources(&root().join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//")).count();
            assert!(lines <= 500, "{} has {lines} lines of code", path.display());
        }
    }
}

#[test]
fn no_page_has_the_markers_of_a_merge() {
    let mut files = pages(&root().join("guide/src"));
    files.extend(pages(&root().join("docs")));
    files.extend(["README.md", "CHANGELOG.md", "SECURITY.md", "ARCHITECTURE.md"].map(|name| root().join(name)));
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let marker = text.lines().find(|line| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> "));
        assert_eq!(marker, None, "{}", file.display());
    }
}

#[test]
fn every_crate_has_its_place_in_the_map() {
    let map = read("ARCHITECTURE.md");
    for folder in ["crates", "benches", "verification", "examples"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let name = format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap());
            assert!(map.contains(&format!("`{name}`")), "ARCHITECTURE.md says nothing of {name}");
        }
    }
}

#[test]
fn every_decision_is_in_the_index_once() {
    let index = read("docs/decisions/README.md");
    for entry in fs::read_dir(root().join("docs/decisions")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name != "README.md" {
            let listed = index.matches(&format!("]({name})")).count();
            assert_eq!(listed, 1, "docs/decisions/README.md lists {name} {listed} times");
        }
    }
}

#[test]
fn every_dependency_has_a_comment_above_it() {
    let manifest = read("Cargo.toml");
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let lines: Vec<&str> = section.lines().collect();
    for pair in lines.windows(2) {
        let is_entry = pair[1].starts_with(|first: char| first.is_ascii_alphabetic());
        assert!(!is_entry || pair[0].starts_with("# "), "Cargo.toml has no comment above `{}`", pair[1]);
    }
}

/// `| reason | status | code | error of the challenge |`
fn row(rejection: &Rejection) -> String {
    let challenge = rejection.challenge("api").map(|value| value.to_str().unwrap().to_owned());
    let error = match &challenge {
        None => "none",
        Some(challenge) => challenge.split("error=\"").nth(1).map_or("without `error`", |rest| {
            let name = rest.split('"').next().unwrap();
            ["invalid_request", "invalid_token", "insufficient_scope"].into_iter().find(|known| *known == name).unwrap()
        }),
    };
    let error = if error.contains('`') || error == "none" { error.to_owned() } else { format!("`{error}`") };
    format!("| `{}` | {} | `{}` | {error} |", rejection.reason(), rejection.status().as_u16(), rejection.code())
}

#[test]
fn the_table_of_rejections_in_the_guide_is_the_codes() {
    let page = read("guide/src/errors.md");
    let missing: Vec<String> =
        keyward_tests::rejections::all().iter().map(row).filter(|row| !page.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "guide/src/errors.md lacks these rows:\n{}", missing.join("\n"));
}

#[test]
fn every_metric_is_explained() {
    let (source, page) = (read("crates/core/src/telemetry.rs"), read("guide/src/metrics.md"));
    let names = source.split('"').filter(|text| text.starts_with("keyward_"));
    let missing: Vec<_> = names.filter(|name| !page.contains(*name)).collect();
    assert!(missing.is_empty(), "guide/src/metrics.md lacks {missing:?}");
}

/// A change of a line near a mutation would otherwise show only in `cargo xtask mutants`, which runs rarely.
#[needs(git)]
#[test]
fn every_mutation_applies() {
    let patches = fs::read_dir(root().join("tests/mutations")).unwrap().map(|entry| entry.unwrap().path());
    for patch in patches.filter(|path| path.extension().is_some_and(|extension| extension == "patch")) {
        let mut git = Command::new("git");
        git.args(["apply", "--check"]).arg(&patch).current_dir(root());
        let output = git.output().unwrap();
        assert!(output.status.success(), "{}: {}", patch.display(), String::from_utf8_lossy(&output.stderr));
    }
}
