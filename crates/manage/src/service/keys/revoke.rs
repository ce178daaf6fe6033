use keyward_core::CredentialId;
use keyward_core::key::KeyKind;
use keyward_core::lease::Propagation;
use keyward_core::lifecycle::Changed;
use keyward_core::store::{KeyRecord, Revocation};

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
        self.revoke_key_with(actor, id, &Revocation::default()).await
    }

    /// Revokes a key for good, with a reason and a note. Needs `keys:write`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn revoke_key_with(
        &self,
        actor: &Actor,
        id: &CredentialId,
        revocation: &Revocation,
    ) -> Result<(KeyView, Propagation), ManagementError> {
        let (key, _) = self.authorize_key(actor, id, &scopes::KEYS_WRITE).await?;
        self.revoke(actor, &key, revocation).await
    }

    /// Revokes the acting key.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`] for users and programs.
    pub async fn revoke_own_key(&self, actor: &Actor) -> Result<(KeyView, Propagation), ManagementError> {
        self.revoke_own_key_with(actor, &Revocation::default()).await
    }

    /// Revokes the acting key, with a reason and a note.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`] for users and programs.
    pub async fn revoke_own_key_with(
        &self,
        actor: &Actor,
        revocation: &Revocation,
    ) -> Result<(KeyView, Propagation), ManagementError> {
        let key = self.acting_key(actor).await?;
        self.revoke(actor, &key, revocation).await
    }

    pub(super) async fn acting_key(&self, actor: &Actor) -> Result<KeyRecord, ManagementError> {
        let Who::Key(identity) = &actor.who else { return Err(ManagementError::NotFound("key")) };
        let key = self.0.keys.get(identity.id()).await?.ok_or(ManagementError::NotFound("key"))?;
        if key.kind == KeyKind::Publishable { Err(ManagementError::Publishable) } else { Ok(key) }
    }

    pub(in crate::service) async fn revoke(
        &self,
        actor: &Actor,
        key: &KeyRecord,
        revocation: &Revocation,
    ) -> Result<(KeyView, Propagation), ManagementError> {
        let draft =
            Draft::new(actor, "key.revoke", Target::new("key", &key.id)).account(&key.account).before(audit_value(key));
        let changed = self
            .audited(draft, self.0.keys.revoke_with(&key.id, revocation), |changed: &Changed| {
                Some(audit_value(&changed.record))
            })
            .await?;
        // Rules of a key that has ended are useless, and not wrong.
        if let Err(error) = self.end_limits_of_key(&changed.record).await {
            tracing::warn!(%error, key = %key.id, "the limits of a revoked key were not removed");
        }
        Ok((key_view(changed.record, self.now()), changed.propagation))
    }
}
