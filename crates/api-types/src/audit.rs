//! The audit log.

use std::fmt;

use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who did something, as the audit log says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = ActorName))]
pub struct Actor {
    /// `user`, `key`, `system` or `anonymous`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The user's or key's id, or the program's name.
    pub id: String,
}

/// What an entry is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Target {
    /// `account`, `user`, `member`, `key`, `session`, `plan`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: String,
}

impl Target {
    /// The target of this kind with this id.
    pub fn new(kind: &str, id: impl ToString) -> Self {
        Self { kind: kind.to_owned(), id: id.to_string() }
    }
}

/// What became of what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused, and nothing was done.
    Refused,
    /// A store failed or the process ended half-way: it may have been done.
    Unknown,
}

impl Outcome {
    /// The outcome's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

// The server stores entries in this form and hashes it: another order of the fields breaks the chain of every log.
/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Its number; the first is 1.
    pub number: u64,
    /// When.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What, such as `key.revoke`.
    pub action: String,
    /// What became of it.
    pub outcome: Outcome,
    /// To what.
    pub target: Target,
    /// In which account, if in one.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>))]
    pub account: Option<AccountId>,
    /// From which address.
    pub address: Option<String>,
    /// With what client.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// What it was before, without secrets.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Object>))]
    pub before: Option<Value>,
    /// What it is now, without secrets.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Object>))]
    pub after: Option<Value>,
    /// The hash of the entry before; zeros for the first.
    pub previous: String,
}

/// What walking the log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = Verdict))]
pub struct AuditVerdict {
    /// Whether every entry fits.
    pub intact: bool,
    /// The number of the last entry before the first bad one, or of the last of all. Pruned entries count.
    pub entries: u64,
    /// The hash of the last of them.
    pub hash: String,
    /// What to note elsewhere, and to send as `since` later: so it shows if the log is cut or written anew.
    pub checkpoint: String,
    /// The number of the first entry that does not fit.
    pub first_bad: Option<u64>,
    /// Why it does not.
    pub why: Option<String>,
    /// The number of the last entry that was pruned, if the log was pruned.
    #[serde(default)]
    pub pruned_through: Option<u64>,
}
