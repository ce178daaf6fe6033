use serde_json::json;

use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{StoredUser, User, Versioned};
use crate::service::audit::{Draft, Target};
use crate::service::{Management, check_name};

impl Management {
    /// Returns the acting user.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`].
    pub async fn own_user(&self, actor: &Actor) -> Result<Versioned<User>, ManagementError> {
        let user = self.acting_user(actor).await?;
        Ok((&user).into())
    }

    /// Renames the acting user.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`], [`ManagementError::Stale`].
    pub async fn rename_own_user(
        &self,
        actor: &Actor,
        name: &str,
        version: u64,
    ) -> Result<Versioned<User>, ManagementError> {
        let name = check_name("name", name)?;
        let user = self.acting_user(actor).await?;
        if user.version != version {
            return Err(ManagementError::Stale);
        }
        let renamed = StoredUser { name, ..user.value.clone() };
        let draft = Draft::new(actor, "user.update", Target::new("user", &renamed.id))
            .before(json!({"name": user.name}))
            .after(json!({"name": renamed.name}));
        self.commit_or_stale(vec![user.replace(&renamed)?], draft).await?;
        Ok(Versioned { value: User::from(&renamed), version: version + 1 })
    }

    #[cfg(feature = "dashboard")]
    pub(crate) async fn has_password(&self, actor: &Actor) -> Result<bool, ManagementError> {
        Ok(self.takes_passwords() && self.acting_user(actor).await?.password.is_some())
    }
}
