//! `keyward keys …`

use keyward::{
    AccountId, AccountRecord, Changed, Clock, CredentialId, Denial, Grant, KeyKind, KeyQuery, KeyRecord, KeyUpdate,
    Keys, NewKey, PlainKey, ScopeSet, SystemClock, Timestamp,
};
use serde_json::Value;

use crate::arguments::{self, Create, List, Update};
use crate::failure::{Failure, Kind};
use crate::output;

pub(super) async fn run(keys: &Keys, command: &arguments::Keys) -> Result<(), Failure> {
    match command {
        arguments::Keys::Create(create) => self::create(keys, create).await,
        arguments::Keys::Import(command) => super::import::run(keys, command).await,
        arguments::Keys::List(list) => self::list(keys, list).await,
        arguments::Keys::Show { id, json } => show(keys, id, *json).await,
        arguments::Keys::Revoke { id, yes } => revoke(keys, id, *yes).await,
        arguments::Keys::Rotate { id, overlap } => {
            let rotated = keys.rotate(id, *overlap).await?;
            let end = rotated.predecessor.expires_at.map(|end| end.to_string()).unwrap_or_default();
            eprintln!(
                "{} succeeds {id}, which ends at {end}: {}",
                rotated.record.id,
                output::effective(&rotated.propagation)
            );
            show_once(rotated.key)
        }
        arguments::Keys::Update(update) => self::update(keys, update).await,
        arguments::Keys::Disable { id } => set_disabled(keys, id, Some(SystemClock.now())).await,
        arguments::Keys::Enable { id } => set_disabled(keys, id, None).await,
    }
}

async fn create(keys: &Keys, create: &Create) -> Result<(), Failure> {
    let account = match &create.account {
        Some(account) => account.clone(),
        None => default_account(keys).await?,
    };
    let kind = create.kind.unwrap_or(if create.scopes.is_empty() { KeyKind::Secret } else { KeyKind::Restricted });
    let scopes = match (kind, create.scopes.is_empty()) {
        (KeyKind::Secret | KeyKind::Publishable, true) => ScopeSet::all(),
        _ => scope_set(&create.scopes)?,
    };
    let issued = keys
        .issue(NewKey {
            kind,
            mode: create.mode,
            scopes,
            endpoints: create.endpoints.clone(),
            networks: create.networks.clone(),
            not_before: create.not_before,
            expires_at: end(create.expires_in, create.expires_at),
            metadata: create.metadata.clone().unwrap_or_default(),
            ..NewKey::secret(account, create.name.clone())
        })
        .await?;
    eprintln!("{}", output::fields(&output::key_to_json(&issued.record, SystemClock.now())));
    eprintln!("The key follows. It is shown this once: keep it now.");
    show_once(issued.key)
}

/// The account for keys of nobody in particular.
async fn default_account(keys: &Keys) -> Result<AccountId, Failure> {
    let id: AccountId = "default".parse().map_err(|error| Failure::caused(Kind::Usage, &error))?;
    if keys.get_account(&id).await?.is_none() {
        keys.put_account(&AccountRecord::new(id.clone(), "default")).await?;
        eprintln!("made the account \"default\"");
    }
    Ok(id)
}

async fn list(keys: &Keys, list: &List) -> Result<(), Failure> {
    let now = SystemClock.now();
    let wanted = list.limit.unwrap_or(usize::MAX);
    let mut query = KeyQuery {
        account: list.account.clone(),
        mode: list.mode,
        kind: list.kind,
        status: list.status,
        text: list.search.clone(),
        unused_since: list
            .unused_for
            .map(|unused| Timestamp::from_millis(now.as_millis().saturating_sub(unused.as_millis() as i64))),
        now,
        ..KeyQuery::default()
    };
    let mut found: Vec<KeyRecord> = Vec::new();
    while found.len() < wanted {
        query.limit = (wanted - found.len()).min(KeyQuery::MAX_LIMIT);
        let page = keys.list(&query).await?;
        found.extend(page.keys);
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    if list.json {
        output::json_line(&found.iter().map(|key| output::key_to_json(key, now)).collect::<Value>())
    } else if found.is_empty() {
        eprintln!("there are no such keys");
        Ok(())
    } else {
        output::line(&output::keys_as_table(&found, now))
    }
}

async fn get(keys: &Keys, id: &CredentialId) -> Result<KeyRecord, Failure> {
    Ok(keys.get(id).await?.ok_or(keyward::KeysError::Denied(Denial::NotFound))?)
}

async fn show(keys: &Keys, id: &CredentialId, json: bool) -> Result<(), Failure> {
    output::object(&output::key_to_json(&get(keys, id).await?, SystemClock.now()), json)
}

async fn revoke(keys: &Keys, id: &CredentialId, yes: bool) -> Result<(), Failure> {
    let key = get(keys, id).await?;
    if !yes {
        let used = key.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("last used at {at}"));
        super::confirm(&format!("Revoke {:?} ({}, {used}) for good?", key.name, key.hint))?;
    }
    let Changed { record, propagation } = keys.revoke(id).await?;
    let at = record.revoked_at.map(|at| at.to_string()).unwrap_or_default();
    output::line(&format!("{id} is revoked since {at}: {}", output::effective(&propagation)))
}

async fn update(keys: &Keys, update: &Update) -> Result<(), Failure> {
    let expires_at = match (update.no_expiry, end(update.expires_in, update.expires_at)) {
        (true, _) => Some(None),
        (false, Some(at)) => Some(Some(at)),
        (false, None) => None,
    };
    let scopes = if update.scopes.is_empty() { None } else { Some(scope_set(&update.scopes)?) };
    let change = KeyUpdate {
        name: update.name.clone(),
        scopes,
        expires_at,
        metadata: update.metadata.clone(),
        ..KeyUpdate::default()
    };
    changed(&keys.update(&update.id, &change).await?)
}

async fn set_disabled(keys: &Keys, id: &CredentialId, at: Option<Timestamp>) -> Result<(), Failure> {
    changed(&keys.update(id, &KeyUpdate { disabled_at: Some(at), ..KeyUpdate::default() }).await?)
}

fn changed(changed: &Changed) -> Result<(), Failure> {
    let status = changed.record.status(SystemClock.now());
    output::line(&format!("{} is {status}: {}", changed.record.id, output::effective(&changed.propagation)))
}

fn end(lives: Option<std::time::Duration>, at: Option<Timestamp>) -> Option<Timestamp> {
    at.or_else(|| lives.map(|lives| SystemClock.now().saturating_add(lives)))
}

fn scope_set(grants: &[Grant]) -> Result<ScopeSet, Failure> {
    ScopeSet::new(grants.iter().cloned()).map_err(|error| Failure::caused(Kind::Usage, &error))
}

/// The only place where a key is written.
fn show_once(key: PlainKey) -> Result<(), Failure> {
    output::line(&key.expose_once())
}
