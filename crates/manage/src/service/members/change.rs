use keyward_core::AccountId;
use keyward_core::id::UserId;
use serde_json::json;

use super::MemberView;
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Entity, Member, StoredUser, Versioned};
use crate::role::{Role, scopes};
use crate::service::audit::{Draft, Target};
use crate::service::rights::GuardedRights;
use crate::service::{ATTEMPTS, Management};
use crate::store::{Kind, List, Write};

impl Management {
    /// Changes a member's role at this version. Needs `members:write`, and neither role may exceed the actor's.
    ///
    /// # Errors
    /// [`ManagementError::Stale`], [`ManagementError::LastOwner`], [`ManagementError::Escalation`].
    pub async fn update_member(
        &self,
        actor: &Actor,
        account: &AccountId,
        user: &UserId,
        role: Role,
        version: u64,
    ) -> Result<MemberView, ManagementError> {
        self.change_member(actor, account, user, Some(role), version).await?;
        self.view(self.read_member(account, user).await?).await
    }

    /// Removes a member at this version. Needs `members:write`, unless users remove themselves. The member's keys follow the
    /// [`UserKeyPolicy`](crate::UserKeyPolicy).
    ///
    /// # Errors
    /// [`ManagementError::Stale`], [`ManagementError::LastOwner`], [`ManagementError::Escalation`].
    pub async fn remove_member(
        &self,
        actor: &Actor,
        account: &AccountId,
        user: &UserId,
        version: u64,
    ) -> Result<(), ManagementError> {
        self.change_member(actor, account, user, None, version).await
    }

    async fn change_member(
        &self,
        actor: &Actor,
        account: &AccountId,
        user: &UserId,
        role: Option<Role>,
        version: u64,
    ) -> Result<(), ManagementError> {
        let mut is_confirmed = false;
        let leaves = role.is_none() && actor.user() == Some(user);
        for _ in 0..ATTEMPTS {
            // The guards come first: the member who is changed may be the one whose role allows it.
            let GuardedRights { rights, guards: mut writes } = self.guarded_rights(&actor.principal(), account).await?;
            if !leaves {
                rights.require(&scopes::MEMBERS_WRITE)?;
            }
            let member = self.read_member(account, user).await?;
            if member.version != version {
                return Err(ManagementError::Stale);
            }
            if !leaves {
                rights.check_outranks(member.role)?;
            }
            if let Some(role) = role {
                rights.check_role(role)?;
                self.check_recent(actor).await?;
                if role == Role::Owner && member.role != Role::Owner && !is_confirmed {
                    // A code counts once, also if the change is tried again.
                    self.confirm_user(actor).await?;
                    is_confirmed = true;
                }
            }
            if member.role == Role::Owner && role != Some(Role::Owner) {
                writes.extend(self.other_owner(account, user).await?);
            }
            let action = if role.is_some() { "member.update" } else { "member.remove" };
            // The log names users who have left.
            let name = self.get::<StoredUser>(user.as_str()).await?.map(|user| user.value.name);
            let draft = Draft::new(actor, action, Target::new("user", user))
                .account(account)
                .before(json!({"role": member.role, "name": name}));
            let draft = match role {
                Some(role) => {
                    writes.push(member.replace(&Member { role, ..member.value.clone() })?);
                    draft.after(json!({"role": role, "name": name}))
                }
                None => {
                    writes.push(member.remove());
                    writes.push(self.note_leaving(user, Some(account)).await?);
                    draft
                }
            };
            let leaving = role.is_none().then_some("the user left the account");
            if let Some(why) = leaving {
                self.end_user_keys(actor, user, Some(account), why).await?;
            }
            // On a conflict, the guards have changed, so everything is checked again.
            if self.commit(writes, draft).await?.is_ok() {
                // The user may have created a key in between.
                if let Some(why) = leaving {
                    self.end_user_keys(actor, user, Some(account), why).await?;
                }
                return Ok(());
            }
        }
        Err(ManagementError::Stale)
    }

    /// Of two writers who remove the last two owners at once, one conflicts.
    pub(crate) async fn other_owner(&self, account: &AccountId, user: &UserId) -> Result<[Write; 2], ManagementError> {
        let mut list = List::of(Kind::Member, 500).owner(account.as_str());
        loop {
            let members = self.list::<Member>(&list).await?;
            for other in members.iter().filter(|member| member.role == Role::Owner && member.user != *user) {
                let known: Option<Versioned<StoredUser>> = self.get(other.user.as_str()).await?;
                if let Some(known) = known.filter(|known| known.disabled_at.is_none()) {
                    return Ok([other.expect(), known.expect()]);
                }
            }
            let Some(last) = members.last() else { return Err(ManagementError::LastOwner) };
            list.after = Some((last.value.sort(), last.value.id()));
        }
    }
}
