//! Lists of accounts, and changes that keep the rest of the record.

use super::{ATTEMPTS, Keys, KeysError};
use crate::id::AccountId;
use crate::lease::Propagation;
use crate::store::{AccountRecord, WriteRefused};

impl Keys {
    /// Returns at most `limit` accounts behind `after`, in the order of their ids.
    ///
    /// # Errors
    /// [`KeysError::Store`].
    ///
    /// # Examples
    /// ```
    /// # use keyward::{AccountRecord, Keys, MemoryStore};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = Keys::new(MemoryStore::new());
    /// keys.put_account(&AccountRecord::new("acct_1".parse()?, "Example Ltd")).await?;
    /// let accounts = keys.list_accounts(None, 100).await?;
    /// assert_eq!(accounts[0].name, "Example Ltd");
    /// assert!(keys.list_accounts(Some(&accounts[0].id), 100).await?.is_empty());
    /// # Ok(()) }
    /// ```
    pub async fn list_accounts(
        &self,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountRecord>, KeysError> {
        Ok(self.store.list_accounts(after, limit).await?)
    }

    /// Counts the accounts with this plan, and stops at `most`.
    ///
    /// # Errors
    /// [`KeysError::Store`].
    pub async fn count_accounts(&self, plan: &str, most: u64) -> Result<u64, KeysError> {
        Ok(self.store.count_accounts(plan, most).await?)
    }

    /// Adds an account if its id is free, and returns the account that the store has. An existing one stays as it is.
    ///
    /// Call it when a user signs in: it keeps the plan, the features and a suspension.
    ///
    /// # Errors
    /// [`KeysError::Store`].
    ///
    /// # Examples
    /// ```
    /// # use keyward::{AccountRecord, Keys, MemoryStore};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = Keys::new(MemoryStore::new());
    /// let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
    /// keys.ensure_account(&account).await?;
    /// keys.set_plan(&account.id, Some("pro")).await?;
    ///
    /// let existing = keys.ensure_account(&account).await?;
    /// assert_eq!(existing.plan.as_deref(), Some("pro"));
    /// # Ok(()) }
    /// ```
    pub async fn ensure_account(&self, account: &AccountRecord) -> Result<AccountRecord, KeysError> {
        if let Some(existing) = self.get_account(&account.id).await? {
            return Ok(existing);
        }
        match self.insert_account(account).await {
            Err(KeysError::Denied(WriteRefused::AccountExists)) => {
                Ok(self.get_account(&account.id).await?.ok_or(WriteRefused::NoSuchAccount)?)
            }
            inserted => inserted.map(|_| account.clone()),
        }
    }

    /// Sets or removes the plan of an account.
    ///
    /// # Errors
    /// [`WriteRefused::NoSuchAccount`], or [`KeysError::Store`].
    ///
    /// # Examples
    /// ```
    /// # use keyward::{AccountRecord, Keys, MemoryStore};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = Keys::new(MemoryStore::new());
    /// let account = keys.ensure_account(&AccountRecord::new("acct_1".parse()?, "Example Ltd")).await?;
    /// keys.set_plan(&account.id, Some("pro")).await?;
    /// assert_eq!(keys.get_account(&account.id).await?.unwrap().plan.as_deref(), Some("pro"));
    /// # Ok(()) }
    /// ```
    pub async fn set_plan(&self, id: &AccountId, plan: Option<&str>) -> Result<Propagation, KeysError> {
        self.change_account(id, |account| account.plan = plan.map(Into::into)).await
    }

    /// Suspends an account: every node refuses its keys when this method returns.
    ///
    /// # Errors
    /// [`WriteRefused::NoSuchAccount`], or [`KeysError::Store`].
    ///
    /// # Examples
    /// ```
    /// # use keyward::{AccountRecord, Keys, MemoryStore};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = Keys::new(MemoryStore::new());
    /// let account = keys.ensure_account(&AccountRecord::new("acct_1".parse()?, "Example Ltd")).await?;
    /// keys.suspend_account(&account.id).await?;
    /// assert!(keys.get_account(&account.id).await?.unwrap().suspended_at.is_some());
    ///
    /// keys.resume_account(&account.id).await?;
    /// assert!(keys.get_account(&account.id).await?.unwrap().suspended_at.is_none());
    /// # Ok(()) }
    /// ```
    pub async fn suspend_account(&self, id: &AccountId) -> Result<Propagation, KeysError> {
        let now = self.clock.now();
        self.change_account(id, |account| _ = account.suspended_at.get_or_insert(now)).await
    }

    /// Resumes a suspended account: its keys work again.
    ///
    /// The management service notes deleted accounts in its own records, which this method does not read. It also resumes a deleted
    /// account. Within an hour after the deletion, `Management::maintain` suspends the account again. Later, it stays resumed: its old keys
    /// are revoked, but new keys that you create here work.
    ///
    /// # Errors
    /// [`WriteRefused::NoSuchAccount`], or [`KeysError::Store`].
    pub async fn resume_account(&self, id: &AccountId) -> Result<Propagation, KeysError> {
        self.change_account(id, |account| account.suspended_at = None).await
    }

    /// Writes even an unchanged record, so that the call waits for a concurrent one that made the same change.
    async fn change_account(
        &self,
        id: &AccountId,
        change: impl Fn(&mut AccountRecord),
    ) -> Result<Propagation, KeysError> {
        for _ in 0..ATTEMPTS {
            let known = self.get_account(id).await?.ok_or(WriteRefused::NoSuchAccount)?;
            let mut changed = known.clone();
            change(&mut changed);
            match self.replace_account(&known, &changed).await {
                Err(KeysError::Denied(WriteRefused::Stale)) => {}
                done => return done,
            }
        }
        Err(WriteRefused::Stale.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::memory::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn concurrent_changes_of_an_account_keep_each_other() {
        let keys = Keys::new(MemoryStore::new());
        let account = AccountRecord::new("acct_1".parse().unwrap(), "Example Ltd").with_feature("export");
        let (first, second) = tokio::join!(keys.ensure_account(&account), keys.ensure_account(&account));
        assert_eq!((first.unwrap(), second.unwrap()), (account.clone(), account.clone()));

        let (plan, suspended, ensured) = tokio::join!(
            keys.set_plan(&account.id, Some("pro")),
            keys.suspend_account(&account.id),
            keys.ensure_account(&account),
        );
        assert!(plan.is_ok() && suspended.is_ok() && ensured.is_ok());
        let stored = keys.get_account(&account.id).await.unwrap().unwrap();
        assert_eq!((stored.plan.as_deref(), stored.suspended_at.is_some()), (Some("pro"), true));
        assert_eq!(stored.features, account.features);

        keys.suspend_account(&account.id).await.unwrap();
        let again = keys.get_account(&account.id).await.unwrap().unwrap();
        assert_eq!(again.suspended_at, stored.suspended_at, "the first date stays");
        keys.resume_account(&account.id).await.unwrap();
        keys.set_plan(&account.id, None).await.unwrap();
        assert_eq!(keys.get_account(&account.id).await.unwrap(), Some(account));
    }

    #[tokio::test]
    async fn a_missing_account_is_not_created_by_a_change() {
        let keys = Keys::new(MemoryStore::new());
        let id = AccountId::generate();
        let refused =
            [keys.set_plan(&id, Some("pro")).await, keys.suspend_account(&id).await, keys.resume_account(&id).await];
        for refused in refused {
            assert!(matches!(refused, Err(KeysError::Denied(WriteRefused::NoSuchAccount))));
        }
        assert_eq!(keys.get_account(&id).await.unwrap(), None);
    }
}
