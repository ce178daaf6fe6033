mod change;
mod create;
mod format;
mod import;
mod leaks;
mod list;
mod plan_scopes;
mod revoke;
mod rotate;
mod shrunk_plan;
mod user;

use std::collections::BTreeMap;
use std::time::Duration;

pub use keyward_api_types::Key as KeyView;
use keyward_api_types::Revocation as RevocationView;
use keyward_core::network::ipnet::IpNet;
use keyward_core::store::{KeyRecord, KeyStatus};
use keyward_core::tags::Tags;
use keyward_core::{AccountId, CredentialId, Endpoint, Keys, Timestamp};
use serde_json::{Map, Value, json};

pub use change::KeyChange;
pub use create::{KeyDraft, NewlyIssued};
pub use format::{ACCESS_TOKEN_PREFIX, MANAGEMENT_PREFIX, SECRET_MANAGEMENT_PREFIX, purpose_of};
pub(super) use format::{RESERVED_PREFIXES, management_format, token_format};
pub use leaks::{LeakPolicy, LeakReport};
#[cfg(feature = "dashboard")]
pub(crate) use rotate::MAX_OVERLAP;
pub use rotate::{KeyRotation, NewlyRotated};

use super::{CurrentVersion, Management};
use crate::actor::{Actor, ActorName};
use crate::authority::Rights;
use crate::error::ManagementError;
use crate::records::{self, Versioned};
use crate::role::Purpose;

const SOON: Duration = Duration::from_secs(14 * 24 * 3_600);

const MAX_METADATA: usize = 4_096;
/// Arrays and objects, with the metadata itself.
const MAX_METADATA_DEPTH: usize = 16;
/// A filter is a part of the URL. Encoded, with all other filters, it must fit into the head of a request (16 KiB).
const MAX_METADATA_FILTER: usize = 500;

const MAX_RULES: usize = 50;

/// Converts a stored key, without [`used_after_rotation_at`](KeyView::used_after_rotation_at).
///
/// # Examples
/// ```
/// use keyward::manage::key_view;
/// use keyward::clock::{Clock as _, SystemClock};
/// use keyward::sqlite::SqliteStore;
/// use keyward::{AccountRecord, Keys, NewKey};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = Keys::new(SqliteStore::temporary()?);
/// let account = "acct_1".parse::<keyward::AccountId>()?;
/// keys.put_account(&AccountRecord::new(account.clone(), "Example")).await?;
/// let issued = keys.issue(NewKey::secret(account, "server")).await?;
/// assert_eq!(key_view(issued.record, SystemClock.now()).name, "server");
/// # Ok(()) }
/// ```
#[must_use]
pub fn key_view(key: KeyRecord, now: Timestamp) -> KeyView {
    let status = key.status(now);
    KeyView {
        purpose: purpose_of(&key.hint),
        status,
        expires_soon: status == KeyStatus::Active && key.expires_at.is_some_and(|end| end.saturating_since(now) < SOON),
        used_after_rotation_at: None,
        id: key.id,
        account: key.account,
        user: key.user,
        name: key.name,
        hint: key.hint,
        hashed_with: key.hashed_with.to_string(),
        kind: key.kind,
        mode: key.mode,
        scopes: key.scopes,
        endpoints: key.endpoints,
        networks: key.networks,
        metadata: key.metadata,
        tags: key.tags,
        created_at: key.created_at,
        created_by: key
            .created_by
            .map(|creator| ActorName { kind: creator.kind().to_owned(), id: creator.id().to_owned() }),
        not_before: key.not_before,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
        last_used_from: key.last_used_from.map(|network| network.to_string()),
        disabled_at: key.disabled_at,
        revoked_at: key.revoked_at,
        compromised_at: key.compromised_at,
        revocation: key.revocation.map(|revocation| RevocationView {
            reason: revocation.reason(),
            note: revocation.note().map(str::to_owned),
        }),
        rotated_from: key.rotated_from,
        rotated_to: key.rotated_to,
        version: key.version,
    }
}

impl Management {
    pub(crate) async fn key_version(&self, id: &CredentialId) -> CurrentVersion {
        Ok(self.0.keys.get(id).await?.map(|key| key.version))
    }

    pub(crate) async fn authorize_key(
        &self,
        actor: &Actor,
        id: &CredentialId,
        scope: &keyward_core::Scope,
    ) -> Result<(KeyRecord, Rights), ManagementError> {
        let key = self.0.keys.get(id).await?.ok_or(ManagementError::NotFound("key"))?;
        // Another's key looks like a key that does not exist.
        let rights = self.rights(actor, &key.account).await.map_err(|error| match error {
            ManagementError::NotFound(_) => ManagementError::NotFound("key"),
            other => other,
        })?;
        rights.require(scope)?;
        if !rights.reaches(key.mode) {
            return Err(ManagementError::NotFound("key"));
        }
        Ok((key, rights))
    }

    pub(crate) async fn check_covers_key(&self, rights: &Rights, key: &KeyRecord) -> Result<Purpose, ManagementError> {
        let purpose = purpose_of(&key.hint);
        let wanted = Rights::of_record(key, purpose).within(&key.account, self.operator());
        // Only actors with limits are compared by them.
        let limits = if rights.have_limits() { self.limited_as(&key.id).await? } else { None };
        rights.check_key(&wanted.limited_by(limits))?;
        Ok(purpose)
    }

    fn keys_for(&self, purpose: Purpose) -> &Keys {
        match purpose {
            Purpose::Api => &self.0.keys,
            Purpose::Management => &self.0.management,
        }
    }

    /// With the lifetimes that hold for keys of this account.
    async fn keys_within(&self, purpose: Purpose, account: &AccountId) -> Result<Keys, ManagementError> {
        Ok(self.keys_for(purpose).clone().with_lifetimes(self.lifetimes_for(account).await?))
    }

    async fn view_key(&self, key: KeyRecord) -> Result<KeyView, ManagementError> {
        let (used, successor) = (key.last_used_at, key.rotated_to.clone());
        let mut view = key_view(key, self.now());
        if let (Some(used), Some(successor)) = (used, successor)
            && let Some(successor) = self.0.keys.get(&successor).await?
        {
            view.used_after_rotation_at = Some(used).filter(|used| *used > successor.created_at);
        }
        Ok(view)
    }
}

pub(super) fn audit_value(key: &KeyRecord) -> Value {
    json!({
        "name": key.name,
        "user": key.user,
        "hint": key.hint,
        "kind": key.kind,
        "mode": key.mode,
        "scopes": key.scopes,
        "endpoints": key.endpoints,
        "networks": key.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "metadata": key.metadata,
        "tags": key.tags,
        "created_by": key.created_by,
        "not_before": key.not_before,
        "expires_at": key.expires_at,
        "disabled_at": key.disabled_at,
        "revoked_at": key.revoked_at,
        "compromised_at": key.compromised_at,
        "revocation": key.revocation,
        "rotated_from": key.rotated_from,
        "rotated_to": key.rotated_to,
        "version": key.version,
    })
}

fn check_rules(
    endpoints: Option<&[Endpoint]>,
    networks: Option<&[IpNet]>,
    metadata: Option<&Map<String, Value>>,
) -> Result<(), ManagementError> {
    for (field, number) in
        [("endpoints", endpoints.map_or(0, <[_]>::len)), ("networks", networks.map_or(0, <[_]>::len))]
    {
        if number > MAX_RULES {
            let message = format!("{number} are too many: expected at most {MAX_RULES}");
            return Err(ManagementError::invalid(field, message));
        }
    }
    let is_long = |metadata: &Map<String, Value>| {
        serde_json::to_string(metadata).map_or(usize::MAX, |text| text.len()) > MAX_METADATA
    };
    if metadata.is_some_and(is_long) {
        return Err(ManagementError::invalid("metadata", "too large: expected at most 4096 bytes of JSON"));
    }
    // Others wrap the metadata, and JSON readers have a limit of levels.
    if metadata
        .is_some_and(|metadata| metadata.values().any(|value| records::json::is_deeper(value, MAX_METADATA_DEPTH - 1)))
    {
        let message = format!("nested too deep: expected at most {MAX_METADATA_DEPTH} levels");
        return Err(ManagementError::invalid("metadata", message));
    }
    // JSON may contain NUL characters, but no text column of a database.
    if metadata.is_some_and(|metadata| has_nul(&Value::Object(metadata.clone()))) {
        return Err(ManagementError::invalid("metadata", "contains a NUL character: remove it"));
    }
    Ok(())
}

/// Reads the filters by tags and metadata of a list of keys.
///
/// # Errors
/// [`ManagementError::Invalid`].
pub fn key_filters(
    tags: Option<&str>,
    metadata: Option<&str>,
) -> Result<(Tags, Vec<(String, String)>), ManagementError> {
    let invalid = |field| move |message: String| ManagementError::invalid(field, message);
    let tags = tags.unwrap_or_default().split(',').map(str::trim).filter(|tag| !tag.is_empty());
    let tags = Tags::new(tags).map_err(|error| error.to_string()).map_err(invalid("tags"))?;
    let text = metadata.unwrap_or("{}");
    let length = text.len();
    if length > MAX_METADATA_FILTER {
        let message = format!("{length} bytes are too many: expected at most {MAX_METADATA_FILTER}");
        return Err(invalid("metadata")(message));
    }
    let wanted = serde_json::from_str::<BTreeMap<String, String>>(text);
    let wanted = wanted.map_err(|_| r#"expected a JSON object of texts, such as {"team":"search"}"#.to_owned());
    let wanted: Vec<_> = wanted.map_err(invalid("metadata"))?.into_iter().collect();
    if wanted.len() > MAX_RULES {
        let message = format!("{} entries are too many: expected at most {MAX_RULES}", wanted.len());
        return Err(invalid("metadata")(message));
    }
    // No text column of a database contains NUL, so nothing matches it.
    let clean = |text: String| text.replace('\0', "\u{fffd}");
    Ok((tags, wanted.into_iter().map(|(name, text)| (clean(name), clean(text))).collect()))
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(map) => map.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

impl From<&KeyView> for Versioned<CredentialId> {
    fn from(key: &KeyView) -> Self {
        Self { value: key.id.clone(), version: key.version }
    }
}
