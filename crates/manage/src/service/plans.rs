use keyward_core::{AccountId, ScopeSet};
use keyward_limits::{LimitRules, Subject};
use smol_str::SmolStr;

use super::audit::{Draft, Target};
use super::{CurrentVersion, Management, check_name};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Entity, LifetimesOf, Plan, RemovedPlan, Versioned};
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
    /// [`ManagementError::Stale`]; [`ManagementError::Duplicate`] without the version; [`ManagementError::SignInAgain`] for other scopes;
    /// [`ManagementError::KeyHasLimits`].
    pub async fn put_plan(
        &self,
        actor: &Actor,
        plan: Plan,
        version: Option<u64>,
    ) -> Result<Versioned<Plan>, ManagementError> {
        self.rights(actor, self.operator()).await?.check_writes_plans()?;
        let plan = Plan { name: check_name("name", &plan.name)?.into(), ..plan };
        check_description(&plan.description)?;
        check_key_limit(plan.key_limit)?;
        if plan.scopes.as_ref().is_some_and(ScopeSet::is_empty) {
            let message = "the list is empty: expected at least one scope, or null for any scope";
            return Err(ManagementError::invalid("scopes", message));
        }
        let draft = Draft::new(actor, "plan.put", Target::new("plan", &plan.name)).after(&plan);
        match version {
            None => {
                self.end_limits_of_plan(&plan.name).await?;
                match self.commit(vec![plan.insert()?], draft).await? {
                    Ok(()) => Ok(Versioned { value: plan, version: 1 }),
                    Err(_) => Err(ManagementError::Duplicate("plan")),
                }
            }
            Some(version) => {
                let known: Versioned<Plan> = self.get(&plan.name).await?.ok_or(ManagementError::NotFound("plan"))?;
                if known.version != version {
                    return Err(ManagementError::Stale);
                }
                if known.scopes != plan.scopes {
                    // Other scopes let keys of customers grow.
                    self.check_recent(actor).await?;
                }
                self.commit_or_stale(vec![known.replace(&plan)?], draft.before(&known.value)).await?;
                Ok(Versioned { value: plan, version: version + 1 })
            }
        }
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

    async fn count_plan_accounts(&self, name: &str) -> Result<u64, ManagementError> {
        Ok(self.0.keys.count_accounts(name, ManagementError::MOST_COUNTED + 1).await?)
    }

    /// Removes a plan that no account has, at this version. Needs `plans:write` in the operator's account.
    ///
    /// # Errors
    /// [`ManagementError::PlanInUse`], [`ManagementError::Stale`], [`ManagementError::KeyHasLimits`].
    pub async fn remove_plan(&self, actor: &Actor, name: &str, version: u64) -> Result<(), ManagementError> {
        let known = self.removable_plan(actor, name, version).await?;
        match self.count_plan_accounts(name).await? {
            0 => self.remove_known_plan(actor, known).await,
            accounts => Err(ManagementError::PlanInUse { accounts }),
        }
    }

    /// Removes a plan at this version, also if accounts have it. They keep its name, and have no limits and lifetimes of a plan. Needs
    /// `plans:write` in the operator's account.
    ///
    /// # Errors
    /// [`ManagementError::Stale`], [`ManagementError::KeyHasLimits`].
    pub async fn remove_used_plan(&self, actor: &Actor, name: &str, version: u64) -> Result<(), ManagementError> {
        let known = self.removable_plan(actor, name, version).await?;
        self.remove_known_plan(actor, known).await
    }

    async fn remove_known_plan(&self, actor: &Actor, known: Versioned<Plan>) -> Result<(), ManagementError> {
        let name = known.name.as_str();
        let draft = Draft::new(actor, "plan.remove", Target::new("plan", name)).before(&known.value);
        let lifetimes = self.known_lifetimes(&LifetimesOf::Plan(known.name.clone())).await?;
        let mut writes = vec![known.remove()];
        writes.extend(lifetimes.map(|lifetimes| lifetimes.remove()));
        if self.0.limits.is_some() {
            let removed = RemovedPlan { name: known.name.clone(), at: self.now() };
            writes.push(match self.get::<RemovedPlan>(name).await? {
                Some(noted) => noted.replace(&removed)?,
                None => removed.insert()?,
            });
        }
        self.commit_or_stale(writes, draft).await?;
        // After a failure or a crash, maintenance does it.
        if let Err(error) = self.end_limits_of_plan(name).await {
            tracing::warn!(%error, plan = name, "the limits of a removed plan are not removed yet");
        }
        Ok(())
    }

    /// Removes the limits of plans whose removal was cut off.
    pub(super) async fn finish_removals_of_plans(&self) -> Result<(), ManagementError> {
        for removed in self.list_all::<RemovedPlan>(List::of(Kind::RemovedPlan, 500)).await? {
            self.end_limits_of_plan(&removed.name).await?;
        }
        Ok(())
    }

    /// Another plan of this name has its own limits.
    async fn end_limits_of_plan(&self, name: &str) -> Result<(), ManagementError> {
        let subject = Subject::Plan(name.into());
        let Some(store) = self.0.limits.as_deref() else { return Ok(()) };
        // Read before the note, so that limits of a new plan have another version.
        let known = store.rules(&subject).await?;
        let Some(removed) = self.get::<RemovedPlan>(name).await? else { return Ok(()) };
        if !known.rules.is_empty()
            && store.put_rules(&subject, &LimitRules::new(), Some(known.version)).await?.is_none()
        {
            return Ok(());
        }
        self.write_quietly(&[removed.remove()]).await?;
        Ok(())
    }

    async fn removable_plan(
        &self,
        actor: &Actor,
        name: &str,
        version: u64,
    ) -> Result<Versioned<Plan>, ManagementError> {
        self.rights(actor, self.operator()).await?.check_writes_plans()?;
        let known: Versioned<Plan> = self.get(name).await?.ok_or(ManagementError::NotFound("plan"))?;
        if known.version != version {
            return Err(ManagementError::Stale);
        }
        Ok(known)
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
