use keyward_core::lifecycle::Imported;
use keyward_core::store::{Creator, KeyRecord, KeyStatus};
use keyward_core::{Keys, ScopeSet};

use super::{audit_value, purpose_of};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::role::{Purpose, scopes};
use crate::service::Management;
use crate::service::audit::{Draft, Target};

impl Management {
    /// Imports another system's key by its digest. A key that the account already has stays unchanged and is not
    /// logged.
    ///
    /// # Errors
    /// [`ManagementError::Duplicate`] if another account has it; [`ManagementError::Forbidden`] for users and keys;
    /// [`ManagementError::LifetimeTooLong`] for a working key that would live too long from now on;
    /// [`ManagementError::ScopeNotInPlan`] for a working key with a scope that the account's plan does not include;
    /// [`ManagementError::AccountDeleted`]. If the plan or the maximum lifetime becomes smaller meanwhile, the imported key is revoked.
    ///
    /// # Examples
    /// ```
    /// use keyward::lifecycle::Imported;
    /// use keyward::manage::{Actor, Context, Management, SqliteManagementStore};
    /// use keyward::sqlite::SqliteStore;
    /// # use keyward::{AccountRecord, Keys, MemoryStore, NewKey};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = SqliteStore::temporary()?;
    /// # let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
    /// # let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
    /// # let elsewhere = Keys::new(MemoryStore::new());
    /// # elsewhere.put_account(&account).await?;
    /// # let record = elsewhere.issue(NewKey::secret(account.id.clone(), "old")).await?.record;
    /// let migration = Actor::system("migration", Context::new());
    /// management.import_account(&migration, &account).await?;
    /// assert_eq!(management.import_key(&migration, &record).await?, Imported::New);
    /// # Ok(()) }
    /// ```
    pub async fn import_key(&self, actor: &Actor, key: &KeyRecord) -> Result<Imported, ManagementError> {
        check_system(actor)?;
        let mut key = key.clone();
        key.created_by.get_or_insert_with(|| Creator::Import(actor.name().id.into()));
        let key = &key;
        self.check_not_deleted(&key.account).await?;
        let keys = self.keys_within(Purpose::Api, &key.account).await?;
        if let known @ Imported::AlreadyThere(_) = self.preview(&keys, key).await? {
            return Ok(known);
        }
        let draft = Draft::new(actor, "key.import", Target::new("key", &key.id)).account(&key.account);
        let imported = self
            .audited(draft, keys.import(key), |imported| matches!(imported, Imported::New).then(|| audit_value(key)))
            .await?;
        self.check_still_account(actor, &[key]).await?;
        if imported == Imported::New && self.works(key) {
            self.check_import_still_in_plan(actor, purpose_of(&key.hint), key).await?;
        }
        Ok(imported)
    }

    /// Returns what [`import_key`](Self::import_key) would do.
    ///
    /// # Errors
    /// As for [`import_key`](Self::import_key).
    pub async fn preview_import(&self, actor: &Actor, key: &KeyRecord) -> Result<Imported, ManagementError> {
        check_system(actor)?;
        self.check_not_deleted(&key.account).await?;
        let keys = self.keys_within(Purpose::Api, &key.account).await?;
        self.preview(&keys, key).await
    }

    async fn preview(&self, keys: &Keys, key: &KeyRecord) -> Result<Imported, ManagementError> {
        let found = keys.preview_import(key).await?;
        if found == Imported::New && self.works(key) {
            let purpose = purpose_of(&key.hint);
            self.check_scopes_of_plan(purpose, &key.account, &ScopeSet::default(), &key.scopes).await?;
        }
        Ok(found)
    }

    fn works(&self, key: &KeyRecord) -> bool {
        matches!(key.status(self.now()), KeyStatus::Active | KeyStatus::Disabled)
    }
}

fn check_system(actor: &Actor) -> Result<(), ManagementError> {
    if actor.is_system() { Ok(()) } else { Err(ManagementError::Forbidden(scopes::KEYS_WRITE)) }
}
