use std::fmt;
use std::process::ExitCode;

use keyward_client::ClientError;
use keyward_core::lifecycle::KeysError;
use keyward_core::store::WriteRefused;
use keyward_manage::ManagementError;

#[derive(Debug)]
pub(crate) struct Error {
    kind: ErrorKind,
    message: String,
    /// The account, key or user that the error is about.
    subject: Option<String>,
    /// Whether the message names the database or the server.
    names_place: bool,
}

/// Decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    Failed,
    Usage,
    NotFound,
    Refused,
    Declined,
    Found,
    Unreadable,
}

impl ErrorKind {
    /// Hooks expect these codes of a check.
    const fn exit_code(self) -> u8 {
        match self {
            Self::Failed | Self::Found => 1,
            Self::Usage | Self::Unreadable => 2,
            Self::NotFound => 3,
            Self::Refused => 4,
            Self::Declined => 5,
        }
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), subject: None, names_place: false }
    }

    /// Creates an error whose message names the database or the server.
    pub(crate) fn placed(kind: ErrorKind, message: String) -> Self {
        Self { kind, message, subject: None, names_place: true }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// Names the Cargo feature that this build lacks.
    #[cfg(not(all(feature = "github", feature = "oidc", feature = "postgres", feature = "valkey")))]
    pub(crate) fn not_built(part: &str, feature: &str) -> Self {
        Self::usage(format!("this keyward was built without {part}: build it with the Cargo feature {feature}"))
    }

    /// With its causes, the innermost last.
    pub(crate) fn caused(kind: ErrorKind, error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        for cause in std::iter::successors(error.source(), |&error| error.source()) {
            let cause = cause.to_string();
            // Some libraries repeat the cause in their own message.
            if !message.ends_with(&cause) {
                message = format!("{message}: {cause}");
            }
        }
        Self::new(kind, message)
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) fn with_message(self, change: impl FnOnce(&str) -> String) -> Self {
        Self { message: change(&self.message), ..self }
    }

    /// Names the subject as soon as the place is known.
    pub(crate) fn of(self, subject: String) -> Self {
        Self { subject: Some(subject), ..self }
    }

    /// Names the subject, and the database or the server.
    pub(crate) fn at(self, place: &str) -> Self {
        if self.names_place {
            return self;
        }
        match &self.subject {
            Some(subject) => Self::placed(self.kind, format!("{subject} in {place}: {}", self.message)),
            // A URL is long enough to be no other part of a message.
            None if place.contains("://") && self.message.contains(place) => self,
            None => Self::placed(self.kind, format!("{place}: {}", self.message)),
        }
    }

    /// Names the database or the server, if it failed or lacks something.
    pub(crate) fn of_failure_at(self, place: &str) -> Self {
        if matches!(self.kind, ErrorKind::Failed | ErrorKind::NotFound) { self.at(place) } else { self }
    }

    /// Names the subject of an operation that was refused or failed, and the database or the server.
    pub(crate) fn about(self, subject: Option<&str>, place: &str) -> Self {
        match (self.kind, subject) {
            (ErrorKind::NotFound | ErrorKind::Refused, Some(subject)) if self.subject.is_none() => {
                self.of(subject.to_owned()).at(place)
            }
            (ErrorKind::NotFound | ErrorKind::Refused | ErrorKind::Failed, _) => self.at(place),
            _ => self,
        }
    }

    /// Names a file that cannot be read.
    pub(crate) fn unreadable(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::usage(format!("cannot read {}: {error}", path.display()))
    }

    pub(crate) fn in_file(path: &std::path::Path, error: &dyn fmt::Display) -> Self {
        Self::usage(format!("{}: {error}", path.display()))
    }

    /// In a scan, exit code 1 means that keys were found.
    pub(crate) fn in_scan(self) -> Self {
        let kind = if self.kind == ErrorKind::Failed { ErrorKind::Unreadable } else { self.kind };
        Self { kind, ..self }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.exit_code())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<KeysError> for Error {
    fn from(error: KeysError) -> Self {
        let kind = match &error {
            KeysError::Denied(WriteRefused::NotFound | WriteRefused::NoSuchAccount) => ErrorKind::NotFound,
            KeysError::Denied(_) => ErrorKind::Refused,
            KeysError::Store(_) => ErrorKind::Failed,
            _ => ErrorKind::Usage,
        };
        Self::caused(kind, &error)
    }
}

impl From<ManagementError> for Error {
    fn from(error: ManagementError) -> Self {
        let kind = match &error {
            ManagementError::Invalid { field, message } => return Self::usage(format!("invalid {field}: {message}")),
            ManagementError::ScopeNotInPlan { .. } | ManagementError::LifetimeTooLong(_) => ErrorKind::Usage,
            ManagementError::NotFound(_) => ErrorKind::NotFound,
            ManagementError::Store(_) | ManagementError::Internal => ErrorKind::Failed,
            _ => ErrorKind::Refused,
        };
        Self::caused(kind, &error)
    }
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        let kind = match (&error, error.status()) {
            (ClientError::Url(_) | ClientError::PlainHttp | ClientError::Credential, _) => ErrorKind::Usage,
            (ClientError::Id, _) | (ClientError::Refused(_), Some(404)) => ErrorKind::NotFound,
            (ClientError::NoToken(_), _) | (ClientError::Refused(_), Some(401 | 403 | 409 | 412 | 429)) => {
                ErrorKind::Refused
            }
            (ClientError::Refused(_), Some(400..=499)) => ErrorKind::Usage,
            _ => ErrorKind::Failed,
        };
        match (&error, error.code(), error.request_id()) {
            (ClientError::PlainHttp, ..) => {
                Self::new(kind, "http:// sends credentials in plain text: use https://, or pass --allow-plain-http")
            }
            (_, Some(code), Some(request)) => {
                let message = format!("{error} ({code}, request {request})");
                // A hostile server must not control the terminal.
                Self::new(kind, message.chars().filter(|c| !c.is_control()).collect::<String>())
            }
            _ => Self::caused(kind, &error),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::usage(format!("cannot use standard input or output: {error}"))
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::caused(ErrorKind::Failed, &error)
    }
}
