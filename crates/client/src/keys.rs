use http::Method;
use keyward_api_types::{
    ChangedKey, CreateKey, IssuedKey, Key, KeyFilter, Page, RecentRequest, RevokeKey, RevokedKeys, RotateKey,
    RotatedKey, RotationPreview, UpdateKey, Usage, UsageParams,
};
use keyward_core::id::UserId;
use keyward_core::{AccountId, CredentialId};

use crate::client::Client;
use crate::error::ClientError;
use crate::page::Walk;
use crate::request::Request;

fn in_path(id: &CredentialId) -> Result<&str, ClientError> {
    if id.as_str() == "self" { Err(ClientError::Id) } else { Ok(id.as_str()) }
}

fn list(filter: &KeyFilter, after: Option<&str>) -> Request {
    match after {
        None => Request::get(&["keys"]).query(filter),
        Some(after) => Request::get(&["keys"]).query(&KeyFilter { after: Some(after.to_owned()), ..filter.clone() }),
    }
}

/// Keys. Needs `keys:read`, or `keys:write` for changes.
impl Client {
    /// Returns a page of keys, newest first, including revoked and expired ones.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn keys(&self, filter: &KeyFilter) -> Result<Page<Key>, ClientError> {
        self.ask(list(filter, None)).await
    }

    /// Lists all matching keys.
    #[must_use]
    pub fn walk_keys(&self, filter: &KeyFilter) -> Walk<'_, Key> {
        let filter = filter.clone();
        Walk::new(self, move |after| list(&filter, after))
    }

    /// Returns a key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn key(&self, id: &CredentialId) -> Result<Key, ClientError> {
        self.ask(Request::get(&["keys", in_path(id)?])).await
    }

    /// Creates a key. Only this answer contains the key itself.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_key(&self, new: &CreateKey) -> Result<IssuedKey, ClientError> {
        self.ask(Request::idempotent(Method::POST, &["keys"])?.json(new)).await
    }

    /// Changes a key at this version. The change holds on every node when this returns.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update_key(
        &self,
        id: &CredentialId,
        update: &UpdateKey,
        version: u64,
    ) -> Result<ChangedKey, ClientError> {
        let request = Request::idempotent(Method::PATCH, &["keys", in_path(id)?])?.json(update).if_match(version);
        self.ask(request).await
    }

    /// Creates the successor of a key. The old key ends after this many seconds, or at once for 0.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn rotate_key(&self, id: &CredentialId, overlap_seconds: u32) -> Result<RotatedKey, ClientError> {
        self.rotate_key_with(id, &RotateKey::new(overlap_seconds)).await
    }

    /// Creates the successor of a key, with a chosen expiry.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn rotate_key_with(&self, id: &CredentialId, rotation: &RotateKey) -> Result<RotatedKey, ClientError> {
        self.ask(Request::idempotent(Method::POST, &["keys", in_path(id)?, "rotate"])?.json(rotation)).await
    }

    /// Returns what a rotation of a key would do now.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn rotation_preview(&self, id: &CredentialId) -> Result<RotationPreview, ClientError> {
        self.ask(Request::get(&["keys", in_path(id)?, "rotation"])).await
    }

    /// Revokes a key for good. No node accepts it when this returns.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn revoke_key(&self, id: &CredentialId) -> Result<ChangedKey, ClientError> {
        self.revoke_key_with(id, &RevokeKey::default()).await
    }

    /// Revokes a key for good, with a reason and a note.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn revoke_key_with(&self, id: &CredentialId, revocation: &RevokeKey) -> Result<ChangedKey, ClientError> {
        self.ask(Request::idempotent(Method::POST, &["keys", in_path(id)?, "revoke"])?.json(revocation)).await
    }

    /// Revokes all keys of a user in an account. No node accepts them when this returns.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn revoke_user_keys(
        &self,
        account: &AccountId,
        user: &UserId,
        revocation: &RevokeKey,
    ) -> Result<RevokedKeys, ClientError> {
        let request = Request::idempotent(
            Method::POST,
            &["accounts", account.as_str(), "members", user.as_str(), "keys", "revoke"],
        )?;
        self.ask(request.json(revocation)).await
    }

    /// Disables a key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn disable_key(&self, id: &CredentialId) -> Result<ChangedKey, ClientError> {
        self.ask(Request::idempotent(Method::POST, &["keys", in_path(id)?, "disable"])?).await
    }

    /// Enables a disabled key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn enable_key(&self, id: &CredentialId) -> Result<ChangedKey, ClientError> {
        self.ask(Request::idempotent(Method::POST, &["keys", in_path(id)?, "enable"])?).await
    }

    /// Returns the presented key, whatever its scopes.
    ///
    /// # Errors
    /// [`ClientError`]. 404 if the credential is not a key.
    pub async fn own_key(&self) -> Result<Key, ClientError> {
        self.ask(Request::get(&["keys", "self"])).await
    }

    /// Revokes the presented key, whatever its scopes. Not retried after a broken connection.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn revoke_own_key(&self) -> Result<ChangedKey, ClientError> {
        self.ask(Request::post(&["keys", "self", "revoke"])).await
    }

    /// Returns a key's usage in the last `days` days (at most 366), including today. Needs `usage:read`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn key_usage(&self, id: &CredentialId, days: u32) -> Result<Usage, ClientError> {
        self.ask(Request::get(&["keys", in_path(id)?, "usage"]).query(&UsageParams { days: Some(days) })).await
    }

    /// Lists a key's last requests, newest first, if the server or a service records them. Needs `usage:read`.
    ///
    /// # Errors
    /// [`ClientError::Id`].
    pub fn walk_key_requests(&self, id: &CredentialId) -> Result<Walk<'_, RecentRequest>, ClientError> {
        let id = in_path(id)?.to_owned();
        Ok(Walk::new(self, move |after| Request::get(&["keys", &id, "requests"]).page(after)))
    }
}
