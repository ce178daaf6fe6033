//! At which version things are, for preconditions. Whoever asks goes on to a method that checks what its actor may do: by itself, a
//! version is told to nobody.

use keyward_core::id::UserId;
use keyward_core::{AccountId, CredentialId};

use super::Management;
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Member, Plan, StoredUser};

/// A version; none of what is not there.
type Current = Result<Option<u64>, ManagementError>;

impl Management {
    pub(crate) async fn key_version(&self, id: &CredentialId) -> Current {
        Ok(self.0.keys.get(id).await?.map(|key| key.version))
    }

    pub(crate) async fn account_version(&self, id: &AccountId) -> Current {
        match self.read_account(id).await {
            Ok(account) => Ok(Some(account.version)),
            Err(ManagementError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn member_version(&self, account: &AccountId, user: &UserId) -> Current {
        Ok(self.get::<Member>(&Member::id_of(account, user)).await?.map(|member| member.version))
    }

    pub(crate) async fn user_version(&self, id: &UserId) -> Current {
        Ok(self.get::<StoredUser>(id.as_str()).await?.map(|user| user.version))
    }

    pub(crate) async fn own_version(&self, actor: &Actor) -> Current {
        match actor.user() {
            Some(user) => self.user_version(user).await,
            None => Ok(None),
        }
    }

    pub(crate) async fn plan_version(&self, name: &str) -> Current {
        Ok(self.get::<Plan>(name).await?.map(|plan| plan.version))
    }

    pub(crate) async fn appearance_version(&self) -> Current {
        Ok(Some(self.appearance().await?.version))
    }
}
