//! Appends the audit log to a file, one JSON object a line.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use keyward_manage::{AuditEntry, Management};

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
        let mut options = OpenOptions::new();
        options.create(true).read(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.path)?;
        let Some(last) = entries.last() else { return Ok(()) };
        let mut text = Vec::new();
        if !ends_with_line(&mut file)? {
            // A crash has left a part of a line. Its entry follows whole.
            text.push(b'\n');
        }
        for entry in entries {
            serde_json::to_writer(&mut text, entry)?;
            text.push(b'\n');
        }
        file.write_all(&text)?;
        file.sync_data()?;
        let mut next = self.position.as_os_str().to_owned();
        next.push(".new");
        let mut position = File::create(&next)?;
        writeln!(position, "{}", last.number)?;
        position.sync_data()?;
        std::fs::rename(&next, &self.position)
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
