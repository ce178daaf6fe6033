//! Rotating a key.

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

/// The longest overlap of a rotation.
const MAX_OVERLAP: Duration = Duration::from_secs(366 * 24 * 3_600);

/// A key that was rotated.
#[derive(Debug)]
pub struct NewlyRotated {
    /// The successor, to be shown to its owner once.
    pub key: PlainKey,
    /// What is known of the successor.
    pub view: KeyView,
    /// The key that it succeeds, with its end.
    pub predecessor: KeyView,
    /// How the end became true on every node.
    pub propagation: Propagation,
}

impl Management {
    /// Makes a successor of a key and lets the old one end after `overlap`. Needs `keys:write`, and nobody rotates a key that could do
    /// what they cannot.
    ///
    /// # Errors
    /// [`ManagementError::Rotated`], [`ManagementError::Stale`] if it is changed at the same moment, [`ManagementError::Ended`],
    /// [`ManagementError::Escalation`], [`ManagementError::Invalid`], [`ManagementError::NotFound`], [`ManagementError::Forbidden`].
    pub async fn rotate_key(
        &self,
        actor: &Actor,
        id: &CredentialId,
        overlap: Duration,
    ) -> Result<NewlyRotated, ManagementError> {
        let (key, rights) = self.authorize_key(actor, id, &scopes::KEYS_WRITE).await?;
        let purpose = self.check_covers_key(&rights, &key)?;
        self.check_recent(actor).await?;
        if overlap > MAX_OVERLAP {
            return Err(ManagementError::invalid("overlap_seconds", "at most a year"));
        }
        if key.rotated_to.is_some() {
            return Err(ManagementError::Rotated);
        }
        // During the overlap both keys work, so the successor takes a place of its own.
        let place = (!overlap.is_zero()).then(CredentialId::generate);
        if let Some(place) = &place {
            self.reserve_slot(&key.account, place).await?;
        }
        // A key that ends does not outlive itself in a successor.
        let rotation = Rotation { overlap, version: Some(key.version), latest_end: rights.expires_at() };
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
        let now = self.now();
        Ok(NewlyRotated {
            key: rotated.key,
            view: key_view(rotated.record, now),
            predecessor: key_view(rotated.predecessor, now),
            propagation: rotated.propagation,
        })
    }
}
