//! Plans and lifetimes that become smaller while a key is created, imported, rotated or changed. The user who made them smaller may not
//! have seen the key.

use std::time::Duration;

use keyward_core::store::{KeyRecord, Revocation, RevocationReason};
use keyward_core::{AccountId, KeyUpdate, ScopeSet, Timestamp};

use super::{KeyView, key_view};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::role::Purpose;
use crate::service::{ATTEMPTS, Management};

const MOMENT: Duration = Duration::from_secs(10);

impl Management {
    /// Revokes a new key that the plan of its account does not allow any more. `limit` is the number of keys that the account might
    /// have when the key was created. After a crash, the text of the key is lost.
    pub(super) async fn check_still_in_plan(
        &self,
        actor: &Actor,
        purpose: Purpose,
        key: &KeyRecord,
        limit: u32,
    ) -> Result<(), ManagementError> {
        let fits = match self.check_new_again(purpose, key).await {
            Ok(()) => self.check_limit_again(&key.account, limit).await,
            refused => refused,
        };
        self.revoke_if_refused(actor, key, "created", fits).await
    }

    /// The same for an imported key, whose account may have any number of keys.
    pub(super) async fn check_import_still_in_plan(
        &self,
        actor: &Actor,
        purpose: Purpose,
        key: &KeyRecord,
    ) -> Result<(), ManagementError> {
        self.revoke_if_refused(actor, key, "imported", self.check_new_again(purpose, key).await).await
    }

    /// Ends a successor at the latest end that is allowed now: its predecessor may have ended, so that the caller needs it. With a `limit`,
    /// both work for a while. A successor that is one key too many is revoked, and the predecessor has its overlap.
    pub(super) async fn fit_successor(
        &self,
        actor: &Actor,
        successor: KeyRecord,
        limit: Option<u32>,
    ) -> Result<KeyView, ManagementError> {
        if let Some(limit) = limit {
            let fits = self.check_limit_again(&successor.account, limit).await;
            self.revoke_if_refused(actor, &successor, "rotated", fits).await?;
        }
        let mut key = successor;
        for _ in 0..ATTEMPTS {
            let latest = self.lifetimes_for(&key.account).await?.latest_end(self.now());
            let Some(latest) = latest.filter(|latest| key.expires_at.is_none_or(|end| end > *latest)) else {
                return Ok(key_view(key, self.now()));
            };
            let expires_at = Some(Some(latest));
            let update = KeyUpdate { version: Some(key.version), expires_at, ..KeyUpdate::default() };
            match self.change_key(actor, "key.update", &key, &update).await {
                Ok((view, _)) => return Ok(view),
                Err(ManagementError::Stale) => {
                    key = self.0.keys.get(&key.id).await?.ok_or(ManagementError::NotFound("key"))?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(ManagementError::Stale)
    }

    /// Takes back what a change gave to a key, if the plan or the maximum lifetime does not allow it any more.
    pub(super) async fn check_change_still_in_plan(
        &self,
        actor: &Actor,
        purpose: Purpose,
        before: &KeyRecord,
        after: &KeyUpdate,
    ) -> Result<(), ManagementError> {
        let refused = match self.check_change_again(purpose, before, after).await {
            Err(refused) if is_refused(&refused) => refused,
            fits => return fits,
        };
        for _ in 0..ATTEMPTS {
            let Some(key) = self.0.keys.get(&before.id).await? else { return Err(refused) };
            let mut update = KeyUpdate { version: Some(key.version), ..KeyUpdate::default() };
            // A later change stays.
            if after.scopes.as_ref().is_some_and(|scopes| *scopes == key.scopes) {
                update.scopes = Some(before.scopes.clone());
            }
            if after.expires_at == Some(key.expires_at) {
                // The old end may have passed since, and no key gets an end in the past.
                let soon = self.now().saturating_add(MOMENT);
                update.expires_at = Some(before.expires_at.map(|end| end.max(soon)));
            }
            if update.scopes.is_none() && update.expires_at.is_none() {
                return Err(refused);
            }
            // Without lifetimes: the old end may exceed the maximum, too.
            match self.change_key_of(&self.0.keys, actor, "key.update", &key, &update).await {
                // Another request has changed the key.
                Err(ManagementError::Stale) => {}
                // Or has ended it.
                Ok(_) | Err(ManagementError::Ended | ManagementError::NotFound(_)) => return Err(refused),
                Err(error) => return Err(error),
            }
        }
        Err(ManagementError::Stale)
    }

    async fn check_change_again(
        &self,
        purpose: Purpose,
        before: &KeyRecord,
        after: &KeyUpdate,
    ) -> Result<(), ManagementError> {
        if let Some(scopes) = &after.scopes {
            self.check_scopes_of_plan(purpose, &before.account, &before.scopes, scopes).await?;
        }
        // An end that stays or moves earlier is never too long.
        let last = |end: Option<Timestamp>| end.and_then(Timestamp::as_end).unwrap_or(Timestamp::MAX);
        match after.expires_at {
            Some(end) if last(end) > last(before.expires_at) => self.check_end(purpose, &before.account, end).await,
            _ => Ok(()),
        }
    }

    async fn check_new_again(&self, purpose: Purpose, key: &KeyRecord) -> Result<(), ManagementError> {
        self.check_scopes_of_plan(purpose, &key.account, &ScopeSet::default(), &key.scopes).await?;
        self.check_end(purpose, &key.account, key.expires_at).await
    }

    async fn check_end(
        &self,
        purpose: Purpose,
        account: &AccountId,
        end: Option<Timestamp>,
    ) -> Result<(), ManagementError> {
        self.keys_within(purpose, account).await?.new_end(Some(end.unwrap_or(Timestamp::MAX)))?;
        Ok(())
    }

    async fn check_limit_again(&self, account: &AccountId, limit: u32) -> Result<(), ManagementError> {
        let now = self.key_limit(account).await?;
        if now < limit && self.working_keys(account, now as usize).await?.len() > now as usize {
            return Err(ManagementError::KeyLimit { limit: now });
        }
        Ok(())
    }

    async fn revoke_if_refused(
        &self,
        actor: &Actor,
        key: &KeyRecord,
        done: &str,
        fits: Result<(), ManagementError>,
    ) -> Result<(), ManagementError> {
        let refused = match fits {
            Err(refused) if is_refused(&refused) => refused,
            fits => return fits,
        };
        let revocation = Revocation::new(RevocationReason::PrivilegeWithdrawn)
            .with_note(&format!("the plan became smaller while the key was {done}"))
            .map_err(|_| ManagementError::Internal)?;
        match self.revoke(actor, key, &revocation).await {
            // A concurrent request has ended the key.
            Ok(_) | Err(ManagementError::Ended | ManagementError::NotFound(_)) => Err(refused),
            Err(error) => Err(error),
        }
    }
}

/// Another failure tells nothing about the plan.
fn is_refused(error: &ManagementError) -> bool {
    matches!(
        error,
        ManagementError::ScopeNotInPlan { .. } | ManagementError::LifetimeTooLong(_) | ManagementError::KeyLimit { .. }
    )
}
