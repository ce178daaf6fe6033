//! Checks that leave the verdict to the store or the cache behind it, for gateways.

use std::sync::Arc;

use super::{Admission, Authenticator, Check, Pending, PendingParts, Target, refused};
use crate::connection::Transport;
use crate::credential::{Credential, CredentialFault};
use crate::id::AccountId;
use crate::key::Mode;
use crate::location::{Field, Reading};
use crate::policy::is_from_browser;
use crate::rejection::Rejection;

impl Authenticator {
    /// Checks a request for a caller that may ask only about `account`.
    ///
    /// A credential of another account is refused exactly like an unknown one, after the same reads of the store. It is
    /// not counted, reported or recorded. The address of `target.connection` is checked, but not recorded. Only `fields` are
    /// read, as [`check_bearer`](Self::check_bearer) does.
    ///
    /// # Examples
    /// ```
    /// use keyward::adapter::{Check, Target, UnknownConnection};
    /// use keyward::{AccountId, Authenticator, MemoryStore};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let authenticator = Authenticator::new(MemoryStore::new());
    /// let account: AccountId = "acct_1".parse()?;
    /// let target = Target { method: "GET", path: "/v1/videos", preflight: false, connection: &UnknownConnection };
    /// let verdict = match authenticator.check_within(&account, target, [b"Bearer kw_live_mistyped".as_slice()]) {
    ///     Check::Done(verdict) => verdict,
    ///     Check::Pending(pending) => authenticator.resolve(pending).await,
    /// };
    /// assert_eq!(verdict.unwrap_err().code(), "INVALID_API_KEY");
    /// # Ok(()) }
    /// ```
    pub fn check_within<'h>(
        &self,
        account: &AccountId,
        target: Target<'_>,
        fields: impl IntoIterator<Item = &'h [u8]>,
    ) -> Check {
        self.check_uncached(target, fields, Some(account), self.0.guards_browsers, false)
    }

    /// Returns the mode that the text of a key states, without a read. `None` if the fields hold no key.
    #[must_use]
    pub fn stated_mode<'h>(&self, fields: impl IntoIterator<Item = &'h [u8]>) -> Option<Mode> {
        let credential = Credential::unchecked_from_fields(fields).ok()?;
        self.0.resolver_of(&credential).format.parse(credential.token()).ok().map(|key| key.mode())
    }

    /// Checks a request that [`check`](Self::check) has refused or admitted before, to write its refusal again.
    ///
    /// It counts, reports and records nothing, except what [`refuse`](Self::refuse) does with the verdict.
    pub fn check_again<'h>(&self, target: Target<'_>, fields: impl IntoIterator<Item = &'h [u8]>) -> Check {
        let guards_browsers = self.0.guards_browsers;
        let Some(locations) = &self.0.locations else {
            return self.check_uncached(target, fields, None, guards_browsers, true);
        };
        let mut field = Field::empty();
        match locations.read(target.connection, &mut fields.into_iter(), &mut field) {
            Ok(Reading::Key) => self.check_uncached(target, [field.as_bytes()], None, guards_browsers, true),
            Ok(Reading::BasicKey) => self.check_uncached(target, [field.as_bytes()], None, true, true),
            keyless => self.check_keyless(target, keyless),
        }
    }

    /// Leaves the verdict to [`resolve`](Self::resolve), also for a cached key.
    fn check_uncached<'h>(
        &self,
        target: Target<'_>,
        fields: impl IntoIterator<Item = &'h [u8]>,
        within: Option<&AccountId>,
        guards_browser: bool,
        silent: bool,
    ) -> Check {
        let inner = &*self.0;
        if inner.passes_unchecked(target) {
            return Check::Done(Ok(Admission::Anonymous));
        }
        // Not `insecure`, which marks keys as compromised: the caller may not know any of them.
        if inner.https.is_some() && inner.proxies.transport(target.connection) != Transport::Secure {
            return Check::Done(Err(Rejection::HttpsRequired));
        }
        let credential = match Credential::unchecked_from_fields(fields) {
            Ok(credential) => credential,
            Err(CredentialFault::Missing) if inner.optional => return Check::Done(Ok(Admission::Anonymous)),
            Err(fault) => return Check::Done(Err(fault.into())),
        };
        let resolver = inner.resolver_of(&credential);
        let key = match resolver.format.parse(credential.token()) {
            Ok(key) => key,
            Err(fault) => return Check::Done(Err(refused(&credential, fault))),
        };
        Check::Pending(Pending(Box::new(PendingParts {
            cache: Arc::clone(&resolver.cache),
            digests: resolver.digests(&key),
            method: target.method.parse().unwrap_or(http::Method::POST),
            path: target.path.into(),
            client: inner.proxies.client(target.connection),
            exposed: false,
            within: within.cloned(),
            from_browser: guards_browser && is_from_browser(target.connection),
            silent,
        })))
    }
}
