use keyward_core::{AccountId, ScopeSet};
use smol_str::SmolStr;

use super::audit::{DoesNotFit, Draft, Target};
use super::{ATTEMPTS, CurrentVersion, Management, check_name};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Entity, Plan, Versioned};
use crate::role::scopes;
use crate::store::{Kind, List};

impl Management {
    pub(crate) async fn plan_version(&self, name: &str) -> CurrentVersion {
        Ok(self.get::<Plan>(name).await?.map(|plan| plan.version))
    }

    /// Lists plans. Needs `plans:read` in the default account.
    ///
    /// # Errors
    /// [`ManagementError::Forbidden`].
    pub async fn plans(&self, actor: &Actor) -> Result<Vec<Versioned<Plan>>, ManagementError> {
        let account = self.default_account(actor).await?;
        self.rights(actor, &account).await?.require(&scopes::PLANS_READ)?;
        Ok(self.list::<Plan>(&List::of(Kind::Plan, 500)).await?)
    }

    /// Adds a plan, or changes it at this version. Needs `plans:write` in the operator's account.
    ///
    /// # Errors
    /// [`ManagementError::Stale`]; [`ManagementError::Duplicate`] without the version; [`ManagementError::SignInAgain`],
    /// [`ManagementError::KeyHasLimits`].
    pub async fn put_plan(
        &self,
        actor: &Actor,
        plan: Plan,
        version: Option<u64>,
    ) -> Result<Versioned<Plan>, ManagementError> {
        self.rights(actor, self.operator()).await?.check_writes_plans()?;
        // Other scopes and a higher limit let customers have more and stronger keys.
        self.check_recent(actor).await?;
        let plan = Plan { name: check_name("name", &plan.name)?.into(), ..plan };
        check_description(&plan.description)?;
        check_key_limit(plan.key_limit)?;
        if plan.scopes.as_ref().is_some_and(ScopeSet::is_empty) {
            let message = "the list is empty: expected at least one scope, or null for any scope";
            return Err(ManagementError::invalid("scopes", message));
        }
        let draft = Draft::new(actor, "plan.put", Target::new("plan", &plan.name)).after(&plan);
        match version {
            None => self.add_plan(plan, draft).await,
            Some(version) => {
                let known: Versioned<Plan> = self.get(&plan.name).await?.ok_or(ManagementError::NotFound("plan"))?;
                if known.version != version {
                    return Err(ManagementError::Stale);
                }
                self.commit_or_stale(vec![known.replace(&plan)?], draft.before(&known.value)).await?;
                Ok(Versioned { value: plan, version: version + 1 })
            }
        }
    }

    async fn add_plan(&self, plan: Plan, draft: Draft) -> Result<Versioned<Plan>, ManagementError> {
        for _ in 0..ATTEMPTS {
            let removal = self.end_of_removal(&plan.name).await?;
            let writes = std::iter::once(plan.insert()?).chain(removal).collect();
            match self.commit(writes, draft.clone()).await? {
                Ok(()) => return Ok(Versioned { value: plan, version: 1 }),
                Err(DoesNotFit(0)) => return Err(ManagementError::Duplicate("plan")),
                Err(_) => {}
            }
        }
        Err(ManagementError::Stale)
    }

    /// Checks who may see or change what a plan or an account sets for customers: its limits and lifetimes. Returns the plan.
    pub(super) async fn authorize_plan(
        &self,
        actor: &Actor,
        name: &str,
        writes: bool,
    ) -> Result<Versioned<Plan>, ManagementError> {
        if writes {
            self.rights(actor, self.operator()).await?.check_writes_plans()?;
        } else {
            let account = self.default_account(actor).await?;
            self.rights(actor, &account).await?.require(&scopes::PLANS_READ)?;
        }
        let plan = self.get(name).await?.ok_or(ManagementError::NotFound("plan"))?;
        self.check_recent_if(actor, writes).await?;
        Ok(plan)
    }

    /// The same for what an account sets. Customers see it, and only the operator changes it.
    pub(super) async fn authorize_account(
        &self,
        actor: &Actor,
        account: &AccountId,
        writes: bool,
    ) -> Result<(), ManagementError> {
        self.rights(actor, account).await?.require(&scopes::ACCOUNTS_READ)?;
        if writes {
            self.require_plans_write(actor).await?;
        }
        self.read_account(account).await?;
        self.check_recent_if(actor, writes).await
    }

    /// Returns the plan of an account. An account that does not exist yet has none.
    pub(in crate::service) async fn plan_name(&self, account: &AccountId) -> Result<Option<SmolStr>, ManagementError> {
        match self.read_account(account).await {
            Ok(account) => Ok(account.value.plan),
            Err(ManagementError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(in crate::service) async fn require_plans_write(&self, actor: &Actor) -> Result<(), ManagementError> {
        let forbidden = |_| ManagementError::Forbidden(scopes::PLANS_WRITE);
        self.rights(actor, self.operator()).await.map_err(forbidden)?.check_writes_plans()
    }

    async fn check_recent_if(&self, actor: &Actor, writes: bool) -> Result<(), ManagementError> {
        if writes { self.check_recent(actor).await } else { Ok(()) }
    }

    /// Counts the accounts with a plan, up to [`ManagementError::MOST_COUNTED`] and one more. Needs `plans:write` in the operator's
    /// account.
    ///
    /// # Errors
    /// [`ManagementError::Forbidden`].
    pub async fn plan_accounts(&self, actor: &Actor, name: &str) -> Result<u64, ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::PLANS_WRITE)?;
        self.count_plan_accounts(name).await
    }

    pub(super) async fn count_plan_accounts(&self, name: &str) -> Result<u64, ManagementError> {
        Ok(self.0.keys.count_accounts(name, ManagementError::MOST_COUNTED + 1).await?)
    }
}

/// Checks the fields of a plan one by one, for a form that shows all mistakes at once.
#[cfg(feature = "dashboard")]
pub(crate) fn wrong_fields_of_plan(plan: &Plan) -> Result<Vec<ManagementError>, ManagementError> {
    super::wrong_fields([
        check_name("name", &plan.name).map(drop),
        check_description(&plan.description),
        check_key_limit(plan.key_limit),
    ])
}

fn check_description(text: &str) -> Result<(), ManagementError> {
    let length = text.chars().count();
    if length > 500 {
        let message = format!("{length} characters are too many: expected at most 500");
        return Err(ManagementError::invalid("description", message));
    }
    keyward_core::name::check_text(text).map_err(|error| ManagementError::invalid("description", error.to_string()))
}

fn check_key_limit(limit: Option<u32>) -> Result<(), ManagementError> {
    match limit.filter(|limit| *limit > 10_000) {
        Some(limit) => {
            Err(ManagementError::invalid("key_limit", format!("{limit} is too large: expected at most 10000")))
        }
        None => Ok(()),
    }
}
