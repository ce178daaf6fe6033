//! Listing accounts.

use super::{Keys, KeysError};
use crate::id::AccountId;
use crate::store::AccountRecord;

impl Keys {
    /// Returns at most `limit` accounts behind `after`, in the order of their ids.
    ///
    /// # Errors
    /// [`KeysError::Store`] if the store fails.
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
}
