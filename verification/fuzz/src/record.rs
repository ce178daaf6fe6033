use std::fmt::Debug;

use keyward::store::{KeyQuery, KeyRecord, Revocation};
use keyward::{AccountRecord, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A record survives writing and reading, and operations on it do not panic.
pub fn record(data: &[u8]) {
    let account = same::<AccountRecord>(data);
    let Some(mut key) = same::<KeyRecord>(data) else { return };
    let account = account.unwrap_or_else(|| AccountRecord::new(key.account.clone(), "Example Ltd"));
    assert_eq!(key.to_stored(&account).identity().id(), &key.id);
    let now = Timestamp::from_millis(1_000);
    let query = KeyQuery { status: Some(key.status(now)), now, ..KeyQuery::default() };
    assert!(query.matches(&key));
    if key.version < u64::MAX {
        let was_revoked = key.revoked_at.is_some();
        assert_ne!(key.revoke(now, &Revocation::default()), was_revoked);
        assert!(key.revoked_at.is_some());
    }
}

fn same<T: DeserializeOwned + Serialize + PartialEq + Debug>(data: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(data).ok()?;
    let written = serde_json::to_vec(&value).unwrap();
    assert_eq!(serde_json::from_slice::<T>(&written).unwrap(), value);
    Some(value)
}
