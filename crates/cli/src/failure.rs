//! Why a command was not done: what is said, and the exit code.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use keyward_core::lifecycle::KeysError;
use keyward_core::store::WriteRefused;

/// A command that was not done.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
}

/// Why a command was not done, or what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Database,
    Usage,
    NotFound,
    Refused,
    Declined,
    /// A scan found keys.
    Found,
    /// A scan could not read everything.
    Unreadable,
}

impl Kind {
    /// `--help` lists them. A scan has the codes of `grep` the other way round, as hooks expect them of a check.
    const fn exit_code(self) -> u8 {
        match self {
            Self::Database | Self::Found => 1,
            Self::Usage | Self::Unreadable => 2,
            Self::NotFound => 3,
            Self::Refused => 4,
            Self::Declined => 5,
        }
    }
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// A failure with its causes, from the outermost to the innermost.
    pub(crate) fn caused(kind: Kind, error: &dyn Error) -> Self {
        let causes: Vec<String> =
            std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect();
        Self::new(kind, causes.join(": "))
    }

    /// The same failure in a scan, where it must not look like a find.
    pub(crate) fn of_scan(self) -> Self {
        let kind = if self.kind == Kind::Database { Kind::Unreadable } else { self.kind };
        Self { kind, ..self }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.exit_code())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        let kind = match &error {
            KeysError::Denied(WriteRefused::NotFound | WriteRefused::NoSuchAccount) => Kind::NotFound,
            KeysError::Denied(_) => Kind::Refused,
            KeysError::Store(_) => Kind::Database,
            _ => Kind::Usage,
        };
        Self::caused(kind, &error)
    }
}

/// Standard output cannot be written. Where nobody reads it any more, as in `keyward keys list | head -1`, that is no
/// failure, and the caller says so.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Kind::Usage, format!("standard output cannot be written: {error}"))
    }
}
