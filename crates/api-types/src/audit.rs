use std::fmt;

use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The actor of an audit entry, or the creator of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Actor {
    /// `user`, `key`, `system`, `anonymous`, or `import` for the creator of an imported key.
    #[serde(rename = "type")]
    pub kind: String,
    /// Id of the user or key, or name of the program.
    pub id: String,
}

/// The target of an audit entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Target {
    /// `account`, `user`, `member`, `key`, `session`, `plan`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Id.
    pub id: String,
}

impl Target {
    /// Creates a target.
    pub fn new(kind: &str, id: impl ToString) -> Self {
        Self { kind: kind.to_owned(), id: id.to_string() }
    }
}

/// The outcome of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The operation succeeded.
    Done,
    /// The operation was refused and changed nothing.
    Refused,
    /// A store failed or the process ended. The operation may have succeeded.
    Unknown,
}

impl Outcome {
    /// Returns the name of the outcome.
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

// The server stores entries in this form and hashes them: another order of fields breaks the chain of every log.
/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Number of the entry. The first is 1.
    pub number: u64,
    /// Time.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Actor.
    pub actor: Actor,
    /// Action, such as `key.revoke`.
    pub action: String,
    /// Outcome.
    pub outcome: Outcome,
    /// Target.
    pub target: Target,
    /// Account, if any.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>))]
    pub account: Option<AccountId>,
    /// Client address.
    pub address: Option<String>,
    /// Client software.
    pub user_agent: Option<String>,
    /// Request id.
    pub request_id: Option<String>,
    /// State before, without secrets.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Object>))]
    pub before: Option<Value>,
    /// State after, without secrets.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Object>))]
    pub after: Option<Value>,
    /// Hash of the previous entry. Zeros for the first.
    pub previous: String,
}

/// Query parameters of the audit log: which entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct AuditFilter {
    /// Account. Defaults to the caller's own.
    #[cfg_attr(feature = "utoipa", param(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[!-~]+$"))]
    pub account: Option<AccountId>,
    /// Whether to list the entries of every account, for the operator.
    #[cfg_attr(feature = "utoipa", param(required = false))]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Only entries of this user or key.
    #[cfg_attr(feature = "utoipa", param(max_length = 64))]
    pub actor: Option<String>,
    /// Cursor: the `next` of the previous page.
    #[cfg_attr(feature = "utoipa", param(max_length = 300))]
    pub after: Option<String>,
    /// Maximum number of items, 1 to 500. Defaults to 50.
    #[cfg_attr(feature = "utoipa", param(minimum = 1, maximum = 500))]
    pub limit: Option<u16>,
}

/// Query parameters of the verification of the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct VerifyParams {
    /// A checkpoint from an earlier verification. The log must still contain it.
    #[cfg_attr(feature = "utoipa", param(max_length = 100))]
    pub since: Option<String>,
}

/// Result of verifying the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct AuditVerdict {
    /// Whether the log is intact.
    pub intact: bool,
    /// Number of the last good entry. Pruned entries count.
    pub entries: u64,
    /// Hash of that entry.
    pub hash: String,
    /// Checkpoint to keep elsewhere. Send it as `since` later, to detect that the log was cut or rewritten.
    pub checkpoint: String,
    /// Number of the first bad entry.
    pub first_bad: Option<u64>,
    /// Reason why it is bad.
    pub why: Option<String>,
    /// Number of the last pruned entry, if any.
    #[serde(default)]
    pub pruned_through: Option<u64>,
}
