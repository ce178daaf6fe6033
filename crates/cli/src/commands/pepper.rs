//! `keyward pepper`

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use keyward_core::key::Pepper as KeyPepper;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::output::note;

#[derive(Args)]
pub(super) struct Pepper {
    /// The file. It must not exist yet.
    file: PathBuf,
    /// The id of the pepper, which is stored beside each digest.
    #[arg(long, default_value = "1")]
    id: String,
}

pub(super) fn run(command: &Pepper) -> Result<(), Error> {
    let Pepper { file, id } = command;
    let failed = |error: &dyn std::fmt::Display| Error::in_file(file, error);
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *secret).map_err(|error| failed(&error))?;
    KeyPepper::new(id, *secret).map_err(|error| failed(&error))?;
    let line = Zeroizing::new(format!("{id}:{}\n", *Zeroizing::new(hex::encode(*secret))));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut created = options.open(file).map_err(|error| failed(&error))?;
    created.write_all(line.as_bytes()).and_then(|()| created.sync_all()).map_err(|error| failed(&error))?;
    note!("wrote a pepper to {}. Back it up: keys that use a lost pepper are lost", file.display());
    Ok(())
}
