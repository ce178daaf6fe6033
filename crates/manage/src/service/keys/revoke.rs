use keyward_core::CredentialId;
use keyward_core::lease::Propagation;
use keyward_core::lifecycle::Changed;
use keyward_core::store::KeyRecord;

use super::{KeyView, audit_value, key_view};
use crate::actor::{Actor, Who};
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::Management;
use crate::service::audit::{Draft, Target};

impl Management {
    /// Revokes a key for good: afterwards, no node accepts it. Needs `keys:write`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn revoke_key(
        &self,
        actor: &Actor,
        id: &CredentialId,
    ) -> Result<(KeyView, Propagation), ManagementError> {
        let (key, _) = self.authorize_key(actor, id, &scopes::KEYS_WRITE).await?;
        self.revoke(actor, &key).await
    }

    /// Revokes the acting key.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`] for users and programs.
    pub async fn revoke_own_key(&self, actor: &Actor) -> Result<(KeyView, Propagation), ManagementError> {
        let key = self.acting_key(actor).await?;
        self.revoke(actor, &key).await
    }

    pub(super) async fn acting_key(&self, actor: &Actor) -> Result<KeyRecord, ManagementError> {
        let Who::Key(identity) = &actor.who else { return Err(ManagementError::NotFound("key")) };
        self.0.keys.get(identity.id()).await?.ok_or(ManagementError::NotFound("key"))
    }

    async fn revoke(&self, actor: &Actor, key: &KeyRecord) -> Result<(KeyView, Propagation), ManagementError> {
        let draft =
            Draft::new(actor, "key.revoke", Target::new("key", &key.id)).account(&key.account).before(audit_value(key));
        let changed = self
            .audited(draft, self.0.keys.revoke(&key.id), |changed: &Changed| Some(audit_value(&changed.record)))
            .await?;
        Ok((key_view(changed.record, self.now()), changed.propagation))
    }
}
