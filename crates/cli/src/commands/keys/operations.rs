use std::time::Duration;

use keyward_client::{
    CreateKey, Key, KeyFilter, Page, Purpose, RevokeKey, RevokedKeys, RotateKey, RotationPreview, UpdateKey, Usage,
};
use keyward_core::clock::{Clock, SystemClock, TimestampError};
use keyward_core::id::UserId;
use keyward_core::lifecycle::{Changed as ChangedRecord, KeysError, Rotation};
use keyward_core::store::{Creator, CursorError, KeyQuery, KeyRecord, KeyStatus, Revocation, WriteRefused};
use keyward_core::{AccountId, AccountRecord, CredentialId, KeyUpdate, Keys, NewKey, Timestamp};
use keyward_limits::hand_on_rules;
use keyward_manage::{
    KeyChange, KeyDraft, KeyRotation, Management, ManagementError, NewlyIssued, key_filters, key_view,
};
use zeroize::Zeroizing;

use crate::backend::{Backend, Records, system};
use crate::commands::effect::Effect;
use crate::commands::{ATTEMPTS, accounts};
use crate::error::{Error, ErrorKind};
use crate::output::note;

const DEFAULT_ACCOUNT: &str = "default";

pub(super) struct Created {
    pub(super) key: Zeroizing<String>,
    pub(super) record: Key,
}

pub(super) struct Rotated {
    pub(super) key: Zeroizing<String>,
    pub(super) record: Key,
    pub(super) predecessor: Key,
    pub(super) effect: Effect,
}

pub(super) struct Changed {
    pub(super) record: Key,
    pub(super) effect: Effect,
}

impl From<ChangedRecord> for Changed {
    fn from(changed: ChangedRecord) -> Self {
        Self { record: view(changed.record), effect: (&changed.propagation).into() }
    }
}

impl From<(Key, keyward_core::lease::Propagation)> for Changed {
    fn from((record, propagation): (Key, keyward_core::lease::Propagation)) -> Self {
        Self { record, effect: (&propagation).into() }
    }
}

impl From<keyward_client::ChangedKey> for Changed {
    fn from(changed: keyward_client::ChangedKey) -> Self {
        Self { record: changed.record, effect: changed.effective.into() }
    }
}

fn view(record: KeyRecord) -> Key {
    key_view(record, SystemClock.now())
}

pub(super) async fn create(backend: &Backend, new: CreateKey) -> Result<Created, Error> {
    match backend {
        Backend::Management(management, _) => {
            let (account, is_default) = match (&new.account, new.purpose) {
                (Some(account), _) => (account.clone(), false),
                (None, Purpose::Api) => (default_account()?, true),
                (None, Purpose::Management) => (management.operator().clone(), false),
            };
            let draft = KeyDraft::of(new.purpose, draft(new, account.clone()));
            let issued = match management.create_key(&system(), draft.clone()).await {
                // Everything but the account is checked by now, so no account is created for a key that is refused.
                Err(ManagementError::NotFound("account")) if is_default => {
                    create_after_account(management, draft).await?
                }
                done => done?,
            };
            Ok(Created { record: issued.view, key: issued.key.expose_once() })
        }
        Backend::Keys(keys, _) => {
            if new.purpose == Purpose::Management {
                return Err(Error::usage("a management key needs a management service: use SQLite or PostgreSQL"));
            }
            let is_default = new.account.is_none();
            let account = new.account.clone().map_or_else(default_account, Ok)?;
            let new = draft(new, account.clone());
            keys.check_new(&new)?;
            if is_default {
                let record = AccountRecord::new(account.clone(), account.as_str());
                note_created(&account, accounts::insert_unmanaged(keys, &record).await?);
            }
            let issued = keys.issue(new).await?;
            Ok(Created { record: view(issued.record), key: issued.key.expose_once() })
        }
        Backend::Server(client) => {
            let issued = client.create_key(&new).await?;
            Ok(Created { key: issued.key.expose_once(), record: issued.record })
        }
    }
}

async fn create_after_account(management: &Management, draft: KeyDraft) -> Result<NewlyIssued, Error> {
    let account = AccountRecord::new(draft.account.clone(), draft.account.as_str());
    note_created(&account.id, accounts::insert_managed(management, &account).await?);
    Ok(management.create_key(&system(), draft).await?)
}

fn note_created(account: &AccountId, created: Option<Effect>) {
    if created.is_some() {
        note!("created the account \"{account}\"");
    }
}

fn default_account() -> Result<AccountId, Error> {
    DEFAULT_ACCOUNT.parse().map_err(|error| Error::caused(ErrorKind::Usage, &error))
}

fn draft(new: CreateKey, account: AccountId) -> NewKey {
    NewKey {
        user: new.user,
        created_by: Some(creator()),
        kind: new.kind,
        mode: new.mode,
        scopes: new.scopes,
        endpoints: new.endpoints,
        networks: new.networks,
        not_before: new.not_before,
        expires_at: new.expires_at,
        metadata: new.metadata,
        tags: new.tags,
        ..NewKey::secret(account, new.name)
    }
}

pub(super) async fn page(backend: &Backend, filter: &KeyFilter) -> Result<Page<Key>, Error> {
    match backend {
        Backend::Management(_, keys) | Backend::Keys(keys, _) => {
            let page = keys.list(&query(filter)?).await?;
            let next = page.next.map(|cursor| cursor.to_string());
            Ok(Page { data: page.keys.into_iter().map(view).collect(), next })
        }
        Backend::Server(client) => Ok(client.keys(filter).await?),
    }
}

fn query(filter: &KeyFilter) -> Result<KeyQuery, Error> {
    let after = filter.after.as_deref().map(str::parse).transpose();
    let unused_since = filter.last_used_before.as_deref().map(str::parse).transpose();
    let expires_before = filter.expires_before.as_deref().map(str::parse).transpose();
    let (tags, metadata) = key_filters(filter.tags.as_deref(), filter.metadata.as_deref())?;
    Ok(KeyQuery {
        tags,
        metadata,
        account: filter.account.clone(),
        user: filter.user.clone(),
        mode: filter.mode,
        kind: filter.kind,
        status: filter.status,
        text: filter.text.clone(),
        unused_since: unused_since.map_err(|error: TimestampError| Error::caused(ErrorKind::Usage, &error))?,
        expires_before: expires_before.map_err(|error: TimestampError| Error::caused(ErrorKind::Usage, &error))?,
        replaced: filter.replaced,
        after: after.map_err(|error: CursorError| Error::caused(ErrorKind::Usage, &error))?,
        limit: filter.limit.map_or(KeyQuery::MAX_LIMIT, usize::from),
        ..KeyQuery::default()
    })
}

pub(super) async fn show(backend: &Backend, id: &CredentialId) -> Result<Key, Error> {
    match backend {
        Backend::Management(_, keys) | Backend::Keys(keys, _) => {
            let found = keys.get(id).await?;
            Ok(view(found.ok_or(KeysError::Denied(WriteRefused::NotFound))?))
        }
        Backend::Server(client) => Ok(client.key(id).await?),
    }
}

/// Without a version, changes the key whatever its version is.
pub(super) async fn update(
    backend: &Backend,
    id: &CredentialId,
    update: UpdateKey,
    version: Option<u64>,
) -> Result<Changed, Error> {
    match backend {
        Backend::Management(management, _) => {
            let change = KeyChange {
                name: update.name,
                scopes: update.scopes,
                endpoints: update.endpoints,
                networks: update.networks,
                metadata: update.metadata,
                tags: update.tags,
                expires_at: update.expires_at,
                user: update.user,
            };
            for _ in 0..ATTEMPTS {
                let current = match version {
                    Some(version) => version,
                    None => show(backend, id).await?.version,
                };
                match management.update_key(&system(), id, change.clone(), current).await {
                    Err(ManagementError::Stale) if version.is_none() => {}
                    changed => return Ok(changed?.into()),
                }
            }
            Err(ManagementError::Stale.into())
        }
        Backend::Keys(keys, _) => {
            let update = KeyUpdate {
                version,
                name: update.name,
                scopes: update.scopes,
                endpoints: update.endpoints,
                networks: update.networks,
                metadata: update.metadata,
                tags: update.tags,
                expires_at: update.expires_at,
                user: update.user,
                ..KeyUpdate::default()
            };
            Ok(keys.update(id, &update).await?.into())
        }
        Backend::Server(client) => {
            let version = match version {
                Some(version) => version,
                None => show(backend, id).await?.version,
            };
            Ok(client.update_key(id, &update, version).await?.into())
        }
    }
}

pub(super) async fn preview_rotation(backend: &Backend, id: &CredentialId) -> Result<RotationPreview, Error> {
    match backend {
        Backend::Management(management, _) => Ok(management.preview_rotation(&system(), id).await?),
        Backend::Keys(keys, _) => {
            let key = keys.get(id).await?.ok_or(KeysError::Denied(WriteRefused::NotFound))?;
            if key.rotated_to.is_some() {
                return Err(KeysError::Denied(WriteRefused::Rotated).into());
            }
            if !matches!(key.status(SystemClock.now()), KeyStatus::Active | KeyStatus::Disabled) {
                return Err(KeysError::Denied(WriteRefused::Ended).into());
            }
            let expires_at = keys.successor_end(&key, None);
            // Read later, so that the default is never after the latest end.
            Ok(RotationPreview { expires_at, latest_expires_at: keys.lifetimes().latest_end(SystemClock.now()) })
        }
        Backend::Server(client) => Ok(client.rotation_preview(id).await?),
    }
}

pub(super) async fn rotate(
    backend: &Backend,
    id: &CredentialId,
    overlap: Duration,
    expires_at: Option<Option<Timestamp>>,
) -> Result<Rotated, Error> {
    match backend {
        Backend::Management(management, _) => {
            let rotated = management.rotate_key_with(&system(), id, KeyRotation { overlap, expires_at }).await?;
            Ok(Rotated {
                record: rotated.view,
                predecessor: rotated.predecessor,
                effect: (&rotated.propagation).into(),
                key: rotated.key.expose_once(),
            })
        }
        Backend::Keys(keys, limits) => {
            let successor = CredentialId::generate();
            hand_on_rules(&**limits, id, &successor).await.map_err(KeysError::Store)?;
            let (created_by, successor) = (Some(creator()), Some(successor));
            let rotation = Rotation { overlap, expires_at, created_by, successor, ..Rotation::default() };
            let rotated = keys.rotate_with(id, rotation).await?;
            Ok(Rotated {
                record: view(rotated.record),
                predecessor: view(rotated.predecessor),
                effect: (&rotated.propagation).into(),
                key: rotated.key.expose_once(),
            })
        }
        Backend::Server(client) => {
            let seconds = u32::try_from(overlap.as_secs());
            let seconds = seconds.map_err(|_| Error::usage("invalid --overlap: at most a year"))?;
            let rotation = RotateKey { expires_at, ..RotateKey::new(seconds) };
            let rotated = client.rotate_key_with(id, &rotation).await?;
            Ok(Rotated {
                key: rotated.key.expose_once(),
                record: rotated.record,
                predecessor: rotated.predecessor,
                effect: rotated.effective.into(),
            })
        }
    }
}

pub(super) async fn revoke(backend: &Backend, id: &CredentialId, revocation: &RevokeKey) -> Result<Changed, Error> {
    match backend {
        Backend::Management(management, _) => {
            Ok(management.revoke_key_with(&system(), id, &reason(revocation)?).await?.into())
        }
        Backend::Keys(keys, _) => Ok(keys.revoke_with(id, &reason(revocation)?).await?.into()),
        Backend::Server(client) => Ok(client.revoke_key_with(id, revocation).await?.into()),
    }
}

/// Returns the account, or none for all accounts, and the ids of the revoked keys.
pub(super) async fn revoke_of_user(
    backend: &Backend,
    account: Option<&AccountId>,
    user: &UserId,
    revocation: &RevokeKey,
) -> Result<(Option<AccountId>, Vec<CredentialId>), Error> {
    if let Backend::Keys(keys, _) = backend {
        return Ok((account.cloned(), revoke_unmanaged(keys, account, user, &reason(revocation)?).await?));
    }
    let records = backend.records()?;
    let account = records.account_or_default(account).await?;
    let RevokedKeys { revoked } = match records {
        Records::Database(management) => {
            management.revoke_user_keys(&system(), &account, user, &reason(revocation)?).await?
        }
        Records::Server(client) => client.revoke_user_keys(&account, user, revocation).await?,
    };
    Ok((Some(account), revoked))
}

/// Refuses a user that neither a record nor a key names. Success would hide that the id is mistyped.
pub(super) async fn require_user(backend: &Backend, account: Option<&AccountId>, user: &UserId) -> Result<(), Error> {
    let filter =
        KeyFilter { account: account.cloned(), user: Some(user.clone()), limit: Some(1), ..KeyFilter::default() };
    if !page(backend, &filter).await?.data.is_empty() {
        return Ok(());
    }
    let known = match backend {
        Backend::Management(management, _) => management.user(&system(), user).await.map(drop).map_err(Error::from),
        Backend::Keys(..) => Err(Error::new(ErrorKind::NotFound, "")),
        Backend::Server(client) => {
            let account = Records::Server(client).account_or_default(account).await?;
            let member = client.member(&account, user).await.map(drop).map_err(Error::from);
            match member {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    client.user(user).await.map(drop).map_err(Error::from)
                }
                member => member,
            }
        }
    };
    match known {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let place = account.map(|account| format!(" in the account {account}")).unwrap_or_default();
            let message = format!("there is no such user, and no key{place} names it: check the id");
            Err(Error::new(ErrorKind::NotFound, message).of(format!("user {user}")))
        }
        // A caller who may change keys may lack the right to see users.
        _ => Ok(()),
    }
}

async fn revoke_unmanaged(
    keys: &Keys,
    account: Option<&AccountId>,
    user: &UserId,
    revocation: &Revocation,
) -> Result<Vec<CredentialId>, Error> {
    let mut revoked = Vec::new();
    for status in [KeyStatus::Active, KeyStatus::Disabled] {
        let query = KeyQuery {
            account: account.cloned(),
            user: Some(user.clone()),
            status: Some(status),
            limit: KeyQuery::MAX_LIMIT,
            ..KeyQuery::default()
        };
        for key in keys.list_all(query).await? {
            keys.revoke_with(&key.id, revocation).await?;
            revoked.push(key.id);
        }
    }
    Ok(revoked)
}

fn reason(revocation: &RevokeKey) -> Result<Revocation, Error> {
    let note = revocation.note.as_deref().unwrap_or_default();
    Revocation::new(revocation.reason).with_note(note).map_err(|error| Error::usage(format!("invalid --note: {error}")))
}

fn creator() -> Creator {
    Creator::System(system().name().id.into())
}

pub(super) async fn set_disabled(backend: &Backend, id: &CredentialId, disabled: bool) -> Result<Changed, Error> {
    match (backend, disabled) {
        (Backend::Management(management, _), _) => {
            Ok(management.set_key_disabled(&system(), id, disabled).await?.into())
        }
        (Backend::Keys(keys, _), true) => Ok(keys.disable(id).await?.into()),
        (Backend::Keys(keys, _), false) => Ok(keys.enable(id).await?.into()),
        (Backend::Server(client), true) => Ok(client.disable_key(id).await?.into()),
        (Backend::Server(client), false) => Ok(client.enable_key(id).await?.into()),
    }
}

pub(super) async fn usage(
    backend: &Backend,
    id: Option<&CredentialId>,
    account: Option<&AccountId>,
    days: u32,
) -> Result<Usage, Error> {
    let records = backend.records()?;
    match (records, id) {
        (Records::Database(management), Some(id)) => Ok(management.key_usage(&system(), id, days).await?),
        (Records::Server(client), Some(id)) => Ok(client.key_usage(id, days).await?),
        (Records::Database(management), None) => {
            Ok(management.usage(&system(), &records.account_or_default(account).await?, days).await?)
        }
        (Records::Server(client), None) => {
            Ok(client.account_usage(&records.account_or_default(account).await?, days).await?)
        }
    }
}
