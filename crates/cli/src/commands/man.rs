//! `keyward man`

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command};

use crate::error::Error;
use crate::output::note;

const SOURCE: &str = concat!("keyward ", env!("CARGO_PKG_VERSION"));

#[derive(Args)]
pub(super) struct Man {
    /// The folder, such as /usr/local/share/man/man1. The command creates a missing one.
    folder: PathBuf,
}

/// Writes one page for `program` and one for each command below it.
pub(super) fn run(program: Command, Man { folder }: &Man) -> Result<(), Error> {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let written = std::fs::create_dir_all(folder).and_then(|()| write(&program, folder));
    written.map_err(|error| Error::in_file(folder, &error))?;
    note!("wrote the manual pages to {}", folder.display());
    Ok(())
}

fn write(command: &Command, folder: &Path) -> io::Result<()> {
    for below in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        write(below, folder)?;
    }
    // The library drops an empty date, and the source would take its place.
    let page = clap_mangen::Man::new(command.clone()).date(" ").source(SOURCE).manual("keyward");
    page.generate_to(folder).map(drop)
}
