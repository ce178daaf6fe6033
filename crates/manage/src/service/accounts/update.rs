//! Updating an account.

use keyward_core::AccountId;
use smol_str::SmolStr;

use super::record_of;
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Account, Plan, Versioned};
use crate::role::scopes;
use crate::service::audit::{Draft, Target};
use crate::service::{Management, check_name};

/// What to change in an account; nothing by default.
///
/// # Examples
/// ```
/// let update = keyward::manage::AccountUpdate { name: Some("Example Ltd".into()), ..Default::default() };
/// # let _ = update;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountUpdate {
    /// Another name.
    pub name: Option<String>,
    /// Another plan, or none. Only the operator gives plans.
    pub plan: Option<Option<SmolStr>>,
    /// Other features. Only the operator gives them.
    pub features: Option<Vec<SmolStr>>,
    /// Suspended, so that all of its keys are refused, or not. Only the operator suspends.
    pub suspended: Option<bool>,
}

impl Management {
    /// Changes an account, if it is at this version still. Needs `accounts:write`; what the operator decides needs `plans:write` in the
    /// operator's account.
    ///
    /// # Errors
    /// [`ManagementError::Stale`], [`ManagementError::NotFound`], [`ManagementError::Forbidden`], [`ManagementError::Invalid`].
    pub async fn update_account(
        &self,
        actor: &Actor,
        id: &AccountId,
        update: &AccountUpdate,
        version: u64,
    ) -> Result<Versioned<Account>, ManagementError> {
        self.rights(actor, id).await?.require(&scopes::ACCOUNTS_WRITE)?;
        if update.plan.is_some() || update.features.is_some() || update.suspended.is_some() {
            // Lifting a suspension makes every key of the account work again.
            self.check_recent(actor).await?;
            let forbidden = |_| ManagementError::Forbidden(scopes::PLANS_WRITE);
            self.rights(actor, self.operator()).await.map_err(forbidden)?.require(&scopes::PLANS_WRITE)?;
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
            if let Some(plan) = plan
                && self.get::<Plan>(plan).await?.is_none()
            {
                return Err(ManagementError::invalid("plan", "the name of a plan that there is"));
            }
            changed.plan.clone_from(plan);
        }
        if let Some(features) = &update.features {
            if features.len() > 50 {
                return Err(ManagementError::invalid("features", "at most 50"));
            }
            for feature in features {
                check_name("features", feature)?;
            }
            changed.features.clone_from(features);
        }
        if let Some(suspended) = update.suspended {
            changed.suspended_at = suspended.then(|| account.suspended_at.unwrap_or_else(|| self.now()));
        }
        let draft = Draft::new(actor, "account.update", Target::new("account", id)).account(id).before(&account.value);
        // The key store's record is the one that counts. It is changed only if it is what was read and compared with the version above,
        // so a change that comes in between is neither undone nor mixed with this one.
        let after = changed.clone();
        let expected = record_of(&account.value);
        self.audited(draft, self.0.keys.replace_account(&expected, &record_of(&changed)), |_| {
            serde_json::to_value(&after).ok()
        })
        .await?;
        self.read_account(id).await
    }
}
