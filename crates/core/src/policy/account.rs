use crate::identity::Identity;
use crate::rejection::{CustomRejection, Rejection};

impl Identity {
    /// Checks that `account`, such as one in a path, is the caller's account.
    ///
    /// # Errors
    /// A 403 with the code `ACCOUNT_NOT_ALLOWED`. It does not reveal whether the other account exists.
    ///
    /// # Examples
    /// ```
    /// let caller = keyward::Identity::api_key("key_1".parse()?, "acct_1".parse()?);
    /// assert!(caller.require_account("acct_1").is_ok());
    /// assert_eq!(caller.require_account("acct_2").unwrap_err().code(), "ACCOUNT_NOT_ALLOWED");
    /// # Ok::<(), keyward::id::IdError>(())
    /// ```
    pub fn require_account(&self, account: &str) -> Result<(), Rejection> {
        if self.account().as_str() == account { Ok(()) } else { Err(CustomRejection::other_account().into()) }
    }
}
