//! What the operator does with users: finding, disabling, enabling and deleting them.

use keyward_core::id::UserId;
use serde_json::json;

use super::Management;
use super::audit::{Draft, Target};
use super::page::{Page, PageRequest};
use super::standing::Does;
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Account, Entity, StoredUser, User, Versioned};
use crate::role::{Role, scopes};
use crate::store::{Kind, List, Write};

/// How many accounts a user may belong to who is deleted: all of it is one batch of writes.
const MOST: usize = 500;

impl Management {
    /// All users, the first first. Needs `members:read` in the operator's account.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`] for those who have nothing to do with the operator's account, [`ManagementError::Forbidden`],
    /// [`ManagementError::Invalid`] for a bad cursor.
    pub async fn users(&self, actor: &Actor, page: &PageRequest) -> Result<Page<Versioned<User>>, ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::MEMBERS_READ)?;
        let users = self.list::<StoredUser>(&page.apply(List::of(Kind::User, 0))?).await?;
        let page = page.page(users, |user| (user.value.sort(), user.value.id()));
        Ok(page.map(|user| Versioned { value: User::from(&user.value), version: user.version }))
    }

    /// A user. Needs `members:read` in the operator's account.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`], [`ManagementError::Forbidden`].
    pub async fn user(&self, actor: &Actor, id: &UserId) -> Result<Versioned<User>, ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::MEMBERS_READ)?;
        let user = self.read_user(id).await?;
        Ok(Versioned { value: User::from(&user.value), version: user.version })
    }

    /// The accounts that a user belongs to, with their roles. Needs `members:read` in the operator's account.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`], [`ManagementError::Forbidden`].
    pub async fn accounts_of(&self, actor: &Actor, id: &UserId) -> Result<Vec<(Account, Role)>, ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::MEMBERS_READ)?;
        let mut accounts = Vec::new();
        for member in self.memberships(id).await? {
            accounts.push((self.read_account(&member.account).await?.value, member.role));
        }
        Ok(accounts)
    }

    /// Keeps a user from signing in, and ends all of their sessions and tokens; or lets them sign in again. The keys of their accounts go on
    /// working. Needs `members:write` in the operator's account, and nobody does it to a user whose role is above theirs.
    ///
    /// # Errors
    /// [`ManagementError::LastOwner`] if an account has no other owner who can sign in, [`ManagementError::Invalid`] for the actor themselves,
    /// [`ManagementError::NotFound`], [`ManagementError::Forbidden`], [`ManagementError::Escalation`].
    pub async fn set_user_disabled(
        &self,
        actor: &Actor,
        id: &UserId,
        disabled: bool,
    ) -> Result<Versioned<User>, ManagementError> {
        let does = if disabled { Does::Take } else { Does::Give };
        for _ in 0..super::ATTEMPTS {
            let mut writes = self.check_governs(actor, id, does).await?;
            if !disabled {
                self.check_recent(actor).await?;
            }
            let user = self.read_user(id).await?;
            if user.disabled_at.is_some() == disabled {
                return Ok(Versioned { value: User::from(&user.value), version: user.version });
            }
            if disabled {
                // In every account: an owner who cannot sign in is none.
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
            let action = if disabled { "user.disable" } else { "user.enable" };
            // They may have signed in at this moment: then again.
            if self.commit(writes, Draft::new(actor, action, Target::new("user", id))).await?.is_ok() {
                return Ok(Versioned { value: User::from(&changed), version: user.version + 1 });
            }
        }
        Err(ManagementError::Stale)
    }

    /// Deletes a user, if they are at this version still: they belong to no account any more, and their address is free. What they did
    /// stays in the audit log, and the keys of their accounts go on working. Needs `members:write` in the operator's account, and nobody
    /// does it to a user whose role is above theirs.
    ///
    /// # Errors
    /// [`ManagementError::LastOwner`] if an account has no other owner who can sign in, [`ManagementError::Stale`], [`ManagementError::Invalid`] for the
    /// actor themselves, [`ManagementError::NotFound`], [`ManagementError::Forbidden`], [`ManagementError::Escalation`].
    pub async fn delete_user(&self, actor: &Actor, id: &UserId, version: u64) -> Result<(), ManagementError> {
        let mut writes = self.check_governs(actor, id, Does::Take).await?;
        let user = self.read_user(id).await?;
        if user.version != version {
            return Err(ManagementError::Stale);
        }
        writes.push(user.remove());
        let members = self.memberships(id).await?;
        if members.len() >= MOST {
            return Err(ManagementError::invalid(
                "user",
                "a member of fewer than 500 accounts: take them out of some first",
            ));
        }
        for member in members {
            if member.role == Role::Owner {
                writes.extend(self.other_owner(&member.account, id).await?);
            }
            writes.push(member.remove());
        }
        // An invitation to the address of a deleted user would let the same person in again.
        for invitation in self.invitations_to(&user.email).await? {
            writes.push(invitation.remove());
        }
        #[cfg(feature = "oidc")]
        for link in self.list::<crate::records::ExternalIdentity>(&List::of(Kind::Link, 100).owner(id.as_str())).await?
        {
            writes.push(link.remove());
        }
        // Sessions, tokens and links are worth nothing without the user, and are swept when they expire.
        let draft = Draft::new(actor, "user.delete", Target::new("user", id)).before(json!({"email": user.email}));
        self.commit_or_stale(writes, draft).await
    }

    /// Whether an actor is the operator's, and may do this to somebody else's user.
    async fn check_governs(&self, actor: &Actor, id: &UserId, does: Does) -> Result<Vec<Write>, ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::MEMBERS_WRITE)?;
        if actor.user() == Some(id) {
            return Err(ManagementError::invalid("user", "somebody else"));
        }
        self.read_user(id).await?;
        self.check_governs_all(&actor.principal(), id, does).await
    }

    async fn read_user(&self, id: &UserId) -> Result<Versioned<StoredUser>, ManagementError> {
        self.get(id.as_str()).await?.ok_or(ManagementError::NotFound("user"))
    }
}
