//! The file that `--config` names.

use std::path::Path;

use confique::Config;

use super::Settings;
use crate::error::Error;

pub(super) fn read(path: &Path) -> Result<<Settings as Config>::Layer, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::unreadable(path, &error))?;
    toml::from_str(&text).map_err(|error| Error::in_file(path, &error))
}
