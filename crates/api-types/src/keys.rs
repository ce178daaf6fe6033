use std::fmt;
use std::str::FromStr;

use keyward_core::id::UserId;
use keyward_core::key::{Hint, KeyKind};
use keyward_core::lease::Propagation;
use keyward_core::network::ipnet::IpNet;
use keyward_core::store::{KeyStatus, RevocationReason};
use keyward_core::tags::Tags;
use keyward_core::{AccountId, CredentialId, Endpoint, Mode, ScopeSet, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::audit::Actor;
#[cfg(feature = "utoipa")]
use crate::schema::{KindName, ModeName, ReasonName, StatusName};
use crate::secret::{Secret, reveal};
use crate::strict::{endpoints, endpoints_or_null, flattened, networks, networks_or_null, present, word, word_or_null};

/// The purpose of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Requests to the provider's own API.
    #[default]
    Api,
    /// Requests to the management API. The key has another prefix, and the provider's API refuses it.
    Management,
}

impl Purpose {
    /// Returns the name of the purpose.
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

/// The text is not a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown purpose: expected api or management")]
pub struct PurposeError;

impl FromStr for Purpose {
    type Err = PurposeError;

    fn from_str(text: &str) -> Result<Self, PurposeError> {
        [Self::Api, Self::Management].into_iter().find(|purpose| purpose.as_str() == text).ok_or(PurposeError)
    }
}

/// A key without its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Key {
    /// Id.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub id: CredentialId,
    /// The owning account.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub account: AccountId,
    /// The user of the account that the key belongs to, if any.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>))]
    #[serde(default)]
    pub user: Option<UserId>,
    /// Purpose.
    pub purpose: Purpose,
    /// Display name.
    pub name: String,
    /// First 8 and last 4 characters.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub hint: Hint,
    /// Hash function of the digest: `sha256`, `hmac-sha256:` with the id of the pepper, or that of an imported key.
    pub hashed_with: String,
    /// Kind.
    #[cfg_attr(feature = "utoipa", schema(value_type = KindName))]
    pub kind: KeyKind,
    /// Mode.
    #[cfg_attr(feature = "utoipa", schema(value_type = ModeName))]
    pub mode: Mode,
    /// Granted scopes.
    #[cfg_attr(feature = "utoipa", schema(value_type = Vec<String>))]
    pub scopes: ScopeSet,
    /// Endpoints that the key is confined to. Empty means all.
    #[cfg_attr(feature = "utoipa", schema(value_type = Vec<String>))]
    pub endpoints: Vec<Endpoint>,
    /// Networks that the key is confined to. Empty means all.
    #[cfg_attr(feature = "utoipa", schema(value_type = Vec<String>))]
    pub networks: Vec<IpNet>,
    /// Metadata of the provider.
    #[cfg_attr(feature = "utoipa", schema(value_type = Object))]
    pub metadata: Map<String, Value>,
    /// Tags, in order.
    #[cfg_attr(feature = "utoipa", schema(value_type = Vec<String>))]
    #[serde(default)]
    pub tags: Tags,
    /// Status.
    #[cfg_attr(feature = "utoipa", schema(value_type = StatusName))]
    pub status: KeyStatus,
    /// Creation time.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// Creator, or null if unknown. An imported key has the type `import`.
    #[serde(default)]
    pub created_by: Option<Actor>,
    /// Start of validity, if not the creation.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub not_before: Option<Timestamp>,
    /// Expiry time, if any.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub expires_at: Option<Timestamp>,
    /// Whether the key is active and expires within two weeks.
    pub expires_soon: bool,
    /// Time of the last use.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub last_used_at: Option<Timestamp>,
    /// Network of the last use, if known: a /24 of IPv4 or a /48 of IPv6.
    pub last_used_from: Option<String>,
    /// Time of the last use after the key was rotated.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub used_after_rotation_at: Option<Timestamp>,
    /// Time when the key was disabled, if it is.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub disabled_at: Option<Timestamp>,
    /// Time when the key was revoked, if it is.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub revoked_at: Option<Timestamp>,
    /// Time when the key was reported as compromised, if it was.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    pub compromised_at: Option<Timestamp>,
    /// Why the key was revoked or reported as compromised, if it was.
    #[serde(default)]
    pub revocation: Option<Revocation>,
    /// The predecessor, if any.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>))]
    pub rotated_from: Option<CredentialId>,
    /// The successor, if any.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>))]
    pub rotated_to: Option<CredentialId>,
    /// Version, for updates. Each change increments it.
    pub version: u64,
}

/// Why a key was revoked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Revocation {
    /// Reason, one of RFC 5280.
    #[cfg_attr(feature = "utoipa", schema(value_type = ReasonName))]
    pub reason: RevocationReason,
    /// Note, if any.
    pub note: Option<String>,
}

/// The reason of a revocation.
///
/// # Examples
/// ```
/// use keyward::store::RevocationReason;
/// use keyward_api_types::RevokeKey;
///
/// let revocation = RevokeKey::new(RevocationReason::Superseded);
/// # let _ = revocation;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(description = "The reason of a revocation."))]
#[serde(deny_unknown_fields)]
pub struct RevokeKey {
    /// Reason. Defaults to `unspecified`. `key_compromise` also marks the key as compromised.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<ReasonName>))]
    #[serde(default, deserialize_with = "reason_or_default")]
    pub reason: RevocationReason,
    /// Note, on one line.
    #[cfg_attr(feature = "utoipa", schema(max_length = 500))]
    #[serde(default)]
    pub note: Option<String>,
}

impl RevokeKey {
    /// Describes a revocation without a note.
    #[must_use]
    pub fn new(reason: RevocationReason) -> Self {
        Self { reason, note: None }
    }
}

fn reason_or_default<'de, D: Deserializer<'de>>(from: D) -> Result<RevocationReason, D::Error> {
    Ok(word_or_null(from)?.unwrap_or_default())
}

/// The revoked keys of a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct RevokedKeys {
    /// Ids of the keys that this request revoked. No node accepts them any more.
    #[cfg_attr(feature = "utoipa", schema(value_type = Vec<String>))]
    pub revoked: Vec<CredentialId>,
}

/// Query parameters of the list of keys.
///
/// # Examples
/// ```
/// use keyward::store::KeyStatus;
/// use keyward_api_types::KeyFilter;
///
/// let filter = KeyFilter { status: Some(KeyStatus::Active), ..KeyFilter::default() };
/// # let _ = filter;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct KeyFilter {
    /// Account. Defaults to the caller's own.
    #[cfg_attr(feature = "utoipa", param(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[!-~]+$"))]
    pub account: Option<AccountId>,
    /// Only keys of this user.
    #[cfg_attr(feature = "utoipa", param(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[!-~]+$"))]
    pub user: Option<UserId>,
    /// Only keys with all of these tags, separated by commas.
    #[cfg_attr(feature = "utoipa", param(max_length = 1300, pattern = "^[ -~]*$"))]
    pub tags: Option<String>,
    /// Only keys whose metadata has these texts: a JSON object of texts, such as `{"team":"search"}`.
    #[cfg_attr(feature = "utoipa", param(max_length = 500))]
    pub metadata: Option<String>,
    /// Only keys of this mode.
    #[cfg_attr(feature = "utoipa", param(value_type = Option<ModeName>))]
    pub mode: Option<Mode>,
    /// Only keys of this kind.
    #[cfg_attr(feature = "utoipa", param(value_type = Option<KindName>))]
    pub kind: Option<KeyKind>,
    /// Only keys with this status.
    #[cfg_attr(feature = "utoipa", param(value_type = Option<StatusName>))]
    pub status: Option<KeyStatus>,
    /// Only keys with this text in their name, id or hint, ignoring the case of ASCII letters. A hint has the last four characters of the key.
    #[cfg_attr(feature = "utoipa", param(max_length = 100))]
    pub text: Option<String>,
    /// Only keys that were last used before this time (RFC 3339), or never.
    #[cfg_attr(feature = "utoipa", param(format = DateTime))]
    pub last_used_before: Option<String>,
    /// Only keys that expire before this time (RFC 3339).
    #[cfg_attr(feature = "utoipa", param(format = DateTime))]
    pub expires_before: Option<String>,
    /// Only keys that have a successor, or only those without.
    pub replaced: Option<bool>,
    /// Cursor: the `next` of the previous page.
    #[cfg_attr(feature = "utoipa", param(max_length = 300))]
    pub after: Option<String>,
    /// Maximum number of items, 1 to 500. Defaults to 50.
    #[cfg_attr(feature = "utoipa", param(minimum = 1, maximum = 500))]
    pub limit: Option<u16>,
}

/// A key to create.
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
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(description = "A key to create."))]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// The owning account. Defaults to the caller's own.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[!-~]+$"))]
    #[serde(default)]
    pub account: Option<AccountId>,
    /// The user that the key belongs to: a member of the account. Defaults to none.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[!-~]+$"))]
    #[serde(default)]
    pub user: Option<UserId>,
    /// Display name.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    pub name: String,
    /// Purpose. Defaults to `api`.
    #[serde(default, deserialize_with = "word")]
    pub purpose: Purpose,
    /// Kind. Defaults to restricted.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<KindName>))]
    #[serde(default = "default_kind", deserialize_with = "kind_or_default")]
    pub kind: KeyKind,
    /// Mode. Defaults to live.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<ModeName>))]
    #[serde(default = "default_mode", deserialize_with = "mode_or_default")]
    pub mode: Mode,
    /// Granted scopes. A restricted key needs at least one.
    #[cfg_attr(feature = "utoipa", schema(value_type = Vec<String>, max_items = 64, example = json!(["resources:read"])))]
    #[serde(default)]
    pub scopes: ScopeSet,
    /// Endpoints that the key is confined to. Empty means all.
    #[cfg_attr(feature = "utoipa", schema(value_type = Vec<String>, max_items = 50, example = json!(["GET /v1/videos/*"])))]
    #[serde(default, deserialize_with = "endpoints")]
    pub endpoints: Vec<Endpoint>,
    /// Networks that the key is confined to. Empty means all.
    #[cfg_attr(feature = "utoipa", schema(value_type = Vec<String>, max_items = 50, example = json!(["192.0.2.0/24"])))]
    #[serde(default, deserialize_with = "networks")]
    pub networks: Vec<IpNet>,
    /// Metadata of the provider.
    #[cfg_attr(feature = "utoipa", schema(value_type = Object))]
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// Tags: 1 to 64 visible ASCII characters without spaces and commas.
    #[cfg_attr(feature = "utoipa", schema(value_type = Vec<String>, max_items = 20, example = json!(["team:search"])))]
    #[serde(default)]
    pub tags: Tags,
    /// Start of validity. Defaults to now.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    #[serde(default)]
    pub not_before: Option<Timestamp>,
    /// Expiry time. Defaults to the account's default lifetime, or to never without one. The last day of 9999 means never.
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
    /// Describes a secret key of the provider's API in live mode that grants everything.
    #[must_use]
    pub fn secret(name: impl Into<String>) -> Self {
        Self { kind: KeyKind::Secret, ..Self::restricted(name, ScopeSet::all()) }
    }

    /// Describes a restricted key of the provider's API in live mode that grants these scopes.
    #[must_use]
    pub fn restricted(name: impl Into<String>, scopes: ScopeSet) -> Self {
        Self {
            account: None,
            user: None,
            name: name.into(),
            purpose: Purpose::Api,
            kind: default_kind(),
            mode: default_mode(),
            scopes,
            endpoints: Vec::new(),
            networks: Vec::new(),
            metadata: Map::new(),
            tags: Tags::default(),
            not_before: None,
            expires_at: None,
        }
    }
}

/// Changes to a key. Omitted fields stay. A null expiry means never.
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
    schema(description = "Changes to a key. Omitted fields stay. A null expiry means never.")
)]
#[serde(deny_unknown_fields)]
pub struct UpdateKey {
    /// New name.
    #[cfg_attr(feature = "utoipa", schema(min_length = 1, max_length = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// New scopes.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Vec<String>>, max_items = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<ScopeSet>,
    /// New endpoints that the key is confined to.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Vec<String>>, max_items = 50))]
    #[serde(default, deserialize_with = "endpoints_or_null", skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Vec<Endpoint>>,
    /// New networks that the key is confined to.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Vec<String>>, max_items = 50))]
    #[serde(default, deserialize_with = "networks_or_null", skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<IpNet>>,
    /// New metadata.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Object>))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// New tags, instead of the old ones.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Vec<String>>, max_items = 20))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// New user that the key belongs to, or null for none.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[!-~]+$"))]
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub user: Option<Option<UserId>>,
    /// New expiry time, or null for never. It moves later only up to the maximum lifetime, counted from the creation.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Option<Timestamp>>,
}

/// A rotation.
///
/// # Examples
/// ```
/// use keyward_api_types::RotateKey;
///
/// let never = RotateKey { expires_at: Some(None), ..RotateKey::new(3_600) };
/// assert_eq!(serde_json::to_string(&never)?, r#"{"overlap_seconds":3600,"expires_at":null}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(description = "A rotation."))]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// Seconds during which both keys work. 0 ends the old key at once. An earlier expiry of the old key stays.
    #[cfg_attr(feature = "utoipa", schema(minimum = 0, maximum = 31622400))]
    pub overlap_seconds: u32,
    /// Expiry time of the successor, or null for never. Defaults to that of the rotation preview.
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>, format = DateTime))]
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Option<Timestamp>>,
}

impl RotateKey {
    /// Describes a rotation whose successor gets the default expiry.
    #[must_use]
    pub fn new(overlap_seconds: u32) -> Self {
        Self { overlap_seconds, expires_at: None }
    }
}

/// A new key. Only this answer contains the key itself.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct IssuedKey {
    /// The key. Store it now.
    #[serde(serialize_with = "reveal")]
    pub key: Secret,
    /// The stored properties.
    #[serde(flatten, deserialize_with = "flattened")]
    pub record: Key,
}

/// A rotated key.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct RotatedKey {
    /// The successor. Store it now.
    #[serde(serialize_with = "reveal")]
    pub key: Secret,
    /// The stored properties of the successor.
    #[serde(flatten, deserialize_with = "flattened")]
    pub record: Key,
    /// The old key, with its new expiry.
    pub predecessor: Key,
    /// How the new expiry reached every node.
    pub effective: Effective,
}

/// A changed key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct ChangedKey {
    /// The stored properties.
    #[serde(flatten, deserialize_with = "flattened")]
    pub record: Key,
    /// How the change reached every node.
    pub effective: Effective,
}

/// How a change reached every node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Effective {
    /// Number of nodes that confirmed the change.
    #[cfg_attr(feature = "utoipa", schema(value_type = usize))]
    pub confirmed: u64,
    /// Number of nodes whose lease was waited out.
    #[cfg_attr(feature = "utoipa", schema(value_type = usize))]
    pub waited_out: u64,
    /// Duration in milliseconds.
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
