//! The keys of a user.

use keyward_api_types::RevokedKeys;
use keyward_core::id::UserId;
use keyward_core::store::{KeyQuery, KeyRecord, KeyStatus, Revocation, RevocationReason};
use keyward_core::{AccountId, KeyUpdate};

use crate::actor::Actor;
use crate::authority::Rights;
use crate::error::ManagementError;
use crate::records::{Member, StoredUser};
use crate::role::scopes;
use crate::service::Management;
use crate::service::settings::UserKeyPolicy;

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

    /// Follows the policy after a user has left this account, or all accounts. `why` is the note of a revocation.
    pub(crate) async fn end_user_keys(
        &self,
        actor: &Actor,
        user: &UserId,
        account: Option<&AccountId>,
        why: &str,
    ) -> Result<(), ManagementError> {
        let policy = self.user_key_policy();
        if policy == UserKeyPolicy::Keep {
            return Ok(());
        }
        let revocation = Revocation::new(RevocationReason::AffiliationChanged);
        let revocation = revocation.with_note(why).map_err(|_| ManagementError::Internal)?;
        for key in self.working_keys_of(user, account).await? {
            let ended = match policy {
                UserKeyPolicy::Revoke => self.revoke(actor, &key, &revocation).await,
                _ if key.disabled_at.is_some() => continue,
                _ => {
                    let update = KeyUpdate { disabled_at: Some(Some(self.now())), ..KeyUpdate::default() };
                    self.change_key(actor, "key.disable", &key, &update).await
                }
            };
            match ended {
                // A concurrent request has ended the key.
                Ok(_) | Err(ManagementError::Ended | ManagementError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Checks the user that a key shall belong to. `before` is its user until now.
    pub(super) async fn check_user(
        &self,
        actor: &Actor,
        rights: &Rights,
        account: &AccountId,
        before: Option<&UserId>,
        user: Option<&UserId>,
    ) -> Result<(), ManagementError> {
        for user in [before, user].into_iter().flatten() {
            // Services take a key's user for the caller, so a key of an owner needs an owner.
            if let Some(member) = self.get::<Member>(&Member::id_of(account, user)).await?
                && actor.user() != Some(user)
                && !rights.acts_only_for(user)
            {
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

    /// Ends a key whose user left while it was written. The one who removed the user may not have seen it.
    pub(super) async fn check_still_user(&self, actor: &Actor, key: &KeyRecord) -> Result<(), ManagementError> {
        let Some(user) = key.user.as_ref().filter(|_| self.user_key_policy() != UserKeyPolicy::Keep) else {
            return Ok(());
        };
        if self.is_active_member(&key.account, user).await? {
            return Ok(());
        }
        self.end_user_keys(actor, user, Some(&key.account), "the user left the account").await?;
        Err(ManagementError::invalid("user", format!("`{user}` has left the account: choose another user")))
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
