//! Waiting for a change that the application committed itself.

use std::time::Duration;

use super::{Keys, KeysError};
use crate::lease::{Propagation, wait_until_applied};
use crate::store::Freshness;

impl Keys {
    /// Waits until every node applies each change that was committed before the call.
    ///
    /// The store's own methods wait by themselves. Call this after an application has invalidated answers in its own transaction.
    ///
    /// # Errors
    /// [`KeysError::Store`].
    ///
    /// # Examples
    /// ```
    /// use keyward::Keys;
    /// use keyward::sqlite::{SqliteStore, tables::Tables};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = SqliteStore::temporary()?;
    /// Tables::of(&store)
    ///     .write(|transaction| {
    ///         // The application's own statements come first.
    ///         transaction.execute("INSERT INTO keyward_invalidate (account) VALUES ('acct_1')", [])?;
    ///         transaction.commit()
    ///     })
    ///     .await?;
    /// Keys::new(store).wait_until_applied().await?;
    /// // Every node has dropped its cached answers for acct_1.
    /// # Ok(()) }
    /// ```
    pub async fn wait_until_applied(&self) -> Result<Propagation, KeysError> {
        match &self.freshness {
            Freshness::ChangeLog(log) => {
                let newest = log.newest().await?;
                Ok(wait_until_applied(&**log, newest, &*self.clock).await)
            }
            Freshness::BoundedAge(age) => Ok(wait_out(*age).await),
        }
    }
}

/// Without a log no node can confirm, so the longest age of a cached answer is waited out.
pub(super) async fn wait_out(age: Duration) -> Propagation {
    tokio::time::sleep(age).await;
    Propagation { took: age, ..Propagation::default() }
}
