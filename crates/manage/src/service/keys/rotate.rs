use std::time::Duration;

use keyward_api_types::RotationPreview;
use keyward_core::lease::Propagation;
use keyward_core::lifecycle::{Rotated, Rotation};
use keyward_core::store::KeyStatus;
use keyward_core::{CredentialId, PlainKey, Timestamp};
use serde_json::json;

use super::{KeyView, audit_value, key_view};
use crate::actor::Actor;
use crate::authority::Rights;
use crate::error::ManagementError;
use crate::role::{Purpose, scopes};
use crate::service::Management;
use crate::service::audit::{Draft, Target};

pub(crate) const MAX_OVERLAP: Duration = Duration::from_secs(366 * 24 * 3_600);

/// A rotated key.
#[derive(Debug)]
pub struct NewlyRotated {
    /// The successor, to be shown once.
    pub key: PlainKey,
    /// Its stored properties.
    pub view: KeyView,
    /// The old key.
    pub predecessor: KeyView,
    /// How its new expiry reached every node.
    pub propagation: Propagation,
}

/// A rotation of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyRotation {
    /// How long both keys work.
    pub overlap: Duration,
    /// The successor's end, or `Some(None)` for never. Defaults to that of [`Management::preview_rotation`].
    pub expires_at: Option<Option<Timestamp>>,
}

impl Management {
    /// Returns the end that a rotation now gives to a key's successor, and the latest that it can choose. Needs `keys:read`.
    ///
    /// # Errors
    /// [`ManagementError::Rotated`], [`ManagementError::Ended`].
    pub async fn preview_rotation(&self, actor: &Actor, id: &CredentialId) -> Result<RotationPreview, ManagementError> {
        let (key, rights) = self.authorize_key(actor, id, &scopes::KEYS_READ).await?;
        if key.rotated_to.is_some() {
            return Err(ManagementError::Rotated);
        }
        if !matches!(key.status(self.now()), KeyStatus::Active | KeyStatus::Disabled) {
            return Err(ManagementError::Ended);
        }
        let keys = self.keys_within(Purpose::Api, &key.account).await?;
        let expires_at = keys.successor_end(&key, rights.expires_at());
        // Read later, so that the default is never after the latest end.
        let latest_end = keys.lifetimes().latest_end(self.now());
        Ok(RotationPreview { expires_at, latest_expires_at: rights.expires_at().into_iter().chain(latest_end).min() })
    }

    /// Creates a key's successor, and ends the old key after `overlap`. Needs `keys:write` and the key's rights. Both keys share
    /// limits of the key, and what is spent of them.
    ///
    /// # Errors
    /// As for [`rotate_key_with`](Self::rotate_key_with).
    pub async fn rotate_key(
        &self,
        actor: &Actor,
        id: &CredentialId,
        overlap: Duration,
    ) -> Result<NewlyRotated, ManagementError> {
        self.rotate_key_with(actor, id, KeyRotation { overlap, expires_at: None }).await
    }

    /// Creates a key's successor with a chosen end. Needs `keys:write` and the key's rights. If the maximum lifetime becomes shorter
    /// meanwhile, the successor ends earlier, as the result shows.
    ///
    /// # Errors
    /// [`ManagementError::Rotated`], [`ManagementError::Stale`], [`ManagementError::Ended`],
    /// [`ManagementError::Escalation`], [`ManagementError::KeyHasLimits`], [`ManagementError::LifetimeTooLong`];
    /// [`ManagementError::KeyLimit`] with an overlap. If the limit becomes smaller meanwhile, the successor is revoked, and the key has
    /// its overlap.
    pub async fn rotate_key_with(
        &self,
        actor: &Actor,
        id: &CredentialId,
        rotation: KeyRotation,
    ) -> Result<NewlyRotated, ManagementError> {
        let KeyRotation { overlap, expires_at } = rotation;
        let (key, rights) = self.authorize_key(actor, id, &scopes::KEYS_WRITE).await?;
        let purpose = self.check_covers_key(&rights, &key).await?;
        self.check_user(actor, &rights, &key.account, key.user.as_ref(), key.user.as_ref()).await?;
        self.check_has_user(&key).await?;
        self.check_recent(actor).await?;
        if overlap > MAX_OVERLAP {
            let message = format!("{} is too long: expected at most {}", overlap.as_secs(), MAX_OVERLAP.as_secs());
            return Err(ManagementError::invalid("overlap_seconds", message));
        }
        if key.rotated_to.is_some() {
            return Err(ManagementError::Rotated);
        }
        let keys = self.keys_within(purpose, &key.account).await?;
        let mut created_by = actor.creator();
        if Rights::of_record(&key, purpose).change_who_signs_in() {
            created_by = self.responsible_for(actor).await?;
            self.confirm_user(actor).await?;
        }
        let successor = CredentialId::generate();
        // A successor that a key creates must not outlive that key.
        let rotation = Rotation {
            overlap,
            version: Some(key.version),
            expires_at,
            latest_end: rights.expires_at(),
            created_by: Some(created_by),
            successor: Some(successor.clone()),
        };
        // Before the rotation, so that the successor never works without limits, and a failure changes nothing.
        self.hand_on_limits(&key.id, &successor).await?;
        // Both keys work during the overlap, so the successor needs a slot.
        let place = (!overlap.is_zero()).then_some(&successor);
        let limit = match place {
            Some(place) => Some(self.reserve_slot(&key.account, place).await?),
            None => None,
        };
        let draft =
            Draft::new(actor, "key.rotate", Target::new("key", id)).account(&key.account).before(audit_value(&key));
        let rotated = self
            .audited(
                draft,
                keys.rotate_with(id, rotation),
                |rotated: &Rotated| {
                    Some(json!({"predecessor": audit_value(&rotated.predecessor), "successor": audit_value(&rotated.record)}))
                },
            )
            .await;
        if let Some(place) = place {
            self.release_slot(&key.account, place).await;
        }
        let rotated = rotated?;
        // Without an overlap, the old key may have leaked, and others may have chosen where its webhooks send.
        #[cfg(feature = "webhooks")]
        if !overlap.is_zero()
            && let Err(error) = self.hand_on_webhooks(&rotated.predecessor, &rotated.record.id).await
        {
            tracing::warn!(%error, key = %id, "the webhooks of a rotated key have no responsible key after its end");
        }
        self.check_still_user(actor, &[&rotated.record, &rotated.predecessor]).await?;
        Ok(NewlyRotated {
            key: rotated.key,
            view: self.fit_successor(actor, rotated.record, limit).await?,
            predecessor: key_view(rotated.predecessor, self.now()),
            propagation: rotated.propagation,
        })
    }
}
