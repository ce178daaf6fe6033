use keyward_core::{ScopeSet, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::entity::Entity;
use crate::store::Kind;

/// A plan: the limits of the accounts that have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The name, which identities carry.
    pub name: SmolStr,
    /// The description that users see.
    #[serde(default)]
    pub description: String,
    /// The most active keys of an account. Defaults to the management service's limit.
    #[serde(default)]
    pub key_limit: Option<u32>,
    /// The scopes that API keys of an account may get. Defaults to any.
    #[serde(default)]
    pub scopes: Option<ScopeSet>,
}

impl Plan {
    /// Creates a plan with the default limits and any scope.
    #[must_use]
    pub fn new(name: impl Into<SmolStr>) -> Self {
        Self { name: name.into(), description: String::new(), key_limit: None, scopes: None }
    }

    /// Limits the active keys of an account.
    #[must_use]
    pub fn with_key_limit(mut self, keys: u32) -> Self {
        self.key_limit = Some(keys);
        self
    }

    /// Limits the scopes of new API keys. `*` is any scope.
    #[must_use]
    pub fn with_scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = Some(scopes);
        self
    }
}

/// A plan that is being removed, or was removed and may have limits in their store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RemovedPlan {
    pub(crate) name: SmolStr,
    pub(crate) at: Timestamp,
    /// The removal does not count any more. The record stays, because another one would begin with the same version.
    #[serde(default)]
    pub(crate) is_withdrawn: bool,
}

impl Entity for RemovedPlan {
    const KIND: Kind = Kind::RemovedPlan;
    fn id(&self) -> String {
        self.name.to_string()
    }
    fn sort(&self) -> i64 {
        self.at.as_millis()
    }
}

impl Entity for Plan {
    const KIND: Kind = Kind::Plan;
    fn id(&self) -> String {
        self.name.to_string()
    }
}
