//! The keys of a user.

use std::time::Duration;

use keyward_api_types::RevokedKeys;
use keyward_core::id::UserId;
use keyward_core::store::{KeyQuery, KeyRecord, KeyStatus, Revocation, RevocationReason, StoreError};
use keyward_core::{AccountId, KeyUpdate};

use crate::actor::{Actor, Context};
use crate::authority::Rights;
use crate::error::ManagementError;
use crate::records::{Entity as _, Leaving, Member, StoredPolicy, StoredUser};
use crate::role::scopes;
use crate::service::settings::UserKeyPolicy;
use crate::service::{ATTEMPTS, Management};
use crate::store::{Kind, List, Write};

const PAGE: usize = 500;
/// Longer than any request.
const LEAVING: Duration = Duration::from_secs(3_600);

impl Management {
    /// Revokes all keys of a user in an account. Afterwards, no node accepts them. Needs `keys:write`.
    ///
    /// The user may have left the account. After an error, some of the keys may be revoked: call it again.
    ///
    /// # Errors
    /// [`ManagementError::Forbidden`], [`ManagementError::NotFound`].
    pub async fn revoke_user_keys(
        &self,
        actor: &Actor,
        account: &AccountId,
        user: &UserId,
        revocation: &Revocation,
    ) -> Result<RevokedKeys, ManagementError> {
        let rights = self.rights(actor, account).await?;
        rights.require(&scopes::KEYS_WRITE)?;
        let mut revoked = Vec::new();
        for key in self.working_keys_of(user, Some(account)).await? {
            if rights.reaches(key.mode) {
                self.revoke(actor, &key, revocation).await?;
                revoked.push(key.id);
            }
        }
        Ok(RevokedKeys { revoked })
    }

    /// Returns what happens to a user's keys when the user leaves an account, is disabled or is deleted.
    #[must_use]
    pub fn user_key_policy(&self) -> UserKeyPolicy {
        self.0.settings.user_keys
    }

    /// Writes the policy to the database, so that other programs follow it, such as the command line. A server calls it when it starts.
    ///
    /// # Errors
    /// [`ManagementError::Store`].
    pub async fn publish_user_key_policy(&self) -> Result<(), ManagementError> {
        let policy = StoredPolicy { user_keys: self.user_key_policy().to_string() };
        for _ in 0..ATTEMPTS {
            let write = match self.get::<StoredPolicy>(StoredPolicy::ID).await? {
                Some(known) if known.user_keys == policy.user_keys => return Ok(()),
                Some(known) => known.replace(&policy)?,
                None => policy.insert()?,
            };
            if self.write_quietly(&[write]).await? {
                return Ok(());
            }
        }
        Err(ManagementError::Stale)
    }

    /// The stricter of the own policy and the one in the database.
    async fn effective_policy(&self) -> Result<UserKeyPolicy, ManagementError> {
        let stored = self.get::<StoredPolicy>(StoredPolicy::ID).await?;
        let stored = stored.map(|stored| stored.user_keys.parse()).transpose();
        let stored = stored.map_err(|error: String| StoreError::corrupt(std::io::Error::other(error)))?;
        Ok(self.user_key_policy().max(stored.unwrap_or_default()))
    }

    /// Follows the policy after a user has left this account, or all accounts. `why` is the note of a revocation.
    pub(crate) async fn end_user_keys(
        &self,
        actor: &Actor,
        user: &UserId,
        account: Option<&AccountId>,
        why: &str,
    ) -> Result<(), ManagementError> {
        let policy = self.effective_policy().await?;
        if policy == UserKeyPolicy::Keep {
            return Ok(());
        }
        for key in self.working_keys_of(user, account).await? {
            self.end_key(actor, policy, &key, why).await?;
        }
        Ok(())
    }

    /// Checks the user that a key shall belong to. `before` is its user until now.
    pub(in crate::service) async fn check_user(
        &self,
        actor: &Actor,
        rights: &Rights,
        account: &AccountId,
        before: Option<&UserId>,
        user: Option<&UserId>,
    ) -> Result<(), ManagementError> {
        for user in [before, user].into_iter().flatten() {
            if actor.user() == Some(user) || rights.acts_only_for(user) {
                continue;
            }
            // Services take a key's user for the caller, so a key of an owner needs an owner.
            if let Some(member) = self.get::<Member>(&Member::id_of(account, user)).await? {
                rights.check_outranks(member.role)?;
            }
            // The operator's users act in every account.
            if account != self.operator()
                && let Some(member) = self.get::<Member>(&Member::id_of(self.operator(), user)).await?
            {
                let rights = self.rights(actor, self.operator()).await.map_err(|error| match error {
                    ManagementError::NotFound(_) => ManagementError::Escalation("a user of the operator".to_owned()),
                    error => error,
                })?;
                rights.check_outranks(member.role)?;
            }
        }
        match user {
            Some(user) if before != Some(user) && !self.is_active_member(account, user).await? => {
                let message =
                    format!("`{user}` is not an active member of the account: invite or enable the user first");
                Err(ManagementError::invalid("user", message))
            }
            _ => Ok(()),
        }
    }

    /// A key gets no rights and no successor after its user has left: it would act for them when they return, perhaps in a higher role.
    pub(super) async fn check_has_user(&self, key: &KeyRecord) -> Result<(), ManagementError> {
        match &key.user {
            Some(user) if !self.is_active_member(&key.account, user).await? => Err(has_left(user)),
            _ => Ok(()),
        }
    }

    /// Ends these keys of one user who left while they were written, or whose account was deleted. The one who removed the user may
    /// not have seen them.
    pub(super) async fn check_still_user(&self, actor: &Actor, written: &[&KeyRecord]) -> Result<(), ManagementError> {
        self.check_still_account(actor, written).await?;
        let Some((first, user)) = written.first().and_then(|key| Some((key, key.user.as_ref()?))) else {
            return Ok(());
        };
        let policy = self.effective_policy().await?;
        if policy == UserKeyPolicy::Keep || self.is_active_member(&first.account, user).await? {
            return Ok(());
        }
        for key in written {
            let key = self.0.keys.get(&key.id).await?.ok_or(ManagementError::NotFound("key"))?;
            if matches!(key.status(self.now()), KeyStatus::Active | KeyStatus::Disabled) {
                self.end_key(actor, policy, &key, "the user left the account").await?;
            }
        }
        Err(has_left(user))
    }

    /// Notes that a user leaves this account, or all accounts. Belongs into the batch that removes the user.
    pub(crate) async fn note_leaving(
        &self,
        user: &UserId,
        account: Option<&AccountId>,
    ) -> Result<Write, ManagementError> {
        let leaving = Leaving { user: user.clone(), account: account.cloned(), at: self.now() };
        match self.get::<Leaving>(&leaving.id()).await? {
            Some(known) => known.replace(&leaving),
            None => leaving.insert(),
        }
    }

    /// Ends the keys that users have created while they left. After a crash, no other operation does.
    pub(in crate::service) async fn end_keys_of_leavers(&self) -> Result<(), ManagementError> {
        let policy = self.effective_policy().await?;
        let actor = Actor::system("maintenance", Context::new());
        for leaving in self.list_all::<Leaving>(List::of(Kind::Leaving, PAGE)).await? {
            let keys = match policy {
                UserKeyPolicy::Keep => Vec::new(),
                _ => self.working_keys_of(&leaving.user, leaving.account.as_ref()).await?,
            };
            for key in keys {
                // The user may have returned.
                if !self.is_active_member(&key.account, &leaving.user).await? {
                    self.end_key(&actor, policy, &key, "the user left the account").await?;
                }
            }
            // A request that began before the removal may still create a key.
            if self.now().saturating_since(leaving.at) > LEAVING {
                self.write_quietly(&[leaving.remove()]).await?;
            }
        }
        Ok(())
    }

    async fn end_key(
        &self,
        actor: &Actor,
        policy: UserKeyPolicy,
        key: &KeyRecord,
        why: &str,
    ) -> Result<(), ManagementError> {
        let revocation = Revocation::new(RevocationReason::AffiliationChanged);
        let revocation = revocation.with_note(why).map_err(|_| ManagementError::Internal)?;
        let ended = match policy {
            UserKeyPolicy::Keep => return Ok(()),
            UserKeyPolicy::Revoke => self.revoke(actor, key, &revocation).await,
            UserKeyPolicy::Disable if key.disabled_at.is_some() => return Ok(()),
            UserKeyPolicy::Disable => {
                let update = KeyUpdate { disabled_at: Some(Some(self.now())), ..KeyUpdate::default() };
                self.change_key(actor, "key.disable", key, &update).await
            }
        };
        match ended {
            // A concurrent request has ended the key.
            Ok(_) | Err(ManagementError::Ended | ManagementError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn is_active_member(&self, account: &AccountId, user: &UserId) -> Result<bool, ManagementError> {
        let is_member = self.get::<Member>(&Member::id_of(account, user)).await?.is_some();
        let user = self.get::<StoredUser>(user.as_str()).await?;
        Ok(is_member && user.is_some_and(|user| user.disabled_at.is_none()))
    }

    async fn working_keys_of(
        &self,
        user: &UserId,
        account: Option<&AccountId>,
    ) -> Result<Vec<KeyRecord>, ManagementError> {
        let mut found = Vec::new();
        for status in [KeyStatus::Active, KeyStatus::Disabled] {
            let query = KeyQuery {
                account: account.cloned(),
                user: Some(user.clone()),
                status: Some(status),
                limit: KeyQuery::MAX_LIMIT,
                now: self.now(),
                ..KeyQuery::default()
            };
            found.extend(self.0.keys.list_all(query).await?);
        }
        Ok(found)
    }
}

fn has_left(user: &UserId) -> ManagementError {
    let message = format!("`{user}` is no active member of the account: give the key to another user, or to none");
    ManagementError::invalid("user", message)
}
