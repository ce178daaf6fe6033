use std::sync::Arc;
use std::time::Duration;

use keyward_core::adapter::{AuthenticatorBuilder, BuildError};
use keyward_core::key::{Digest, Hasher, KeyKind};
use keyward_core::store::{Found, Freshness, KeyStatus, KeyStore, KeyUse, StoreError, StoredKey, async_trait};
use keyward_core::{Authenticator, Identity, ScopeSet};

use super::Management;
use crate::actor::Principal;
use crate::error::ManagementError;
use crate::records::{AccessToken, Family, StoredUser, Versioned};

impl Management {
    /// Returns the management API's authenticator.
    ///
    /// # Errors
    /// [`BuildError`] if no thread starts.
    pub fn authenticator(&self) -> Result<Authenticator, BuildError> {
        if let Some(made) = self.0.authenticator.get() {
            return Ok(made.clone());
        }
        let keys = Holder { store: Arc::clone(&self.0.key_store), freshness: self.0.freshness.clone() };
        let counting = self.clone();
        let builder = Authenticator::builder(Arc::clone(&self.0.key_store))
            .format(self.0.management_format.clone())
            .hasher(self.0.hasher.clone())
            .add_store(keys, self.0.format.clone(), self.0.hasher.clone())
            .add_store(AccessTokens(self.clone()), self.0.token_format.clone(), Hasher::default())
            .trusted_proxies(self.0.settings.proxies.clone())
            .clock(Arc::clone(&self.0.clock))
            .realm("keyward")
            .on_event(move |event| counting.count(event));
        #[cfg(feature = "metrics")]
        let builder = builder.metrics();
        let made = builder.build()?;
        Ok(self.0.authenticator.get_or_init(|| made).clone())
    }

    /// Creates an authenticator for the provider's keys that counts their use, and [records](crate::ManagementBuilder::recent_requests)
    /// their requests if that is on.
    ///
    /// # Errors
    /// [`BuildError`] if no thread starts, or a [location](crate::ManagementBuilder::accept) is invalid.
    ///
    /// # Examples
    /// ```
    /// # use keyward::manage::{Management, SqliteManagementStore};
    /// # use keyward::sqlite::SqliteStore;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = SqliteStore::temporary()?;
    /// # let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
    /// let layer = keyward::AuthLayer::from(management.verifier()?);
    /// # let _ = layer;
    /// # Ok(()) }
    /// ```
    pub fn verifier(&self) -> Result<Authenticator, BuildError> {
        let builder = Authenticator::builder(Arc::clone(&self.0.key_store))
            .format(self.0.format.clone())
            .hasher(self.0.hasher.clone())
            .trusted_proxies(self.0.settings.proxies.clone())
            .clock(Arc::clone(&self.0.clock));
        let builder = if self.records_requests() {
            builder.on_event(self.recent_requests_hook())
        } else {
            builder.on_event(self.usage_hook())
        };
        let guarded = self.0.settings.guards_browsers;
        let builder = if guarded { builder.refuse_secret_keys_in_browsers() } else { builder };
        let builder = if self.0.settings.bearer { builder } else { builder.without_bearer() };
        let builder = self.0.settings.key_locations.iter().cloned().fold(builder, AuthenticatorBuilder::accept);
        #[cfg(feature = "metrics")]
        let builder = builder.metrics();
        builder.build()
    }
}

/// Their scopes are for the provider's API.
struct Holder {
    store: Arc<dyn KeyStore>,
    freshness: Freshness,
}

#[async_trait]
impl KeyStore for Holder {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        let mut found = self.store.find(digest).await?;
        found.key = found.key.map(|key| {
            key.map_identity(|identity| {
                identity.with_scopes(ScopeSet::default()).with_endpoints([]).with_kind(KeyKind::Restricted)
            })
        });
        Ok(found)
    }

    fn freshness(&self) -> Freshness {
        self.freshness.clone()
    }

    async fn record_use(&self, _: &[KeyUse]) -> Result<(), StoreError> {
        // Asking about a key is not a use.
        Ok(())
    }
}

/// Read at every request, so that signing out takes effect at once.
struct AccessTokens(Management);

#[async_trait]
impl KeyStore for AccessTokens {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        let management = &self.0;
        let Some(access) = management.get::<AccessToken>(&hex::encode(digest.as_bytes())).await? else {
            return Ok(Found::unknown());
        };
        let Some(family) = management.get::<Family>(&access.family).await? else { return Ok(Found::unknown()) };
        let Some(user): Option<Versioned<StoredUser>> = management.get(family.user.as_str()).await? else {
            return Ok(Found::unknown());
        };
        let principal = Principal::User(user.id.clone());
        let role = match management.guarded_rights(&principal, &family.account).await {
            Ok(held) => held.rights.scopes().clone(),
            Err(ManagementError::Store(error)) => return Err(error),
            Err(_) => ScopeSet::default(),
        };
        let identity = Identity::access_token(access.id.clone(), family.account.clone(), user.id.clone())
            .with_scopes(role)
            .with_expiry(access.ends_at);
        let status = if management.is_live(&family, &user) { KeyStatus::Active } else { KeyStatus::Revoked };
        Ok(Found::key(StoredKey::new(identity).with_status(status)))
    }

    fn freshness(&self) -> Freshness {
        Freshness::BoundedAge(Duration::ZERO)
    }
}
