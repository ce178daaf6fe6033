//! The guide: every page is in its table of contents, its links lead somewhere, and its commands do what it says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keyward_tests::program::{Program, package_program};

/// What links to files of the repository begin with: the pages are read on a site of their own, too.
const REPOSITORY: [&str; 2] =
    ["https://github.com/keyward/keyward/blob/main/", "https://github.com/keyward/keyward/tree/main/"];

/// Where the server of a page listens.
const ADDRESS: &str = "http://127.0.0.1:8080";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join("guide/src").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn pages() -> BTreeSet<String> {
    let files = fs::read_dir(root().join("guide/src")).unwrap();
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

/// What a page links to, and has for people: not what stands in its samples.
fn links(text: &str) -> Vec<String> {
    let prose: Vec<&str> = text.split("```").step_by(2).collect();
    let ends = prose.iter().flat_map(|part| part.split("](").skip(1));
    ends.filter_map(|rest| rest.split([')', '#']).next()).map(str::to_owned).collect()
}

#[test]
fn every_page_is_in_the_table_of_contents_once() {
    let mut listed = links(&page("SUMMARY.md"));
    listed.push("SUMMARY.md".to_owned());
    listed.sort();
    assert_eq!(listed, pages().into_iter().collect::<Vec<_>>());
}

#[test]
fn links_lead_to_pages_and_to_files_of_the_repository() {
    let (pages, mut dead) = (pages(), Vec::new());
    for name in &pages {
        for link in links(&page(name)) {
            let leads = match REPOSITORY.iter().find_map(|start| link.strip_prefix(start)) {
                Some(path) => root().join(path).exists(),
                None => pages.contains(&link) || link.starts_with("https://") && !link.contains("keyward"),
            };
            if !leads {
                dead.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

/// A block of commands, and how it is run: `background`, `not-run`, or to its end.
struct Block {
    how: String,
    text: String,
}

/// The blocks of a page that are marked as `sh`, also those within lists.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Block)> = None;
    for line in text.lines() {
        let content = line.trim_start();
        match &mut open {
            None => {
                if let Some(how) = content.strip_prefix("```sh").filter(|how| how.is_empty() || how.starts_with(' ')) {
                    let block = Block { how: how.trim().to_owned(), text: String::new() };
                    open = Some((line.len() - content.len(), block));
                }
            }
            Some(_) if content == "```" => blocks.extend(open.take().map(|(_, block)| block)),
            Some((indent, block)) => writeln!(block.text, "{}", line.get(*indent..).unwrap_or("")).unwrap(),
        }
    }
    blocks
}

/// Starts a server that a page leaves running.
fn serve(commands: &str, folder: &Path, path: &str) -> Program {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec {commands}")]).current_dir(folder);
    Program::of(command.envs([("PATH", path), ("KEYWARD_LISTEN", "127.0.0.1:0")])).0
}

/// A line that ends with the status that it prints, `… # 200`, fails if it prints another one.
fn holding_to_its_word(line: &str) -> String {
    match line.rsplit_once("# ") {
        Some((call, status)) if status.len() == 3 && status.bytes().all(|digit| digit.is_ascii_digit()) => {
            format!("got=$({call}); test \"$got\" = {status} || {{ echo \"$got, and not {status}\" >&2; exit 1; }}")
        }
        _ => line.to_owned(),
    }
}

/// Runs all commands of a page in one shell, in a new folder, as its reader does.
fn run(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let programs = package_program("keyward-cli", "keyward");
    let path = format!("{}:{}", programs.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let blocks = blocks(&page(name));
    let background = blocks.iter().filter(|block| block.how == "background");
    let servers: Vec<_> = background.map(|block| serve(&block.text, folder.path(), &path)).collect();
    let mut script = String::new();
    for line in blocks.iter().filter(|block| block.how.is_empty()).flat_map(|block| block.text.lines()) {
        writeln!(script, "{}", holding_to_its_word(line)).unwrap();
    }
    if let Some(server) = servers.first() {
        script = script.replace(ADDRESS, &server.url);
    }
    let output = Command::new("sh")
        .args(["-eux", "-c", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{name}:\n{}\n{}", text(&output.stdout), text(&output.stderr));
    servers.into_iter().for_each(Program::stop);
}

#[test]
fn a_leaked_key_is_found_and_ended_as_the_guide_says() {
    run("incident.md");
}

#[test]
fn keys_are_managed_as_the_guide_says() {
    run("managing-keys.md");
}

#[test]
fn peppers_are_rotated_as_the_guide_says() {
    run("peppers.md");
}

#[test]
fn a_gateway_is_answered_as_the_guide_says() {
    run("gateway.md");
}

#[test]
fn keys_of_other_systems_are_taken_over_as_the_guide_says() {
    run("from-unkey.md");
    run("from-a-table.md");
}
