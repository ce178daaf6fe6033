//! `keyward scan`

mod files;
mod finder;
mod git;
mod objects;
mod report;
mod scanner;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::Args;
use keyward_core::Keys;
use keyward_core::clock::{Clock, SystemClock};
use keyward_core::key::{Digest, Hasher, KeyFormat, KeyKind};
use keyward_core::lifecycle::KeysError;
use keyward_core::store::{KeyRecord, KeyStatus};
use keyward_manage::{MANAGEMENT_PREFIX, SECRET_MANAGEMENT_PREFIX};

use super::effect::Effect;
use super::prompt::{check_terminal, confirm};
use crate::backend::{Database, MissingFile, key_format, system};
use crate::error::{Error, ErrorKind};
use crate::options::Options;
use crate::output::note;
use finder::Finder;
use objects::Repository;
use report::{Find, Known};
use scanner::Scanner;

/// Replaces keys with their hints. People pass a key where an id is expected, and errors repeat it in logs.
pub(crate) fn redacted(text: &str, format: &KeyFormat) -> String {
    let managing = KeyFormat::builder()
        .prefix(SECRET_MANAGEMENT_PREFIX, KeyKind::Secret)
        .prefix(MANAGEMENT_PREFIX, KeyKind::Restricted)
        .build();
    [Ok(format.clone()), managing, Ok(KeyFormat::default())]
        .into_iter()
        .filter_map(|format| Finder::new(&format.ok()?).ok())
        .fold(text.to_owned(), |text, finder| finder.redact(&text))
}

#[derive(Args)]
pub(super) struct Scan {
    /// Files and folders. `-` is standard input.
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Scan everything that the refs of each path's git repository reach, instead of files.
    #[arg(long, conflicts_with_all = ["staged", "no_ignore"])]
    history: bool,
    /// Scan the staged changes of each path's git repository, instead of files. For a pre-commit hook.
    #[arg(long, conflicts_with = "no_ignore")]
    staged: bool,
    /// Scan files that .gitignore and similar files exclude, too.
    #[arg(long)]
    no_ignore: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Revoke the keys that are in the database and not revoked yet. Needs --database.
    #[arg(long)]
    revoke: bool,
    /// Do not ask for confirmation.
    #[arg(long, requires = "revoke")]
    yes: bool,
}

pub(super) async fn run(options: &Options, command: Scan) -> Result<(), Error> {
    // A variable for other commands does not stop a hook.
    if options.explicit.server {
        Database::refuse_server(options, "scan")?;
    }
    // The prefixes are those to search for, and may be those of management keys. The database needs none: no key is created.
    let lookup = Options { prefix: Vec::new(), ..options.clone() };
    let database = match &lookup.database {
        // A variable for other commands may name a file that is not created yet.
        Some(file) if !options.explicit.database && !file.contains("://") && !Path::new(file).exists() => None,
        Some(_) => Some(Database::open(&lookup, MissingFile::Refuse).await.map_err(Error::in_scan)?),
        None => None,
    };
    if command.revoke && database.is_none() {
        return Err(Error::usage("--revoke needs the database of the keys: pass --database"));
    }
    if command.revoke && !command.yes {
        check_terminal("--yes")?;
    }
    let format = key_format(options)?;
    let unpeppered = Hasher::default();
    let hasher = database.as_ref().map_or(&unpeppered, |database| database.keys.hasher());
    let (finds, unreadable) = tokio::task::block_in_place(|| gather(&format, hasher, &command))?;
    for what in &unreadable {
        note!("cannot read {what}");
    }
    let known = match &database {
        Some(database) => Some(look_up(&database.keys, &finds).await?),
        None => None,
    };
    // A report that cannot be written does not stop the revocation.
    let written = report::write(&finds, known.as_ref(), command.json);
    if let (Some(database), Some(known), true) = (&database, &known, command.revoke) {
        revoke(database, known, command.yes).await?;
    }
    written?;
    let (found, unread) = (finds.len(), unreadable.len());
    match (found, unread) {
        (0, 0) => Ok(()),
        (0, _) => Err(Error::new(ErrorKind::Unreadable, format!("no key found, but {unread} could not be read"))),
        (_, 0) => Err(Error::new(ErrorKind::Found, format!("keys found in {found} places"))),
        _ => Err(Error::new(ErrorKind::Found, format!("keys found in {found} places, and {unread} could not be read"))),
    }
}

fn gather(format: &KeyFormat, hasher: &Hasher, command: &Scan) -> Result<(Vec<Find>, Vec<String>), Error> {
    let finder = Finder::new(format).map_err(|error| Error::caused(ErrorKind::Usage, &error))?;
    let scan = Scanner::new(finder, hasher);
    if command.history || command.staged {
        let mut done: Vec<Repository> = Vec::new();
        for path in &command.paths {
            let scanned = Repository::of(path).and_then(|repository| {
                if done.iter().any(|other| other.git_dir() == repository.git_dir()) {
                    return Ok(());
                }
                let scanned = if command.staged { scan.staged(&repository) } else { scan.history(&repository) };
                done.push(repository);
                scanned
            });
            if let Err(error) = scanned {
                let path = path.to_string_lossy();
                let path = crate::output::one_line(&path);
                scan.gathered.unreadable(format!("{path}: {error}"));
            }
        }
    } else {
        scan.files(&command.paths, command.no_ignore);
    }
    scan.progress.finish_and_clear();
    let (mut finds, mut unreadable) = scan.gathered.into_sorted();
    finds.iter_mut().for_each(|find| find.place.path = scan.finder.redact(&find.place.path));
    unreadable.iter_mut().for_each(|what| *what = scan.finder.redact(what));
    Ok((finds, unreadable))
}

async fn look_up(keys: &Keys, finds: &[Find]) -> Result<Known, Error> {
    let mut known: Known = HashMap::new();
    for find in finds {
        let Some(first) = find.digests.first() else { continue };
        if !known.contains_key(first) {
            let stored = stored_under(keys, &find.digests).await.map_err(|error| Error::from(error).in_scan())?;
            known.insert(*first, stored);
        }
    }
    Ok(known)
}

async fn stored_under(keys: &Keys, digests: &[Digest]) -> Result<Option<KeyRecord>, KeysError> {
    for digest in digests {
        if let Some(key) = keys.find(digest).await? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

async fn revoke(database: &Database, known: &Known, yes: bool) -> Result<(), Error> {
    let now = SystemClock.now();
    let mut active: Vec<&KeyRecord> = known
        .values()
        .flatten()
        .filter(|key| !matches!(key.status(now), KeyStatus::Revoked | KeyStatus::Compromised))
        .collect();
    active.sort_by(|a, b| a.id.cmp(&b.id));
    if active.is_empty() {
        note!("no key to revoke");
        return Ok(());
    }
    if !yes {
        let names: Vec<String> = active.iter().map(|key| format!("{:?} ({})", key.name, key.hint)).collect();
        confirm(&format!("Revoke {} for good?", names.join(", ")))?;
    }
    for key in active {
        let effect = revoke_key(database, key).await.map_err(Error::in_scan)?;
        note!("{} is revoked: {effect}", key.id);
    }
    Ok(())
}

async fn revoke_key(database: &Database, key: &KeyRecord) -> Result<Effect, Error> {
    Ok(match &database.managed {
        Some(managed) => (&managed.management.revoke_key(&system(), &key.id).await?.1).into(),
        None => (&database.keys.revoke(&key.id).await?.propagation).into(),
    })
}
