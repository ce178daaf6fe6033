use keyward_api_types::{CreditsLeft, Limits, PutLimits};
#[cfg(feature = "dashboard")]
use keyward_api_types::{Rate, RatePer};
use keyward_core::store::{KeyRecord, KeyStatus};
use keyward_core::{AccountId, CredentialId};
#[cfg(feature = "dashboard")]
use keyward_limits::rate_left;
use keyward_limits::{
    BudgetRule, LimitRules, LimitStore, StoredRules, Subject, counted_as, credits_left, hand_on_rules,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::audit::{Draft, Target};
use super::{CurrentVersion, Management};
use crate::actor::{Actor, Who};
use crate::error::ManagementError;
use crate::role::scopes;

impl Management {
    pub(crate) async fn limits_version(&self, subject: &Subject) -> CurrentVersion {
        let store = self.limit_store()?;
        Ok(Some(store.rules(&counted_as(store, subject).await?).await?.version))
    }

    /// Returns the limits of a plan, an account or a key. Needs `plans:read`, `accounts:read` or `keys:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`] without the subject, or without a store of limits.
    pub async fn limits(&self, actor: &Actor, subject: &Subject) -> Result<Limits, ManagementError> {
        self.authorize_limits(actor, subject, false).await?;
        self.read_limits(subject).await
    }

    /// Returns the limits that hold for an account, or for a key of it, by the place where each is set. Needs `accounts:read`.
    ///
    /// A key's limits hold in addition.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn effective_limits(
        &self,
        actor: &Actor,
        account: &AccountId,
        key: Option<&CredentialId>,
    ) -> Result<Vec<(Subject, Limits)>, ManagementError> {
        let of_account = Subject::Account(account.clone());
        self.authorize_limits(actor, &of_account, false).await?;
        let store = self.limit_store()?;
        let own = store.rules(&of_account).await?;
        let mut found = Vec::new();
        if let Some(plan) = self.read_account(account).await?.value.plan {
            let subject = Subject::Plan(plan);
            let StoredRules { rules, version } = store.rules(&subject).await?;
            let rules = rules.beside(&own.rules);
            // Each account has its part of the plan's budget.
            let left = left_of(store, &of_account, rules.get_budget()).await?;
            found.push((subject, limits_of(&rules, left, version)?));
        }
        let left = left_of(store, &of_account, own.rules.get_budget()).await?;
        found.push((of_account, limits_of(&own.rules, left, own.version)?));
        if let Some(key) = key {
            let subject = Subject::Key(key.clone());
            let of_key = self.limits(actor, &subject).await?;
            found.push((subject, of_key));
        }
        Ok(found)
    }

    /// Returns the rates that all keys of an account share, with what no node has taken of each. Needs `accounts:read`.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn rates_left(
        &self,
        actor: &Actor,
        account: &AccountId,
    ) -> Result<Vec<(Rate, u64)>, ManagementError> {
        let effective = self.effective_limits(actor, account, None).await?;
        let holder = Subject::Account(account.clone());
        let mut rates = Vec::new();
        for rate in effective.into_iter().flat_map(|(_, limits)| limits.rates) {
            if rate.per == RatePer::Account {
                let left = rate_left(self.limit_store()?, &holder, &converted(&rate)?).await?;
                rates.push((rate, left));
            }
        }
        Ok(rates)
    }

    /// Replaces the limits of a plan, an account or a key at this version. Every node applies them within a second.
    ///
    /// For a plan or an account, it needs `plans:write` in the operator's account. For a key, it needs `keys:write` and the key's
    /// rights: the limits of its account hold as well. They hold for all keys of its rotations together. A key cannot change its own
    /// limits, and with limits of its own it changes none.
    ///
    /// # Errors
    /// [`ManagementError::Stale`], [`ManagementError::Invalid`], [`ManagementError::Escalation`], [`ManagementError::KeyHasLimits`],
    /// [`ManagementError::Ended`].
    pub async fn put_limits(
        &self,
        actor: &Actor,
        subject: &Subject,
        limits: &PutLimits,
        version: u64,
    ) -> Result<Limits, ManagementError> {
        let account = self.authorize_limits(actor, subject, true).await?;
        let store = self.limit_store()?;
        let rules = checked(limits, subject)?;
        let counted = counted_as(store, subject).await?;
        let known = store.rules(&counted).await?;
        if known.version != version {
            return Err(ManagementError::Stale);
        }
        let target = Target::new(subject.kind(), subject.id());
        let draft = Draft::new(actor, "limits.put", target).before(&known.rules);
        let draft = match &account {
            Some(account) => draft.account(account),
            None => draft,
        };
        let put = async {
            let put = store.put_rules(&counted, &rules, Some(version)).await.map_err(ManagementError::from)?;
            put.ok_or(ManagementError::Stale)
        };
        self.audited(draft, put, |_| serde_json::to_value(&rules).ok()).await?;
        self.read_limits(subject).await
    }

    /// Removes the limits of what no longer exists.
    pub(super) async fn remove_limits(&self, subject: &Subject) -> Result<(), ManagementError> {
        let Some(store) = self.0.limits.as_deref() else { return Ok(()) };
        if !store.rules(subject).await.map_err(ManagementError::from)?.rules.is_empty() {
            store.put_rules(subject, &LimitRules::default(), None).await.map_err(ManagementError::from)?;
        }
        Ok(())
    }

    /// Returns the key whose limits hold for this one: itself or the first of its rotations. `None` without limits.
    pub(super) async fn limited_as(&self, key: &CredentialId) -> Result<Option<CredentialId>, ManagementError> {
        let Some(store) = self.0.limits.as_deref() else { return Ok(None) };
        let own = store.rules(&Subject::Key(key.clone())).await?.rules;
        let Some(first) = own.counts_as() else { return Ok((!own.is_empty()).then(|| key.clone())) };
        let of_first = store.rules(&Subject::Key(first.clone())).await?.rules;
        Ok((!of_first.is_empty()).then(|| first.clone()))
    }

    /// Removes the limits of a key that has ended. Those of a rotated key hold for its successor.
    pub(super) async fn end_limits_of_key(&self, key: &KeyRecord) -> Result<(), ManagementError> {
        if key.rotated_to.is_some() {
            return Ok(());
        }
        self.remove_limits(&Subject::Key(key.id.clone())).await
    }

    /// Lets a successor have the limits of its predecessor, and spend from the same counters.
    pub(super) async fn hand_on_limits(
        &self,
        predecessor: &CredentialId,
        successor: &CredentialId,
    ) -> Result<(), ManagementError> {
        let Some(store) = self.0.limits.as_deref() else { return Ok(()) };
        Ok(hand_on_rules(store, predecessor, successor).await?)
    }

    fn limit_store(&self) -> Result<&dyn LimitStore, ManagementError> {
        self.0.limits.as_deref().ok_or(ManagementError::NotFound("store of limits"))
    }

    async fn read_limits(&self, subject: &Subject) -> Result<Limits, ManagementError> {
        let plan = match subject {
            Subject::Account(account) => self.read_account(account).await?.value.plan,
            _ => None,
        };
        stored_limits(self.limit_store()?, subject, plan.as_deref()).await
    }

    /// Returns the account that the subject belongs to, if any.
    async fn authorize_limits(
        &self,
        actor: &Actor,
        subject: &Subject,
        writes: bool,
    ) -> Result<Option<AccountId>, ManagementError> {
        match subject {
            Subject::Plan(name) => self.authorize_plan(actor, name, writes).await.map(|_| None),
            Subject::Account(account) => {
                self.authorize_account(actor, account, writes).await?;
                Ok(Some(account.clone()))
            }
            Subject::Key(key) => self.authorize_key_limits(actor, key, writes).await.map(Some),
        }
    }

    async fn authorize_key_limits(
        &self,
        actor: &Actor,
        key: &CredentialId,
        writes: bool,
    ) -> Result<AccountId, ManagementError> {
        let scope = if writes { &scopes::KEYS_WRITE } else { &scopes::KEYS_READ };
        let (key, rights) = self.authorize_key(actor, key, scope).await?;
        if writes {
            rights.check_changes_limits()?;
            if matches!(&actor.who, Who::Key(acting) if *acting.id() == key.id) {
                return Err(ManagementError::Escalation("other limits to the key that you use".to_owned()));
            }
            if !matches!(key.status(self.now()), KeyStatus::Active | KeyStatus::Disabled) {
                return Err(ManagementError::Ended);
            }
            self.check_covers_key(&rights, &key).await?;
            self.check_user(actor, &rights, &key.account, key.user.as_ref(), key.user.as_ref()).await?;
            self.check_recent(actor).await?;
        }
        Ok(key.account)
    }
}

/// Reads the limits of a plan, an account or a key from a store without a management service. An account has this plan.
///
/// # Errors
/// [`ManagementError::Store`].
pub async fn stored_limits(
    store: &dyn LimitStore,
    subject: &Subject,
    plan: Option<&str>,
) -> Result<Limits, ManagementError> {
    let subject = &counted_as(store, subject).await?;
    let StoredRules { rules, version } = store.rules(subject).await?;
    let mut budget = rules.get_budget().cloned();
    if let (Subject::Account(_), None, Some(plan)) = (subject, &budget, plan) {
        budget = store.rules(&Subject::Plan(plan.into())).await?.rules.get_budget().cloned();
    }
    let left = match subject {
        Subject::Plan(_) => None,
        _ => left_of(store, subject, budget.as_ref()).await?,
    };
    limits_of(&rules, left, version)
}

async fn left_of(
    store: &dyn LimitStore,
    subject: &Subject,
    budget: Option<&BudgetRule>,
) -> Result<Option<CreditsLeft>, ManagementError> {
    let Some(budget) = budget else { return Ok(None) };
    let left = credits_left(store, subject, budget).await?;
    let resets_in_seconds = left.resets_in_seconds();
    Ok(Some(CreditsLeft { credits: left.credits, remaining: left.remaining, resets_in_seconds }))
}

fn limits_of(rules: &LimitRules, left: Option<CreditsLeft>, version: u64) -> Result<Limits, ManagementError> {
    let PutLimits { rates, budget, tasks } = converted(rules)?;
    Ok(Limits { rates, budget, tasks, left, version })
}

/// Replaces limits at this version in a store without a management service. No audit log has an entry of it.
///
/// # Errors
/// [`ManagementError::Stale`], [`ManagementError::Invalid`], [`ManagementError::Store`].
pub async fn store_limits(
    store: &dyn LimitStore,
    subject: &Subject,
    limits: &PutLimits,
    version: u64,
) -> Result<(), ManagementError> {
    let rules = checked(limits, subject)?;
    let put = store.put_rules(&counted_as(store, subject).await?, &rules, Some(version)).await?;
    put.map(drop).ok_or(ManagementError::Stale)
}

fn checked(limits: &PutLimits, subject: &Subject) -> Result<LimitRules, ManagementError> {
    let rules: LimitRules = converted(limits)?;
    rules.check_for(subject).map_err(|error| invalid(&error))?;
    Ok(rules)
}

/// Both types have the same JSON, and only one checks the bounds.
fn converted<T: DeserializeOwned>(from: &impl Serialize) -> Result<T, ManagementError> {
    let value = serde_json::to_value(from).map_err(|_| ManagementError::Internal)?;
    serde_json::from_value(value).map_err(|error| invalid(&error))
}

fn invalid(error: &dyn std::error::Error) -> ManagementError {
    ManagementError::invalid("limits", error.to_string())
}
