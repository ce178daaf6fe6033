//! `keyward scan`

mod files;
mod finder;
mod git;
mod objects;
mod report;

use std::collections::HashMap;
use std::io::{IsTerminal, Read};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use keyward_core::Keys;
use keyward_core::clock::{Clock, SystemClock};
use keyward_core::key::{Digest, Hasher, KeyFormat};
use keyward_core::store::{KeyRecord, KeyStatus};

use crate::arguments;
use crate::failure::{Failure, Kind};
use crate::output::{self, note};
use finder::Finder;
use objects::Repository;
use report::{Find, Gathered, Known, Place};

/// A scan that is under way.
struct Scan<'a> {
    finder: Finder,
    hasher: &'a Hasher,
    gathered: Gathered,
    progress: ProgressBar,
}

/// Scans with the format of `keys`, or with `format` where no database was named.
pub(super) async fn run(keys: Option<&Keys>, format: &KeyFormat, command: &arguments::Scan) -> Result<(), Failure> {
    if command.revoke && keys.is_none() {
        return Err(Failure::new(Kind::Usage, "which database are the keys in? say --database"));
    }
    if command.revoke && !command.yes && !std::io::stdin().is_terminal() {
        return Err(Failure::new(Kind::Usage, "nobody can be asked here: say --yes"));
    }
    let unpeppered = Hasher::default();
    let hasher = keys.map_or(&unpeppered, Keys::hasher);
    let (finds, unreadable) = tokio::task::block_in_place(|| gather(format, hasher, command))?;
    for what in &unreadable {
        note!("cannot be read: {what}");
    }
    let mut known = match keys {
        Some(keys) => Some(look_up(keys, &finds).await?),
        None => None,
    };
    // A report that cannot be written keeps no key alive.
    let written = report::write(&finds, known.as_ref(), command.json);
    if let (Some(keys), Some(known), true) = (keys, &mut known, command.revoke) {
        revoke(keys, known, command.yes).await?;
    }
    written?;
    let (found, unread) = (finds.len(), unreadable.len());
    match (found, unread) {
        (0, 0) => Ok(()),
        (0, _) => Err(Failure::new(Kind::Unreadable, format!("no key found, but {unread} could not be read"))),
        (_, 0) => Err(Failure::new(Kind::Found, format!("keys found in {found} places"))),
        _ => Err(Failure::new(Kind::Found, format!("keys found in {found} places, and {unread} could not be read"))),
    }
}

fn gather(format: &KeyFormat, hasher: &Hasher, command: &arguments::Scan) -> Result<(Vec<Find>, Vec<String>), Failure> {
    let finder = Finder::new(format).map_err(|error| Failure::caused(Kind::Usage, &error))?;
    let scan = Scan { finder, hasher, gathered: Gathered::default(), progress: progress() };
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
                let path = report::printable(&path.to_string_lossy());
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

/// On standard error, and only if that is a terminal.
fn progress() -> ProgressBar {
    let progress = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} read in {elapsed}") {
        progress.set_style(style);
    }
    progress.enable_steady_tick(Duration::from_millis(100));
    progress
}

impl Scan<'_> {
    fn read(&self, place: &Place, input: impl Read) {
        self.read_into(&self.gathered, place, input);
    }

    fn read_into(&self, gathered: &Gathered, place: &Place, input: impl Read) {
        let read = self.finder.find(input, |position, key| gathered.found(place, position, &key, self.hasher));
        if let Err(error) = read {
            gathered.unreadable(format!("{}: {error}", report::printable(&place.path)));
        }
        self.progress.inc(1);
    }
}

/// Asks the database once for each key, in however many places it was found.
async fn look_up(keys: &Keys, finds: &[Find]) -> Result<Known, Failure> {
    let mut known: Known = HashMap::new();
    for find in finds {
        let Some(first) = find.digests.first() else { continue };
        if !known.contains_key(first) {
            known.insert(
                *first,
                stored_under(keys, &find.digests).await.map_err(|error| Failure::from(error).of_scan())?,
            );
        }
    }
    Ok(known)
}

async fn stored_under(
    keys: &Keys,
    digests: &[Digest],
) -> Result<Option<KeyRecord>, keyward_core::lifecycle::KeysError> {
    for digest in digests {
        if let Some(key) = keys.find(digest).await? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// Revokes those that are not refused for good already.
async fn revoke(keys: &Keys, known: &Known, yes: bool) -> Result<(), Failure> {
    let now = SystemClock.now();
    let mut alive: Vec<&KeyRecord> = known
        .values()
        .flatten()
        .filter(|key| !matches!(key.status(now), KeyStatus::Revoked | KeyStatus::Compromised))
        .collect();
    alive.sort_by(|a, b| a.id.cmp(&b.id));
    if alive.is_empty() {
        note!("no key to revoke");
        return Ok(());
    }
    if !yes {
        let names: Vec<String> = alive.iter().map(|key| format!("{:?} ({})", key.name, key.hint)).collect();
        super::confirm(&format!("Revoke {} for good?", names.join(", ")))?;
    }
    for key in alive {
        let changed = keys.revoke(&key.id).await.map_err(|error| Failure::from(error).of_scan())?;
        note!("{} is revoked: {}", key.id, output::effective(&(&changed.propagation).into()));
    }
    Ok(())
}
