//! `keyward migrate`

use crate::backend::{Database, MissingFile};
use crate::error::Error;
use crate::options::Options;
use crate::output::note;

pub(super) async fn run(options: &Options) -> Result<(), Error> {
    // Opening a database migrates it.
    Database::open_for(options, "migrate", MissingFile::Create).await?;
    note!("{}: the tables are up to date", options.place());
    Ok(())
}
