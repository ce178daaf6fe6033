//! Keys.

use std::fmt;
use std::str::FromStr;

use keyward_core::key::{Hint, KeyKind};
use keyward_core::lease::Propagation;
use keyward_core::network::ipnet::IpNet;
use keyward_core::store::KeyStatus;
use keyward_core::{AccountId, CredentialId, Endpoint, Mode, ScopeSet, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

#[cfg(feature = "utoipa")]
use crate::schema::{KindName, ModeName, StatusName};
use crate::secret::{Secret, reveal};
use crate::strict::{flattened, networks, networks_or_null, present, word, word_or_null};

/// What a key is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Calls of the provider's own API.
    #[default]
    Api,
    /// Calls of the management API: its prefix is another, and the provider's API does not take it.
    Management,
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

/// The text names no purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a purpose is api or management")]
pub struct PurposeError;

impl FromStr for Purpose {
    type Err = PurposeError;

    fn from_str(text: &str) -> Result<Self, PurposeError> {
        [Self::Api, Self::Management].into_iter().find(|purpose| purpose.as_str() == text).ok_or(PurposeError)
    }
}

/// A key as those see it who may: never the key itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = KeyView))]
pub struct Key {
    /// Its id.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub id: CredentialId,
    /// Whose it is.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub account: AccountId,
    /// What it is for.
    pub purpose: Purpose,
    /// What people call it.
    pub name: String,
    /// Its first 8 characters and its last 4.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub hint: Hint,
    /// How its digest was made: `sha256`, `hmac-sha256:` and the pepper's id, or what it was imported with.
    pub hashed_with: String,
    /// Its kind.
    #[cfg_attr(feature = "utoipa", schema(value_type = KindName))]
    pub kind: KeyKind,
    /// Its mode.
    #[cfg_attr(feature = "utoipa", schema(value_type = ModeName))]
    pub mode: Mode,
    /// What it grants.
    #[cfg_attr(feature = "utoipa", schema(value_type = Vec<String>))]
    pub scopes: ScopeSet,
    /// The endpoints that it is confined to; all if there are none.
    #[cfg_attr(feature = "utoipa", schema(value_type = Vec<String>))]
    pub endpoints: Vec<Endpoint>,
    /// The networks that it is confined to; all if there are none.
    #[cfg_attr(feature = "utoipa", schema(value_type = Vec<String>))]
    pub networks: Vec<IpNet>,
    /// Data of the provider's own.
    #[cfg_attr(feature = "utoipa", schema(value_type = Object))]
    pub metadata: Map<String, Value>,
    /// Whether it may be used.
    #[cfg_attr(feature = "utoipa", schema(value_type = StatusName))]
    pub status: KeyStatus,
    /// When it was made.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When it begins, if not at once.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub not_before: Option<Timestamp>,
    /// When it ends, if it does.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub expires_at: Option<Timestamp>,
    /// Whether it works now and ends within two weeks.
    pub expires_soon: bool,
    /// When it was last used.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub last_used_at: Option<Timestamp>,
    /// The network that this use came from, if it is known: the first 24 bits of an IPv4 address, the first 48 of an IPv6 one.
    pub last_used_from: Option<String>,
    /// When it was last used although it has a successor.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub used_after_rotation_at: Option<Timestamp>,
    /// Since when it is disabled, if it is.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub disabled_at: Option<Timestamp>,
    /// Since when it is revoked, if it is.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub revoked_at: Option<Timestamp>,
    /// Since when it is known to be known to others, if it is.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub compromised_at: Option<Timestamp>,
    /// The key that it succeeds, if it does one.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>))]
    pub rotated_from: Option<CredentialId>,
    /// The key that succeeds it, if one does.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>))]
    pub rotated_to: Option<CredentialId>,
    /// Goes up by one whenever it is changed.
    pub version: u64,
}

/// A key that is to be issued.
///
/// # Examples
/// ```
/// use keyward::Mode;
/// use keyward_api_types::CreateKey;
///
/// let new = CreateKey { mode: Mode::Test, ..CreateKey::secret("development") };
/// # let _ = new;
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(description = "A key that is to be issued."))]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// Whose it is to be; the caller's own account without it.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[!-~]+$"))]
    #[serde(default)]
    pub account: Option<AccountId>,
    /// What people call it.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    pub name: String,
    /// What it is for.
    #[serde(default, deserialize_with = "word")]
    pub purpose: Purpose,
    /// Restricted without it.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<KindName>))]
    #[serde(default = "default_kind", deserialize_with = "kind_or_default")]
    pub kind: KeyKind,
    /// Live without it.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<ModeName>))]
    #[serde(default = "default_mode", deserialize_with = "mode_or_default")]
    pub mode: Mode,
    /// What it grants. A restricted key needs at least one.
    #[cfg_attr(feature = "utoipa", schema(value_type = Vec<String>, max_items = 64, example = json!(["resources:read"])))]
    #[serde(default)]
    pub scopes: ScopeSet,
    /// The endpoints that it is confined to.
    #[cfg_attr(feature = "utoipa", schema(value_type = Vec<String>, max_items = 50, example = json!(["GET /v1/videos/*"])))]
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// The networks that it is confined to.
    #[cfg_attr(feature = "utoipa", schema(value_type = Vec<String>, max_items = 50, example = json!(["192.0.2.0/24"])))]
    #[serde(default, deserialize_with = "networks")]
    pub networks: Vec<IpNet>,
    /// Data of the provider's own.
    #[cfg_attr(feature = "utoipa", schema(value_type = Object))]
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// When it begins; at once without it.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    #[serde(default)]
    pub not_before: Option<Timestamp>,
    /// When it ends; never without it.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

fn default_kind() -> KeyKind {
    KeyKind::Restricted
}

fn default_mode() -> Mode {
    Mode::Live
}

fn kind_or_default<'de, D: Deserializer<'de>>(from: D) -> Result<KeyKind, D::Error> {
    Ok(word_or_null(from)?.unwrap_or_else(default_kind))
}

fn mode_or_default<'de, D: Deserializer<'de>>(from: D) -> Result<Mode, D::Error> {
    Ok(word_or_null(from)?.unwrap_or_else(default_mode))
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
            kind: default_kind(),
            mode: default_mode(),
            scopes,
            endpoints: Vec::new(),
            networks: Vec::new(),
            metadata: Map::new(),
            not_before: None,
            expires_at: None,
        }
    }
}

/// What to change in a key. What is left out stays; null takes the end away.
///
/// # Examples
/// ```
/// use keyward_api_types::UpdateKey;
///
/// let update = UpdateKey { expires_at: Some(None), ..UpdateKey::default() };
/// assert_eq!(serde_json::to_string(&update)?, r#"{"expires_at":null}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "utoipa",
    schema(description = "What to change in a key. What is left out stays; null takes the end away.")
)]
#[serde(deny_unknown_fields)]
pub struct UpdateKey {
    /// Another name.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Other scopes.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Vec<String>>, max_items = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<ScopeSet>,
    /// Other endpoints that the key is confined to.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Vec<String>>, max_items = 50))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Vec<Endpoint>>,
    /// Other networks that the key is confined to.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Vec<String>>, max_items = 50))]
    #[serde(default, deserialize_with = "networks_or_null", skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<IpNet>>,
    /// Other data of the provider's own.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Object>))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// Another end, or none.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Option<Timestamp>>,
}

/// How long both keys work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// In seconds; 0 ends the old key at once. It never ends later than it would have anyway.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0, maximum = 31622400))]
    pub overlap_seconds: u32,
}

/// A key that was issued. The key itself is here and nowhere else, ever.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = Issued))]
pub struct IssuedKey {
    /// The key, to be copied now.
    #[serde(serialize_with = "reveal")]
    pub key: Secret,
    /// What is known of the key.
    #[serde(flatten, deserialize_with = "flattened")]
    pub record: Key,
}

/// A key that was rotated.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = Rotated))]
pub struct RotatedKey {
    /// The successor, to be copied now.
    #[serde(serialize_with = "reveal")]
    pub key: Secret,
    /// What is known of the successor.
    #[serde(flatten, deserialize_with = "flattened")]
    pub record: Key,
    /// The old key, with its end.
    pub predecessor: Key,
    /// How the end became true on every node.
    pub effective: Effective,
}

/// A key that was changed, and how the change became true on every node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct ChangedKey {
    /// What is known of the key now.
    #[serde(flatten, deserialize_with = "flattened")]
    pub record: Key,
    /// How the change became true on every node.
    pub effective: Effective,
}

/// How a change became true on every node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Effective {
    /// Nodes that have said so.
    #[cfg_attr(feature = "utoipa", schema(value_type = usize))]
    pub confirmed: u64,
    /// Nodes that were waited for until their lease had run out.
    #[cfg_attr(feature = "utoipa", schema(value_type = usize))]
    pub waited_out: u64,
    /// How long it took.
    pub took_ms: u64,
}

impl From<&Propagation> for Effective {
    fn from(propagation: &Propagation) -> Self {
        Self {
            confirmed: propagation.confirmed.len() as u64,
            waited_out: propagation.waited_out.len() as u64,
            took_ms: u64::try_from(propagation.took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
