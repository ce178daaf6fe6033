//! The creator of a key, and the reason of its revocation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::id::{CredentialId, UserId};
use crate::key::UnknownName;
use crate::name::{NameError, check_text};

/// The creator of a key.
///
/// # Examples
/// ```
/// use keyward::store::Creator;
///
/// let creator = Creator::User("user_1".parse()?);
/// assert_eq!(creator.to_string(), "user:user_1");
/// assert_eq!(creator.to_string().parse::<Creator>()?, creator);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SmolStr", into = "SmolStr")]
#[non_exhaustive]
pub enum Creator {
    /// A user.
    User(UserId),
    /// Another key. A rotation's successor also has a predecessor.
    Key(CredentialId),
    /// A program, such as the command line.
    System(SmolStr),
    /// An import by a program.
    Import(SmolStr),
}

impl Creator {
    /// Returns the kind: `user`, `key`, `system` or `import`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Key(_) => "key",
            Self::System(_) => "system",
            Self::Import(_) => "import",
        }
    }

    /// Returns the id of the user or key, or the name of the program.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::User(id) => id.as_str(),
            Self::Key(id) => id.as_str(),
            Self::System(name) | Self::Import(name) => name,
        }
    }
}

impl fmt::Display for Creator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.id())
    }
}

/// The text is no creator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid creator: expected user, key, system or import, a colon, and an id or a name")]
pub struct CreatorError;

impl FromStr for Creator {
    type Err = CreatorError;

    fn from_str(text: &str) -> Result<Self, CreatorError> {
        let (kind, id) = text.split_once(':').ok_or(CreatorError)?;
        match kind {
            "user" => id.parse().map(Self::User).map_err(|_| CreatorError),
            "key" => id.parse().map(Self::Key).map_err(|_| CreatorError),
            "system" => Ok(Self::System(id.into())),
            "import" => Ok(Self::Import(id.into())),
            _ => Err(CreatorError),
        }
    }
}

impl TryFrom<SmolStr> for Creator {
    type Error = CreatorError;

    fn try_from(text: SmolStr) -> Result<Self, CreatorError> {
        text.parse()
    }
}

impl From<Creator> for SmolStr {
    fn from(creator: Creator) -> Self {
        smol_str::format_smolstr!("{creator}")
    }
}

/// Why a key was revoked. The reasons are those of [RFC 5280, section 5.3.1] that apply to API keys.
///
/// [RFC 5280, section 5.3.1]: https://www.rfc-editor.org/rfc/rfc5280#section-5.3.1
///
/// # Examples
/// ```
/// use keyward::store::RevocationReason;
///
/// assert_eq!("superseded".parse(), Ok(RevocationReason::Superseded));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RevocationReason {
    /// No reason was given.
    #[default]
    Unspecified,
    /// The key became known to others. It is then also marked as compromised.
    KeyCompromise,
    /// Its user left the account, or was disabled.
    AffiliationChanged,
    /// Another key replaces it.
    Superseded,
    /// It is no longer used.
    CessationOfOperation,
    /// Its rights were withdrawn.
    PrivilegeWithdrawn,
}

impl RevocationReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
    ];

    /// Returns the name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key_compromise",
            Self::AffiliationChanged => "affiliation_changed",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation_of_operation",
            Self::PrivilegeWithdrawn => "privilege_withdrawn",
        }
    }
}

impl FromStr for RevocationReason {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or(UnknownName)
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The longest note of a revocation, in characters.
pub const MAX_NOTE_LENGTH: usize = 500;

/// The text is no note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The text has this many characters.
    #[error("{0} characters are too many: expected at most {MAX_NOTE_LENGTH}")]
    TooLong(usize),
    /// A character is not allowed.
    #[error("{0}")]
    Character(NameError),
}

/// The reason of a revocation, and a note. Defaults to an unspecified reason without a note.
///
/// # Examples
/// ```
/// use keyward::store::{Revocation, RevocationReason};
///
/// let revocation = Revocation::new(RevocationReason::Superseded).with_note("replaced on 1 May")?;
/// assert_eq!(revocation.note(), Some("replaced on 1 May"));
/// # Ok::<(), keyward::store::NoteError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    reason: RevocationReason,
    note: Option<String>,
}

impl Revocation {
    /// Creates a revocation without a note.
    #[must_use]
    pub fn new(reason: RevocationReason) -> Self {
        Self { reason, note: None }
    }

    /// Sets the note, trimmed. An empty text removes it.
    ///
    /// # Errors
    /// [`NoteError`] for more than [`MAX_NOTE_LENGTH`] characters, or invisible ones.
    pub fn with_note(mut self, note: &str) -> Result<Self, NoteError> {
        let note = note.trim();
        let length = note.chars().count();
        if length > MAX_NOTE_LENGTH {
            return Err(NoteError::TooLong(length));
        }
        check_text(note).map_err(NoteError::Character)?;
        self.note = Some(note.to_owned()).filter(|note| !note.is_empty());
        Ok(self)
    }

    /// Restores a stored note, as stores do.
    #[must_use]
    pub fn from_stored(reason: RevocationReason, note: Option<String>) -> Self {
        Self { reason, note }
    }

    /// Returns the reason.
    #[must_use]
    pub fn reason(&self) -> RevocationReason {
        self.reason
    }

    /// Returns the note, if any.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creators_have_one_spelling() {
        for text in ["user:user_1", "key:key_1", "system:cli", "import:cli"] {
            assert_eq!(text.parse::<Creator>().unwrap().to_string(), text);
        }
        for text in ["", "user", "user:", "user:a b", "robot:r2d2"] {
            assert!(text.parse::<Creator>().is_err(), "{text}");
        }
    }

    #[test]
    fn notes_are_bounded_and_visible() {
        let of = |note: &str| Revocation::default().with_note(note);
        assert_eq!(of("  replaced ").unwrap().note(), Some("replaced"));
        assert_eq!(of("  ").unwrap().note(), None);
        assert!(of(&"é".repeat(MAX_NOTE_LENGTH)).is_ok());
        assert_eq!(of(&"a".repeat(MAX_NOTE_LENGTH + 1)), Err(NoteError::TooLong(501)));
        assert!(matches!(of("a\u{0}b"), Err(NoteError::Character(_))));
    }
}
