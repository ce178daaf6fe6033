//! Plans and accounts are in different stores. A removal first writes a note, then counts the accounts of the plan. A request that gives
//! an account the plan first writes the account, then looks for the note. So at least one of them sees the other.

use keyward_limits::{LimitRules, Subject};

use super::audit::{Draft, Target};
use super::{ATTEMPTS, Management};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Entity, LifetimesOf, Plan, RemovedPlan, StoredLifetimes, Versioned};
use crate::store::{Kind, List, Write};

/// Maintenance withdraws a removal that was cut off this long ago. A slower removal begins again.
const CUT_OFF_AFTER: i64 = 60 * 1_000;

/// Requests that began before a removal may write limits until then.
const LATE: i64 = 3_600 * 1_000;

impl Management {
    /// Removes a plan that no account has, at this version. Needs `plans:write` in the operator's account.
    ///
    /// # Errors
    /// [`ManagementError::PlanInUse`], [`ManagementError::Stale`], [`ManagementError::KeyHasLimits`], [`ManagementError::SignInAgain`].
    pub async fn remove_plan(&self, actor: &Actor, name: &str, version: u64) -> Result<(), ManagementError> {
        let known = self.removable_plan(actor, name, version).await?;
        // Most plans in use are refused here, without a write.
        self.check_unused(name).await?;
        self.remove_known_plan(actor, &known, true).await
    }

    /// Removes a plan at this version, also if accounts have it. They keep its name, and have no limits and lifetimes of a plan. Needs
    /// `plans:write` in the operator's account.
    ///
    /// # Errors
    /// [`ManagementError::Stale`], [`ManagementError::KeyHasLimits`], [`ManagementError::SignInAgain`].
    pub async fn remove_used_plan(&self, actor: &Actor, name: &str, version: u64) -> Result<(), ManagementError> {
        let known = self.removable_plan(actor, name, version).await?;
        self.remove_known_plan(actor, &known, false).await
    }

    async fn remove_known_plan(
        &self,
        actor: &Actor,
        known: &Versioned<Plan>,
        must_be_unused: bool,
    ) -> Result<(), ManagementError> {
        for _ in 0..ATTEMPTS {
            let Some(noted) = self.note_removal(known).await? else {
                self.check_plan_version(known).await?;
                continue;
            };
            if must_be_unused && let Err(error) = self.check_unused(&known.name).await {
                self.withdraw(&noted).await?;
                return Err(error);
            }
            if self.remove_noted_plan(actor, known, &noted).await? {
                return Ok(());
            }
            self.withdraw(&noted).await?;
        }
        Err(ManagementError::Stale)
    }

    /// Checks that accounts may get a plan. Check again after the account is written.
    pub(super) async fn check_plan_stays(&self, name: &str) -> Result<(), ManagementError> {
        let why = if self.get::<Plan>(name).await?.is_none() {
            format!("there is no plan `{name}`: expected an existing one")
        } else if self.is_removal_noted(name).await? {
            format!("the plan `{name}` is being removed: expected another one")
        } else {
            return Ok(());
        };
        Err(ManagementError::invalid("plan", why))
    }

    pub(super) async fn is_removal_noted(&self, name: &str) -> Result<bool, ManagementError> {
        Ok(self.get::<RemovedPlan>(name).await?.is_some_and(|noted| !noted.is_withdrawn))
    }

    /// Returns the write that ends the removal of a plan, if there was one, for the batch that adds a plan of this name.
    pub(super) async fn end_of_removal(&self, name: &str) -> Result<Option<Write>, ManagementError> {
        let noted = self.get::<RemovedPlan>(name).await?.filter(|noted| !noted.is_withdrawn);
        let Some(noted) = noted else { return Ok(None) };
        self.end_limits_of_plan(name).await?;
        Ok(Some(withdrawn(&noted)?))
    }

    /// Withdraws removals that were cut off, and removes the limits of removed plans. For an hour, also those that late requests write.
    pub(super) async fn finish_removals_of_plans(&self) -> Result<(), ManagementError> {
        for noted in self.list_all::<RemovedPlan>(List::of(Kind::RemovedPlan, 500)).await? {
            let age = self.now().as_millis() - noted.at.as_millis();
            if age > LATE {
                self.end_limits_of_plan(&noted.name).await?;
                self.write_quietly(&[noted.remove()]).await?;
                continue;
            }
            match self.get::<Plan>(&noted.name).await? {
                None => self.end_limits_of_plan(&noted.name).await?,
                // Another request may remove the plan now.
                Some(plan) if age > CUT_OFF_AFTER && !noted.is_withdrawn => {
                    self.write_quietly(&[plan.expect(), withdrawn(&noted)?]).await?;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    async fn removable_plan(
        &self,
        actor: &Actor,
        name: &str,
        version: u64,
    ) -> Result<Versioned<Plan>, ManagementError> {
        self.rights(actor, self.operator()).await?.check_writes_plans()?;
        self.check_recent(actor).await?;
        let known: Versioned<Plan> = self.get(name).await?.ok_or(ManagementError::NotFound("plan"))?;
        if known.version != version {
            return Err(ManagementError::Stale);
        }
        Ok(known)
    }

    async fn check_unused(&self, name: &str) -> Result<(), ManagementError> {
        match self.count_plan_accounts(name).await? {
            0 => Ok(()),
            accounts => Err(ManagementError::PlanInUse { accounts }),
        }
    }

    async fn check_plan_version(&self, known: &Versioned<Plan>) -> Result<(), ManagementError> {
        if self.plan_version(&known.name).await? == Some(known.version) { Ok(()) } else { Err(ManagementError::Stale) }
    }

    /// Returns `None` if another request has changed the plan or the note.
    async fn note_removal(&self, known: &Versioned<Plan>) -> Result<Option<Versioned<RemovedPlan>>, ManagementError> {
        let new = RemovedPlan { name: known.name.clone(), at: self.now(), is_withdrawn: false };
        let (note, version) = match self.get::<RemovedPlan>(&known.name).await? {
            Some(earlier) => (earlier.replace(&new)?, earlier.version + 1),
            None => (new.insert()?, 1),
        };
        let is_noted = self.write_quietly(&[known.expect(), note]).await?;
        Ok(is_noted.then_some(Versioned { value: new, version }))
    }

    /// On a conflict, another removal has begun.
    async fn withdraw(&self, noted: &Versioned<RemovedPlan>) -> Result<(), ManagementError> {
        self.write_quietly(&[withdrawn(noted)?]).await?;
        Ok(())
    }

    /// Returns `false` if another request has changed the plan, its lifetimes or the note.
    async fn remove_noted_plan(
        &self,
        actor: &Actor,
        known: &Versioned<Plan>,
        noted: &Versioned<RemovedPlan>,
    ) -> Result<bool, ManagementError> {
        let name = known.name.as_str();
        let draft = Draft::new(actor, "plan.remove", Target::new("plan", name)).before(&known.value);
        let of = LifetimesOf::Plan(known.name.clone());
        let mut writes = match self.known_lifetimes(&of).await? {
            Some(lifetimes) => vec![lifetimes.remove()],
            None => StoredLifetimes { of, default_seconds: None, maximum_seconds: None }.expect_missing()?.to_vec(),
        };
        writes.extend([known.remove(), noted.expect()]);
        if self.commit(writes, draft).await?.is_err() {
            return Ok(false);
        }
        // After a failure or a crash, maintenance does it.
        if let Err(error) = self.end_limits_of_plan(name).await {
            tracing::warn!(%error, plan = name, "the limits of a removed plan are not removed yet");
        }
        Ok(true)
    }

    async fn end_limits_of_plan(&self, name: &str) -> Result<(), ManagementError> {
        let subject = Subject::Plan(name.into());
        let Some(store) = self.0.limits.as_deref() else { return Ok(()) };
        // Read before the plan, so that limits of a new plan have another version.
        let known = store.rules(&subject).await?;
        if !known.rules.is_empty() && self.get::<Plan>(name).await?.is_none() {
            store.put_rules(&subject, &LimitRules::new(), Some(known.version)).await?;
        }
        Ok(())
    }
}

fn withdrawn(noted: &Versioned<RemovedPlan>) -> Result<Write, ManagementError> {
    noted.replace(&RemovedPlan { is_withdrawn: true, ..noted.value.clone() })
}
