//! Why a development command stopped.

use std::io;
use std::process::ExitStatus;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot run `{command}`")]
    Start { command: String, source: io::Error },

    #[error("{path} is not a manifest")]
    Manifest { path: String, source: Box<toml::de::Error> },

    #[error("`{command}` failed ({status})")]
    Failed { command: String, status: ExitStatus },

    #[error("cannot pass on what `{command}` prints")]
    PassOn { command: String, source: io::Error },

    #[error("cannot use the file `{path}`")]
    File { path: String, source: io::Error },

    #[error(
        "no model ran in loom: expected tests in `cache::loom` of keyward-core; compare the filter in xtask/src/verify.rs"
    )]
    NoModels,

    #[error("{0}")]
    Supply(String),

    #[error("the authority test does not find these faults: {0}")]
    Survived(String),

    #[error("docs/api is not what these crates offer: {0}; look at the difference, and run `cargo xtask api --update`")]
    Api(String),

    #[error("what `{name}` offers cannot be listed")]
    Listing { name: String, source: public_api::Error },

    #[error("{0} tests were skipped, and with `CI=true` all of them have to run: install what the list above names")]
    Skipped(usize),

    #[error("a package lacks a file: {0}")]
    Packages(String),

    #[error("the first service of a new user does not work: {0}")]
    Newcomer(String),

    #[error(
        "this command needs these Debian packages: {packages}; \
         they can be installed here neither as root nor through sudo and apt-get, so install them by hand"
    )]
    CannotInstall { packages: String },
}
