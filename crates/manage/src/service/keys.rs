//! Keys: issuing, listing, changing, rotating, revoking.

use std::time::Duration;

pub use keyward_api_types::Key as KeyView;
use keyward_core::key::Hint;
use keyward_core::lease::Propagation;
use keyward_core::lifecycle::Changed;
use keyward_core::network::ipnet::IpNet;
use keyward_core::store::{KeyQuery, KeyRecord, KeyStatus};
use keyward_core::{
    AccountId, CredentialId, Endpoint, Issued, KeyUpdate, Keys, Mode, NewKey, PlainKey, ScopeSet, Timestamp,
};
use serde_json::{Map, Value, json};

use super::Management;
use super::access::{MANAGEMENT_PREFIX, SECRET_MANAGEMENT_PREFIX};
use super::audit::{Draft, Target};
use super::page::Page;
use crate::actor::{Actor, Who};
use crate::authority::Rights;
use crate::error::ManagementError;
use crate::records::Versioned;
use crate::role::{Purpose, scopes};

/// A key that ends within this is told as ending soon.
const SOON: Duration = Duration::from_secs(14 * 24 * 3_600);
/// The longest overlap of a rotation.
const MAX_OVERLAP: Duration = Duration::from_secs(366 * 24 * 3_600);
const MAX_METADATA: usize = 4_096;
const MAX_RULES: usize = 50;

/// A key that is to be issued.
///
/// # Examples
/// ```
/// use keyward::Mode;
/// use keyward::manage::KeyDraft;
///
/// let mut draft = KeyDraft::secret("acct_1".parse()?, "development");
/// draft.mode = Mode::Test;
/// # Ok::<(), keyward::id::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct KeyDraft {
    /// What it is for.
    pub purpose: Purpose,
    /// What it is to be.
    pub new: NewKey,
}

impl KeyDraft {
    /// A secret key of the provider's API in live mode that grants everything.
    #[must_use]
    pub fn secret(account: AccountId, name: impl Into<String>) -> Self {
        Self::of(Purpose::Api, NewKey::secret(account, name))
    }

    /// A restricted key of the management API in live mode with these scopes.
    #[must_use]
    pub fn management(account: AccountId, name: impl Into<String>, scopes: ScopeSet) -> Self {
        Self::of(Purpose::Management, NewKey::restricted(account, name, scopes))
    }

    /// A key for this, like that.
    #[must_use]
    pub fn of(purpose: Purpose, new: NewKey) -> Self {
        Self { purpose, new }
    }
}

impl std::ops::Deref for KeyDraft {
    type Target = NewKey;

    fn deref(&self) -> &NewKey {
        &self.new
    }
}

impl std::ops::DerefMut for KeyDraft {
    fn deref_mut(&mut self) -> &mut NewKey {
        &mut self.new
    }
}

/// What to change in a key; nothing by default. `Some(None)` takes a value away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyChange {
    /// Another name.
    pub name: Option<String>,
    /// Other scopes.
    pub scopes: Option<ScopeSet>,
    /// Other endpoints to be confined to.
    pub endpoints: Option<Vec<Endpoint>>,
    /// Other networks to be confined to.
    pub networks: Option<Vec<IpNet>>,
    /// Other data of the provider's own.
    pub metadata: Option<Map<String, Value>>,
    /// Another end, or none.
    pub expires_at: Option<Option<Timestamp>>,
}

/// What a key is for, by what it begins with.
///
/// # Examples
/// ```
/// use keyward::manage::{Purpose, purpose_of};
///
/// assert_eq!(purpose_of(&"kw_live_…3456".parse()?), Purpose::Api);
/// assert_eq!(purpose_of(&"kwm_live…3456".parse()?), Purpose::Management);
/// # Ok::<(), keyward::key::HintError>(())
/// ```
#[must_use]
pub fn purpose_of(hint: &Hint) -> Purpose {
    let managing = [MANAGEMENT_PREFIX, SECRET_MANAGEMENT_PREFIX].iter().any(|prefix| {
        Mode::ALL.iter().any(|mode| format!("{prefix}_{mode}_").starts_with(hint.first()) && hint.first().len() == 8)
    });
    if managing { Purpose::Management } else { Purpose::Api }
}

/// A stored key as the API shows it. When it was last used after its rotation is not in the record, and is left out.
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
        name: key.name,
        hint: key.hint,
        hashed_with: key.hashed_with.to_string(),
        kind: key.kind,
        mode: key.mode,
        scopes: key.scopes,
        endpoints: key.endpoints,
        networks: key.networks,
        metadata: key.metadata,
        created_at: key.created_at,
        not_before: key.not_before,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
        last_used_from: key.last_used_from.map(|network| network.to_string()),
        disabled_at: key.disabled_at,
        revoked_at: key.revoked_at,
        compromised_at: key.compromised_at,
        rotated_from: key.rotated_from,
        rotated_to: key.rotated_to,
        version: key.version,
    }
}

/// A key that was issued: the only time that it is there in plain.
#[derive(Debug)]
pub struct NewlyIssued {
    /// The key, to be shown to its owner once.
    pub key: PlainKey,
    /// What is known of it.
    pub view: KeyView,
}

/// A key that was rotated.
#[derive(Debug)]
pub struct NewlyRotated {
    /// The successor, to be shown to its owner once.
    pub key: PlainKey,
    /// What is known of the successor.
    pub view: KeyView,
    /// The key that it succeeds, with its end.
    pub predecessor: KeyView,
    /// How the end became true on every node.
    pub propagation: Propagation,
}

impl Management {
    /// Issues a key. Needs `keys:write`, and nobody issues one that could do what they cannot.
    ///
    /// # Errors
    /// [`ManagementError::KeyLimit`], [`ManagementError::Escalation`], [`ManagementError::Invalid`], [`ManagementError::Forbidden`], [`ManagementError::NotFound`].
    pub async fn create_key(&self, actor: &Actor, draft: KeyDraft) -> Result<NewlyIssued, ManagementError> {
        let KeyDraft { purpose, mut new } = draft;
        let rights = self.rights(actor, &new.account).await?;
        rights.require(&scopes::KEYS_WRITE)?;
        rights.check_key(&Rights::of_new(&new, purpose).within(&new.account, self.operator()))?;
        self.check_recent(actor).await?;
        new.name = super::check_name("name", &new.name)?;
        check_rules(Some(&new.endpoints), Some(&new.networks), Some(&new.metadata))?;
        self.keys_for(purpose).check_new(&new)?;
        let (id, account) = (CredentialId::generate(), new.account.clone());
        self.reserve_slot(&account, &id).await?;
        let draft = Draft::new(actor, "key.create", Target::new("key", &id)).account(&account);
        let issued = self
            .audited(draft, self.keys_for(purpose).issue_as(id.clone(), new), |issued: &Issued| {
                Some(for_log(&issued.record))
            })
            .await;
        self.forget_making(&account, &id).await;
        let Issued { key, record } = issued?;
        Ok(NewlyIssued { key, view: key_view(record, self.now()) })
    }

    /// Keys, the newest first; revoked and expired ones among them. Without an account they are those of all, for the operator alone. Needs
    /// `keys:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`], [`ManagementError::Forbidden`].
    pub async fn keys(&self, actor: &Actor, query: &KeyQuery) -> Result<Page<KeyView>, ManagementError> {
        let rights = self.rights(actor, query.account.as_ref().unwrap_or(self.operator())).await?;
        rights.require(&scopes::KEYS_READ)?;
        let mut query = query.clone();
        query.now = self.now();
        match query.mode {
            Some(mode) if !rights.reaches(mode) => return Ok(Page { items: Vec::new(), next: None }),
            Some(_) => {}
            None => query.mode = Mode::ALL.into_iter().find(|mode| !rights.reaches(*mode)).map(other),
        }
        let page = self.0.keys.list(&query).await?;
        let mut items = Vec::with_capacity(page.keys.len());
        for key in page.keys {
            items.push(self.view_key(key).await?);
        }
        Ok(Page { items, next: page.next.map(|cursor| cursor.to_string()) })
    }

    /// A key. Needs `keys:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`], whether it is another's or is not there; [`ManagementError::Forbidden`].
    pub async fn key(&self, actor: &Actor, id: &CredentialId) -> Result<KeyView, ManagementError> {
        let (key, _) = self.reach(actor, id, &scopes::KEYS_READ).await?;
        self.view_key(key).await
    }

    /// Changes a key, if it is at this version still. Needs `keys:write`, and nobody changes one that could do what they cannot, before
    /// or after.
    ///
    /// # Errors
    /// [`ManagementError::Stale`], [`ManagementError::Ended`], [`ManagementError::Escalation`], [`ManagementError::Invalid`], [`ManagementError::NotFound`],
    /// [`ManagementError::Forbidden`].
    pub async fn update_key(
        &self,
        actor: &Actor,
        id: &CredentialId,
        change: KeyChange,
        version: u64,
    ) -> Result<(KeyView, Propagation), ManagementError> {
        let (key, rights) = self.reach(actor, id, &scopes::KEYS_WRITE).await?;
        self.check_within(&rights, &key)?;
        if key.version != version {
            return Err(ManagementError::Stale);
        }
        let name = change.name.as_deref().map(|name| super::check_name("name", name)).transpose()?;
        check_rules(change.endpoints.as_deref(), change.networks.as_deref(), change.metadata.as_ref())?;
        let update = KeyUpdate {
            version: Some(version),
            name,
            scopes: change.scopes,
            endpoints: change.endpoints,
            networks: change.networks,
            metadata: change.metadata,
            expires_at: change.expires_at,
            ..KeyUpdate::default()
        };
        // What the key could do afterwards is compared, too.
        let changed = changed_by(&key, &update);
        self.check_within(&rights, &changed)?;
        if Rights::of_record(&changed, Purpose::Api) != Rights::of_record(&key, Purpose::Api) {
            self.check_recent(actor).await?;
        }
        self.change_key(actor, "key.update", &key, &update).await
    }

    /// Makes a successor of a key and lets the old one end after `overlap`. Needs `keys:write`, and nobody rotates a key that could do
    /// what they cannot.
    ///
    /// # Errors
    /// [`ManagementError::Rotated`], [`ManagementError::Stale`] if it is changed at the same moment, [`ManagementError::Ended`],
    /// [`ManagementError::Escalation`], [`ManagementError::Invalid`], [`ManagementError::NotFound`], [`ManagementError::Forbidden`].
    pub async fn rotate_key(
        &self,
        actor: &Actor,
        id: &CredentialId,
        overlap: Duration,
    ) -> Result<NewlyRotated, ManagementError> {
        let (key, rights) = self.reach(actor, id, &scopes::KEYS_WRITE).await?;
        let purpose = self.check_within(&rights, &key)?;
        self.check_recent(actor).await?;
        if overlap > MAX_OVERLAP {
            return Err(ManagementError::invalid("overlap_seconds", "at most a year"));
        }
        if key.rotated_to.is_some() {
            return Err(ManagementError::Rotated);
        }
        // During the overlap both keys work, so the successor takes a place of its own.
        let place = (!overlap.is_zero()).then(CredentialId::generate);
        if let Some(place) = &place {
            self.reserve_slot(&key.account, place).await?;
        }
        // A key that ends does not outlive itself in a successor.
        let rotation =
            keyward_core::lifecycle::Rotation { overlap, version: Some(key.version), latest_end: rights.expires_at() };
        let draft = Draft::new(actor, "key.rotate", Target::new("key", id)).account(&key.account).before(for_log(&key));
        let rotated = self
            .audited(
                draft,
                self.keys_for(purpose).rotate_with(id, rotation),
                |rotated: &keyward_core::lifecycle::Rotated| {
                    Some(json!({"predecessor": for_log(&rotated.predecessor), "successor": for_log(&rotated.record)}))
                },
            )
            .await;
        if let Some(place) = &place {
            self.forget_making(&key.account, place).await;
        }
        let rotated = rotated?;
        let now = self.now();
        Ok(NewlyRotated {
            key: rotated.key,
            view: key_view(rotated.record, now),
            predecessor: key_view(rotated.predecessor, now),
            propagation: rotated.propagation,
        })
    }

    /// Revokes a key for good. When this has returned, no node accepts it any more. Needs `keys:write`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`], [`ManagementError::Forbidden`].
    pub async fn revoke_key(
        &self,
        actor: &Actor,
        id: &CredentialId,
    ) -> Result<(KeyView, Propagation), ManagementError> {
        let (key, _) = self.reach(actor, id, &scopes::KEYS_WRITE).await?;
        self.revoke(actor, &key).await
    }

    /// Refuses a key for now, or accepts it again. Needs `keys:write`; nobody enables a key that could do what they cannot.
    ///
    /// # Errors
    /// [`ManagementError::Ended`], [`ManagementError::Escalation`], [`ManagementError::NotFound`], [`ManagementError::Forbidden`].
    pub async fn set_key_disabled(
        &self,
        actor: &Actor,
        id: &CredentialId,
        disabled: bool,
    ) -> Result<(KeyView, Propagation), ManagementError> {
        let (key, rights) = self.reach(actor, id, &scopes::KEYS_WRITE).await?;
        if !disabled {
            self.check_within(&rights, &key)?;
            self.check_recent(actor).await?;
        }
        let now = self.now();
        if !matches!(key.status(now), KeyStatus::Active | KeyStatus::Disabled) {
            return Err(ManagementError::Ended);
        }
        let disabled_at = disabled.then(|| key.disabled_at.unwrap_or(now));
        // What was looked at is what is enabled: it must not have been given more in between.
        let version = (!disabled).then_some(key.version);
        let update = KeyUpdate { version, disabled_at: Some(disabled_at), ..KeyUpdate::default() };
        self.change_key(actor, if disabled { "key.disable" } else { "key.enable" }, &key, &update).await
    }

    /// The key that acts, whatever it was granted.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`] for users and programs.
    pub async fn own_key(&self, actor: &Actor) -> Result<KeyView, ManagementError> {
        let key = self.acting_key(actor).await?;
        self.view_key(key).await
    }

    /// Revokes the key that acts, whatever it was granted: whoever holds a key can put an end to it.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`] for users and programs.
    pub async fn revoke_own_key(&self, actor: &Actor) -> Result<(KeyView, Propagation), ManagementError> {
        let key = self.acting_key(actor).await?;
        self.revoke(actor, &key).await
    }

    async fn acting_key(&self, actor: &Actor) -> Result<KeyRecord, ManagementError> {
        let Who::Key(identity) = &actor.who else { return Err(ManagementError::NotFound("key")) };
        self.0.keys.get(identity.id()).await?.ok_or(ManagementError::NotFound("key"))
    }

    async fn revoke(&self, actor: &Actor, key: &KeyRecord) -> Result<(KeyView, Propagation), ManagementError> {
        let draft =
            Draft::new(actor, "key.revoke", Target::new("key", &key.id)).account(&key.account).before(for_log(key));
        let changed = self
            .audited(draft, self.0.keys.revoke(&key.id), |changed: &Changed| Some(for_log(&changed.record)))
            .await?;
        Ok((key_view(changed.record, self.now()), changed.propagation))
    }

    async fn change_key(
        &self,
        actor: &Actor,
        action: &str,
        key: &KeyRecord,
        update: &KeyUpdate,
    ) -> Result<(KeyView, Propagation), ManagementError> {
        let draft = Draft::new(actor, action, Target::new("key", &key.id)).account(&key.account).before(for_log(key));
        let changed = self
            .audited(draft, self.0.keys.update(&key.id, update), |changed: &Changed| Some(for_log(&changed.record)))
            .await?;
        Ok((key_view(changed.record, self.now()), changed.propagation))
    }

    /// The key, if the actor may see it and do this with it.
    pub(crate) async fn reach(
        &self,
        actor: &Actor,
        id: &CredentialId,
        scope: &keyward_core::Scope,
    ) -> Result<(KeyRecord, Rights), ManagementError> {
        let key = self.0.keys.get(id).await?.ok_or(ManagementError::NotFound("key"))?;
        // Another's key is as unknown as one that is not there.
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

    fn check_within(&self, rights: &Rights, key: &KeyRecord) -> Result<Purpose, ManagementError> {
        let purpose = purpose_of(&key.hint);
        rights.check_key(&Rights::of_record(key, purpose).within(&key.account, self.operator()))?;
        Ok(purpose)
    }

    fn keys_for(&self, purpose: Purpose) -> &Keys {
        match purpose {
            Purpose::Api => &self.0.keys,
            Purpose::Management => &self.0.management,
        }
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

fn other(mode: Mode) -> Mode {
    if mode.is_live() { Mode::Test } else { Mode::Live }
}

/// The key as an update would leave it, in all that gives rights.
fn changed_by(key: &KeyRecord, update: &KeyUpdate) -> KeyRecord {
    // Named one by one: a new field that gives rights has to be applied here before it is compared.
    let KeyUpdate {
        scopes,
        endpoints,
        networks,
        expires_at,
        // No operation of the management API changes when a key begins.
        not_before: _,
        version: _,
        name: _,
        metadata: _,
        disabled_at: _,
        compromised_at: _,
    } = update;
    let mut changed = key.clone();
    if let Some(scopes) = scopes {
        changed.scopes.clone_from(scopes);
    }
    if let Some(endpoints) = endpoints {
        changed.endpoints.clone_from(endpoints);
    }
    if let Some(networks) = networks {
        changed.networks.clone_from(networks);
    }
    changed.expires_at = expires_at.unwrap_or(changed.expires_at);
    changed
}

/// What the audit log keeps of a key.
pub(super) fn for_log(key: &KeyRecord) -> Value {
    json!({
        "name": key.name,
        "hint": key.hint,
        "kind": key.kind,
        "mode": key.mode,
        "scopes": key.scopes,
        "endpoints": key.endpoints,
        "networks": key.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "metadata": key.metadata,
        "not_before": key.not_before,
        "expires_at": key.expires_at,
        "disabled_at": key.disabled_at,
        "revoked_at": key.revoked_at,
        "compromised_at": key.compromised_at,
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
    if endpoints.is_some_and(|endpoints| endpoints.len() > MAX_RULES) {
        return Err(ManagementError::invalid("endpoints", "at most 50"));
    }
    if networks.is_some_and(|networks| networks.len() > MAX_RULES) {
        return Err(ManagementError::invalid("networks", "at most 50"));
    }
    let is_long = |metadata: &Map<String, Value>| {
        serde_json::to_string(metadata).map_or(usize::MAX, |text| text.len()) > MAX_METADATA
    };
    if metadata.is_some_and(is_long) {
        return Err(ManagementError::invalid("metadata", "at most 4,096 bytes as JSON"));
    }
    // A NUL character is JSON, and no database column of text takes it.
    if metadata.is_some_and(|metadata| has_nul(&Value::Object(metadata.clone()))) {
        return Err(ManagementError::invalid("metadata", "without NUL characters"));
    }
    Ok(())
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
