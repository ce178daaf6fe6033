use std::io;
use std::process::ExitStatus;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot run `{command}`")]
    Start { command: String, source: io::Error },

    #[error("`{path}` is not a valid Cargo manifest")]
    Manifest { path: String, source: Box<toml::de::Error> },

    #[error("`{command}` failed ({status})")]
    Failed { command: String, status: ExitStatus },

    #[error("cannot forward the output of `{command}`")]
    PassOn { command: String, source: io::Error },

    #[error("cannot use the file `{path}`")]
    File { path: String, source: io::Error },

    #[error(
        "no loom model ran: expected tests in `cache::loom` of keyward-core; check the filter in xtask/src/verify.rs"
    )]
    NoModels,

    #[error("{0}")]
    Supply(String),

    #[error("the authority test did not find these faults: {0}; extend `tests/tests/authority`")]
    Survived(String),

    #[error(
        "the public API of these crates differs from docs/api: {0}; check the difference, then run `cargo xtask api --update`"
    )]
    Api(String),

    #[error("cannot list the public API of `{name}`")]
    Listing { name: String, source: public_api::Error },

    #[error("{0} tests were skipped, but all must run with `CI=true`: install the programs in the list above")]
    Skipped(usize),

    #[error("callgrind reported no count:\n{0}")]
    NotCounted(String),

    #[error(
        "a request takes over 3 % more instructions than benches/micro/instructions.toml records: {0}; make it shorter, or run `cargo xtask instructions --update` and state the reason in the commit"
    )]
    Instructions(String),

    #[error("a package lacks a file: {0}")]
    Packages(String),

    #[error("the first service from the README does not work: {0}")]
    Newcomer(String),

    #[error(
        "missing Debian packages: {packages}; cannot install them here without apt-get and root or sudo without a password, so install them by hand"
    )]
    CannotInstall { packages: String },
}
