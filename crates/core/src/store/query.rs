//! Queries and updates of keys.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use serde_json::{Map, Value};

use super::{KeyRecord, KeyStatus, WriteRefused};
use crate::clock::Timestamp;
use crate::endpoint::Endpoint;
use crate::id::{AccountId, CredentialId, UserId};
use crate::key::{KeyKind, Mode};
use crate::scope::ScopeSet;
use crate::tags::Tags;

/// A query for keys. Defaults to all keys, 50 a page.
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
    /// Only this account.
    pub account: Option<AccountId>,
    /// Only keys of this user.
    pub user: Option<UserId>,
    /// Only keys with all of these tags.
    pub tags: Tags,
    /// Only keys whose metadata has each of these names with this text as its value.
    pub metadata: Vec<(String, String)>,
    /// Only this mode.
    pub mode: Option<Mode>,
    /// Only this kind.
    pub kind: Option<KeyKind>,
    /// Only this status at [`now`](Self::now).
    pub status: Option<KeyStatus>,
    /// Only keys with this text in their name, id or hint, ignoring ASCII case.
    ///
    /// A hint has the last four characters of the key.
    pub text: Option<String>,
    /// Only keys not used since.
    pub unused_since: Option<Timestamp>,
    /// Only keys that end before.
    pub expires_before: Option<Timestamp>,
    /// Only keys with a successor, or only those without.
    pub replaced: Option<bool>,
    /// How the keys are sorted.
    pub order: KeyOrder,
    /// The requests of each key, for [`KeyColumn::Requests`]. A store of keys counts none.
    pub requests: Arc<HashMap<CredentialId, u64>>,
    /// The previous page's end, for keys that are sorted newest first.
    pub after: Option<Cursor>,
    /// How many keys to pass over. Concurrent changes can repeat or skip a key, unlike with [`after`](Self::after).
    pub skip: u64,
    /// Keys per page, 1 to [`MAX_LIMIT`](Self::MAX_LIMIT).
    pub limit: usize,
    /// The time for [`status`](Self::status). Defaults to now.
    pub now: Timestamp,
}

impl KeyQuery {
    /// The most keys per page.
    pub const MAX_LIMIT: usize = 500;

    /// Returns the limit within its range.
    #[must_use]
    pub fn bounded_limit(&self) -> usize {
        self.limit.clamp(1, Self::MAX_LIMIT)
    }

    /// Returns the page of `keys` that the query selects. For stores that cannot sort.
    #[must_use]
    pub fn page_of(&self, keys: impl IntoIterator<Item = KeyRecord>) -> KeyPage {
        let is_behind = |key: &KeyRecord| {
            self.after.as_ref().is_none_or(|after| (key.created_at, &key.id) < (after.created_at, &after.id))
        };
        let mut keys: Vec<KeyRecord> = keys.into_iter().filter(|key| is_behind(key) && self.matches(key)).collect();
        keys.sort_by(|first, second| self.compare(first, second));
        self.page(keys.into_iter().skip(usize::try_from(self.skip).unwrap_or(usize::MAX)).collect())
    }

    /// Returns the page that begins with `keys`, which may have one key more than the limit.
    #[must_use]
    pub fn page(&self, mut keys: Vec<KeyRecord>) -> KeyPage {
        let has_more = keys.len() > self.bounded_limit();
        keys.truncate(self.bounded_limit());
        let next = keys.last().filter(|_| has_more && self.order == KeyOrder::default()).map(Cursor::behind);
        KeyPage { keys, next }
    }

    fn compare(&self, first: &KeyRecord, second: &KeyRecord) -> Ordering {
        let order = self.order;
        let newest = || (second.created_at, &second.id).cmp(&(first.created_at, &first.id));
        let words = |first: &dyn fmt::Display, second: &dyn fmt::Display| first.to_string().cmp(&second.to_string());
        let times = |first: Option<Timestamp>, second: Option<Timestamp>| match (first, second) {
            (Some(first), Some(second)) => order.directed(first.cmp(&second)),
            (first, second) => second.is_some().cmp(&first.is_some()),
        };
        let requests = |key: &KeyRecord| self.requests.get(&key.id).copied().unwrap_or(0);
        let decided = match order.column {
            KeyColumn::Created if order.is_descending => Ordering::Equal,
            KeyColumn::Created => first.created_at.cmp(&second.created_at),
            KeyColumn::Name => order.directed(first.name.to_ascii_lowercase().cmp(&second.name.to_ascii_lowercase())),
            KeyColumn::Mode => order.directed(words(&first.mode, &second.mode)),
            KeyColumn::Kind => order.directed(words(&first.kind, &second.kind)),
            KeyColumn::Scopes => order.directed(words(&first.scopes, &second.scopes)),
            KeyColumn::Status => order.directed(words(&first.status(self.now), &second.status(self.now))),
            KeyColumn::LastUsed => times(first.last_used_at, second.last_used_at),
            KeyColumn::Expires => times(first.expires_at, second.expires_at),
            KeyColumn::Requests => order.directed(requests(first).cmp(&requests(second))),
        };
        decided.then_with(newest)
    }

    /// Returns `true` if `key` matches.
    #[must_use]
    pub fn matches(&self, key: &KeyRecord) -> bool {
        let has = |(name, text): &(String, String)| key.metadata.get(name).and_then(Value::as_str) == Some(text);
        self.account.as_ref().is_none_or(|account| *account == key.account)
            && self.user.as_ref().is_none_or(|user| key.user.as_ref() == Some(user))
            && key.tags.includes(&self.tags)
            && self.metadata.iter().all(has)
            && self.mode.is_none_or(|mode| mode == key.mode)
            && self.kind.is_none_or(|kind| kind == key.kind)
            && self.status.is_none_or(|status| status == key.status(self.now))
            && self.text.as_ref().is_none_or(|text| {
                [&key.name, key.id.as_str(), &key.hint.to_string()].into_iter().any(|place| has_text(place, text))
            })
            && self.unused_since.is_none_or(|since| key.last_used_at.is_none_or(|used| used < since))
            && self.expires_before.is_none_or(|before| key.expires_at.is_some_and(|end| end < before))
            && self.replaced.is_none_or(|replaced| replaced == key.rotated_to.is_some())
    }
}

impl Default for KeyQuery {
    fn default() -> Self {
        Self {
            account: None,
            user: None,
            tags: Tags::default(),
            metadata: Vec::new(),
            mode: None,
            kind: None,
            status: None,
            text: None,
            unused_since: None,
            expires_before: None,
            replaced: None,
            order: KeyOrder::default(),
            requests: Arc::default(),
            after: None,
            skip: 0,
            limit: 50,
            now: std::time::SystemTime::now().into(),
        }
    }
}

fn has_text(place: &str, text: &str) -> bool {
    place.to_ascii_lowercase().contains(&text.to_ascii_lowercase())
}

/// How a list of keys is sorted. Defaults to newest first.
///
/// Keys without the value come last. Keys with the same value are sorted newest first.
///
/// # Examples
/// ```
/// use keyward::store::{KeyColumn, KeyOrder, KeyQuery};
///
/// let order = KeyOrder { column: KeyColumn::Name, is_descending: false };
/// let query = KeyQuery { order, ..KeyQuery::default() };
/// # let _ = query;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyOrder {
    /// The value that decides.
    pub column: KeyColumn,
    /// Whether the largest or latest comes first.
    pub is_descending: bool,
}

/// A value that keys can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyColumn {
    /// The time of creation.
    Created,
    /// The name, ignoring ASCII case.
    Name,
    /// The mode, by its word.
    Mode,
    /// The kind, by its word.
    Kind,
    /// The scopes, by their text. Keys without scopes come first.
    Scopes,
    /// The status at [`KeyQuery::now`], by its word.
    Status,
    /// The last use.
    LastUsed,
    /// The expiry.
    Expires,
    /// The number of requests in [`KeyQuery::requests`]. A key that is not there has none.
    Requests,
}

impl KeyOrder {
    fn directed(self, ascending: Ordering) -> Ordering {
        if self.is_descending { ascending.reverse() } else { ascending }
    }
}

impl Default for KeyOrder {
    fn default() -> Self {
        Self { column: KeyColumn::Created, is_descending: true }
    }
}

/// A page of keys.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyPage {
    /// The keys, in the order of the query.
    pub keys: Vec<KeyRecord>,
    /// The next page's start, if there is one and the keys are sorted newest first.
    pub next: Option<Cursor>,
}

/// The end of a page. Concurrent changes neither repeat nor skip a key.
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
    /// The last key's creation time.
    pub created_at: Timestamp,
    /// The last key's id.
    pub id: CredentialId,
}

impl Cursor {
    /// Returns the cursor after `key`.
    #[must_use]
    pub fn behind(key: &KeyRecord) -> Self {
        Self { created_at: key.created_at, id: key.id.clone() }
    }
}

/// The error of an invalid [`Cursor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid cursor: use the one that the previous page returned")]
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
        // A cursor has one spelling: no sign, no leading zeros, no time out of range.
        if cursor.to_string() == text { Ok(cursor) } else { Err(CursorError) }
    }
}

/// Changes to a key. Defaults to none. `Some(None)` removes a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyUpdate {
    /// The required version, if any.
    pub version: Option<u64>,
    /// The new name.
    pub name: Option<String>,
    /// The new scopes.
    pub scopes: Option<ScopeSet>,
    /// The new endpoints.
    pub endpoints: Option<Vec<Endpoint>>,
    /// The new networks.
    pub networks: Option<Vec<IpNet>>,
    /// The new metadata.
    pub metadata: Option<Map<String, Value>>,
    /// The new tags.
    pub tags: Option<Tags>,
    /// The user that it belongs to from now on.
    pub user: Option<Option<UserId>>,
    /// The new expiry time.
    pub expires_at: Option<Option<Timestamp>>,
    /// The new start time.
    pub not_before: Option<Option<Timestamp>>,
    /// Disabled since, or enabled. The first time stays.
    pub disabled_at: Option<Option<Timestamp>>,
    /// Compromised since. The first time stays.
    pub compromised_at: Option<Timestamp>,
}

impl KeyUpdate {
    /// Applies the update and raises the version, as every store does.
    ///
    /// # Errors
    /// [`WriteRefused::Stale`]; [`WriteRefused::Rotated`] if a rotated key would end later; [`WriteRefused::Ended`] if
    /// revoked or compromised, unless this only marks as compromised. `key` is then unchanged.
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
        set(&mut key.tags, &self.tags);
        set(&mut key.user, &self.user);
        set(&mut key.expires_at, &self.expires_at);
        set(&mut key.not_before, &self.not_before);
        if let Some(disabled_at) = self.disabled_at {
            key.disabled_at = disabled_at.map(|at| key.disabled_at.unwrap_or(at));
        }
        if let Some(at) = self.compromised_at {
            key.mark_compromised(at);
        }
        key.version += 1;
    }
}
