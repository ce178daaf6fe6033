//! How keys were used.

use keyward_core::{CredentialId, Timestamp};
use serde::{Deserialize, Serialize};

/// How a key, or all keys of an account, were used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Usage {
    /// Day by day, the first first; days without any are left out.
    pub days: Vec<UsageDay>,
}

/// How a key was used on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UsageDay {
    /// The key.
    pub key: CredentialId,
    /// The day's beginning (UTC).
    pub day: Timestamp,
    /// `accepted`, or the reason of a refusal.
    pub outcome: String,
    /// How often.
    pub times: u64,
}
