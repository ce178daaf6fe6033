//! Plans that become smaller while a key is created or changed. Whoever made the plan smaller may not have seen the key.

use keyward_core::store::{KeyRecord, Revocation, RevocationReason};
use keyward_core::{KeyUpdate, ScopeSet, Timestamp};

use crate::actor::Actor;
use crate::error::ManagementError;
use crate::role::Purpose;
use crate::service::Management;

impl Management {
    /// Revokes a new key that the plan of its account does not allow any more. `limit` is the number of keys that the account might
    /// have when the key was created. After a crash, nobody has the text of the key.
    pub(super) async fn check_still_in_plan(
        &self,
        actor: &Actor,
        purpose: Purpose,
        key: &KeyRecord,
        limit: u32,
    ) -> Result<(), ManagementError> {
        let refused = match self.check_plan_again(purpose, key, limit).await {
            Err(
                refused @ (ManagementError::ScopeNotInPlan { .. }
                | ManagementError::LifetimeTooLong(_)
                | ManagementError::KeyLimit { .. }),
            ) => refused,
            fits => return fits,
        };
        let revocation = Revocation::new(RevocationReason::PrivilegeWithdrawn)
            .with_note("the plan became smaller while the key was created")
            .map_err(|_| ManagementError::Internal)?;
        match self.revoke(actor, key, &revocation).await {
            // A concurrent request has ended the key.
            Ok(_) | Err(ManagementError::Ended | ManagementError::NotFound(_)) => Err(refused),
            Err(error) => Err(error),
        }
    }

    async fn check_plan_again(&self, purpose: Purpose, key: &KeyRecord, limit: u32) -> Result<(), ManagementError> {
        self.check_scopes_of_plan(purpose, &key.account, &ScopeSet::default(), &key.scopes).await?;
        let end = key.expires_at.unwrap_or(Timestamp::MAX);
        self.keys_within(purpose, &key.account).await?.new_end(Some(end))?;
        let now = self.key_limit(&key.account).await?;
        if now < limit && self.working_keys(&key.account, now as usize).await?.len() > now as usize {
            return Err(ManagementError::KeyLimit { limit: now });
        }
        Ok(())
    }

    /// Takes the scopes back that a change gave to a key, and that the plan does not allow any more.
    pub(super) async fn check_scopes_still_in_plan(
        &self,
        actor: &Actor,
        purpose: Purpose,
        before: &KeyRecord,
        after: &ScopeSet,
    ) -> Result<(), ManagementError> {
        let refused = match self.check_scopes_of_plan(purpose, &before.account, &before.scopes, after).await {
            Err(refused @ ManagementError::ScopeNotInPlan { .. }) => refused,
            fits => return fits,
        };
        let Some(key) = self.0.keys.get(&before.id).await?.filter(|key| key.scopes == *after) else {
            return Err(refused);
        };
        let update =
            KeyUpdate { version: Some(key.version), scopes: Some(before.scopes.clone()), ..KeyUpdate::default() };
        self.change_key(actor, "key.update", &key, &update).await?;
        Err(refused)
    }
}
