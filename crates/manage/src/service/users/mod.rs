mod delete;
mod disable;
mod list;
mod own;
mod password;
mod profile;
mod reset;
mod sign_up;

use keyward_core::id::UserId;

pub use reset::ResetLink;
pub(super) use reset::ResetLinkSender;
pub use sign_up::NewUser;

use super::rights::Effect;
use super::{CurrentVersion, Management};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{StoredUser, User, Versioned};
use crate::role::scopes;
use crate::store::Write;

impl From<&Versioned<StoredUser>> for Versioned<User> {
    fn from(user: &Versioned<StoredUser>) -> Self {
        Self { value: User::from(&user.value), version: user.version }
    }
}

impl Management {
    pub(crate) async fn user_version(&self, id: &UserId) -> CurrentVersion {
        Ok(self.get::<StoredUser>(id.as_str()).await?.map(|user| user.version))
    }

    pub(crate) async fn own_version(&self, actor: &Actor) -> CurrentVersion {
        match actor.user() {
            Some(user) => self.user_version(user).await,
            None => Ok(None),
        }
    }

    pub(crate) async fn acting_user(&self, actor: &Actor) -> Result<Versioned<StoredUser>, ManagementError> {
        let id = actor.user().ok_or(ManagementError::UsersOnly)?;
        self.get(id.as_str()).await?.ok_or(ManagementError::NotFound("user"))
    }

    pub(crate) fn new_user(&self, email: String, name: String, password: Option<String>) -> StoredUser {
        StoredUser {
            id: UserId::generate(),
            email,
            name,
            password,
            epoch: 0,
            created_at: self.now(),
            last_sign_in_at: None,
            address_proven_at: None,
            disabled_at: None,
            second_factor_at: None,
            known_networks: Vec::new(),
        }
    }

    async fn check_governs(&self, actor: &Actor, id: &UserId, effect: Effect) -> Result<Vec<Write>, ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::MEMBERS_WRITE)?;
        self.check_other_user(actor, id, "you can't do this to yourself").await?;
        self.read_user(id).await?;
        self.check_governs_all(&actor.principal(), id, effect).await
    }

    async fn read_user(&self, id: &UserId) -> Result<Versioned<StoredUser>, ManagementError> {
        self.get(id.as_str()).await?.ok_or(ManagementError::NotFound("user"))
    }
}
