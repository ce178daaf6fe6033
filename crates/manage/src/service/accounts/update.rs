use keyward_core::AccountId;
use keyward_core::lease::Propagation;
use smol_str::SmolStr;

use super::{check_features, record_of};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Account, Versioned};
use crate::role::scopes;
use crate::service::audit::{Draft, Target};
use crate::service::{ATTEMPTS, Management, check_name};

/// Changes to an account, by default none.
///
/// # Examples
/// ```
/// let update = keyward::manage::AccountUpdate { name: Some("Example Ltd".into()), ..Default::default() };
/// # let _ = update;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountUpdate {
    /// New name.
    pub name: Option<String>,
    /// New plan, or `Some(None)` for none. Operator only.
    pub plan: Option<Option<SmolStr>>,
    /// New features. Operator only.
    pub features: Option<Vec<SmolStr>>,
    /// Whether to refuse its keys. Operator only.
    pub suspended: Option<bool>,
}

impl Management {
    /// Updates an account at this version. Needs `accounts:write`, or for operator-only values `plans:write` in the
    /// operator's account.
    ///
    /// # Errors
    /// [`ManagementError::Stale`].
    pub async fn update_account(
        &self,
        actor: &Actor,
        id: &AccountId,
        update: &AccountUpdate,
        version: u64,
    ) -> Result<Versioned<Account>, ManagementError> {
        self.change_account(actor, id, update, version).await?;
        self.read_account(id).await
    }

    /// Updates an account as [`update_account`](Self::update_account) does. Returns the propagation.
    ///
    /// # Errors
    /// [`ManagementError::Stale`].
    pub async fn change_account(
        &self,
        actor: &Actor,
        id: &AccountId,
        update: &AccountUpdate,
        version: u64,
    ) -> Result<Propagation, ManagementError> {
        self.rights(actor, id).await?.require(&scopes::ACCOUNTS_WRITE)?;
        if update.plan.is_some() || update.features.is_some() || update.suspended.is_some() {
            // Lifting a suspension makes every key of the account work again.
            self.check_recent(actor).await?;
            self.require_plans_write(actor).await?;
        }
        let account = self.read_account(id).await?;
        if account.version != version {
            return Err(ManagementError::Stale);
        }
        let mut changed = account.value.clone();
        if let Some(name) = &update.name {
            changed.name = check_name("name", name)?;
        }
        if let Some(plan) = &update.plan {
            changed.plan = match plan {
                // A program may name a plan that only the provider's services know.
                Some(plan) if actor.is_system() => Some(check_name("plan", plan)?.into()),
                Some(plan) => {
                    self.check_plan_stays(plan).await?;
                    Some(plan.clone())
                }
                None => None,
            };
        }
        if let Some(features) = &update.features {
            check_features(features)?;
            changed.features.clone_from(features);
        }
        if let Some(suspended) = update.suspended {
            changed.suspended_at = suspended.then(|| account.suspended_at.unwrap_or_else(|| self.now()));
        }
        let draft = Draft::new(actor, "account.update", Target::new("account", id)).account(id).before(&account.value);
        // The key store's record counts. It is replaced only if it equals what was read above, so concurrent changes
        // are not lost.
        let propagation = self.replace_account(draft, &account.value, &changed).await?;
        if changed.plan != account.plan
            && !actor.is_system()
            && let Some(plan) = &changed.plan
            && let Err(refused) = self.check_plan_stays(plan).await
        {
            self.take_back(actor, account.value, changed).await?;
            return Err(refused);
        }
        Ok(propagation)
    }

    async fn replace_account(
        &self,
        draft: Draft,
        expected: &Account,
        new: &Account,
    ) -> Result<Propagation, ManagementError> {
        let (expected, record) = (record_of(expected), record_of(new));
        self.audited(draft, self.0.keys.replace_account(&expected, &record), |_| serde_json::to_value(new).ok()).await
    }

    /// Undoes a change that gave a plan to an account while the plan was removed. If another request has changed the account since,
    /// only the plan is taken back.
    async fn take_back(&self, actor: &Actor, mut before: Account, mut after: Account) -> Result<(), ManagementError> {
        for _ in 0..ATTEMPTS {
            let current = self.read_account(&after.id).await?.value;
            if current.plan != after.plan {
                return Ok(());
            }
            let back = if current == after {
                before.clone()
            } else {
                Account { plan: before.plan.clone(), ..current.clone() }
            };
            let target = Target::new("account", &current.id);
            let draft = Draft::new(actor, "account.update", target).account(&current.id).before(&current);
            match self.replace_account(draft, &current, &back).await {
                Err(ManagementError::Stale) => continue,
                done => drop(done?),
            }
            match &back.plan {
                Some(earlier) if self.is_removal_noted(earlier).await? => {
                    before = Account { plan: None, ..back.clone() };
                    after = back;
                }
                _ => return Ok(()),
            }
        }
        Err(ManagementError::Stale)
    }
}
