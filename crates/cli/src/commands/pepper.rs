//! `keyward pepper`

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use keyward_core::key::Pepper;
use zeroize::Zeroizing;

use crate::failure::{Failure, Kind};
use crate::output::note;

pub(super) fn make(file: &Path, id: &str) -> Result<(), Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::new(Kind::Usage, format!("{}: {error}", file.display()));
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *secret).map_err(|error| usage(&error))?;
    Pepper::new(id, *secret).map_err(|error| usage(&error))?;
    let line = Zeroizing::new(format!("{id}:{}\n", *Zeroizing::new(hex::encode(*secret))));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut made = options.open(file).map_err(|error| usage(&error))?;
    made.write_all(line.as_bytes()).and_then(|()| made.sync_all()).map_err(|error| usage(&error))?;
    note!("wrote a pepper to {}: without it, keys that are issued with it are lost", file.display());
    Ok(())
}
