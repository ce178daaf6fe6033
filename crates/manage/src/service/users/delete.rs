use keyward_core::id::UserId;
use serde_json::json;

use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::StoredFactor;
use crate::role::Role;
use crate::service::Management;
use crate::service::audit::{Draft, Target};
use crate::service::rights::Effect;
#[cfg(feature = "oidc")]
use crate::store::{Kind, List};

/// One batch of writes.
const MAX_ACCOUNTS: usize = 500;

impl Management {
    /// Deletes a user at this version. The address becomes free, the audit log stays, and the user's keys follow the
    /// [`UserKeyPolicy`](crate::UserKeyPolicy). Needs `members:write` in the operator's account. The user's roles may not exceed the
    /// actor's.
    ///
    /// # Errors
    /// [`ManagementError::LastOwner`], [`ManagementError::Stale`], [`ManagementError::Escalation`];
    /// [`ManagementError::Invalid`] for the own user.
    pub async fn delete_user(&self, actor: &Actor, id: &UserId, version: u64) -> Result<(), ManagementError> {
        let mut writes = self.check_governs(actor, id, Effect::Withdraws).await?;
        let user = self.read_user(id).await?;
        if user.version != version {
            return Err(ManagementError::Stale);
        }
        writes.push(user.remove());
        writes.push(self.note_leaving(id, None).await?);
        let members = self.memberships(id).await?;
        if members.len() >= MAX_ACCOUNTS {
            return Err(ManagementError::invalid(
                "user",
                "the user belongs to 500 accounts or more: remove the user from some first",
            ));
        }
        for member in members {
            if member.role == Role::Owner {
                writes.extend(self.other_owner(&member.account, id).await?);
            }
            writes.push(member.remove());
        }
        // An invitation to the address would let the same person in again.
        for invitation in self.invitations_to(&user.email).await? {
            writes.push(invitation.remove());
        }
        #[cfg(feature = "oidc")]
        for link in self.list::<crate::records::ExternalIdentity>(&List::of(Kind::Link, 100).owner(id.as_str())).await?
        {
            writes.push(link.remove());
        }
        if let Some(factor) = self.get::<StoredFactor>(id.as_str()).await? {
            writes.push(factor.remove());
        }
        // Sessions, tokens and links are worthless without the user, and are swept when they expire.
        let draft = Draft::new(actor, "user.delete", Target::new("user", id)).before(json!({"email": user.email}));
        self.end_user_keys(actor, id, None, "the user was deleted").await?;
        self.commit_or_stale(writes, draft).await?;
        // The user may have created a key in between.
        self.end_user_keys(actor, id, None, "the user was deleted").await
    }
}
