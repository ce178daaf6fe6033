use keyward_core::id::UserId;

use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{StoredUser, Versioned};
use crate::service::Management;
use crate::service::audit::{Draft, Target};
use crate::service::rights::Effect;

impl Management {
    /// Removes another user's second factor, for a user who has lost it, and ends the user's sessions and tokens. The password stays.
    /// Needs a recent sign-in, and `members:write` in every account of the user, whose roles may not exceed the actor's.
    ///
    /// # Errors
    /// [`ManagementError::Escalation`], [`ManagementError::SignInAgain`]; [`ManagementError::NotFound`] without a second factor;
    /// [`ManagementError::Invalid`] for the own user, and for a key that goes back to the user.
    pub async fn remove_second_factor(&self, actor: &Actor, user: &UserId) -> Result<(), ManagementError> {
        self.check_other_user(actor, user, "remove your own in your settings").await?;
        let known: Versioned<StoredUser> = self.get(user.as_str()).await?.ok_or(ManagementError::NotFound("user"))?;
        let mut writes = self.check_governs_all(&actor.principal(), user, Effect::Grants).await?;
        self.check_recent(actor).await?;
        if known.second_factor_at.is_none() {
            return Err(ManagementError::NotFound("second factor"));
        }
        self.confirm_user(actor).await?;
        let changed = StoredUser { second_factor_at: None, epoch: known.epoch + 1, ..known.value.clone() };
        writes.push(known.replace(&changed)?);
        if let Some(factor) = self.read_factor(user).await? {
            writes.push(factor.remove());
        }
        let draft = Draft::new(actor, "user.remove_second_factor", Target::new("user", user));
        self.commit_or_stale(writes, draft).await
    }

    #[cfg(feature = "dashboard")]
    pub(crate) async fn has_second_factor(&self, user: &UserId) -> Result<bool, ManagementError> {
        Ok(self.get::<StoredUser>(user.as_str()).await?.is_some_and(|user| user.second_factor_at.is_some()))
    }
}
