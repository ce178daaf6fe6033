//! A slot is reserved first with compare-and-swap, so concurrent requests cannot exceed the limit.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::Duration;

use keyward_core::store::{KeyQuery, KeyStatus};
use keyward_core::{AccountId, CredentialId, Issued, NewKey, PlainKey, ScopeSet};

#[cfg(feature = "dashboard")]
use super::KeyChange;
use super::{KeyView, audit_value, check_rules, key_view};
use crate::actor::Actor;
use crate::authority::Rights;
use crate::error::ManagementError;
use crate::records::{Entity, PendingKeys, Plan};
use crate::role::{Purpose, scopes};
use crate::service::audit::{Draft, Target};
#[cfg(feature = "dashboard")]
use crate::service::wrong_fields;
use crate::service::{ATTEMPTS, Management, check_name};

/// A key to create.
///
/// # Examples
/// ```
/// use keyward::Mode;
/// use keyward::manage::KeyDraft;
///
/// let mut draft = KeyDraft::secret("acct_1".parse()?, "development");
/// draft.mode = Mode::Test;
/// # Ok::<(), keyward::id::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct KeyDraft {
    /// Purpose of the key.
    pub purpose: Purpose,
    /// Properties of the key.
    pub new: NewKey,
}

impl KeyDraft {
    /// Describes a live secret key of the provider's API that grants everything.
    #[must_use]
    pub fn secret(account: AccountId, name: impl Into<String>) -> Self {
        Self::of(Purpose::Api, NewKey::secret(account, name))
    }

    /// Describes a live restricted management key.
    #[must_use]
    pub fn management(account: AccountId, name: impl Into<String>, scopes: ScopeSet) -> Self {
        Self::of(Purpose::Management, NewKey::restricted(account, name, scopes))
    }

    /// Describes a key.
    #[must_use]
    pub fn of(purpose: Purpose, new: NewKey) -> Self {
        Self { purpose, new }
    }
}

impl std::ops::Deref for KeyDraft {
    type Target = NewKey;

    fn deref(&self) -> &NewKey {
        &self.new
    }
}

impl std::ops::DerefMut for KeyDraft {
    fn deref_mut(&mut self) -> &mut NewKey {
        &mut self.new
    }
}

/// A new key.
#[derive(Debug)]
pub struct NewlyIssued {
    /// The key, to be shown once.
    pub key: PlainKey,
    /// Stored properties.
    pub view: KeyView,
}

const RESERVATION_LIFE: Duration = Duration::from_secs(60);

impl Management {
    /// Creates a key. Needs `keys:write` and the key's rights. A key of another user also needs `members:write`.
    ///
    /// # Errors
    /// [`ManagementError::KeyLimit`], [`ManagementError::Escalation`], [`ManagementError::KeyHasLimits`],
    /// [`ManagementError::LifetimeTooLong`], [`ManagementError::ScopeNotInPlan`];
    /// [`ManagementError::AccountDeleted`] for a program.
    pub async fn create_key(&self, actor: &Actor, draft: KeyDraft) -> Result<NewlyIssued, ManagementError> {
        let KeyDraft { purpose, mut new } = draft;
        if actor.is_system() {
            self.check_not_deleted(&new.account).await?;
        }
        let rights = self.rights(actor, &new.account).await?;
        rights.require(&scopes::KEYS_WRITE)?;
        let keys = self.keys_within(purpose, &new.account).await?;
        new.expires_at = keys.new_end(new.expires_at)?;
        let wanted = Rights::of_new(&new, purpose).within(&new.account, self.operator());
        rights.check_key(&wanted)?;
        self.check_user(actor, &rights, &new.account, None, new.user.as_ref()).await?;
        self.check_scopes_of_plan(purpose, &new.account, &ScopeSet::default(), &new.scopes).await?;
        self.check_recent(actor).await?;
        new.created_by = Some(actor.creator());
        new.name = check_name("name", &new.name)?;
        check_rules(Some(&new.endpoints), Some(&new.networks), Some(&new.metadata))?;
        keys.check_new(&new)?;
        if wanted.change_who_signs_in() {
            new.created_by = Some(self.responsible_for(actor).await?);
            self.confirm_user(actor).await?;
        }
        let (id, account) = (CredentialId::generate(), new.account.clone());
        let limit = self.reserve_slot(&account, &id).await?;
        let draft = Draft::new(actor, "key.create", Target::new("key", &id)).account(&account);
        let issued = self
            .audited(draft, keys.issue_as(id.clone(), new), |issued: &Issued| Some(audit_value(&issued.record)))
            .await;
        self.release_slot(&account, &id).await;
        let Issued { key, record } = issued?;
        self.check_still_user(actor, &[&record]).await?;
        self.check_still_in_plan(actor, purpose, &record, limit).await?;
        Ok(NewlyIssued { key, view: key_view(record, self.now()) })
    }

    /// Checks the fields of a draft one by one, for a form that shows all mistakes at once.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn wrong_fields_of_key(&self, draft: &KeyDraft) -> Result<Vec<ManagementError>, ManagementError> {
        let keys = self.keys_within(draft.purpose, &draft.account).await?;
        let none = ScopeSet::default();
        wrong_fields([
            check_name("name", &draft.name).map(drop),
            self.check_scopes_of_plan(draft.purpose, &draft.account, &none, &draft.scopes).await,
            keys.new_end(draft.expires_at).map(drop).map_err(ManagementError::from),
            check_rules(Some(&draft.endpoints), None, None),
            check_rules(None, Some(&draft.networks), None),
        ])
    }

    /// The same for a change. The maximum of lifetimes is left to the change itself.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn wrong_fields_of_change(
        &self,
        key: &KeyView,
        change: &KeyChange,
    ) -> Result<Vec<ManagementError>, ManagementError> {
        let scopes = change.scopes.as_ref().unwrap_or(&key.scopes);
        wrong_fields([
            self.check_scopes_of_plan(key.purpose, &key.account, &key.scopes, scopes).await,
            check_rules(change.endpoints.as_deref(), None, None),
            check_rules(None, change.networks.as_deref(), None),
        ])
    }

    pub(crate) async fn key_limit(&self, account: &AccountId) -> Result<u32, ManagementError> {
        let plan = match self.read_account(account).await?.value.plan {
            Some(plan) => self.get::<Plan>(&plan).await?,
            None => None,
        };
        Ok(plan.and_then(|plan| plan.key_limit).unwrap_or(self.0.settings.key_limit))
    }

    /// Returns the limit that was counted against.
    pub(crate) async fn reserve_slot(&self, account: &AccountId, id: &CredentialId) -> Result<u32, ManagementError> {
        static SPREAD: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let limit = self.key_limit(account).await?;
        if limit == u32::MAX {
            return Ok(limit);
        }
        let place = SPREAD.hash_one(account) as usize % self.0.creation_locks.len();
        let _turn = match self.0.creation_locks.get(place) {
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
            keys.push((id.clone(), now.saturating_add(RESERVATION_LIFE)));
            let pending = PendingKeys { account: account.clone(), keys };
            let write = match &known {
                Some(known) => known.replace(&pending)?,
                None => pending.insert()?,
            };
            if self.write_quietly(&[write]).await? {
                return Ok(limit);
            }
        }
        Err(ManagementError::Store(keyward_core::store::StoreError::unavailable(
            "other requests keep creating keys in this account",
        )))
    }

    pub(crate) async fn release_slot(&self, account: &AccountId, id: &CredentialId) {
        for _ in 0..ATTEMPTS {
            let Ok(Some(known)) = self.get::<PendingKeys>(account.as_str()).await else { return };
            let mut pending = known.value.clone();
            pending.keys.retain(|(reserved, _)| reserved != id);
            let Ok(write) = known.replace(&pending) else { return };
            match self.write_quietly(&[write]).await {
                Ok(false) => {}
                Ok(true) | Err(_) => return,
            }
        }
    }

    pub(super) async fn working_keys(
        &self,
        account: &AccountId,
        enough: usize,
    ) -> Result<BTreeSet<CredentialId>, ManagementError> {
        let mut found = BTreeSet::new();
        // Active keys are read twice, so that a key that is disabled or enabled in between is seen.
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
