//! Members: who belongs to an account, and as what.

use std::fmt;
use std::str::FromStr;

use http::Method;
use keyward_core::id::UserId;
use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::error::ClientError;
use crate::page::Walk;
use crate::request::Request;
use crate::users::User;

/// What a user is in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// Sees keys, members and usage.
    Viewer,
    /// Manages keys besides.
    Developer,
    /// Manages members and the account besides, and sees the audit log.
    Admin,
    /// May do everything, and make other owners.
    Owner,
}

/// Somebody who belongs to an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Member {
    /// Who it is.
    pub user: User,
    /// What they are in the account.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
    /// Goes up by one whenever they are changed; for updates.
    pub version: u64,
}

#[derive(Serialize)]
pub(crate) struct UpdateMember {
    pub(crate) role: Role,
}

/// Members. What these need on the server: `members:read`, and `members:write` for changes.
impl Client {
    /// Who belongs to an account, page by page.
    #[must_use]
    pub fn walk_members(&self, account: &AccountId) -> Walk<'_, Member> {
        let account = account.clone();
        Walk::new(self, move |after| Request::get(&["accounts", account.as_str(), "members"]).query("after", after))
    }

    /// A member.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn member(&self, account: &AccountId, user: &UserId) -> Result<Member, ClientError> {
        self.ask(Request::get(&["accounts", account.as_str(), "members", user.as_str()])).await
    }

    /// Gives a member another role, if they are at this version still.
    ///
    /// # Errors
    /// See [`ClientError`]; the status 412 if they are at another version.
    pub async fn update_member(
        &self,
        account: &AccountId,
        user: &UserId,
        role: Role,
        version: u64,
    ) -> Result<Member, ClientError> {
        let request = Request::once(Method::PATCH, &["accounts", account.as_str(), "members", user.as_str()])?;
        self.ask(request.json(&UpdateMember { role }).if_match(version)).await
    }

    /// Takes a member out of an account, if they are at this version still.
    ///
    /// # Errors
    /// See [`ClientError`]; the status 412 if they are at another version.
    pub async fn remove_member(&self, account: &AccountId, user: &UserId, version: u64) -> Result<(), ClientError> {
        let request = Request::once(Method::DELETE, &["accounts", account.as_str(), "members", user.as_str()])?;
        self.send(request.if_match(version)).await.map(drop)
    }
}

impl Role {
    /// Every role, from the least.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Developer, Self::Admin, Self::Owner];

    /// The role's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Developer => "developer",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or("a role is owner, admin, developer or viewer")
    }
}
