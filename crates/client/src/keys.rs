//! Keys.

use std::fmt;
use std::str::FromStr;

use http::Method;
use keyward_core::key::{Hint, KeyKind};
use keyward_core::network::ipnet::IpNet;
use keyward_core::store::KeyStatus;
use keyward_core::{AccountId, CredentialId, Endpoint, Mode, ScopeSet, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::client::Client;
use crate::error::ClientError;
use crate::page::{Page, Walk};
use crate::request::{Answer, Request};
use crate::secret::Secret;
use crate::usage::Usage;

/// What a key is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Purpose {
    /// Calls of the provider's own API.
    #[default]
    Api,
    /// Calls of the management API.
    Management,
}

/// A key as those see it who may: never the key itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Key {
    /// Its id.
    pub id: CredentialId,
    /// Whose it is.
    pub account: AccountId,
    /// What it is for.
    pub purpose: Purpose,
    /// What people call it.
    pub name: String,
    /// Its first 8 characters and its last 4.
    pub hint: Hint,
    /// How its digest was made: `sha256`, `hmac-sha256:` and the pepper's id, or what it was imported with.
    pub hashed_with: String,
    /// Its kind.
    pub kind: KeyKind,
    /// Its mode.
    pub mode: Mode,
    /// What it grants.
    pub scopes: ScopeSet,
    /// The endpoints that it is confined to; all if there are none.
    pub endpoints: Vec<Endpoint>,
    /// The networks that it is confined to; all if there are none.
    pub networks: Vec<IpNet>,
    /// Data of the provider's own.
    pub metadata: Map<String, Value>,
    /// Whether it may be used.
    pub status: KeyStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it begins, if not at once.
    pub not_before: Option<Timestamp>,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// Whether it works now and ends within two weeks.
    pub expires_soon: bool,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// The network that this use came from, if it is known: the first 24 bits of an IPv4 address, the first 48 of an IPv6 one.
    pub last_used_from: Option<String>,
    /// When it was last used although it has a successor.
    pub used_after_rotation_at: Option<Timestamp>,
    /// Since when it is disabled, if it is.
    pub disabled_at: Option<Timestamp>,
    /// Since when it is revoked, if it is.
    pub revoked_at: Option<Timestamp>,
    /// Since when it is known to be known to others, if it is.
    pub compromised_at: Option<Timestamp>,
    /// The key that it succeeds, if it does one.
    pub rotated_from: Option<CredentialId>,
    /// The key that succeeds it, if one does.
    pub rotated_to: Option<CredentialId>,
    /// Goes up by one whenever it is changed; for updates.
    pub version: u64,
}

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

/// A key that is to be issued.
///
/// # Examples
/// ```
/// use keyward::Mode;
/// use keyward_client::CreateKey;
///
/// let new = CreateKey { mode: Mode::Test, ..CreateKey::secret("development") };
/// # let _ = new;
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CreateKey {
    /// Whose it is to be; the caller's own account without it.
    pub account: Option<AccountId>,
    /// What people call it: 1 to 100 characters.
    pub name: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Its kind.
    pub kind: KeyKind,
    /// Its mode.
    pub mode: Mode,
    /// What it grants. A restricted key needs at least one.
    pub scopes: ScopeSet,
    /// The endpoints that it is confined to; all if there are none.
    pub endpoints: Vec<Endpoint>,
    /// The networks that it is confined to; all if there are none.
    pub networks: Vec<IpNet>,
    /// Data of the provider's own.
    pub metadata: Map<String, Value>,
    /// When it begins; at once without it.
    pub not_before: Option<Timestamp>,
    /// When it ends; never without it.
    pub expires_at: Option<Timestamp>,
}

impl CreateKey {
    /// A secret key of the provider's API in live mode that grants everything.
    #[must_use]
    pub fn secret(name: impl Into<String>) -> Self {
        Self { kind: KeyKind::Secret, ..Self::restricted(name, ScopeSet::all()) }
    }

    /// A restricted key of the provider's API in live mode that grants these scopes.
    #[must_use]
    pub fn restricted(name: impl Into<String>, scopes: ScopeSet) -> Self {
        Self {
            account: None,
            name: name.into(),
            purpose: Purpose::Api,
            kind: KeyKind::Restricted,
            mode: Mode::Live,
            scopes,
            endpoints: Vec::new(),
            networks: Vec::new(),
            metadata: Map::new(),
            not_before: None,
            expires_at: None,
        }
    }
}

/// What to change in a key; nothing by default. `Some(None)` takes the end away.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UpdateKey {
    /// Another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Other scopes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<ScopeSet>,
    /// Other endpoints to be confined to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Vec<Endpoint>>,
    /// Other networks to be confined to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<IpNet>>,
    /// Other data of the provider's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// Another end, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Option<Timestamp>>,
}

/// A key that was issued: the only time that it is there in plain.
#[derive(Debug)]
pub struct IssuedKey {
    /// The key, to be shown to its owner once.
    pub key: Secret,
    /// What is known of it.
    pub record: Key,
}

/// A key that was rotated.
#[derive(Debug)]
pub struct RotatedKey {
    /// The successor, to be shown to its owner once.
    pub key: Secret,
    /// What is known of the successor.
    pub record: Key,
    /// The key that it succeeds, with its end.
    pub predecessor: Key,
    /// How the end became true on every node.
    pub effective: Effective,
}

/// A key that was changed.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedKey {
    /// What is known of it now.
    pub record: Key,
    /// How the change became true on every node.
    pub effective: Effective,
}

/// How a change became true on every node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Effective {
    /// Nodes that have said so.
    pub confirmed: u64,
    /// Nodes that were waited for until their lease had run out.
    pub waited_out: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// What an answer has beside the key's own fields. It is read apart from them, as serde copies what it flattens, secrets too.
pub(crate) mod parts {
    use super::{Deserialize, Effective, Key, Secret};

    #[derive(Deserialize)]
    pub(crate) struct Issued {
        pub(crate) key: Secret,
    }

    #[derive(Deserialize)]
    pub(crate) struct Rotated {
        pub(crate) key: Secret,
        pub(crate) predecessor: Key,
        pub(crate) effective: Effective,
    }

    #[derive(Deserialize)]
    pub(crate) struct ChangedKey {
        pub(crate) effective: Effective,
    }
}

#[derive(Serialize)]
pub(crate) struct RotateKey {
    pub(crate) overlap_seconds: u32,
}

fn changed(answer: &Answer) -> Result<ChangedKey, ClientError> {
    Ok(ChangedKey { record: answer.read()?, effective: answer.read::<parts::ChangedKey>()?.effective })
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
        let answer = self.send(Request::once(Method::POST, &["keys"])?.json(new)).await?;
        Ok(IssuedKey { key: answer.read::<parts::Issued>()?.key, record: answer.read()? })
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
        changed(&self.send(request).await?)
    }

    /// Issues a successor of a key, and lets the old one end after so many seconds; 0 ends it at once.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn rotate_key(&self, id: &CredentialId, overlap_seconds: u32) -> Result<RotatedKey, ClientError> {
        let body = RotateKey { overlap_seconds };
        let answer = self.send(Request::once(Method::POST, &["keys", in_path(id)?, "rotate"])?.json(&body)).await?;
        let parts::Rotated { key, predecessor, effective } = answer.read()?;
        Ok(RotatedKey { key, record: answer.read()?, predecessor, effective })
    }

    /// Revokes a key for good; when this returns, no node accepts it any more.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke_key(&self, id: &CredentialId) -> Result<ChangedKey, ClientError> {
        changed(&self.send(Request::once(Method::POST, &["keys", in_path(id)?, "revoke"])?).await?)
    }

    /// Refuses a key for now.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn disable_key(&self, id: &CredentialId) -> Result<ChangedKey, ClientError> {
        changed(&self.send(Request::once(Method::POST, &["keys", in_path(id)?, "disable"])?).await?)
    }

    /// Accepts a disabled key again.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn enable_key(&self, id: &CredentialId) -> Result<ChangedKey, ClientError> {
        changed(&self.send(Request::once(Method::POST, &["keys", in_path(id)?, "enable"])?).await?)
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
        changed(&self.send(Request::post(&["keys", "self", "revoke"])).await?)
    }

    /// How a key was used in the last so many days, today among them; at most 366. Needs `usage:read`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn key_usage(&self, id: &CredentialId, days: u32) -> Result<Usage, ClientError> {
        self.ask(Request::get(&["keys", in_path(id)?, "usage"]).query("days", Some(days))).await
    }
}

impl Purpose {
    /// The purpose's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Management => "management",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Purpose {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = [Self::Api, Self::Management].into_iter().find(|purpose| purpose.as_str() == text);
        known.ok_or("a purpose is api or management")
    }
}
