use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::entity::Entity;
use crate::store::Kind;

/// An account of the management service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The account's id.
    pub id: AccountId,
    /// Display name.
    pub name: String,
    /// The plan, if any.
    pub plan: Option<SmolStr>,
    /// Features in addition to the plan's.
    #[serde(default)]
    pub features: Vec<SmolStr>,
    /// Time of suspension, if the account is suspended.
    pub suspended_at: Option<Timestamp>,
    /// Creation time.
    pub created_at: Timestamp,
}

impl Entity for Account {
    const KIND: Kind = Kind::Account;
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn sort(&self) -> i64 {
        self.created_at.as_millis()
    }
}
