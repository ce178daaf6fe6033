//! Appends the audit log to a file, one JSON object a line.

use std::fs::{File, OpenOptions};
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
    /// Fails if the file cannot be written or its position cannot be read.
    pub(super) fn open(path: &Path) -> io::Result<(Self, u64)> {
        let mut position = path.as_os_str().to_owned();
        position.push(".position");
        let file = Self { path: path.to_owned(), position: position.into() };
        file.append(&[])?;
        let number = match std::fs::read_to_string(&file.position) {
            Ok(text) => text.trim().parse().map_err(|_| {
                let message = format!("{} has no number: remove it to export the whole log", file.position.display());
                io::Error::new(ErrorKind::InvalidData, message)
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok((file, number))
    }

    /// Writes new entries until it is dropped. After a failure, it tries again.
    pub(super) async fn follow(self, management: Management, mut number: u64) {
        let file = Arc::new(self);
        loop {
            match file.write_next(&management, number).await {
                Some(last) => number = last,
                None => tokio::time::sleep(POLL).await,
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
        // It waits for the disk, and requests must not.
        let written = tokio::task::spawn_blocking(move || file.append(&entries)).await;
        match written.unwrap_or_else(|ended| Err(io::Error::other(ended))) {
            Ok(()) => Some(last),
            Err(error) => {
                keyward_core::log_limited!(warn, %error, file = %self.path.display(), "audit entries wait for the file");
                None
            }
        }
    }

    /// Opens the file for each batch, so that a program such as logrotate may rename it.
    fn append(&self, entries: &[AuditEntry]) -> io::Result<()> {
        let file = self.open_file()?;
        entries.last().map_or(Ok(()), |last| self.append_to(file, entries, last.number))
    }

    fn append_to(&self, mut file: File, entries: &[AuditEntry], last: u64) -> io::Result<()> {
        let mut text = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut text, entry)?;
            text.push(b'\n');
        }
        loop {
            if !ends_with_line(&mut file)? {
                // A crash has left a part of a line. Its entry follows whole.
                file.write_all(b"\n")?;
            }
            file.write_all(&text)?;
            file.sync_data()?;
            // A collector may have left a file that was renamed since it was opened, so the next one gets the batch, too.
            if self.is_current(&file)? {
                break;
            }
            file = self.open_file()?;
        }
        // A new file, which no other user can read or has placed there.
        let folder = self.position.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut position = tempfile::Builder::new().prefix(".audit").tempfile_in(folder.unwrap_or(Path::new(".")))?;
        writeln!(position, "{last}")?;
        position.as_file().sync_data()?;
        position.persist(&self.position)?;
        Ok(())
    }

    fn open_file(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).read(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&self.path)?;
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
        match Handle::from_path(&self.path) {
            Ok(current) => Ok(current == Handle::from_file(file.try_clone()?)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn ends_with_line(file: &mut File) -> io::Result<bool> {
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
            file.append_to(opened, &[entry(number)], number).unwrap();
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
        // A collector creates the file after a rotation.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let position = folder.path().join("audit.jsonl.position");
        let names = [position.clone(), folder.path().join("audit.jsonl.position.new")];
        fs::write(&target, "kept").unwrap();
        for name in &names {
            symlink(&target, name).unwrap();
        }
        file.append(&[entry(7)]).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "kept");
        assert_eq!(
            (fs::read_to_string(&position).unwrap().as_str(), mode(&position), mode(&path)),
            ("7\n", 0o600, 0o600)
        );
        assert!(!fs::symlink_metadata(&position).unwrap().is_symlink());
        assert_eq!(AuditFile::open(&path).unwrap().1, 7);
    }
}
