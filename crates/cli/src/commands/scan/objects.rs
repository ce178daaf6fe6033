//! git runs as a child process ([`git`]), because it knows every version of its formats.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use super::git;
use super::report::{Find, Gathered, Place};
use super::scanner::Scanner;
use crate::output::one_line;

/// git unpacks on one core only.
const MAX_READERS: usize = 8;

/// The `.git` folder.
pub(super) struct Repository(PathBuf);

struct Object {
    id: String,
    path: String,
}

impl Repository {
    pub(super) fn of(path: &Path) -> Result<Self, String> {
        let folder =
            if path.is_file() { path.parent().filter(|parent| !parent.as_os_str().is_empty()) } else { Some(path) };
        let mut git = git::git();
        if let Some(folder) = folder {
            git.arg("-C").arg(folder);
        }
        let out = output(git.args(["rev-parse", "--absolute-git-dir"]))?;
        Ok(Self(PathBuf::from(String::from_utf8_lossy(&out).trim_end_matches('\n'))))
    }

    pub(super) fn git_dir(&self) -> &Path {
        &self.0
    }

    fn git(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut git = git::git();
        git.arg("--git-dir").arg(&self.0).args(arguments);
        git
    }

    /// Only the reflog has the older stashes.
    fn reachable(&self) -> Result<Vec<Object>, String> {
        let out =
            output(&mut self.git(["rev-list", "--objects", "--date-order", "--all", "--reflog", "--missing=print"]))?;
        let lines = out.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines
            .map(|line| {
                let line = String::from_utf8_lossy(line);
                let (id, path) = line.split_once(' ').unwrap_or((&line, ""));
                // A question mark marks a missing object. Reading it reports that.
                Object { id: id.trim_start_matches('?').to_owned(), path: path.to_owned() }
            })
            .collect())
    }

    fn staged(&self) -> Result<Vec<Object>, String> {
        let out = output(&mut self.git([
            "diff-index",
            "--cached",
            "--raw",
            "-z",
            "--no-renames",
            "--no-abbrev",
            "--no-ext-diff",
            "--no-textconv",
            "--diff-filter=d",
            &self.head()?,
        ]))?;
        let text = String::from_utf8_lossy(&out);
        let mut parts = text.split('\0');
        let mut objects = Vec::new();
        // `:100644 100644 <old> <new> M`, then the path.
        while let (Some(change), Some(path)) = (parts.next(), parts.next()) {
            let fields: Vec<&str> = change.split(' ').collect();
            if let [_, mode, _, id, _] = fields[..]
                && mode != "160000"
            {
                objects.push(Object { id: id.to_owned(), path: path.to_owned() });
            }
        }
        Ok(objects)
    }

    /// The empty tree before the first commit.
    fn head(&self) -> Result<String, String> {
        let commit = output(&mut self.git(["rev-parse", "--quiet", "--verify", "HEAD^{commit}"]));
        let out = match commit {
            Ok(out) => out,
            Err(_) => output(self.git(["hash-object", "-t", "tree", "--stdin"]).stdin(Stdio::null()))?,
        };
        Ok(String::from_utf8_lossy(&out).trim().to_owned())
    }

    /// The oldest ones.
    fn commits_of(&self, objects: &[String]) -> Result<HashMap<String, String>, String> {
        let mut commits = HashMap::new();
        for some in objects.chunks(500) {
            let wanted = some.iter().map(|id| format!("--find-object={id}"));
            let mut log = self.git([
                "log",
                "--date-order",
                "--all",
                "--reflog",
                "--raw",
                "--no-abbrev",
                "--no-renames",
                "--format=%H",
            ]);
            // Includes merges and the first commit, whatever git is configured to show.
            log.args(["-m", "--root", "--no-color", "--no-show-signature", "--no-ext-diff", "--no-textconv"]);
            let out = output(log.args(wanted))?;
            let text = String::from_utf8_lossy(&out);
            let mut commit = "";
            for line in text.lines().filter(|line| !line.is_empty()) {
                match line.strip_prefix(':') {
                    None => commit = line,
                    Some(change) => {
                        let new = change.split([' ', '\t']).nth(3).unwrap_or_default();
                        // The oldest commit comes last, and stays.
                        commits.insert(new.to_owned(), commit.to_owned());
                    }
                }
            }
        }
        Ok(commits)
    }
}

impl Scanner<'_> {
    pub(super) fn history(&self, repository: &Repository) -> Result<(), String> {
        let objects = repository.reachable()?;
        let age: HashMap<&str, usize> = objects.iter().enumerate().map(|(age, object)| (&*object.id, age)).collect();
        let gathered = self.objects(repository, &objects);
        let (finds, unreadable) = gathered.into_sorted();
        unreadable.into_iter().for_each(|what| self.gathered.unreadable(what));

        // A key may stay in a file through many versions. Reports the oldest.
        let age_of = |find: &Find| find.place.object.as_deref().and_then(|id| age.get(id).copied()).unwrap_or(0);
        let mut oldest: BTreeMap<(String, String), Find> = BTreeMap::new();
        for find in finds {
            let digest = find.digests.first().map(|digest| format!("{:?}", digest.as_bytes())).unwrap_or_default();
            match oldest.entry((find.place.path.clone(), digest)) {
                std::collections::btree_map::Entry::Vacant(slot) => {
                    slot.insert(find);
                }
                std::collections::btree_map::Entry::Occupied(mut slot) if age_of(slot.get()) < age_of(&find) => {
                    slot.insert(find);
                }
                std::collections::btree_map::Entry::Occupied(_) => {}
            }
        }
        let mut blobs: Vec<String> = oldest.values().filter_map(|find| find.place.object.clone()).collect();
        blobs.sort();
        blobs.dedup();
        // A find counts even without its commit.
        let (commits, unknown) = match repository.commits_of(&blobs) {
            Ok(commits) => (commits, Ok(())),
            Err(error) => (HashMap::new(), Err(error)),
        };
        for mut find in oldest.into_values() {
            if find.place.commit.is_none() {
                find.place.commit = find.place.object.as_ref().and_then(|id| commits.get(id)).cloned();
            }
            self.gathered.push(find);
        }
        unknown
    }

    pub(super) fn staged(&self, repository: &Repository) -> Result<(), String> {
        let gathered = self.objects(repository, &repository.staged()?);
        let (finds, unreadable) = gathered.into_sorted();
        unreadable.into_iter().for_each(|what| self.gathered.unreadable(what));
        finds.into_iter().for_each(|find| self.gathered.push(find));
        Ok(())
    }

    fn objects(&self, repository: &Repository, objects: &[Object]) -> Gathered {
        let gathered = Gathered::default();
        let readers = thread::available_parallelism().map_or(1, usize::from).min(MAX_READERS);
        let share = objects.len().div_ceil(readers).max(1);
        thread::scope(|scope| {
            for share in objects.chunks(share) {
                scope.spawn(|| {
                    if let Err(error) = self.read_objects(repository, share, &gathered) {
                        gathered.unreadable(failed(error));
                    }
                });
            }
        });
        gathered
    }

    fn read_objects(&self, repository: &Repository, objects: &[Object], gathered: &Gathered) -> io::Result<()> {
        let mut git = repository
            .git(["cat-file", "--batch", "--buffer"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(ask), Some(answers)) = (git.stdin.take(), git.stdout.take()) else {
            return Err(io::Error::other("git has no pipes"));
        };
        let mut answers = BufReader::new(answers);
        let read = thread::scope(|scope| {
            // In its own thread, because git stops reading while its output is not read.
            scope.spawn(move || {
                let mut ask = BufWriter::new(ask);
                objects.iter().try_for_each(|object| writeln!(ask, "{}", object.id))
            });
            let read = objects.iter().try_for_each(|object| self.read_object(object, &mut answers, gathered));
            // After an error, this ends the thread that waits for its pipe.
            drop(answers);
            read
        });
        let status = git.wait()?;
        read?;
        if status.success() { Ok(()) } else { Err(io::Error::other("git cat-file failed")) }
    }

    /// `<id> <type> <size>`, the object, and an end of line; or `<id> missing`.
    fn read_object(&self, object: &Object, answers: &mut impl BufRead, gathered: &Gathered) -> io::Result<()> {
        let mut header = String::new();
        answers.read_line(&mut header)?;
        let mut fields = header.split_whitespace().skip(1);
        let (kind, size) = (fields.next(), fields.next().and_then(|size| size.parse::<u64>().ok()));
        let (Some(kind), Some(size)) = (kind, size) else {
            if header.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            gathered.unreadable(format!("{}: git does not have object {}", one_line(&object.path), object.id));
            return Ok(());
        };
        let mut content = answers.by_ref().take(size);
        let place = |path: &str, commit| Place { path: path.to_owned(), object: Some(object.id.clone()), commit };
        match kind {
            "blob" => self.read_into(gathered, &place(&object.path, None), &mut content),
            "commit" => {
                self.read_into(gathered, &place("<commit message>", Some(object.id.clone())), &mut content);
            }
            "tag" => self.read_into(gathered, &place("<tag message>", None), &mut content),
            _ => {}
        }
        io::copy(&mut content, &mut io::sink())?;
        answers.read_exact(&mut [0])
    }
}

fn output(git: &mut Command) -> Result<Vec<u8>, String> {
    let out = git.output().map_err(failed)?;
    if out.status.success() {
        return Ok(out.stdout);
    }
    let complaint = String::from_utf8_lossy(&out.stderr);
    Err(format!("git: {}", complaint.trim().trim_start_matches("fatal: ")))
}

fn failed(error: io::Error) -> String {
    format!("git: {error}")
}
