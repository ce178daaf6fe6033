use keyward_core::AccountRecord;
use keyward_core::lease::Propagation;

use super::{account_of, check_features};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::Entity;
use crate::role::scopes;
use crate::service::audit::{Draft, Target};
use crate::service::{Management, check_name};

impl Management {
    /// Creates an account with the given id.
    ///
    /// # Errors
    /// [`ManagementError::Duplicate`], [`ManagementError::AccountDeleted`]; [`ManagementError::Forbidden`] for users and keys.
    ///
    /// # Examples
    /// ```
    /// use keyward::AccountRecord;
    /// use keyward::manage::{Actor, Context, Management, SqliteManagementStore};
    /// use keyward::sqlite::SqliteStore;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = SqliteStore::temporary()?;
    /// # let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
    /// let migration = Actor::system("migration", Context::new());
    /// management.import_account(&migration, &AccountRecord::new("acct_1".parse()?, "Example Ltd")).await?;
    /// assert_eq!(management.account(&migration, &"acct_1".parse()?).await?.value.name, "Example Ltd");
    /// # Ok(()) }
    /// ```
    pub async fn import_account(&self, actor: &Actor, account: &AccountRecord) -> Result<Propagation, ManagementError> {
        if !actor.is_system() {
            return Err(ManagementError::Forbidden(scopes::ACCOUNTS_WRITE));
        }
        self.check_not_deleted(&account.id).await?;
        let mut account = account.clone();
        account.name = check_name("name", &account.name)?;
        account.plan = account.plan.map(|plan| check_name("plan", &plan)).transpose()?.map(Into::into);
        check_features(&account.features)?;
        let record = account_of(account.clone(), self.now());
        let draft = Draft::new(actor, "account.create", Target::new("account", &record.id)).account(&record.id);
        let created =
            self.audited(draft, self.0.keys.insert_account(&account), |_| serde_json::to_value(&record).ok()).await?;
        // The account is created. If this copy is missing, reading the account makes it.
        if let Err(error) = self.write_quietly(&[record.insert()?]).await {
            tracing::warn!(%error, account = %record.id, "the copy of an imported account is not written yet");
        }
        Ok(created)
    }
}
