use std::time::Duration;

use keyward_core::lease::Propagation;
use keyward_core::lifecycle::{Rotated, Rotation};
use keyward_core::{CredentialId, PlainKey};
use serde_json::json;

use super::{KeyView, audit_value, key_view};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::Management;
use crate::service::audit::{Draft, Target};

const MAX_OVERLAP: Duration = Duration::from_secs(366 * 24 * 3_600);

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

impl Management {
    /// Creates a key's successor, and ends the old key after `overlap`. Needs `keys:write` and the key's rights.
    ///
    /// # Errors
    /// [`ManagementError::Rotated`], [`ManagementError::Stale`], [`ManagementError::Ended`],
    /// [`ManagementError::Escalation`].
    pub async fn rotate_key(
        &self,
        actor: &Actor,
        id: &CredentialId,
        overlap: Duration,
    ) -> Result<NewlyRotated, ManagementError> {
        let (key, rights) = self.authorize_key(actor, id, &scopes::KEYS_WRITE).await?;
        let purpose = self.check_covers_key(&rights, &key)?;
        self.check_user(actor, &rights, &key.account, key.user.as_ref(), key.user.as_ref()).await?;
        self.check_recent(actor).await?;
        if overlap > MAX_OVERLAP {
            let message = format!("{} is too long: expected at most {}", overlap.as_secs(), MAX_OVERLAP.as_secs());
            return Err(ManagementError::invalid("overlap_seconds", message));
        }
        if key.rotated_to.is_some() {
            return Err(ManagementError::Rotated);
        }
        // Both keys work during the overlap, so the successor needs a slot.
        let place = (!overlap.is_zero()).then(CredentialId::generate);
        if let Some(place) = &place {
            self.reserve_slot(&key.account, place).await?;
        }
        // A successor that a key creates must not outlive that key.
        let rotation = Rotation {
            overlap,
            version: Some(key.version),
            latest_end: rights.expires_at(),
            created_by: Some(actor.creator()),
        };
        let draft =
            Draft::new(actor, "key.rotate", Target::new("key", id)).account(&key.account).before(audit_value(&key));
        let rotated = self
            .audited(
                draft,
                self.keys_for(purpose).rotate_with(id, rotation),
                |rotated: &Rotated| {
                    Some(json!({"predecessor": audit_value(&rotated.predecessor), "successor": audit_value(&rotated.record)}))
                },
            )
            .await;
        if let Some(place) = &place {
            self.release_slot(&key.account, place).await;
        }
        let rotated = rotated?;
        self.check_still_user(actor, &rotated.record).await?;
        let now = self.now();
        Ok(NewlyRotated {
            key: rotated.key,
            view: key_view(rotated.record, now),
            predecessor: key_view(rotated.predecessor, now),
            propagation: rotated.propagation,
        })
    }
}
