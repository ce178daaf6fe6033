//! The predecessors and successors of a key.

use std::collections::VecDeque;

use keyward_core::CredentialId;

use crate::dashboard::member::AtKey;
use crate::dashboard::text::When;
use crate::error::ManagementError;
use crate::service::KeyView;

const MOST: usize = 20;

/// The keys that replaced one another, oldest first.
pub(super) struct Chain {
    pub(super) links: Vec<Link>,
    pub(super) has_older: bool,
    pub(super) has_newer: bool,
}

pub(super) struct Link {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) hint: String,
    pub(super) status: &'static str,
    pub(super) created: When,
    pub(super) is_current: bool,
}

impl Chain {
    /// `None` for a key that was never rotated.
    pub(super) async fn of(member: &AtKey) -> Result<Option<Self>, ManagementError> {
        let mut keys = VecDeque::from([member.key.clone()]);
        let (mut older, mut newer) = (member.key.rotated_from.clone(), member.key.rotated_to.clone());
        // In turns, so that the key itself stays near the middle.
        while keys.len() < MOST && (older.is_some() || newer.is_some()) {
            if let Some(id) = older.take()
                && let Some(key) = found(member, &id, &keys).await?
            {
                older.clone_from(&key.rotated_from);
                keys.push_front(key);
            }
            if keys.len() < MOST
                && let Some(id) = newer.take()
                && let Some(key) = found(member, &id, &keys).await?
            {
                newer.clone_from(&key.rotated_to);
                keys.push_back(key);
            }
        }
        if keys.len() == 1 {
            return Ok(None);
        }
        let now = member.management().now();
        let link = |key: &KeyView| Link {
            id: key.id.to_string(),
            name: key.name.clone(),
            hint: key.hint.to_string(),
            status: key.status.as_str(),
            created: When::at(key.created_at, now),
            is_current: key.id == member.key.id,
        };
        Ok(Some(Self {
            links: keys.iter().map(link).collect(),
            has_older: older.is_some(),
            has_newer: newer.is_some(),
        }))
    }
}

async fn found(
    member: &AtKey,
    id: &CredentialId,
    known: &VecDeque<KeyView>,
) -> Result<Option<KeyView>, ManagementError> {
    if known.iter().any(|key| key.id == *id) {
        return Ok(None);
    }
    match member.management().key(&member.actor, id).await {
        Ok(key) => Ok(Some(key).filter(|key| key.account == member.account.id)),
        Err(ManagementError::NotFound(_) | ManagementError::Forbidden(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
