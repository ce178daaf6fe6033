use keyward_core::AccountId;
use serde_json::json;

use crate::actor::{Actor, Who};
use crate::error::ManagementError;
use crate::records::{Account, Entity, RequiredFactor, Versioned};
use crate::role::{Role, scopes};
use crate::service::audit::{Draft, Target};
use crate::service::{AccountUpdate, Management};
use crate::store::Write;

impl Management {
    /// Returns `true` if the account requires a second factor of its members. Needs `accounts:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn requires_second_factor(&self, actor: &Actor, account: &AccountId) -> Result<bool, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::ACCOUNTS_READ)?;
        self.is_factor_required(account).await
    }

    /// Requires a second factor of the account's members, or no longer. Members who sign in with a password and have none lose their
    /// rights in the account until they set one up. Keys and the identity provider's users are not concerned.
    ///
    /// Needs the rights of an owner and a recent sign-in. A user who requires it must have one, and a user who no longer does
    /// [confirms](crate::Context::code) that. Keys cannot do this.
    ///
    /// # Errors
    /// [`ManagementError::SecondFactorMissing`], [`ManagementError::Escalation`], [`ManagementError::SignInAgain`],
    /// [`ManagementError::UsersOnly`].
    pub async fn require_second_factor(
        &self,
        actor: &Actor,
        account: &AccountId,
        required: bool,
    ) -> Result<(), ManagementError> {
        self.check_may_require(actor, account, required).await?;
        self.read_account(account).await?;
        let write = self.confirmed_requirement(actor, account, required).await?;
        self.write_requirement(actor, account, required, write).await
    }

    /// Returns the write, if any. The user has confirmed that less is required: an open session must not be enough for that.
    async fn confirmed_requirement(
        &self,
        actor: &Actor,
        account: &AccountId,
        required: bool,
    ) -> Result<Option<Write>, ManagementError> {
        match (self.get::<RequiredFactor>(account.as_str()).await?, required) {
            (None, true) => Ok(Some(RequiredFactor { account: account.clone() }.insert()?)),
            (Some(known), false) => {
                self.confirm_user(actor).await?;
                Ok(Some(known.remove()))
            }
            (None, false) | (Some(_), true) => Ok(None),
        }
    }

    async fn write_requirement(
        &self,
        actor: &Actor,
        account: &AccountId,
        required: bool,
        write: Option<Write>,
    ) -> Result<(), ManagementError> {
        let Some(write) = write else { return Ok(()) };
        let draft = Draft::new(actor, "account.update", Target::new("account", account))
            .account(account)
            .before(json!({"requires_second_factor": !required}))
            .after(json!({"requires_second_factor": required}));
        self.commit_or_stale(vec![write], draft).await
    }

    pub(crate) async fn check_may_require(
        &self,
        actor: &Actor,
        account: &AccountId,
        required: bool,
    ) -> Result<(), ManagementError> {
        let rights = self.rights(actor, account).await?;
        rights.require(&scopes::ACCOUNTS_WRITE)?;
        if matches!(actor.who, Who::Key(_)) {
            return Err(ManagementError::UsersOnly);
        }
        rights.check_role(Role::Owner)?;
        self.check_recent(actor).await?;
        if required && actor.user().is_some() && self.lacks_second_factor(&self.acting_user(actor).await?.value) {
            return Err(ManagementError::SecondFactorMissing);
        }
        Ok(())
    }

    /// Both records, or none of them if the actor may not change one.
    pub(crate) async fn update_with_factor(
        &self,
        actor: &Actor,
        id: &AccountId,
        update: &AccountUpdate,
        required: bool,
        version: u64,
    ) -> Result<Versioned<Account>, ManagementError> {
        self.check_may_require(actor, id, required).await?;
        if self.read_account(id).await?.version != version {
            return Err(ManagementError::Stale);
        }
        let write = self.confirmed_requirement(actor, id, required).await?;
        if *update != AccountUpdate::default() {
            self.update_account(actor, id, update, version).await?;
        }
        self.write_requirement(actor, id, required, write).await?;
        self.read_account(id).await
    }

    pub(crate) async fn is_factor_required(&self, account: &AccountId) -> Result<bool, ManagementError> {
        Ok(self.get::<RequiredFactor>(account.as_str()).await?.is_some())
    }
}
