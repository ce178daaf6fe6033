use keyward_core::id::UserId;
use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::store::Kind;

/// Leads from a user, and from an account that the user was a member of then, to an audit entry about how the user signs in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ActivityMark {
    /// Of the entry.
    pub(crate) number: u64,
    pub(crate) user: UserId,
    /// `None` if the user belonged to no account.
    pub(crate) account: Option<AccountId>,
    pub(crate) ends_at: Timestamp,
}

impl Entity for ActivityMark {
    const KIND: Kind = Kind::ActivityMark;
    fn id(&self) -> String {
        format!("{}.{}", self.number, self.owner())
    }
    fn sort(&self) -> i64 {
        i64::try_from(self.number).unwrap_or(i64::MAX)
    }
    fn owner(&self) -> String {
        self.account.as_ref().map(ToString::to_string).unwrap_or_default()
    }
    fn subject(&self) -> String {
        self.user.to_string()
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at)
    }
}
