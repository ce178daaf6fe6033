//! `keyward keys …`

use keyward_client::{CreateKey, Key, KeyFilter, UpdateKey};
use keyward_core::clock::{Clock, SystemClock};
use keyward_core::key::KeyKind;
use keyward_core::scope::Grant;
use keyward_core::{CredentialId, ScopeSet, Timestamp};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::arguments::{self, Create, List, Update};
use crate::backend::{Backend, Changed, Rotated};
use crate::failure::{Failure, Kind};
use crate::output::{self, note};
use crate::tables;

/// The most keys that a page has.
const PAGE: u16 = 500;

pub(super) async fn run(place: &dyn Backend, command: &arguments::Keys) -> Result<(), Failure> {
    match command {
        arguments::Keys::Create(create) => self::create(place, create).await,
        // It needs a database, and was done there.
        arguments::Keys::Import(_) => Ok(()),
        arguments::Keys::List(list) => self::list(place, list).await,
        arguments::Keys::Usage { id, account, days, json } => {
            let usage = match id {
                Some(id) => place.key_usage(id, *days).await?,
                None => place.account_usage(account.as_ref(), *days).await?,
            };
            if *json {
                let usage = serde_json::to_value(&usage).map_err(|error| Failure::caused(Kind::Database, &error))?;
                return output::json_line(&usage);
            }
            output::list(&usage.days, false, "there was no use", tables::usage)
        }
        arguments::Keys::Show { id, json } => output::object(&output::key_to_json(&place.key(id).await?), *json),
        arguments::Keys::Revoke { id, yes } => revoke(place, id, *yes).await,
        arguments::Keys::Rotate { id, overlap } => {
            let Rotated { key, record, predecessor, effect } = place.rotate_key(id, *overlap).await?;
            let end = predecessor.expires_at.map(|end| end.to_string()).unwrap_or_default();
            note!("{} succeeds {id}, which ends at {end}: {}", record.id, output::effective(&effect));
            show_once(&key)
        }
        arguments::Keys::Update(update) => self::update(place, update).await,
        arguments::Keys::Disable { id } => changed(&place.set_key_disabled(id, true).await?),
        arguments::Keys::Enable { id } => changed(&place.set_key_disabled(id, false).await?),
    }
}

async fn create(place: &dyn Backend, create: &Create) -> Result<(), Failure> {
    let kind = create.kind.unwrap_or(if create.scopes.is_empty() { KeyKind::Secret } else { KeyKind::Restricted });
    let scopes = match (kind, create.scopes.is_empty()) {
        (KeyKind::Secret | KeyKind::Publishable, true) => ScopeSet::all(),
        _ => scope_set(&create.scopes)?,
    };
    let new = CreateKey {
        account: create.account.clone(),
        purpose: create.purpose,
        kind,
        mode: create.mode,
        endpoints: create.endpoints.clone(),
        networks: create.networks.iter().copied().map(Into::into).collect(),
        not_before: create.not_before,
        expires_at: end(create.expires_in, create.expires_at),
        metadata: create.metadata.clone().unwrap_or_default(),
        ..CreateKey::restricted(create.name.clone(), scopes)
    };
    let issued = place.create_key(new).await?;
    note!("{}", output::fields(&output::key_to_json(&issued.record)));
    note!("The key follows. It is shown this once: keep it now.");
    show_once(&issued.key)
}

async fn list(place: &dyn Backend, list: &List) -> Result<(), Failure> {
    let now = SystemClock.now();
    let wanted = list.limit.unwrap_or(usize::MAX);
    let before = |unused: std::time::Duration| now.as_millis().saturating_sub(unused.as_millis() as i64);
    let mut filter = KeyFilter {
        account: list.account.clone(),
        mode: list.mode,
        kind: list.kind,
        status: list.status,
        text: list.search.clone(),
        last_used_before: list.unused_for.map(|unused| Timestamp::from_millis(before(unused))),
        ..KeyFilter::default()
    };
    let mut found: Vec<Key> = Vec::new();
    while found.len() < wanted {
        filter.limit = Some(u16::try_from(wanted - found.len()).unwrap_or(PAGE).min(PAGE));
        let page = place.keys(&filter).await?;
        found.extend(page.data);
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    if list.json {
        output::json_line(&found.iter().map(output::key_to_json).collect::<Value>())
    } else {
        output::list(&found, false, "there are no such keys", tables::keys)
    }
}

async fn revoke(place: &dyn Backend, id: &CredentialId, yes: bool) -> Result<(), Failure> {
    let key = place.key(id).await?;
    if !yes {
        let used = key.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("last used at {at}"));
        super::confirm(&format!("Revoke {:?} ({}, {used}) for good?", key.name, key.hint))?;
    }
    let Changed { record, effect } = place.revoke_key(id).await?;
    let at = record.revoked_at.map(|at| at.to_string()).unwrap_or_default();
    output::line(&format!("{id} is revoked since {at}: {}", output::effective(&effect)))
}

async fn update(place: &dyn Backend, update: &Update) -> Result<(), Failure> {
    let expires_at = match (update.no_expiry, end(update.expires_in, update.expires_at)) {
        (true, _) => Some(None),
        (false, Some(at)) => Some(Some(at)),
        (false, None) => None,
    };
    let scopes = if update.scopes.is_empty() { None } else { Some(scope_set(&update.scopes)?) };
    let change = UpdateKey {
        name: update.name.clone(),
        scopes,
        expires_at,
        metadata: update.metadata.clone(),
        ..UpdateKey::default()
    };
    changed(&place.update_key(&update.id, change, update.if_version).await?)
}

fn changed(changed: &Changed) -> Result<(), Failure> {
    let Changed { record, effect } = changed;
    output::line(&format!("{} is {}: {}", record.id, record.status, output::effective(effect)))
}

fn end(lives: Option<std::time::Duration>, at: Option<Timestamp>) -> Option<Timestamp> {
    at.or_else(|| lives.map(|lives| SystemClock.now().saturating_add(lives)))
}

fn scope_set(grants: &[Grant]) -> Result<ScopeSet, Failure> {
    ScopeSet::new(grants.iter().cloned()).map_err(|error| Failure::caused(Kind::Usage, &error))
}

/// The only place where a key is written.
fn show_once(key: &Zeroizing<String>) -> Result<(), Failure> {
    output::line(key)
}
