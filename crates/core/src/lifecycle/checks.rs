//! The rules of a key's values.

use ipnet::IpNet;

use super::KeysError;
use crate::clock::Timestamp;
use crate::key::KeyKind;
use crate::name::check_name;
use crate::network::Network;
use crate::scope::ScopeSet;
use crate::store::{KeyRecord, KeyStatus, KeyUpdate, WriteRefused};

pub(super) fn check_key(name: &str, kind: KeyKind, scopes: &ScopeSet) -> Result<(), KeysError> {
    check_name(name).map_err(KeysError::Name)?;
    check_scopes(kind, scopes)
}

pub(super) fn check_scopes(kind: KeyKind, scopes: &ScopeSet) -> Result<(), KeysError> {
    if kind == KeyKind::Restricted && scopes.is_empty() { Err(KeysError::NoScope) } else { Ok(()) }
}

pub(super) fn trimmed(name: &str) -> Result<String, KeysError> {
    check_name(name).map(str::to_owned).map_err(KeysError::Name)
}

pub(super) fn in_one_form(network: &mut IpNet) {
    *network = Network::from(*network).into();
}

pub(super) fn check_end(end: Option<Timestamp>, begin: Option<Timestamp>, now: Timestamp) -> Result<(), KeysError> {
    check_order(end, begin.max(Some(now)))
}

pub(super) fn check_order(end: Option<Timestamp>, begin: Option<Timestamp>) -> Result<(), KeysError> {
    match (end, begin) {
        (Some(end), Some(begin)) if end <= begin => Err(KeysError::Ended),
        _ => Ok(()),
    }
}

pub(super) fn check_update(key: &KeyRecord, update: &KeyUpdate, now: Timestamp) -> Result<(), KeysError> {
    fn differs<T: PartialEq>(new: Option<&T>, old: &T) -> bool {
        new.is_some_and(|new| new != old)
    }
    let other_end = differs(update.expires_at.as_ref(), &key.expires_at);
    let other_span = other_end || differs(update.not_before.as_ref(), &key.not_before);
    let other_use = other_span
        || update.disabled_at.is_some()
        || differs(update.scopes.as_ref(), &key.scopes)
        || differs(update.endpoints.as_ref(), &key.endpoints)
        || differs(update.networks.as_ref(), &key.networks)
        || differs(update.user.as_ref(), &key.user);
    // The store refuses every change of a revoked or compromised key.
    if other_use && !matches!(key.status(now), KeyStatus::Active | KeyStatus::Disabled) {
        return Err(WriteRefused::Ended.into());
    }
    if let Some(scopes) = &update.scopes {
        check_scopes(key.kind, scopes)?;
    }
    if other_span {
        update.check_rotated(key)?;
        check_end(update.expires_at.unwrap_or(key.expires_at), update.not_before.unwrap_or(key.not_before), now)?;
    }
    Ok(())
}
