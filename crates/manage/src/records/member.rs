use keyward_core::id::UserId;
use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use crate::role::Role;
use crate::store::Kind;

/// A user's role in an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The account.
    pub account: AccountId,
    /// The user.
    pub user: UserId,
    /// The user's role in the account.
    pub role: Role,
    /// When the user joined the account.
    pub created_at: Timestamp,
}

impl Member {
    pub(crate) fn id_of(account: &AccountId, user: &UserId) -> String {
        // Neither id contains a space.
        format!("{account} {user}")
    }
}

impl Entity for Member {
    const KIND: Kind = Kind::Member;
    fn id(&self) -> String {
        Self::id_of(&self.account, &self.user)
    }
    fn sort(&self) -> i64 {
        self.created_at.as_millis()
    }
    fn owner(&self) -> String {
        self.account.to_string()
    }
    fn subject(&self) -> String {
        self.user.to_string()
    }
}
