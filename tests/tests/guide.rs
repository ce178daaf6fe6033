//! The guide and README.md: every page is listed, every link has a target, and the commands do what the page says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keyward_needs::needs;
use keyward_tests::program::{Program, package_program};
use tempfile::TempDir;

/// The guide is also read on a separate site.
const REPOSITORY: [&str; 2] =
    ["https://github.com/keyward/keyward/blob/main/", "https://github.com/keyward/keyward/tree/main/"];

/// How calls begin that have a line in a block of answers.
const CALLS: [&str; 3] = ["curl -i ", "status ", "ask "];

const ADDRESSES: [&str; 3] = ["http://127.0.0.1:8080", "http://127.0.0.1:3001", "http://127.0.0.1:3000"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join("guide/src").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn pages() -> BTreeSet<String> {
    let files = fs::read_dir(root().join("guide/src")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".md")).collect()
}

fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

fn links(text: &str) -> Vec<(String, String)> {
    let prose = prose(text);
    let links = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    links
        .map(|link| link.split_once('#').unwrap_or((link, "")))
        .map(|(to, at)| (to.to_owned(), at.to_owned()))
        .collect()
}

/// As mdBook and GitHub make them.
fn anchors(text: &str) -> Vec<String> {
    let prose = prose(text);
    let headings =
        prose.lines().filter_map(|line| line.strip_prefix('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |c: char| c.is_alphanumeric() || "-_ ".contains(c);
    headings
        .map(|heading| heading.to_lowercase().chars().filter(|c| kept(*c)).collect::<String>().replace(' ', "-"))
        .collect()
}

#[test]
fn every_page_is_in_the_table_of_contents_once() {
    let mut listed: Vec<String> = links(&page("SUMMARY.md")).into_iter().map(|(page, _)| page).collect();
    listed.push("SUMMARY.md".to_owned());
    listed.sort();
    assert_eq!(listed, pages().into_iter().collect::<Vec<_>>());
}

fn leads(from: &str, link: &str, anchor: &str) -> bool {
    let in_repository = REPOSITORY.iter().find_map(|start| link.strip_prefix(start));
    if in_repository.is_none() && link.starts_with("https://") {
        return !link.contains("keyward");
    }
    let path = match in_repository {
        Some(path) => root().join(path),
        None if link.is_empty() => root().join(from),
        None => root().join(from).parent().unwrap().join(link),
    };
    // mdBook copies the pictures beside the pages.
    let is_in_book = !link.contains('/') || link.starts_with("screenshots/");
    let is_in_reach = in_repository.is_some() || from == "README.md" || is_in_book;
    let has_anchor = || anchors(&fs::read_to_string(&path).unwrap()).iter().any(|known| known == anchor);
    is_in_reach && path.exists() && (anchor.is_empty() || has_anchor())
}

#[test]
fn links_lead_to_pages_headings_and_files_of_the_repository() {
    let mut files: Vec<String> = pages().iter().map(|name| format!("guide/src/{name}")).collect();
    files.push("README.md".to_owned());
    let mut dead = Vec::new();
    for file in files {
        for (link, anchor) in links(&fs::read_to_string(root().join(&file)).unwrap()) {
            if !leads(&file, &link, &anchor) {
                dead.push(format!("{file}: {link}#{anchor}"));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

/// To run as `background`, `not-run`, or to its end; or a `text` that the commands print; or the `answers` to the calls above.
struct Block {
    how: String,
    text: String,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Block)> = None;
    for line in text.lines() {
        let content = line.trim_start();
        match &mut open {
            None => {
                let how = content.strip_prefix("```sh").filter(|how| how.is_empty() || how.starts_with(' '));
                let printed = match content {
                    "```text" => Some("text"),
                    "```text answers" => Some("answers"),
                    _ => None,
                };
                if let Some(how) = how.or(printed) {
                    let block = Block { how: how.trim().to_owned(), text: String::new() };
                    open = Some((line.len() - content.len(), block));
                }
            }
            Some(_) if content == "```" => blocks.extend(open.take().map(|(_, block)| block)),
            Some((indent, block)) => writeln!(block.text, "{}", line.get(*indent..).unwrap_or("")).unwrap(),
        }
    }
    with_answers(blocks)
}

/// Writes each answer behind its call in the block above, for [`checked`].
fn with_answers(blocks: Vec<Block>) -> Vec<Block> {
    let mut merged: Vec<Block> = Vec::new();
    for block in blocks {
        if block.how != "answers" {
            merged.push(block);
            continue;
        }
        let above = merged.last_mut().unwrap();
        let is_call = |line: &str| CALLS.iter().any(|call| line.starts_with(call));
        let mut answers = block.text.lines();
        let mut text = String::new();
        for line in above.text.lines() {
            let answer = is_call(line).then(|| answers.next().unwrap_or_else(|| panic!("no answer to {line}")));
            writeln!(text, "{line}{}", answer.map(|answer| format!(" # {answer}")).unwrap_or_default()).unwrap();
        }
        assert_eq!(answers.next(), None, "an answer without a call");
        above.text = text;
    }
    merged
}

fn serve(commands: &str, folder: &Path, path: &str) -> Program {
    let mut command = Command::new("sh");
    let commands = commands.replace("--listen 127.0.0.1:3001", "");
    command.args(["-c", &format!("exec {commands}")]).current_dir(folder);
    Program::of(command.envs([("PATH", path), ("KEYWARD_LISTEN", "127.0.0.1:0"), ("PORT", "0")])).0
}

/// `… # 200` has to print that status, and `curl -i … # 401, MISSING_API_KEY` an answer with all of these.
fn checked(line: &str) -> String {
    let Some((call, said)) = line.rsplit_once("# ") else { return line.to_owned() };
    let (status, rest) = said.split_at_checked(3).unwrap_or_default();
    if status.is_empty() || !status.bytes().all(|digit| digit.is_ascii_digit()) {
        return line.to_owned();
    }
    if !call.starts_with("curl -i ") {
        return format!("got=$({call}); test \"$got\" = {said} || {{ echo \"$got, and not {said}\" >&2; exit 1; }}");
    }
    let mut script = format!("got=$({call}); echo \"$got\" | grep -F 'HTTP/1.1 {status} '");
    for part in rest.split(", ").filter(|part| !part.is_empty()) {
        write!(script, "; echo \"$got\" | grep -F '{part}'").unwrap();
    }
    script
}

/// Compares up to the first digit or `…` of each word.
fn alike(said: &str, shown: &str) -> bool {
    let mut shown = shown.split_whitespace();
    let fixed = |word: &str| word.split(|c: char| c == '…' || c.is_ascii_digit()).next().unwrap_or("").to_owned();
    said.split_whitespace().all(|word| shown.next().is_some_and(|other| other.starts_with(&fixed(word))))
        && shown.next().is_none()
}

fn run(name: &str) {
    run_in(&tempfile::tempdir().unwrap(), name, &page(name), None);
}

/// The quickstart replaces the reader's service. It has the routes of the page's sample.
fn run_beside_a_service(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut quickstart = Command::new(package_program("quickstart", "quickstart"));
    let service = Program::of(quickstart.current_dir(&folder).envs([("DATABASE", "keys.db"), ("PORT", "0")])).0;
    run_in(&folder, name, &page(name), Some(service));
}

fn run_in(folder: &TempDir, name: &str, text: &str, service: Option<Program>) {
    let programs = package_program("keyward-cli", "keyward");
    let path = format!("{}:{}", programs.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let blocks = blocks(text);
    let background = blocks.iter().filter(|block| block.how == "background");
    let started = background.map(|block| serve(&block.text, folder.path(), &path));
    let servers: Vec<_> = service.into_iter().chain(started).collect();
    let mut script = String::new();
    for line in blocks.iter().filter(|block| block.how.is_empty()).flat_map(|block| block.text.lines()) {
        writeln!(script, "{}", checked(line)).unwrap();
    }
    if let Some(server) = servers.first() {
        script = ADDRESSES.iter().fold(script, |script, address| script.replace(address, &server.url));
    }
    let output = Command::new("sh")
        .args(["-eux", "-c", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("XDG_CONFIG_HOME", folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{name}:\n{}\n{}", text(&output.stdout), text(&output.stderr));
    let shown = text(&output.stdout) + &text(&output.stderr);
    for said in blocks.iter().filter(|block| block.how == "text").flat_map(|block| block.text.lines()) {
        assert!(shown.lines().any(|line| alike(said, line)), "{name}: nothing looks like {said:?} in\n{shown}");
    }
    servers.into_iter().for_each(Program::stop);
}

#[needs(curl)]
#[test]
fn a_leaked_key_is_found_and_ended_as_the_guide_says() {
    run("incident.md");
}

#[needs(curl)]
#[test]
fn keys_are_managed_as_the_guide_says() {
    run("managing-keys.md");
}

#[test]
fn lifetimes_of_keys_are_set_as_the_guide_says() {
    run("lifetimes.md");
}

#[needs(curl)]
#[test]
fn five_minutes_are_enough_for_the_readme() {
    // The programs are built.
    let quickstart = package_program("quickstart", "quickstart");
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let text =
        text.replace("DATABASE=keys.db cargo quickstart", &format!("env DATABASE=keys.db {}", quickstart.display()));
    let text = text.replace("cargo keyward", "command keyward");
    run_in(&tempfile::tempdir().unwrap(), "README.md", &text, None);
}

#[needs(curl)]
#[test]
fn the_notes_example_answers_as_its_readme_says() {
    let notes = package_program("notes", "notes");
    let text = fs::read_to_string(root().join("examples/notes/README.md")).unwrap();
    let program = format!("env DATABASE=notes.db {}", notes.display());
    let text = text.replace("DATABASE=notes.db cargo run -p notes", &program);
    run_in(&tempfile::tempdir().unwrap(), "examples/notes/README.md", &text, None);
}

#[needs(curl)]
#[test]
fn metrics_are_shown_as_the_guide_says() {
    run("metrics.md");
}

#[test]
fn manual_pages_are_written_as_the_guide_says() {
    run("production.md");
}

#[test]
fn an_upgrade_is_checked_as_the_guide_says() {
    let folder = tempfile::tempdir().unwrap();
    // The reader has a database of the old version.
    let mut create = Command::new(package_program("keyward-cli", "keyward"));
    create.current_dir(&folder).args(["--database", "keys.db", "keys", "create", "--name", "old"]);
    assert!(create.output().unwrap().status.success());
    run_in(&folder, "upgrading.md", &page("upgrading.md"), None);
}

#[test]
fn peppers_are_rotated_as_the_guide_says() {
    run("peppers.md");
}

#[needs(curl)]
#[test]
fn a_gateway_is_answered_as_the_guide_says() {
    run("gateway.md");
}

#[needs(curl)]
#[test]
fn introspection_answers_as_the_guide_says() {
    run("introspection.md");
}

#[test]
fn keys_of_other_systems_are_taken_over_as_the_guide_says() {
    run("from-unkey.md");
    run("from-a-table.md");
    run("from-jwt.md");
}

#[needs(curl)]
#[test]
fn a_service_is_protected_as_the_guide_says() {
    run_beside_a_service("protect-a-service.md");
    run_beside_a_service("scopes.md");
    run_beside_a_service("errors.md");
}

/// An interactive zsh passes them to the command as arguments.
#[test]
fn commands_to_paste_have_no_comments() {
    let mut files: Vec<PathBuf> = pages().iter().map(|name| root().join("guide/src").join(name)).collect();
    files.extend(["README.md", "examples/notes/README.md"].map(|name| root().join(name)));
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let samples = text.split("```sh").skip(1).filter_map(|rest| rest.split("```").next());
        let has_comment = |line: &&str| line.contains(" #") || (line.starts_with('#') && !line.starts_with("#!"));
        let comment = samples.flat_map(|sample| sample.lines().skip(1)).find(has_comment);
        assert_eq!(comment, None, "{}", file.display());
    }
}

/// Counts the longest sample, without comments and without the lines that the guide hides.
fn lines_of_code(page: &str) -> usize {
    let is_shown = |line: &&str| {
        let line = line.trim();
        !(line.is_empty() || line == "#" || line.starts_with("# ") || line.starts_with("//"))
    };
    let samples = page.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next());
    samples.map(|sample| sample.lines().filter(is_shown).count()).max().unwrap()
}

#[test]
fn whole_samples_stay_short() {
    for (name, limit) in [("actix.md", 111), ("own-store.md", 90)] {
        let lines = lines_of_code(&page(name));
        assert!((40..=limit).contains(&lines), "{name} has {lines} lines of code");
    }
}

#[test]
fn every_command_and_every_setting_of_the_server_is_explained() {
    let keyward = package_program("keyward-cli", "keyward");
    let help = |arguments: &[&str]| {
        let output = Command::new(&keyward).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let guide: String = pages().iter().map(|name| page(name)).collect();
    let has = |line: &str, said: &str| line.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| word == said);

    let top = help(&["--help"]);
    let commands = top.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands =
        commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()));
    let missing: Vec<_> = commands
        .filter(|name| *name != "help" && !guide.lines().any(|line| line.contains("keyward ") && has(line, name)))
        .collect();
    assert!(missing.is_empty(), "no page has {missing:?}");

    let settings = help(&["serve", "--help"]);
    let flags = settings.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
    let flags: Vec<_> = flags.filter_map(|flag| flag.split(' ').next()).map(|flag| format!("--{flag}")).collect();
    assert!(flags.len() > 20, "{flags:?}");
    let missing: Vec<_> = flags.iter().filter(|flag| !has(&guide, flag)).collect();
    assert!(missing.is_empty(), "no page has {missing:?}");
}
