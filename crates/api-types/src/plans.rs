use keyward_core::ScopeSet;
use serde::{Deserialize, Serialize};

use crate::strict::whole_or_null;

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Plan {
    /// Name, which identities carry.
    pub name: String,
    /// Description for people.
    #[serde(default)]
    pub description: String,
    /// Maximum number of active keys of an account. Null means the server's default.
    #[serde(default)]
    pub key_limit: Option<u32>,
    /// Scopes that API keys of an account may get. Null means any.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Vec<String>>, max_items = 64, example = json!(["resources:read"])))]
    #[serde(default)]
    pub scopes: Option<ScopeSet>,
    /// Version, for updates. Each change increments it.
    pub version: u64,
}

/// A plan to create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreatePlan {
    /// Name, which identities carry.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    pub name: String,
    /// Description for people.
    #[cfg_attr(feature = "utoipa", schema(max_length = 500))]
    #[serde(default)]
    pub description: String,
    /// Maximum number of active keys of an account. Null means the server's default.
    #[cfg_attr(feature = "utoipa", schema(maximum = 10000))]
    #[serde(default, deserialize_with = "whole_or_null")]
    pub key_limit: Option<u32>,
    /// Scopes that API keys of an account may get. Null means any.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 64, example = json!(["resources:read"])))]
    #[serde(default)]
    pub scopes: Option<ScopeSet>,
}

/// Query parameters of a removal of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct RemovePlan {
    /// Whether to remove a plan that accounts have. Defaults to false.
    pub force: Option<bool>,
}

/// The new values of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PutPlan {
    /// Description for people.
    #[cfg_attr(feature = "utoipa", schema(max_length = 500))]
    #[serde(default)]
    pub description: String,
    /// Maximum number of active keys of an account. Null means the server's default.
    #[cfg_attr(feature = "utoipa", schema(maximum = 10000))]
    #[serde(default, deserialize_with = "whole_or_null")]
    pub key_limit: Option<u32>,
    /// Scopes that API keys of an account may get. Null means any.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 64, example = json!(["resources:read"])))]
    #[serde(default)]
    pub scopes: Option<ScopeSet>,
}
