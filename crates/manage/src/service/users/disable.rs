use keyward_core::id::UserId;

use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{StoredUser, User, Versioned};
use crate::role::Role;
use crate::service::audit::{Draft, Target};
use crate::service::rights::Effect;
use crate::service::{ATTEMPTS, Management};

const WHY: &str = "the user was disabled";

impl Management {
    /// Enables a user, or disables one and ends all sessions and tokens. The user's keys follow the
    /// [`UserKeyPolicy`](crate::UserKeyPolicy). Needs `members:write` in the operator's account. The user's roles may not exceed the
    /// actor's. An acting user [confirms](crate::Context::code) that a user is enabled.
    ///
    /// # Errors
    /// [`ManagementError::LastOwner`], [`ManagementError::Escalation`]; [`ManagementError::Invalid`] for the own
    /// user.
    pub async fn set_user_disabled(
        &self,
        actor: &Actor,
        id: &UserId,
        disabled: bool,
    ) -> Result<Versioned<User>, ManagementError> {
        let effect = if disabled { Effect::Withdraws } else { Effect::Grants };
        let mut is_to_confirm = !disabled;
        for _ in 0..ATTEMPTS {
            let mut writes = self.check_governs(actor, id, effect).await?;
            if !disabled {
                self.check_recent(actor).await?;
            }
            let user = self.read_user(id).await?;
            if user.disabled_at.is_some() == disabled {
                if disabled {
                    self.end_user_keys(actor, id, None, WHY).await?;
                }
                return Ok((&user).into());
            }
            if is_to_confirm {
                // A code counts once, also if the change is tried again.
                self.confirm_user(actor).await?;
                is_to_confirm = false;
            }
            if disabled {
                // Each account needs another owner who can sign in.
                for member in self.memberships(id).await?.iter().filter(|member| member.role == Role::Owner) {
                    writes.extend(self.other_owner(&member.account, id).await?);
                }
            }
            let changed = StoredUser {
                disabled_at: disabled.then(|| self.now()),
                epoch: user.epoch + u64::from(disabled),
                ..user.value.clone()
            };
            writes.push(user.replace(&changed)?);
            if disabled {
                writes.push(self.note_leaving(id, None).await?);
            }
            let action = if disabled { "user.disable" } else { "user.enable" };
            if disabled {
                self.end_user_keys(actor, id, None, WHY).await?;
            }
            // On a conflict, for instance with a sign-in, everything is checked again.
            if self.commit(writes, Draft::new(actor, action, Target::new("user", id))).await?.is_ok() {
                // The user may have created a key in between.
                if disabled {
                    self.end_user_keys(actor, id, None, WHY).await?;
                }
                return Ok(Versioned { value: User::from(&changed), version: user.version + 1 });
            }
        }
        Err(ManagementError::Stale)
    }
}
