//! The scopes that the plan of an account allows its API keys. Management keys do not grant them.

use keyward_core::scope::Grant;
use keyward_core::{AccountId, ScopeSet};

use crate::error::ManagementError;
use crate::records::{Plan, Versioned};
use crate::role::Purpose;
use crate::service::Management;

impl Management {
    /// Every scope that a key gets must be in the plan. `held` are the scopes of the key until now: they may stay, also if the plan
    /// has become smaller.
    pub(super) async fn check_scopes_of_plan(
        &self,
        purpose: Purpose,
        account: &AccountId,
        held: &ScopeSet,
        wanted: &ScopeSet,
    ) -> Result<(), ManagementError> {
        if purpose == Purpose::Management {
            return Ok(());
        }
        let Some((plan, allowed)) = self.scopes_of_plan(account).await? else { return Ok(()) };
        let is_included = |grant: &Grant| allowed.iter().chain(held.iter()).any(|known| known.includes(grant));
        match wanted.iter().find(|grant| !is_included(grant)) {
            Some(scope) => Err(ManagementError::ScopeNotInPlan { plan: plan.value.name, scope: scope.clone() }),
            None => Ok(()),
        }
    }

    /// Returns the plan and its scopes, or `None` if API keys of the account may have any scope. An account that does not exist yet
    /// has no plan.
    pub(crate) async fn scopes_of_plan(
        &self,
        account: &AccountId,
    ) -> Result<Option<(Versioned<Plan>, ScopeSet)>, ManagementError> {
        let Some(name) = self.plan_name(account).await? else { return Ok(None) };
        let plan = self.get::<Plan>(&name).await?;
        Ok(plan.and_then(|plan| plan.scopes.clone().map(|scopes| (plan, scopes))))
    }
}
