use std::fmt::Display;

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

/// Checks that each path parameter `account` is the caller's account. For adapters, with the route's parameters.
///
/// # Errors
/// The 403 of [`Identity::require_account`], and [`Rejection::NotConfigured`] without such a parameter, which is logged.
///
/// # Examples
/// ```
/// use keyward::adapter::require_path_account;
///
/// let caller = keyward::Identity::api_key("key_1".parse()?, "acct_1".parse()?);
/// let check = |params: &[(&'static str, &'static str)]| {
///     require_path_account(&caller, params.iter().copied(), "GET", "/accounts/…").map_err(|refused| refused.status().as_u16())
/// };
/// assert_eq!(check(&[("account", "acct_1"), ("note", "7")]), Ok(()));
/// assert_eq!((check(&[("account", "acct_2")]), check(&[("note", "7")])), (Err(403), Err(500)));
/// # Ok::<(), keyward::id::IdError>(())
/// ```
pub fn require_path_account<'p>(
    identity: &Identity,
    params: impl IntoIterator<Item = (&'p str, &'p str)>,
    method: impl Display,
    path: &str,
) -> Result<(), Rejection> {
    let mut accounts = params.into_iter().filter(|(name, _)| *name == "account").peekable();
    if accounts.peek().is_none() {
        tracing::error!(%method, path, "request refused: OwnAccount is required, but the route has no {{account}}; add it to the route's path");
        return Err(Rejection::NotConfigured);
    }
    accounts.try_for_each(|(_, account)| identity.require_account(account))
}
