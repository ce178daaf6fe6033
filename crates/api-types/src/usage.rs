use keyward_core::{CredentialId, Timestamp};
use serde::{Deserialize, Serialize};

/// Query parameters of a usage report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct UsageParams {
    /// Number of days, including today, at most 366. Defaults to 30.
    #[cfg_attr(feature = "utoipa", param(minimum = 1, maximum = 366))]
    pub days: Option<u32>,
}

/// The usage of a key, or of all keys of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Usage {
    /// Counts in ascending order of days. Days without requests are omitted.
    pub days: Vec<UsageDay>,
    /// Counts by required scope, in ascending order of days. Those of an account are the sum of its keys.
    #[serde(default)]
    pub scopes: Vec<UsageScope>,
}

/// The requests on a day that required a scope, with one outcome.
///
/// A request that required two scopes counts for both. One that lacked one of two counts for the missing one only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct UsageScope {
    /// Start of the day (UTC).
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub day: Timestamp,
    /// Required scope. `other` stands for those beyond the first 64 scopes of a key on a day, or 256 of an account.
    pub scope: String,
    /// `accepted` if the key had it, `insufficient_scope` if the request was refused because the key lacked it.
    pub outcome: String,
    /// Number of requests.
    pub times: u64,
}

/// A request with a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct RecentRequest {
    /// Time of the answer.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Method, or null if it is unknown.
    pub method: Option<String>,
    /// Pattern of the route, such as `/v1/videos/{id}`, or null if it is unknown. Never the path, which may hold personal data.
    pub route: Option<String>,
    /// Network of the client (IPv4 /24, IPv6 /48), or null if it is unknown.
    pub network: Option<String>,
    /// `OK` if the key was accepted, or the code of the refusal.
    pub outcome: String,
    /// Scopes that the key lacked, the first 8 of them. Empty for other outcomes.
    #[serde(default)]
    pub missing_scopes: Vec<String>,
    /// Whether one of these scopes is enough.
    #[serde(default)]
    pub any_scope_suffices: bool,
}

/// The requests of a key on a day with one outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct UsageDay {
    /// Key.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub key: CredentialId,
    /// Start of the day (UTC).
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub day: Timestamp,
    /// `accepted`, or the reason of a refusal, also by a guard or a limit.
    pub outcome: String,
    /// Number of requests.
    pub times: u64,
}
