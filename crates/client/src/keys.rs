//! Keys.

use http::Method;
use keyward_api_types::{ChangedKey, CreateKey, IssuedKey, Key, Page, RotateKey, RotatedKey, UpdateKey, Usage};
use keyward_core::key::KeyKind;
use keyward_core::store::KeyStatus;
use keyward_core::{AccountId, CredentialId, Mode, Timestamp};

use crate::client::Client;
use crate::error::ClientError;
use crate::page::Walk;
use crate::request::Request;

/// Which keys to list; all of the caller's own account by default.
///
/// # Examples
/// ```
/// use keyward::store::KeyStatus;
/// use keyward_client::KeyFilter;
///
/// let filter = KeyFilter { status: Some(KeyStatus::Active), ..KeyFilter::default() };
/// # let _ = filter;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyFilter {
    /// Of this account; the caller's own without it.
    pub account: Option<AccountId>,
    /// Of this mode alone.
    pub mode: Option<Mode>,
    /// Of this kind alone.
    pub kind: Option<KeyKind>,
    /// With this status alone.
    pub status: Option<KeyStatus>,
    /// With this in the name, whatever the case of ASCII letters.
    pub text: Option<String>,
    /// Last used before this, or never.
    pub last_used_before: Option<Timestamp>,
    /// Behind this: what the page before gave as [`Page::next`].
    pub after: Option<String>,
    /// How many on a page at most, 1 to 500; 50 without it.
    pub limit: Option<u16>,
}

/// The id for a path, in which `self` is another word for the caller's own key.
fn in_path(id: &CredentialId) -> Result<&str, ClientError> {
    if id.as_str() == "self" { Err(ClientError::Id) } else { Ok(id.as_str()) }
}

fn list(filter: &KeyFilter, after: Option<&str>) -> Request {
    Request::get(&["keys"])
        .query("account", filter.account.as_ref())
        .query("mode", filter.mode)
        .query("kind", filter.kind)
        .query("status", filter.status)
        .query("text", filter.text.as_ref())
        .query("last_used_before", filter.last_used_before)
        .query("after", after.or(filter.after.as_deref()))
        .query("limit", filter.limit)
}

/// Keys. What these need on the server: `keys:read`, and `keys:write` for what changes something.
impl Client {
    /// A page of keys, the newest first; revoked and expired ones among them.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn keys(&self, filter: &KeyFilter) -> Result<Page<Key>, ClientError> {
        self.ask(list(filter, None)).await
    }

    /// All keys that the filter lets through, page by page.
    #[must_use]
    pub fn walk_keys(&self, filter: &KeyFilter) -> Walk<'_, Key> {
        let filter = filter.clone();
        Walk::new(self, move |after| list(&filter, after))
    }

    /// A key.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn key(&self, id: &CredentialId) -> Result<Key, ClientError> {
        self.ask(Request::get(&["keys", in_path(id)?])).await
    }

    /// Issues a key. The answer has it in plain, this once.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn create_key(&self, new: &CreateKey) -> Result<IssuedKey, ClientError> {
        self.ask(Request::once(Method::POST, &["keys"])?.json(new)).await
    }

    /// Changes a key, if it is at this version still; when this returns, the change holds on every node.
    ///
    /// # Errors
    /// See [`ClientError`]; the status 412 if it is at another version.
    pub async fn update_key(
        &self,
        id: &CredentialId,
        update: &UpdateKey,
        version: u64,
    ) -> Result<ChangedKey, ClientError> {
        let request = Request::once(Method::PATCH, &["keys", in_path(id)?])?.json(update).if_match(version);
        self.ask(request).await
    }

    /// Issues a successor of a key, and lets the old one end after so many seconds; 0 ends it at once.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn rotate_key(&self, id: &CredentialId, overlap_seconds: u32) -> Result<RotatedKey, ClientError> {
        let body = RotateKey { overlap_seconds };
        self.ask(Request::once(Method::POST, &["keys", in_path(id)?, "rotate"])?.json(&body)).await
    }

    /// Revokes a key for good; when this returns, no node accepts it any more.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke_key(&self, id: &CredentialId) -> Result<ChangedKey, ClientError> {
        self.ask(Request::once(Method::POST, &["keys", in_path(id)?, "revoke"])?).await
    }

    /// Refuses a key for now.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn disable_key(&self, id: &CredentialId) -> Result<ChangedKey, ClientError> {
        self.ask(Request::once(Method::POST, &["keys", in_path(id)?, "disable"])?).await
    }

    /// Accepts a disabled key again.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn enable_key(&self, id: &CredentialId) -> Result<ChangedKey, ClientError> {
        self.ask(Request::once(Method::POST, &["keys", in_path(id)?, "enable"])?).await
    }

    /// The key that this client presents, whatever it was granted.
    ///
    /// # Errors
    /// See [`ClientError`]; the status 404 if what is presented is no key.
    pub async fn own_key(&self) -> Result<Key, ClientError> {
        self.ask(Request::get(&["keys", "self"])).await
    }

    /// Revokes the key that this client presents, whatever it was granted.
    ///
    /// It is not sent again when the connection breaks: the server may have revoked it, and would not know it any more.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke_own_key(&self) -> Result<ChangedKey, ClientError> {
        self.ask(Request::post(&["keys", "self", "revoke"])).await
    }

    /// How a key was used in the last so many days, today among them; at most 366. Needs `usage:read`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn key_usage(&self, id: &CredentialId, days: u32) -> Result<Usage, ClientError> {
        self.ask(Request::get(&["keys", in_path(id)?, "usage"]).query("days", Some(days))).await
    }
}
