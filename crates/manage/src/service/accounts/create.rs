use keyward_core::AccountId;
use keyward_core::id::UserId;

use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Account, Entity, Versioned};
use crate::role::{Role, scopes};
use crate::service::audit::{Draft, Target};
use crate::service::{ATTEMPTS, Management, check_name};

impl Management {
    /// Creates an account of the acting user.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`], [`ManagementError::AccountLimit`], [`ManagementError::OwnSignInRequired`].
    pub async fn create_account(&self, actor: &Actor, name: &str) -> Result<Versioned<Account>, ManagementError> {
        let name = check_name("name", name)?;
        let account = self.new_account(AccountId::generate(), name);
        let draft = Draft::new(actor, "account.create", Target::new("account", &account.id))
            .account(&account.id)
            .after(&account);
        if actor.is_system() {
            self.put_in_key_store(&account).await?;
            self.commit_or_stale(vec![account.insert()?], draft).await?;
            return Ok(Versioned { value: account, version: 1 });
        }
        self.require_own_sign_in(actor).await?;
        for _ in 0..ATTEMPTS {
            let owner = self.acting_user(actor).await?;
            self.check_account_limit(actor, &owner.id).await?;
            self.put_in_key_store(&account).await?;
            // The user is written too, so concurrent requests count again, and a user who is being deleted is not
            // left as an owner.
            let member = self.new_member(&account.id, &owner.id, Role::Owner);
            let writes = vec![owner.replace(&owner.value)?, account.insert()?, member.insert()?];
            if self.commit(writes, draft.clone()).await?.is_ok() {
                return Ok(Versioned { value: account, version: 1 });
            }
        }
        Err(ManagementError::Stale)
    }

    async fn check_account_limit(&self, actor: &Actor, user: &UserId) -> Result<(), ManagementError> {
        let limit = self.0.settings.account_limit;
        let owned = self.memberships(user).await?.iter().filter(|member| member.role == Role::Owner).count();
        if owned < limit as usize {
            return Ok(());
        }
        match self.rights(actor, self.operator()).await {
            Ok(rights) if rights.allows(&scopes::ACCOUNTS_WRITE) => Ok(()),
            Ok(_) | Err(ManagementError::NotFound(_)) => Err(ManagementError::AccountLimit { limit }),
            Err(error) => Err(error),
        }
    }
}
