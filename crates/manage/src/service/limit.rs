//! How many active keys an account may have: exactly, however many are being made at once and by however many nodes.
//!
//! A key is noted down before it is made. Whoever makes one reads the notes, counts the keys, and writes its own note on condition that
//! the notes are as they were: so of two who take the last place, one has to count again, and finds the other's.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::Duration;

use keyward_core::store::{KeyQuery, KeyStatus};
use keyward_core::{AccountId, CredentialId};

use super::{ATTEMPTS, Management};
use crate::error::ManagementError;
use crate::records::{Entity, PendingKeys, Plan};

/// How long a note counts: longer than making a key takes, should whoever made it not come back to take it away.
const NOTE_LIFE: Duration = Duration::from_secs(60);

impl Management {
    /// How many active keys an account may have.
    pub(crate) async fn key_limit(&self, account: &AccountId) -> Result<u32, ManagementError> {
        let plan = match self.read_account(account).await?.value.plan {
            Some(plan) => self.get::<Plan>(&plan).await?,
            None => None,
        };
        Ok(plan.and_then(|plan| plan.key_limit).unwrap_or(self.0.settings.key_limit))
    }

    /// Notes down a key that is about to be made.
    pub(crate) async fn reserve_slot(&self, account: &AccountId, id: &CredentialId) -> Result<(), ManagementError> {
        static SPREAD: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let limit = self.key_limit(account).await?;
        let place = SPREAD.hash_one(account) as usize % self.0.making.len();
        let _turn = match self.0.making.get(place) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        for _ in 0..ATTEMPTS {
            let known = self.get::<PendingKeys>(account.as_str()).await?;
            let now = self.now();
            let mut keys = known.as_ref().map(|known| known.keys.clone()).unwrap_or_default();
            keys.retain(|(_, until)| *until > now);
            let mut taken = self.working_keys(account, limit as usize).await?;
            taken.extend(keys.iter().map(|(id, _)| id.clone()));
            if taken.len() >= limit as usize {
                return Err(ManagementError::KeyLimit { limit });
            }
            keys.push((id.clone(), now.saturating_add(NOTE_LIFE)));
            let making = PendingKeys { account: account.clone(), keys };
            let write = match &known {
                Some(known) => known.replace(&making)?,
                None => making.insert()?,
            };
            if self.write_quietly(&[write]).await? {
                return Ok(());
            }
        }
        Err(ManagementError::Store(keyward_core::store::StoreError::unavailable(
            "others make keys in this account all the time",
        )))
    }

    /// Takes the note away. If that fails, it stops counting by itself.
    pub(crate) async fn forget_making(&self, account: &AccountId, id: &CredentialId) {
        for _ in 0..ATTEMPTS {
            let Ok(Some(known)) = self.get::<PendingKeys>(account.as_str()).await else { return };
            let mut making = known.value.clone();
            making.keys.retain(|(noted, _)| noted != id);
            let Ok(write) = known.replace(&making) else { return };
            match self.write_quietly(&[write]).await {
                Ok(false) => {}
                Ok(true) | Err(_) => return,
            }
        }
    }

    /// The keys that work or could be enabled, those among them that a rotation lets end later; a few more than `enough` at most.
    async fn working_keys(
        &self,
        account: &AccountId,
        enough: usize,
    ) -> Result<BTreeSet<CredentialId>, ManagementError> {
        let mut found = BTreeSet::new();
        // The active ones twice: a key that is disabled or enabled meanwhile is in one of the three.
        for status in [KeyStatus::Active, KeyStatus::Disabled, KeyStatus::Active] {
            let mut query = KeyQuery {
                account: Some(account.clone()),
                status: Some(status),
                limit: KeyQuery::MAX_LIMIT,
                now: self.now(),
                ..KeyQuery::default()
            };
            while found.len() <= enough {
                let page = self.0.keys.list(&query).await?;
                found.extend(page.keys.into_iter().map(|key| key.id));
                query.after = page.next;
                if query.after.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }
}
