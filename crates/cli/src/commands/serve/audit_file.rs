//! Appends the audit log to a file, one JSON object a line.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use keyward_manage::{AuditEntry, Management};
use same_file::Handle;

use crate::backend::system;

const POLL: Duration = Duration::from_secs(1);
const BATCH: usize = 500;

pub(super) struct AuditFile {
    path: PathBuf,
    /// Has the number of the last written entry.
    position: PathBuf,
}

impl AuditFile {
    /// Fails if the file or its position cannot be read or written.
    pub(super) fn open(path: &Path) -> io::Result<(Self, u64)> {
        let mut position = path.as_os_str().to_owned();
        position.push(".position");
        let file = Self { path: path.to_owned(), position: position.into() };
        file.append(&[])?;
        let number = file.noted()?;
        // Entries that are written without a position are written again after a restart.
        file.note(number).map_err(|error| {
            let (position, folder) = (file.position.display(), file.folder().display());
            let message = format!("cannot write {position}: {error}: let the user of the server write to {folder}");
            io::Error::new(error.kind(), message)
        })?;
        Ok((file, number))
    }

    /// Writes new entries until it is dropped. After a failure, it tries again.
    pub(super) async fn follow(self, management: Management, mut number: u64) {
        let file = Arc::new(self);
        let mut noted = number;
        loop {
            let written = file.write_next(&management, number).await;
            number = written.unwrap_or(number);
            // The entries are on the disk, so a failure here writes none of them again.
            if noted != number && file.note_last(number).await {
                noted = number;
            }
            if written.is_none() {
                tokio::time::sleep(POLL).await;
            }
        }
    }

    /// Returns the number of the last written entry. `None` if there is no new one, or after a failure.
    async fn write_next(self: &Arc<Self>, management: &Management, number: u64) -> Option<u64> {
        let entries = match management.audit_entries_after(&system(), number, BATCH).await {
            Ok(entries) => entries,
            Err(error) => {
                keyward_core::log_limited!(warn, %error, "the audit file waits for the store");
                return None;
            }
        };
        let last = entries.last()?.number;
        let file = Arc::clone(self);
        match off_the_runtime(move || file.append(&entries)).await {
            Ok(()) => Some(last),
            Err(error) => {
                keyward_core::log_limited!(warn, %error, file = %self.path.display(), "audit entries wait for the file");
                None
            }
        }
    }

    async fn note_last(self: &Arc<Self>, number: u64) -> bool {
        let file = Arc::clone(self);
        let noted = off_the_runtime(move || file.note(number)).await;
        if let Err(error) = &noted {
            let file = self.position.display();
            keyward_core::log_limited!(warn, %error, %file, "the position of the audit file cannot be written");
        }
        noted.is_ok()
    }

    /// Opens the file for each batch, so that a program such as logrotate may rename it.
    fn append(&self, entries: &[AuditEntry]) -> io::Result<()> {
        let file = self.open_file()?;
        if entries.is_empty() { Ok(()) } else { self.append_to(file, entries) }
    }

    fn append_to(&self, mut file: File, entries: &[AuditEntry]) -> io::Result<()> {
        let mut text = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut text, entry)?;
            text.push(b'\n');
        }
        loop {
            append_whole(&file, &text)?;
            // A collector may have left a file that was renamed since it was opened, so the next one gets the batch, too.
            if self.is_current(&file)? {
                return Ok(());
            }
            file = self.open_file()?;
        }
    }

    /// The number of the last written entry. 0 if there is none.
    fn noted(&self) -> io::Result<u64> {
        let mut text = String::new();
        match open_regular(&self.position, OpenOptions::new().read(true)) {
            // A number has up to 20 digits.
            Ok(file) => file.take(64).read_to_string(&mut text)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", self.position.display()))),
        };
        text.trim().parse().map_err(|_| {
            let message = format!("{} has no number: remove it to export the whole log", self.position.display());
            io::Error::new(ErrorKind::InvalidData, message)
        })
    }

    fn note(&self, number: u64) -> io::Result<()> {
        // A new file, which no other user can read or has placed there.
        let mut position = tempfile::Builder::new().prefix(".audit").tempfile_in(self.folder())?;
        writeln!(position, "{number}")?;
        position.as_file().sync_data()?;
        position.persist(&self.position)?;
        Ok(())
    }

    fn folder(&self) -> &Path {
        let folder = self.position.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new("."))
    }

    fn open_file(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).read(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = open_regular(&self.path, &mut options)?;
        #[cfg(unix)]
        self.close_to_others(&file)?;
        Ok(file)
    }

    /// An existing file keeps its mode when it is opened, and so does one that a collector creates.
    #[cfg(unix)]
    fn close_to_others(&self, file: &File) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file.metadata()?.permissions().mode() & 0o777;
        if mode & 0o077 == 0 {
            return Ok(());
        }
        let path = self.path.display();
        file.set_permissions(std::fs::Permissions::from_mode(mode & 0o700)).map_err(|error| {
            let message = format!("{path} has the mode {mode:o}, so others can read it: set it to 600 ({error})");
            io::Error::new(error.kind(), message)
        })?;
        tracing::warn!(file = %path, "others could use the audit file: its mode was {mode:o}, and is now {:o}", mode & 0o700);
        Ok(())
    }

    /// Returns `false` if the path leads to another file, or to none.
    fn is_current(&self, file: &File) -> io::Result<bool> {
        match open_regular(&self.path, OpenOptions::new().read(true)) {
            Ok(current) => Ok(Handle::from_file(current)? == Handle::from_file(file.try_clone()?)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Waits for the disk, as requests must not.
async fn off_the_runtime(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|ended| Err(io::Error::other(ended)))
}

/// Opens no link, device or pipe. A write to a pipe could never return, and a device would lose its mode.
fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // Opening a device can change it, so it is not opened at all.
    if let Ok(found) = std::fs::symlink_metadata(path) {
        check_regular(&found)?;
    }
    // Another user may replace the file after this check.
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags);
    }
    let file = options.open(path)?;
    check_regular(&file.metadata()?)?;
    Ok(file)
}

fn check_regular(found: &Metadata) -> io::Result<()> {
    let what = match found.file_type() {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_symlink() => "a link",
        kind if kind.is_dir() => "a folder",
        _ => "a device, a pipe or a socket",
    };
    let message =
        format!("this is {what}: give the path of a regular file, or run keyward audit export to print the log");
    Err(io::Error::new(ErrorKind::InvalidInput, message))
}

/// After a failure, the file has its old length.
fn append_whole(mut file: &File, text: &[u8]) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut write = || {
        if !ends_with_line(file)? {
            // A crash has left a part of a line. Its entry follows whole.
            file.write_all(b"\n")?;
        }
        file.write_all(text)?;
        file.sync_data()
    };
    let written = write();
    if written.is_err() {
        // If this fails, too, the next batch ends the part of a line.
        let _ = file.set_len(length);
    }
    written
}

fn ends_with_line(mut file: &File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    fn entry(number: u64) -> AuditEntry {
        let entry = json!({
            "number": number, "at": "2026-03-01T12:00:00Z", "actor": {"type": "system", "id": "test"},
            "action": "key.create", "outcome": "done", "target": {"type": "key", "id": "key_1"}, "account": null,
            "address": null, "user_agent": null, "request_id": null, "before": null, "after": null, "previous": "0",
        });
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn rotation_in_the_middle_of_a_batch_loses_no_entry() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let (file, start) = AuditFile::open(&path).unwrap();
        assert_eq!(start, 0);
        // The file is renamed, or removed, after it was opened for the batch.
        for (number, is_removed) in [(1, false), (2, true)] {
            let opened = file.open_file().unwrap();
            if is_removed {
                fs::remove_file(&path).unwrap();
            } else {
                fs::rename(&path, folder.path().join("rotated")).unwrap();
            }
            file.append_to(opened, &[entry(number)]).unwrap();
            file.note(number).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.starts_with(&format!("{{\"number\":{number},")) && text.ends_with("}\n"), "{text}");
            assert_eq!(AuditFile::open(&path).unwrap().1, number);
        }
    }

    #[cfg(unix)]
    #[test]
    fn files_are_closed_to_others_and_no_link_is_followed() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("audit.jsonl"), folder.path().join("target"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for (before, after) in [(0o644, 0o600), (0o660, 0o600), (0o400 | 0o200, 0o600)] {
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(before)).unwrap();
            AuditFile::open(&path).unwrap();
            assert_eq!(mode(&path), after, "{before:o}");
        }
        let (file, _) = AuditFile::open(&path).unwrap();
        fs::remove_file(folder.path().join("audit.jsonl.position")).unwrap();
        // A collector creates the file after a rotation.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let position = folder.path().join("audit.jsonl.position");
        let names = [position.clone(), folder.path().join("audit.jsonl.position.new")];
        fs::write(&target, "kept").unwrap();
        for name in &names {
            symlink(&target, name).unwrap();
        }
        file.append(&[entry(7)]).unwrap();
        file.note(7).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "kept");
        assert_eq!(
            (fs::read_to_string(&position).unwrap().as_str(), mode(&position), mode(&path)),
            ("7\n", 0o600, 0o600)
        );
        assert!(!fs::symlink_metadata(&position).unwrap().is_symlink());
        assert_eq!(AuditFile::open(&path).unwrap().1, 7);
    }

    #[cfg(unix)]
    #[test]
    fn only_regular_files_are_opened_and_nothing_else_is_changed() {
        use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
        use std::process::Command;
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        fs::write(place("target"), "kept").unwrap();
        symlink(place("target"), place("link")).unwrap();
        symlink(place("none"), place("loose")).unwrap();
        fs::create_dir(place("folder")).unwrap();
        assert!(Command::new("mkfifo").arg(place("pipe")).status().unwrap().success());
        let mut cases = vec![("link", "a link"), ("loose", "a link"), ("folder", "a folder"), ("pipe", "a pipe")];
        // A device needs a right: this one is /dev/null.
        let made = Command::new("mknod").arg(place("device")).args(["c", "1", "3"]).output();
        if made.is_ok_and(|made| made.status.success()) {
            assert!(fs::metadata(place("device")).unwrap().file_type().is_char_device());
            cases.push(("device", "a device"));
        }
        for name in ["target", "pipe", "device", "folder"] {
            let _ = fs::set_permissions(place(name), fs::Permissions::from_mode(0o755));
        }
        for (name, what) in &cases {
            let error = AuditFile::open(&place(name)).err().unwrap().to_string();
            assert!(error.contains(what) && error.contains("give the path of a regular file"), "{name}: {error}");
            let mode = fs::metadata(place(name)).map_or(0o755, |found| found.permissions().mode() & 0o777);
            assert_eq!(mode, 0o755, "{name}");
            // The same for its position.
            let position = place("audit.jsonl.position");
            fs::rename(place(name), &position).unwrap();
            let error = AuditFile::open(&place("audit.jsonl")).err().unwrap().to_string();
            assert!(error.contains("audit.jsonl.position: ") && error.contains(what), "{name}: {error}");
            fs::rename(&position, place(name)).unwrap();
        }
        assert_eq!(fs::read_to_string(place("target")).unwrap(), "kept");
        assert!(!place("none").exists());
    }
}
