//! Linters and generators read the description, and the generated clients work.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyward_needs::needs;
use keyward_tests::program::{Program, test_package};

use crate::described::{committed, root};
use crate::serve::serve;

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

fn npm(set: &str, program: &str) -> Command {
    Command::new(test_package(set).join("node_modules/.bin").join(program))
}

#[needs(openapi_linters)]
#[test]
fn linters_find_no_error_in_the_description() {
    keyward_tests::openapi::lint(&committed());
}

/// Caches are no part of a client.
fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = PathBuf::from(path.file_name().unwrap());
        if path.is_file() {
            found.insert(name, fs::read_to_string(&path).unwrap());
        } else if name != Path::new("__pycache__") && name != Path::new(".ruff_cache") {
            found.extend(files(&path).into_iter().map(|(inner, text)| (name.join(inner), text)));
        }
    }
    found
}

fn write(folder: &Path, files: &BTreeMap<PathBuf, String>) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn is_current(generated: &BTreeMap<PathBuf, String>, committed: &Path) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let _ = fs::remove_dir_all(committed);
        write(committed, generated);
        return;
    }
    let there = files(committed);
    let names = generated.keys().chain(there.keys());
    let differing: Vec<_> = names.filter(|name| generated.get(*name) != there.get(*name)).collect();
    assert!(
        differing.is_empty(),
        "{} is out of date: run UPDATE_DOCS=1 cargo test --test manage clients: {differing:?}",
        committed.display()
    );
}

/// Returns the sample of a README, for this server.
fn sample(readme: &Path, language: &str, server: &Program) -> String {
    let readme = fs::read_to_string(readme).unwrap();
    let sample = readme.split(&format!("```{language}\n")).nth(1).unwrap().split("```").next().unwrap();
    assert!(sample.contains("https://keys.example.com") && sample.contains("kwms_live_…"), "{sample}");
    sample.replace("https://keys.example.com", &server.url).replace("kwms_live_…", server.credential("management_key"))
}

fn against<'a>(command: &'a mut Command, server: &Program) -> &'a mut Command {
    command.env("KEYWARD_URL", &server.url).env("KEYWARD_KEY", server.credential("management_key"))
}

#[needs(typescript_client)]
#[test]
fn the_typescript_client_is_current_and_works() {
    let (folder, source) = (tempfile::tempdir().unwrap(), root().join("clients/typescript"));
    let schema = folder.path().join("schema.ts");
    run(npm("typescript_client", "openapi-typescript").arg(committed()).arg("--output").arg(&schema));
    let generated = fs::read_to_string(&schema).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(source.join("src/schema.ts"), &generated).unwrap();
    }
    let same = fs::read_to_string(source.join("src/schema.ts")).unwrap() == generated;
    assert!(same, "src/schema.ts is out of date: run UPDATE_DOCS=1 cargo test --test manage clients");

    let server = serve(&folder.path().join("keys.db"), &["--demo"]);
    let project = folder.path().join("client");
    for part in ["src", "test"] {
        write(&project.join(part), &files(&source.join(part)));
    }
    for file in ["package.json", "tsconfig.json"] {
        fs::copy(source.join(file), project.join(file)).unwrap();
    }
    let readme = sample(&source.join("README.md"), "ts", &server).replace("\"keyward-client\"", "\"../src/index.js\"");
    fs::write(project.join("test/readme.ts"), readme).unwrap();
    let modules = test_package("typescript_client").join("node_modules");
    std::os::unix::fs::symlink(modules, project.join("node_modules")).unwrap();
    run(npm("typescript_client", "tsc").arg("--project").arg(&project));
    let said = run(against(Command::new("node").arg(project.join("dist/test/against_server.js")), &server));
    assert!(said.contains("all as expected"), "{said}");
    run(Command::new("node").arg(project.join("dist/test/readme.js")));
    server.stop();
}

#[needs(python_client)]
#[test]
fn the_python_client_is_current_and_works() {
    let (folder, source) = (tempfile::tempdir().unwrap(), root().join("clients/python"));
    let bin = test_package("python_client").join("bin");
    let package = folder.path().join("keyward_client");
    let mut path = vec![bin.clone()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut generate = Command::new(bin.join("openapi-python-client"));
    // It formats with the ruff on the path.
    generate.env("PATH", std::env::join_paths(path).unwrap()).current_dir(&folder);
    generate.args(["generate", "--meta", "none", "--fail-on-warning", "--path"]).arg(committed());
    run(generate.arg("--config").arg(source.join("generator.yaml")).arg("--output-path").arg(&package));
    is_current(&files(&package), &source.join("keyward_client"));

    let server = serve(&folder.path().join("keys.db"), &["--demo"]);
    let readme = folder.path().join("readme.py");
    fs::write(&readme, sample(&source.join("README.md"), "python", &server)).unwrap();
    for script in [source.join("tests/against_server.py"), readme] {
        let is_readme = script.ends_with("readme.py");
        let mut python = Command::new(bin.join("python"));
        // The package that was generated here, so that Python writes no cache into the sources.
        let said = run(against(python.env("PYTHONPATH", folder.path()).arg(script), &server));
        assert!(is_readme || said.contains("all as expected"), "{said}");
    }
    server.stop();
}
