//! What can be asked of and changed in a store's keys.

use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;
use serde_json::{Map, Value};

use super::{KeyRecord, KeyStatus, WriteRefused};
use crate::clock::Timestamp;
use crate::endpoint::Endpoint;
use crate::id::{AccountId, CredentialId};
use crate::key::{KeyKind, Mode};
use crate::scope::ScopeSet;

/// Which keys to list; all of them by default, 50 a page.
///
/// # Examples
/// ```
/// use keyward::store::KeyQuery;
/// use keyward::Mode;
///
/// let query = KeyQuery { mode: Some(Mode::Live), limit: 10, ..KeyQuery::default() };
/// # let _ = query;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct KeyQuery {
    /// Of this account alone.
    pub account: Option<AccountId>,
    /// Of this mode alone.
    pub mode: Option<Mode>,
    /// Of this kind alone.
    pub kind: Option<KeyKind>,
    /// With this status at [`now`](Self::now) alone.
    pub status: Option<KeyStatus>,
    /// With this text in the name, whatever the case of ASCII letters.
    pub text: Option<String>,
    /// Last used before this, or never.
    pub unused_since: Option<Timestamp>,
    /// Continue behind this page.
    pub after: Option<Cursor>,
    /// How many at most; 1 to [`MAX_LIMIT`](Self::MAX_LIMIT), held within that.
    pub limit: usize,
    /// The instant at which a status is meant; the real one by default.
    pub now: Timestamp,
}

impl KeyQuery {
    /// The most keys a page can have.
    pub const MAX_LIMIT: usize = 500;

    /// The limit held within 1 and [`MAX_LIMIT`](Self::MAX_LIMIT).
    #[must_use]
    pub fn bounded_limit(&self) -> usize {
        self.limit.clamp(1, Self::MAX_LIMIT)
    }

    /// Whether `key` is among those asked for, leaving pages aside.
    #[must_use]
    pub fn matches(&self, key: &KeyRecord) -> bool {
        self.account.as_ref().is_none_or(|account| *account == key.account)
            && self.mode.is_none_or(|mode| mode == key.mode)
            && self.kind.is_none_or(|kind| kind == key.kind)
            && self.status.is_none_or(|status| status == key.status(self.now))
            && self.text.as_ref().is_none_or(|text| key.name.to_ascii_lowercase().contains(&text.to_ascii_lowercase()))
            && self.unused_since.is_none_or(|since| key.last_used_at.is_none_or(|used| used < since))
    }
}

impl Default for KeyQuery {
    fn default() -> Self {
        Self {
            account: None,
            mode: None,
            kind: None,
            status: None,
            text: None,
            unused_since: None,
            after: None,
            limit: 50,
            now: std::time::SystemTime::now().into(),
        }
    }
}

/// A page of keys, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<KeyRecord>,
    /// Where the next page starts, if there is one.
    pub next: Option<Cursor>,
}

/// Where a page of a list ended: at a key, by its creation and id.
///
/// It survives that keys are added or revoked between two pages: none is given twice, none left out.
///
/// # Examples
/// ```
/// use keyward::store::Cursor;
/// use keyward::Timestamp;
///
/// let cursor = Cursor { created_at: Timestamp::from_millis(1_000), id: "key_1".parse()? };
/// assert_eq!(cursor.to_string().parse::<Cursor>()?, cursor);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When the page's last key was made.
    pub created_at: Timestamp,
    /// The page's last key.
    pub id: CredentialId,
}

impl Cursor {
    /// The cursor behind `key`.
    #[must_use]
    pub fn behind(key: &KeyRecord) -> Self {
        Self { created_at: key.created_at, id: key.id.clone() }
    }
}

/// The text is not a cursor that was given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that was given out")]
pub struct CursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.created_at.as_millis(), self.id)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (millis, id) = text.split_once('.').ok_or(CursorError)?;
        let millis: i64 = millis.parse().map_err(|_| CursorError)?;
        let cursor = Self { created_at: Timestamp::from_millis(millis), id: id.parse().map_err(|_| CursorError)? };
        // A cursor has one spelling: no sign, no zeros in front, no instant that cannot be.
        if cursor.to_string() == text { Ok(cursor) } else { Err(CursorError) }
    }
}

/// What to change in a key; nothing by default. `Some(None)` takes a value away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyUpdate {
    /// Change it only if it is at this version.
    pub version: Option<u64>,
    /// A new name.
    pub name: Option<String>,
    /// New grants in place of the old.
    pub scopes: Option<ScopeSet>,
    /// Other endpoints to be confined to.
    pub endpoints: Option<Vec<Endpoint>>,
    /// Other networks to be confined to.
    pub networks: Option<Vec<IpNet>>,
    /// New data in place of the old.
    pub metadata: Option<Map<String, Value>>,
    /// A new end, or none.
    pub expires_at: Option<Option<Timestamp>>,
    /// A new beginning, or none.
    pub not_before: Option<Option<Timestamp>>,
    /// Disabled since then, or enabled. A key that is disabled already keeps its time.
    pub disabled_at: Option<Option<Timestamp>>,
    /// Compromised since then; it is never taken back, and the first time stays.
    pub compromised_at: Option<Timestamp>,
}

impl KeyUpdate {
    /// Changes `key` as this says and raises its version: what every store's update does to the record. A key that is
    /// disabled or compromised again keeps the first time.
    ///
    /// # Errors
    /// The key is not changed then. [`WriteRefused::Stale`] if it is at another version than wanted; [`WriteRefused::Ended`] if it is
    /// revoked or compromised, unless the update marks it as compromised and does nothing else; [`WriteRefused::Rotated`] if the
    /// key has a successor and would end later.
    pub fn apply_checked(&self, key: &mut KeyRecord) -> Result<(), WriteRefused> {
        if self.version.is_some_and(|version| version != key.version) {
            return Err(WriteRefused::Stale);
        }
        let only_compromised = Self { compromised_at: self.compromised_at, version: self.version, ..Self::default() };
        if (key.revoked_at.is_some() || key.compromised_at.is_some()) && *self != only_compromised {
            return Err(WriteRefused::Ended);
        }
        self.check_rotated(key)?;
        self.apply(key);
        Ok(())
    }

    /// The end of a key with a successor only moves earlier.
    pub(crate) fn check_rotated(&self, key: &KeyRecord) -> Result<(), WriteRefused> {
        let is_later = |new: Timestamp| key.expires_at.is_some_and(|old| new > old);
        match self.expires_at {
            Some(end) if key.rotated_to.is_some() && end.is_none_or(is_later) => Err(WriteRefused::Rotated),
            _ => Ok(()),
        }
    }

    fn apply(&self, key: &mut KeyRecord) {
        fn set<T: Clone>(slot: &mut T, new: &Option<T>) {
            if let Some(new) = new {
                slot.clone_from(new);
            }
        }
        set(&mut key.name, &self.name);
        set(&mut key.scopes, &self.scopes);
        set(&mut key.endpoints, &self.endpoints);
        set(&mut key.networks, &self.networks);
        set(&mut key.metadata, &self.metadata);
        set(&mut key.expires_at, &self.expires_at);
        set(&mut key.not_before, &self.not_before);
        if let Some(disabled_at) = self.disabled_at {
            key.disabled_at = disabled_at.map(|at| key.disabled_at.unwrap_or(at));
        }
        key.compromised_at = key.compromised_at.or(self.compromised_at);
        key.version += 1;
    }
}
