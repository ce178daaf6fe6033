use std::fmt::Display;
use std::str::FromStr;

use keyward_core::id::UserId;
use keyward_core::key::KeyKind;
use keyward_core::scope::Grant;
use keyward_core::{AccountRecord, CredentialId, Endpoint, Identity, Mode, Network, NewKey, ScopeSet, Timestamp};
use serde_json::Value;

/// The caller of a test.
///
/// A key is secret, live and has all scopes, as [`NewKey::secret`] makes it, unless a method changes that.
///
/// # Panics
/// Each method panics if a text is invalid, and names the text and the expected form.
///
/// # Examples
/// A handler is a function, so a test can call it:
/// ```
/// use keyward::axum::Authenticated;
/// use keyward::testing::TestIdentity;
///
/// async fn greet(caller: Authenticated) -> String {
///     format!("{} is on {}", caller.account(), caller.plan().unwrap_or("no plan"))
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let caller = TestIdentity::account("acct_1").scopes(["notes:read"]).plan("Pro").identity();
/// assert_eq!(greet(caller.into()).await, "acct_1 is on Pro");
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "pass it to a TestAuthLayer or a TestStore, or call identity()"]
pub struct TestIdentity {
    pub(crate) account: AccountRecord,
    pub(crate) key: NewKey,
    pub(crate) id: Option<CredentialId>,
    pub(crate) user: Option<UserId>,
}

impl TestIdentity {
    /// Creates the identity of a key that belongs to this account.
    #[track_caller]
    pub fn account(id: &str) -> Self {
        let account = AccountRecord::new(read("account", id), id);
        Self { key: NewKey::secret(account.id.clone(), "test"), account, id: None, user: None }
    }

    /// Sets the credential's id. Defaults to `key_1`, and in a [`TestStore`](crate::TestStore) to `key_` and its number.
    #[track_caller]
    pub fn id(mut self, id: &str) -> Self {
        self.id = Some(read("id", id));
        self
    }

    /// Makes it the access token of this user.
    #[track_caller]
    pub fn user(mut self, id: &str) -> Self {
        self.user = Some(read("user", id));
        self
    }

    /// Sets the kind of key. Defaults to [`KeyKind::Secret`].
    pub fn kind(mut self, kind: KeyKind) -> Self {
        self.key.kind = kind;
        self
    }

    /// Sets the mode. Defaults to [`Mode::Live`].
    pub fn mode(mut self, mode: Mode) -> Self {
        self.key.mode = mode;
        self
    }

    /// Grants these scopes only, such as `notes:read` or `notes:*`.
    #[track_caller]
    pub fn scopes<S: AsRef<str>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        let grants: Vec<Grant> = read_all("scope", scopes);
        match ScopeSet::new(grants) {
            Ok(scopes) => self.key.scopes = scopes,
            Err(error) => panic!("invalid scopes of a TestIdentity: {error}"),
        }
        self
    }

    /// Grants no scope.
    pub fn no_scopes(mut self) -> Self {
        self.key.scopes = ScopeSet::default();
        self
    }

    /// Sets the account's plan.
    pub fn plan(mut self, plan: &str) -> Self {
        self.account = self.account.with_plan(plan);
        self
    }

    /// Adds a feature of the account.
    pub fn feature(mut self, feature: &str) -> Self {
        self.account = self.account.with_feature(feature);
        self
    }

    /// Confines the key to these endpoints, such as `GET /v1/notes/*`.
    #[track_caller]
    pub fn endpoints<S: AsRef<str>>(mut self, endpoints: impl IntoIterator<Item = S>) -> Self {
        self.key.endpoints = read_all::<Endpoint>("endpoint", endpoints);
        self
    }

    /// Confines the key to these networks, such as `192.0.2.0/24`. The request then needs a peer's address.
    #[track_caller]
    pub fn networks<S: AsRef<str>>(mut self, networks: impl IntoIterator<Item = S>) -> Self {
        self.key.networks = read_all::<Network>("network", networks).into_iter().map(Into::into).collect();
        self
    }

    /// Sets the expiry time, such as `2026-03-01T12:00:00Z`.
    #[track_caller]
    pub fn expires_at(mut self, at: &str) -> Self {
        self.key.expires_at = Some(read::<Timestamp>("expiry time", at));
        self
    }

    /// Adds a value to the provider's data.
    pub fn metadata(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.key.metadata.insert(name.to_owned(), value.into());
        self
    }

    /// Returns the identity.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let id = self.id.clone().unwrap_or_else(|| read("id", "key_1"));
        let (key, account) = (&self.key, self.account.id.clone());
        let mut identity = match &self.user {
            Some(user) => Identity::access_token(id, account, user.clone()),
            None => Identity::api_key(id, account).with_kind(key.kind),
        };
        if let Some(plan) = &self.account.plan {
            identity = identity.with_plan(plan.clone());
        }
        if let Some(at) = key.expires_at {
            identity = identity.with_expiry(at);
        }
        identity
            .with_mode(key.mode)
            .with_scopes(key.scopes.clone())
            .with_features(self.account.features.iter().cloned())
            .with_endpoints(key.endpoints.iter().cloned())
            .with_networks(key.networks.iter().copied())
            .with_metadata(key.metadata.clone())
    }
}

impl From<TestIdentity> for Identity {
    fn from(identity: TestIdentity) -> Self {
        identity.identity()
    }
}

#[track_caller]
fn read<T: FromStr<Err: Display>>(what: &str, text: &str) -> T {
    match text.parse() {
        Ok(value) => value,
        Err(error) => panic!("invalid {what} {text:?} of a TestIdentity: {error}"),
    }
}

#[track_caller]
fn read_all<T: FromStr<Err: Display>>(what: &str, texts: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<T> {
    let mut values = Vec::new();
    for text in texts {
        values.push(read(what, text.as_ref()));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_reaches_the_identity() {
        let identity = TestIdentity::account("acct_1")
            .id("key_7")
            .kind(KeyKind::Restricted)
            .mode(Mode::Test)
            .scopes(["notes:read", "jobs:*"])
            .plan("Pro")
            .feature("beta")
            .endpoints(["GET /v1/notes/*"])
            .networks(["192.0.2.0/24"])
            .expires_at("2026-03-01T12:00:00Z")
            .metadata("team", "a")
            .identity();
        assert_eq!((identity.id().as_str(), identity.account().as_str()), ("key_7", "acct_1"));
        assert_eq!((identity.kind().key_kind(), identity.mode()), (Some(KeyKind::Restricted), Mode::Test));
        assert_eq!(identity.scopes().to_string(), "jobs:* notes:read");
        assert_eq!((identity.plan(), identity.has_feature("beta")), (Some("Pro"), true));
        assert_eq!(identity.endpoints()[0].as_str(), "GET /v1/notes/*");
        assert_eq!(identity.networks()[0].to_string(), "192.0.2.0/24");
        assert_eq!(identity.expires_at().unwrap().to_string(), "2026-03-01T12:00:00Z");
        assert_eq!(identity.metadata()["team"], "a");
    }

    #[test]
    fn a_user_has_an_access_token() {
        let identity = TestIdentity::account("acct_1").user("user_1").identity();
        assert_eq!(identity.user().unwrap().as_str(), "user_1");
        assert_eq!(identity.kind().key_kind(), None);
    }

    #[track_caller]
    fn check(build: fn() -> TestIdentity, expected: &str) {
        let panic = std::panic::catch_unwind(build).unwrap_err();
        let said = panic.downcast_ref::<String>().unwrap();
        assert!(said.starts_with(expected), "{said}");
    }

    #[test]
    fn a_bad_text_panics_with_the_text_and_the_form() {
        check(
            || TestIdentity::account(""),
            "invalid account \"\" of a TestIdentity: invalid id: expected 1 to 64 visible",
        );
        check(|| TestIdentity::account("a").scopes(["notes"]), "invalid scope \"notes\" of a TestIdentity: ");
        check(|| TestIdentity::account("a").endpoints(["/v1"]), "invalid endpoint \"/v1\" of a TestIdentity: ");
        check(|| TestIdentity::account("a").networks(["1.2.3"]), "invalid network \"1.2.3\" of a TestIdentity: ");
        check(|| TestIdentity::account("a").expires_at("now"), "invalid expiry time \"now\" of a TestIdentity: ");
        check(|| TestIdentity::account("a").user("a b"), "invalid user \"a b\" of a TestIdentity: ");
    }
}
