//! How keys were used.

use keyward_core::{CredentialId, Timestamp};
use serde::{Deserialize, Serialize};

/// How a key, or all keys of an account, were used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Usage {
    /// Day by day, the first first; days without any are left out.
    pub days: Vec<UsageDay>,
}

/// How keys were used on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct UsageDay {
    /// The key.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub key: CredentialId,
    /// The day's beginning (UTC).
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub day: Timestamp,
    /// `accepted`, or the reason of a refusal. A request that was accepted and refused later, for instance for a scope, counts for
    /// both.
    pub outcome: String,
    /// How often.
    pub times: u64,
}
