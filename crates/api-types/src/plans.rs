//! Plans: what the accounts that have one may do.

use serde::{Deserialize, Serialize};

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = PlanView))]
pub struct Plan {
    /// Its name, which identities carry.
    pub name: String,
    /// What people are told of it.
    #[serde(default)]
    pub description: String,
    /// How many active keys an account may have; the management service's own limit without this.
    #[serde(default)]
    pub key_limit: Option<u32>,
    /// Goes up by one with each change; for updates.
    pub version: u64,
}

/// A plan that is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreatePlan {
    /// Its name, which identities carry.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    pub name: String,
    /// What people are told of it.
    #[cfg_attr(feature = "utoipa", schema(max_length = 500))]
    #[serde(default)]
    pub description: String,
    /// How many active keys an account may have.
    #[cfg_attr(feature = "utoipa", schema(maximum = 10000))]
    #[serde(default)]
    pub key_limit: Option<u32>,
}

/// What a plan is from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PutPlan {
    /// What people are told of it.
    #[cfg_attr(feature = "utoipa", schema(max_length = 500))]
    #[serde(default)]
    pub description: String,
    /// How many active keys an account may have; the server's own limit without this.
    #[cfg_attr(feature = "utoipa", schema(maximum = 10000))]
    #[serde(default)]
    pub key_limit: Option<u32>,
}
