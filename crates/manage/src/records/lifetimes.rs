use std::fmt;
use std::time::Duration;

use keyward_core::AccountId;
use keyward_core::lifecycle::Lifetimes;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::entity::Entity;
use crate::store::Kind;

/// A plan or an account that sets lifetimes of keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifetimesOf {
    /// The plan with this name.
    Plan(SmolStr),
    /// The account with this id.
    Account(AccountId),
}

impl LifetimesOf {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Plan(_) => "plan",
            Self::Account(_) => "account",
        }
    }

    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Plan(name) => name,
            Self::Account(id) => id.as_str(),
        }
    }

    pub(crate) fn record_id(&self) -> String {
        format!("{}:{}", self.kind(), self.id())
    }
}

impl fmt::Display for LifetimesOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.id())
    }
}

/// The lifetimes of keys that a plan or an account sets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredLifetimes {
    pub(crate) of: LifetimesOf,
    pub(crate) default_seconds: Option<u32>,
    pub(crate) maximum_seconds: Option<u32>,
}

impl StoredLifetimes {
    pub(crate) fn to_lifetimes(&self) -> Lifetimes {
        let length = |seconds: Option<u32>| seconds.map(|seconds| Duration::from_secs(seconds.into()));
        Lifetimes { default: length(self.default_seconds), maximum: length(self.maximum_seconds) }
    }
}

impl Entity for StoredLifetimes {
    const KIND: Kind = Kind::Lifetimes;
    fn id(&self) -> String {
        self.of.record_id()
    }
}
