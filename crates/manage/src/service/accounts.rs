//! Accounts.

use keyward_core::id::UserId;
use keyward_core::lifecycle::KeysError;
use keyward_core::store::WriteRefused;
use keyward_core::{AccountId, AccountRecord, Timestamp};
use smol_str::SmolStr;

use super::audit::{Draft, Target};
use super::page::{Page, PageRequest};
use super::{Management, check_name};
use crate::actor::{Actor, Who};
use crate::error::ManagementError;
use crate::records::{Account, Entity, Member, Plan, Versioned};
use crate::role::{Role, scopes};
use crate::store::{Kind, List};

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
    /// Makes an account that the acting user owns.
    ///
    /// # Errors
    /// [`ManagementError::UsersOnly`] for keys, [`ManagementError::Invalid`]; [`ManagementError::AccountLimit`] if the user owns as many as
    /// [`account_limit`](crate::ManagementBuilder::account_limit) allows.
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
        for _ in 0..super::ATTEMPTS {
            let owner = self.acting_user(actor).await?;
            self.check_account_limit(actor, &owner.id).await?;
            self.put_in_key_store(&account).await?;
            // The user is written too: of two accounts that are made at once, the second is counted again, and a user who is deleted at
            // this moment does not stay behind as an owner.
            let member = self.new_member(&account.id, &owner.id, Role::Owner);
            let writes = vec![owner.replace(&owner.value)?, account.insert()?, member.insert()?];
            if self.commit(writes, draft.clone()).await?.is_ok() {
                return Ok(Versioned { value: account, version: 1 });
            }
        }
        Err(ManagementError::Stale)
    }

    /// Refuses another account to a user who owns as many as one may. The operator's own staff makes accounts for customers.
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

    /// An account. Needs `accounts:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`], [`ManagementError::Forbidden`].
    pub async fn account(&self, actor: &Actor, id: &AccountId) -> Result<Versioned<Account>, ManagementError> {
        self.rights(actor, id).await?.require(&scopes::ACCOUNTS_READ)?;
        self.read_account(id).await
    }

    /// The accounts that the actor belongs to, with their roles; a key belongs to its own and has none.
    ///
    /// # Errors
    /// [`ManagementError::Store`] if the store fails.
    pub async fn own_accounts(
        &self,
        actor: &Actor,
    ) -> Result<Vec<(Versioned<Account>, Option<Role>)>, ManagementError> {
        let mut accounts = Vec::new();
        match &actor.who {
            Who::User { id, .. } => {
                let list = List::of(Kind::Member, 500).subject(id.as_str());
                for member in self.list::<Member>(&list).await? {
                    accounts.push((self.read_account(&member.account).await?, Some(member.role)));
                }
            }
            Who::Key(identity) => accounts.push((self.read_account(identity.account()).await?, None)),
            Who::System(_) => {}
        }
        Ok(accounts)
    }

    /// Every account of the deployment. Needs `accounts:read` in the operator's account.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`] for those who have nothing to do with the operator's account, [`ManagementError::Forbidden`].
    pub async fn accounts(
        &self,
        actor: &Actor,
        page: &PageRequest,
    ) -> Result<Page<Versioned<Account>>, ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::ACCOUNTS_READ)?;
        let mut accounts = self.list::<Account>(&page.apply(List::of(Kind::Account, 0))?).await?;
        for account in &mut accounts {
            *account = self.reconciled(account.clone()).await?;
        }
        Ok(page.page(accounts, |account| (account.value.sort(), account.value.id())))
    }

    /// Accounts of the deployment whose name has this text in it, in whatever case, or whose id it is; at most 50, of the first 10,000. Needs
    /// `accounts:read` in the operator's account.
    ///
    /// # Errors
    /// As for [`accounts`](Self::accounts).
    pub async fn find_accounts(&self, actor: &Actor, text: &str) -> Result<Vec<Versioned<Account>>, ManagementError> {
        const SHOWN: usize = 50;
        const PAGES: usize = 20;
        let wanted = text.trim().to_lowercase();
        let fits =
            |account: &Account| account.name.to_lowercase().contains(&wanted) || account.id.as_str() == text.trim();
        let mut found = Vec::new();
        let mut page = PageRequest { after: None, limit: 500 };
        for _ in 0..PAGES {
            let accounts = self.accounts(actor, &page).await?;
            found.extend(accounts.items.into_iter().filter(|account| fits(&account.value)));
            found.truncate(SHOWN);
            page.after = accounts.next;
            if page.after.is_none() || found.len() == SHOWN {
                break;
            }
        }
        Ok(found)
    }

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

    pub(crate) fn new_account(&self, id: AccountId, name: String) -> Account {
        Account { id, name, plan: None, features: Vec::new(), suspended_at: None, created_at: self.now() }
    }

    /// Makes the account in the key store, if it is not there. One that is there keeps what it has.
    pub(crate) async fn put_in_key_store(&self, account: &Account) -> Result<(), KeysError> {
        match self.0.keys.insert_account(&record_of(account)).await {
            Ok(_) | Err(KeysError::Denied(WriteRefused::AccountExists)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The account; one that was made beside the management service, for instance at the command line, is taken over.
    pub(crate) async fn read_account(&self, id: &AccountId) -> Result<Versioned<Account>, ManagementError> {
        if let Some(account) = self.get::<Account>(id.as_str()).await? {
            return self.reconciled(account).await;
        }
        let record = self.0.keys.get_account(id).await?.ok_or(ManagementError::NotFound("account"))?;
        let account = Account {
            id: record.id,
            name: record.name,
            plan: record.plan,
            features: record.features,
            suspended_at: record.suspended_at,
            created_at: Timestamp::from_millis(0),
        };
        self.write_quietly(&[account.insert()?]).await?;
        let account = self.get::<Account>(id.as_str()).await?.ok_or(ManagementError::NotFound("account"))?;
        self.reconciled(account).await
    }

    /// The account with the values of the key store, which are those that count, and a version that belongs to them.
    ///
    /// The values are changed in the key store first. If they differ from the copy here, a change is half-way, its process has ended, or
    /// the account was changed beside the management service: the copy is brought up to date, with the next version.
    async fn reconciled(&self, mut account: Versioned<Account>) -> Result<Versioned<Account>, ManagementError> {
        for _ in 0..super::ATTEMPTS {
            let Some(record) = self.0.keys.get_account(&account.id).await? else { return Ok(account) };
            if record == record_of(&account.value) {
                return Ok(account);
            }
            let AccountRecord { id, name, plan, features, suspended_at } = record;
            let current = Account { id, name, plan, features, suspended_at, created_at: account.created_at };
            if self.write_quietly(&[account.replace(&current)?]).await? {
                return Ok(Versioned { value: current, version: account.version + 1 });
            }
            let id = account.value.id();
            account = self.get::<Account>(&id).await?.ok_or(ManagementError::NotFound("account"))?;
        }
        Err(ManagementError::Stale)
    }
}

/// The account as the key store has it.
fn record_of(account: &Account) -> AccountRecord {
    let Account { id, name, plan, features, suspended_at, created_at: _ } = account.clone();
    AccountRecord { id, name, plan, features, suspended_at }
}
