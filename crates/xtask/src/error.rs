//! Why a development command stopped.

use std::io;
use std::process::ExitStatus;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot run `{command}`")]
    Start { command: String, source: io::Error },

    #[error("`{command}` failed ({status})")]
    Failed { command: String, status: ExitStatus },

    #[error("cannot pass on what `{command}` prints")]
    PassOn { command: String, source: io::Error },

    #[error("cannot use the file `{path}`")]
    File { path: String, source: io::Error },

    #[error("{0}")]
    Supply(String),

    #[error(
        "the test suite needs these Debian packages: {packages}; \
         they can be installed here neither as root nor through sudo and apt-get, so install them by hand"
    )]
    CannotInstall { packages: String },
}
