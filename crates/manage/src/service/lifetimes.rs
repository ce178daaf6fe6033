use keyward_api_types::{EffectiveLifetimes, Lifetimes as LifetimesView, PutLifetimes};
use keyward_core::AccountId;
use keyward_core::lifecycle::Lifetimes;

use super::audit::{Draft, Target};
use super::{CurrentVersion, Management};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Entity, LifetimesOf, StoredLifetimes, Versioned};
use crate::role::scopes;
use crate::store::Write;

/// From a minute to 100 years.
pub(crate) const BOUNDS: std::ops::RangeInclusive<u32> = 60..=3_153_600_000;

impl Management {
    pub(crate) async fn lifetimes_version(&self, of: &LifetimesOf) -> CurrentVersion {
        Ok(Some(self.known_lifetimes(of).await?.map_or(0, |known| known.version)))
    }

    /// Returns the lifetimes of new keys that a plan or an account sets. Needs `plans:read` or `accounts:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn lifetimes(&self, actor: &Actor, of: &LifetimesOf) -> Result<LifetimesView, ManagementError> {
        self.authorize_lifetimes(actor, of, false).await?;
        self.read_lifetimes(of).await
    }

    /// Replaces the lifetimes of new keys that a plan or an account sets, at this version. Keys that exist keep their ends.
    ///
    /// Needs `plans:write` in the operator's account. The shortest maximum of server, plan and account holds.
    ///
    /// # Errors
    /// [`ManagementError::Stale`], [`ManagementError::Invalid`].
    ///
    /// # Examples
    /// ```
    /// use keyward::manage::{Actor, Context, LifetimesOf, Management, Plan, SqliteManagementStore};
    /// use keyward::sqlite::SqliteStore;
    /// use keyward_api_types::PutLifetimes;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = SqliteStore::temporary()?;
    /// # let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
    /// let program = Actor::system("billing", Context::new());
    /// management.put_plan(&program, Plan::new("Free"), None).await?;
    /// let month = PutLifetimes { maximum_seconds: Some(30 * 86_400), ..PutLifetimes::default() };
    /// let set = management.put_lifetimes(&program, &LifetimesOf::Plan("Free".into()), &month, 0).await?;
    /// assert_eq!(set.effective.default_seconds, Some(30 * 86_400));
    /// # Ok(()) }
    /// ```
    pub async fn put_lifetimes(
        &self,
        actor: &Actor,
        of: &LifetimesOf,
        lifetimes: &PutLifetimes,
        version: u64,
    ) -> Result<LifetimesView, ManagementError> {
        let guard = self.authorize_lifetimes(actor, of, true).await?;
        check(lifetimes)?;
        let known = self.known_lifetimes(of).await?;
        if known.as_ref().map_or(0, |known| known.version) != version {
            return Err(ManagementError::Stale);
        }
        let PutLifetimes { default_seconds, maximum_seconds } = *lifetimes;
        let new = StoredLifetimes { of: of.clone(), default_seconds, maximum_seconds };
        let draft = Draft::new(actor, "lifetimes.put", Target::new(of.kind(), of.id())).after(&new);
        let draft = match of {
            LifetimesOf::Account(account) => draft.account(account),
            LifetimesOf::Plan(_) => draft,
        };
        let (write, draft) = match &known {
            Some(known) => (known.replace(&new)?, draft.before(&known.value)),
            None => (new.insert()?, draft),
        };
        self.commit_or_stale(std::iter::once(write).chain(guard).collect(), draft).await?;
        self.read_lifetimes(of).await
    }

    /// Returns the lifetimes that hold for new keys of an account. Needs `accounts:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn effective_lifetimes(
        &self,
        actor: &Actor,
        account: &AccountId,
    ) -> Result<EffectiveLifetimes, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::ACCOUNTS_READ)?;
        Ok(view(self.lifetimes_for(account).await?))
    }

    /// The configuration, the plan and the account together decide. An account that does not exist yet has no plan.
    pub(crate) async fn lifetimes_for(&self, account: &AccountId) -> Result<Lifetimes, ManagementError> {
        let general = match self.plan_name(account).await? {
            Some(plan) => self.set_by(&LifetimesOf::Plan(plan)).await?.within(self.0.settings.key_lifetimes),
            None => self.0.settings.key_lifetimes,
        };
        Ok(self.set_by(&LifetimesOf::Account(account.clone())).await?.within(general))
    }

    pub(crate) async fn known_lifetimes(
        &self,
        of: &LifetimesOf,
    ) -> Result<Option<Versioned<StoredLifetimes>>, ManagementError> {
        Ok(self.get(&of.record_id()).await?)
    }

    async fn set_by(&self, of: &LifetimesOf) -> Result<Lifetimes, ManagementError> {
        Ok(self.known_lifetimes(of).await?.map(|known| known.to_lifetimes()).unwrap_or_default())
    }

    async fn read_lifetimes(&self, of: &LifetimesOf) -> Result<LifetimesView, ManagementError> {
        let known = self.known_lifetimes(of).await?;
        let effective = match of {
            LifetimesOf::Plan(_) => self.set_by(of).await?.within(self.0.settings.key_lifetimes),
            LifetimesOf::Account(account) => self.lifetimes_for(account).await?,
        };
        Ok(LifetimesView {
            default_seconds: known.as_ref().and_then(|known| known.default_seconds),
            maximum_seconds: known.as_ref().and_then(|known| known.maximum_seconds),
            effective: view(effective),
            version: known.map_or(0, |known| known.version),
        })
    }

    /// Returns a guard that conflicts if the plan is removed.
    async fn authorize_lifetimes(
        &self,
        actor: &Actor,
        of: &LifetimesOf,
        writes: bool,
    ) -> Result<Option<Write>, ManagementError> {
        match of {
            LifetimesOf::Plan(name) => Ok(Some(self.authorize_plan(actor, name, writes).await?.expect())),
            LifetimesOf::Account(account) => self.authorize_account(actor, account, writes).await.map(|()| None),
        }
    }
}

fn check(lifetimes: &PutLifetimes) -> Result<(), ManagementError> {
    let PutLifetimes { default_seconds, maximum_seconds } = *lifetimes;
    for (field, seconds) in [("default_seconds", default_seconds), ("maximum_seconds", maximum_seconds)] {
        if let Some(seconds) = seconds.filter(|seconds| !BOUNDS.contains(seconds)) {
            let message =
                format!("{seconds} seconds are out of range: expected {} to {}", BOUNDS.start(), BOUNDS.end());
            return Err(ManagementError::invalid(field, message));
        }
    }
    match (default_seconds, maximum_seconds) {
        (Some(default), Some(maximum)) if default > maximum => {
            let message = format!("{default} seconds are longer than the maximum: expected at most {maximum}");
            Err(ManagementError::invalid("default_seconds", message))
        }
        _ => Ok(()),
    }
}

/// Without a default, a new key lives as long as the maximum.
fn view(lifetimes: Lifetimes) -> EffectiveLifetimes {
    let seconds = |length: std::time::Duration| length.as_secs();
    EffectiveLifetimes {
        default_seconds: lifetimes.default.or(lifetimes.maximum).map(seconds),
        maximum_seconds: lifetimes.maximum.map(seconds),
    }
}
