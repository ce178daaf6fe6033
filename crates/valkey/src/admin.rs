//! Each write is one script: it checks the values it is based on, writes, and appends to the log.

use std::collections::BTreeSet;

use async_trait::async_trait;
use keyward_core::store::{
    AdminError, ChangeLog, Committed, KeyAdmin, KeyOrder, KeyPage, KeyQuery, KeyRecord, Position, Revocation,
    StoreError, WriteRefused, random_mark,
};
use keyward_core::{AccountId, AccountRecord, CredentialId, KeyUpdate, Timestamp};
use redis::AsyncCommands;
use serde_json::{Value, json};

use crate::log::Entry;
use crate::script;
use crate::store::ValkeyStore;
use crate::value::{parse, parse_number, to_json, unavailable, with_use};

const ATTEMPTS: usize = 64;
const CHUNK: isize = 200;

#[derive(Default)]
struct Write {
    values: Vec<Value>,
    listed: Vec<Value>,
    entries: Vec<Value>,
}

enum Outcome {
    Done(Position),
    /// The index of the unexpected value.
    Conflict(usize),
}

impl Write {
    fn value(mut self, key: String, expected: &str, new: Option<String>) -> Self {
        let mut value = json!({"key": key, "expected": expected});
        if let Some(new) = new {
            value["new"] = new.into();
        }
        self.values.push(value);
        self
    }

    fn entry(mut self, entry: &Entry) -> Result<Self, StoreError> {
        self.entries.push(json!({"mark": random_mark().to_string(), "what": to_json(entry)?}));
        Ok(self)
    }

    fn key_entry(self, key: &KeyRecord) -> Result<Self, StoreError> {
        self.entry(&Entry::Key { id: key.id.clone(), digest: key.digest })
    }

    /// Three values: account, id and digest.
    fn new_key(mut self, key: &KeyRecord) -> Result<Self, StoreError> {
        self.listed.push(json!({"id": key.id, "at": key.created_at.as_millis()}));
        self.value(script::account_key(&key.account), "present", None)
            .value(script::key_key(&key.id), "absent", Some(to_json(key)?))
            .value(script::digest_key(&key.digest), "absent", Some(key.id.to_string()))
            .key_entry(key)
    }
}

fn denied(value: usize) -> AdminError {
    if value == 0 { WriteRefused::NoSuchAccount } else { WriteRefused::Duplicate }.into()
}

impl ValkeyStore {
    async fn commit(&self, write: &Write) -> Result<Outcome, StoreError> {
        // The script reads an empty array and an empty object the same way.
        let request = json!({"values": write.values, "listed": write.listed, "entries": write.entries}).to_string();
        let (conflict, number, mark): (usize, u64, String) =
            script::COMMIT.arg(request).invoke_async(&mut self.connection()).await.map_err(unavailable)?;
        if let Some(value) = conflict.checked_sub(1) {
            return Ok(Outcome::Conflict(value));
        }
        self.0.listening.notify();
        self.wait_for_replicas().await?;
        Ok(Outcome::Done(Position { number, mark: parse_number(&mark)? }))
    }

    async fn load(&self, id: &CredentialId) -> Result<Option<(String, KeyRecord)>, StoreError> {
        let (stored, used): (Option<String>, Option<String>) = redis::pipe()
            .get(script::key_key(id))
            .hget("{keyward}:used", id.as_str())
            .query_async(&mut self.connection())
            .await
            .map_err(unavailable)?;
        let Some(stored) = stored else { return Ok(None) };
        let key = with_use(parse(&stored)?, used.as_deref())?;
        Ok(Some((stored, key)))
    }

    /// Retries if another writer changed the key.
    async fn change(
        &self,
        id: &CredentialId,
        successor: Option<&KeyRecord>,
        change: impl Fn(&mut KeyRecord) -> Result<bool, WriteRefused> + Send + Sync,
    ) -> Result<Committed<KeyRecord>, AdminError> {
        for _ in 0..ATTEMPTS {
            let (stored, mut key) = self.load(id).await?.ok_or(WriteRefused::NotFound)?;
            if !change(&mut key)? {
                return Ok(Committed { value: key, position: Some(self.newest().await?) });
            }
            let mut write = Write::default();
            if let Some(successor) = successor {
                write = write.new_key(successor)?;
            }
            let own = write.values.len();
            write = write.value(script::key_key(id), &stored, Some(to_json(&key)?)).key_entry(&key)?;
            match self.commit(&write).await? {
                Outcome::Done(position) => return Ok(Committed { value: key, position: Some(position) }),
                Outcome::Conflict(value) if value == own => {}
                Outcome::Conflict(value) => return Err(denied(value)),
            }
        }
        Err(StoreError::unavailable("other writers keep changing the key: try again").into())
    }

    /// Without those that no longer exist.
    async fn load_all(&self, ids: &[String]) -> Result<Vec<KeyRecord>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = ids.iter().map(|id| format!("{{keyward}}:key:{id}")).collect();
        let mut connection = self.connection();
        let stored: Vec<Option<String>> = connection.mget(&keys).await.map_err(unavailable)?;
        let mut uses = redis::cmd("HMGET");
        uses.arg("{keyward}:used").arg(ids);
        let used: Vec<Option<String>> = uses.query_async(&mut connection).await.map_err(unavailable)?;
        stored
            .into_iter()
            .zip(used)
            .filter_map(|(stored, used)| Some((stored?, used)))
            .map(|(stored, used)| with_use(parse(&stored)?, used.as_deref()))
            .collect()
    }

    /// Returns the keys that match, newest first: at least one more than `limit`, if there are as many.
    async fn matching(&self, query: &KeyQuery, limit: usize) -> Result<Vec<KeyRecord>, StoreError> {
        let highest =
            query.after.as_ref().map_or("+inf".to_owned(), |cursor| cursor.created_at.as_millis().to_string());
        let mut keys: Vec<KeyRecord> = Vec::new();
        let mut offset: isize = 0;
        // The sorted set lists the newest first, and ids of one instant in descending order.
        while keys.len() <= limit {
            let ids: Vec<String> = self
                .connection()
                .zrevrangebyscore_limit("{keyward}:keys", &highest, "-inf", offset, CHUNK)
                .await
                .map_err(unavailable)?;
            if ids.is_empty() {
                break;
            }
            offset += CHUNK;
            let is_behind = |key: &KeyRecord| {
                query.after.as_ref().is_none_or(|cursor| (key.created_at, &key.id) < (cursor.created_at, &cursor.id))
            };
            let found = self.load_all(&ids).await?;
            keys.extend(found.into_iter().filter(|key| is_behind(key) && query.matches(key)));
        }
        Ok(keys)
    }
}

#[async_trait]
impl KeyAdmin for ValkeyStore {
    async fn create(&self, key: &KeyRecord) -> Result<Committed<()>, AdminError> {
        match self.commit(&Write::default().new_key(key)?).await? {
            Outcome::Done(position) => Ok(Committed { value: (), position: Some(position) }),
            Outcome::Conflict(value) => Err(denied(value)),
        }
    }

    async fn get(&self, id: &CredentialId) -> Result<Option<KeyRecord>, StoreError> {
        Ok(self.load(id).await?.map(|(_, key)| key))
    }

    async fn list(&self, query: &KeyQuery) -> Result<KeyPage, StoreError> {
        // The server sorts by creation only.
        if query.order != KeyOrder::default() || query.skip > 0 {
            return Ok(query.page_of(self.matching(query, usize::MAX).await?));
        }
        Ok(query.page(self.matching(query, query.bounded_limit()).await?))
    }

    async fn count(&self, query: &KeyQuery) -> Result<u64, StoreError> {
        let all = KeyQuery { after: None, ..query.clone() };
        Ok(self.matching(&all, usize::MAX).await?.len() as u64)
    }

    async fn update(&self, id: &CredentialId, update: &KeyUpdate) -> Result<Committed<KeyRecord>, AdminError> {
        self.change(id, None, |key| update.apply_checked(key).map(|()| true)).await
    }

    async fn rotate(
        &self,
        id: &CredentialId,
        version: u64,
        successor: &KeyRecord,
        end: Timestamp,
    ) -> Result<Committed<KeyRecord>, AdminError> {
        self.change(id, Some(successor), |key| key.mark_rotated(version, successor, end).map(|()| true)).await
    }

    async fn revoke(
        &self,
        id: &CredentialId,
        at: Timestamp,
        revocation: &Revocation,
    ) -> Result<Committed<KeyRecord>, AdminError> {
        self.change(id, None, |key| Ok(key.revoke(at, revocation))).await
    }

    async fn put_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError> {
        let write = Write::default()
            .value(script::account_key(&account.id), "any", Some(to_json(account)?))
            .entry(&Entry::Account { id: account.id.clone() })?;
        match self.commit(&write).await? {
            Outcome::Done(position) => Ok(Committed { value: (), position: Some(position) }),
            Outcome::Conflict(_) => {
                Err(StoreError::corrupt("the server reported a conflict for an unconditional write").into())
            }
        }
    }

    async fn insert_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError> {
        let write = Write::default()
            .value(script::account_key(&account.id), "absent", Some(to_json(account)?))
            .entry(&Entry::Account { id: account.id.clone() })?;
        match self.commit(&write).await? {
            Outcome::Done(position) => Ok(Committed { value: (), position: Some(position) }),
            Outcome::Conflict(_) => Err(WriteRefused::AccountExists.into()),
        }
    }

    async fn replace_account(
        &self,
        expected: &AccountRecord,
        account: &AccountRecord,
    ) -> Result<Committed<()>, AdminError> {
        let key = script::account_key(&expected.id);
        // An older version may have stored another text. This compares values, and the script compares the text.
        let stored: Option<String> = self.connection().get(&key).await.map_err(unavailable)?;
        let stored = stored.ok_or(WriteRefused::NoSuchAccount)?;
        if parse::<AccountRecord>(&stored)? != *expected {
            return Err(WriteRefused::Stale.into());
        }
        let write = Write::default()
            .value(key, &stored, Some(to_json(account)?))
            .entry(&Entry::Account { id: account.id.clone() })?;
        match self.commit(&write).await? {
            Outcome::Done(position) => Ok(Committed { value: (), position: Some(position) }),
            Outcome::Conflict(_) => Err(WriteRefused::Stale.into()),
        }
    }

    async fn get_account(&self, id: &AccountId) -> Result<Option<AccountRecord>, StoreError> {
        let stored: Option<String> = self.connection().get(script::account_key(id)).await.map_err(unavailable)?;
        stored.map(|stored| parse(&stored)).transpose()
    }

    async fn list_accounts(&self, after: Option<&AccountId>, limit: usize) -> Result<Vec<AccountRecord>, StoreError> {
        // The server keeps no sorted list of accounts, so this walks over all names.
        let mut names = BTreeSet::new();
        let mut cursor = 0_u64;
        loop {
            let (next, found): (u64, Vec<String>) = redis::cmd("SCAN")
                .arg(cursor)
                .arg("MATCH")
                .arg(format!("{}*", script::ACCOUNT_PREFIX))
                .arg("COUNT")
                .arg(CHUNK)
                .query_async(&mut self.connection())
                .await
                .map_err(unavailable)?;
            names.extend(found);
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        let after = after.map(script::account_key);
        let wanted: Vec<String> =
            names.into_iter().filter(|name| after.as_ref().is_none_or(|after| name > after)).take(limit).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let stored: Vec<Option<String>> = self.connection().mget(&wanted).await.map_err(unavailable)?;
        stored.iter().flatten().map(|stored| parse(stored)).collect()
    }
}
