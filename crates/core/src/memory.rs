//! The reference store, in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::clock::Timestamp;
use crate::id::{AccountId, CredentialId, NodeId};
use crate::key::Digest;
use crate::store::{
    AccountRecord, AdminError, Change, ChangeLog, Committed, Found, Freshness, Invalidation, KeyAdmin, KeyPage,
    KeyQuery, KeyRecord, KeyStore, KeyUpdate, KeyUse, LeaseAnswer, LogBatch, NodeState, NodeStates, Position,
    Revocation, StoreError, WriteRefused, random_mark,
};

const LOG_LENGTH: usize = 10_000;

/// A store in memory, shared by its clones.
///
/// # Examples
/// ```
/// use keyward::{AccountRecord, Keys, MemoryStore, NewKey};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let keys = Keys::new(store.clone());
/// let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
/// keys.put_account(&account).await?;
/// let issued = keys.issue(NewKey::secret(account.id, "production")).await?;
/// println!("{}", *issued.key.expose_once());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct MemoryStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    moved: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    keys: HashMap<CredentialId, KeyRecord>,
    by_digest: HashMap<Digest, CredentialId>,
    accounts: HashMap<AccountId, AccountRecord>,
    log: Vec<Change>,
    newest: Position,
    nodes: HashMap<NodeId, NodeState>,
}

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                keys: HashMap::new(),
                by_digest: HashMap::new(),
                accounts: HashMap::new(),
                log: Vec::new(),
                newest: Position { number: 0, mark: random_mark() },
                nodes: HashMap::new(),
            }),
            moved: watch::channel(()).0,
        }))
    }

    /// Changes follow their checks, so poison is ignored.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<T>(
        &self,
        write: impl FnOnce(&mut State) -> Result<Committed<T>, AdminError>,
    ) -> Result<Committed<T>, AdminError> {
        let committed = write(&mut self.state())?;
        self.0.moved.send_replace(());
        Ok(committed)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn append(&mut self, what: Invalidation) -> Position {
        self.newest = Position { number: self.newest.number + 1, mark: random_mark() };
        self.log.push(Change { position: self.newest, what });
        if self.log.len() > LOG_LENGTH {
            self.log.drain(..LOG_LENGTH / 2);
        }
        self.newest
    }

    fn append_key(&mut self, key: &KeyRecord) -> Position {
        self.append(Invalidation::Key { id: key.id.clone(), digest: key.digest })
    }

    fn check_new(&self, key: &KeyRecord) -> Result<(), WriteRefused> {
        if self.keys.contains_key(&key.id) || self.by_digest.contains_key(&key.digest) {
            return Err(WriteRefused::Duplicate);
        }
        if !self.accounts.contains_key(&key.account) {
            return Err(WriteRefused::NoSuchAccount);
        }
        Ok(())
    }

    fn insert(&mut self, key: &KeyRecord) -> Position {
        self.by_digest.insert(key.digest, key.id.clone());
        self.keys.insert(key.id.clone(), key.clone());
        self.append_key(key)
    }

    fn change(
        &mut self,
        id: &CredentialId,
        change: impl FnOnce(&mut KeyRecord) -> Result<(), WriteRefused>,
    ) -> Result<Committed<KeyRecord>, AdminError> {
        let key = self.keys.get_mut(id).ok_or(WriteRefused::NotFound)?;
        let mut changed = key.clone();
        change(&mut changed)?;
        key.clone_from(&changed);
        let position = self.append_key(&changed);
        Ok(Committed { value: changed, position: Some(position) })
    }
}

#[async_trait]
impl KeyStore for MemoryStore {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        let state = self.state();
        let key = match state.by_digest.get(digest).and_then(|id| state.keys.get(id)) {
            None => None,
            Some(key) => {
                let account =
                    state.accounts.get(&key.account).ok_or_else(|| StoreError::corrupt("a key without an account"))?;
                Some(key.to_stored(account))
            }
        };
        Ok(Found { key, position: Some(state.newest) })
    }

    fn freshness(&self) -> Freshness {
        Freshness::ChangeLog(Arc::new(self.clone()))
    }

    async fn record_use(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        let mut state = self.state();
        for used in uses {
            if let Some(key) = state.keys.get_mut(&used.id)
                && key.last_used_at < Some(used.at)
            {
                (key.last_used_at, key.last_used_from) = (Some(used.at), used.from);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl KeyAdmin for MemoryStore {
    async fn create(&self, key: &KeyRecord) -> Result<Committed<()>, AdminError> {
        self.write(|state| {
            state.check_new(key)?;
            Ok(Committed { value: (), position: Some(state.insert(key)) })
        })
    }

    async fn get(&self, id: &CredentialId) -> Result<Option<KeyRecord>, StoreError> {
        Ok(self.state().keys.get(id).cloned())
    }

    async fn list(&self, query: &KeyQuery) -> Result<KeyPage, StoreError> {
        Ok(query.page_of(self.state().keys.values().cloned()))
    }

    async fn count(&self, query: &KeyQuery) -> Result<u64, StoreError> {
        Ok(self.state().keys.values().filter(|key| query.matches(key)).count() as u64)
    }

    async fn update(&self, id: &CredentialId, update: &KeyUpdate) -> Result<Committed<KeyRecord>, AdminError> {
        self.write(|state| state.change(id, |key| update.apply_checked(key)))
    }

    async fn rotate(
        &self,
        id: &CredentialId,
        version: u64,
        successor: &KeyRecord,
        end: Timestamp,
    ) -> Result<Committed<KeyRecord>, AdminError> {
        self.write(|state| {
            let mut old = state.keys.get(id).ok_or(WriteRefused::NotFound)?.clone();
            old.mark_rotated(version, successor, end)?;
            state.check_new(successor)?;
            state.insert(successor);
            state.change(id, |key| key.mark_rotated(version, successor, end))
        })
    }

    async fn revoke(
        &self,
        id: &CredentialId,
        at: Timestamp,
        revocation: &Revocation,
    ) -> Result<Committed<KeyRecord>, AdminError> {
        self.write(|state| {
            let key = state.keys.get(id).ok_or(WriteRefused::NotFound)?;
            if key.revoked_at.is_some() {
                return Ok(Committed { value: key.clone(), position: Some(state.newest) });
            }
            state.change(id, |key| {
                key.revoke(at, revocation);
                Ok(())
            })
        })
    }

    async fn put_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError> {
        self.write(|state| {
            state.accounts.insert(account.id.clone(), account.clone());
            let position = state.append(Invalidation::Account(account.id.clone()));
            Ok(Committed { value: (), position: Some(position) })
        })
    }

    async fn insert_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError> {
        self.write(|state| {
            if state.accounts.contains_key(&account.id) {
                return Err(WriteRefused::AccountExists.into());
            }
            state.accounts.insert(account.id.clone(), account.clone());
            let position = state.append(Invalidation::Account(account.id.clone()));
            Ok(Committed { value: (), position: Some(position) })
        })
    }

    async fn replace_account(
        &self,
        expected: &AccountRecord,
        account: &AccountRecord,
    ) -> Result<Committed<()>, AdminError> {
        self.write(|state| {
            let known = state.accounts.get_mut(&expected.id).ok_or(WriteRefused::NoSuchAccount)?;
            if known != expected {
                return Err(WriteRefused::Stale.into());
            }
            known.clone_from(account);
            let position = state.append(Invalidation::Account(account.id.clone()));
            Ok(Committed { value: (), position: Some(position) })
        })
    }

    async fn get_account(&self, id: &AccountId) -> Result<Option<AccountRecord>, StoreError> {
        Ok(self.state().accounts.get(id).cloned())
    }

    async fn list_accounts(&self, after: Option<&AccountId>, limit: usize) -> Result<Vec<AccountRecord>, StoreError> {
        let state = self.state();
        let mut found: Vec<&AccountRecord> =
            state.accounts.values().filter(|account| after.is_none_or(|after| account.id > *after)).collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(found.into_iter().take(limit).cloned().collect())
    }

    async fn count_accounts(&self, plan: &str, most: u64) -> Result<u64, StoreError> {
        let state = self.state();
        let count = state.accounts.values().filter(|account| account.plan.as_deref() == Some(plan)).count();
        Ok(most.min(count as u64))
    }
}

#[async_trait]
impl ChangeLog for MemoryStore {
    async fn newest(&self) -> Result<Position, StoreError> {
        Ok(self.state().newest)
    }

    async fn read(&self, after: Position, limit: usize) -> Result<LogBatch, StoreError> {
        let state = self.state();
        if after == state.newest {
            return Ok(LogBatch::Entries(Vec::new()));
        }
        match state.log.iter().position(|entry| entry.position == after) {
            Some(at) => Ok(LogBatch::Entries(state.log.iter().skip(at + 1).take(limit).cloned().collect())),
            // Number 0 has no entry whose mark could be compared. It is known while the log still has its first entry.
            None if after.number == 0 && state.log.first().is_some_and(|first| first.position.number == 1) => {
                Ok(LogBatch::Entries(state.log.iter().take(limit).cloned().collect()))
            }
            None => Ok(LogBatch::Gap(state.newest)),
        }
    }

    async fn renew(&self, node: &NodeId, applied: Position, lease: Duration) -> Result<LeaseAnswer, StoreError> {
        let mut state = self.state();
        if applied != state.newest {
            let is_ours = state.log.iter().any(|entry| entry.position == applied);
            if let Some(known) = state.nodes.get_mut(node).filter(|_| is_ours) {
                known.applied = known.applied.max(applied.number);
            }
            return Ok(LeaseAnswer::Behind);
        }
        let renewals = state.nodes.get(node).map_or(0, |known| known.renewals) + 1;
        state.nodes.insert(node.clone(), NodeState { node: node.clone(), applied: applied.number, renewals, lease });
        Ok(LeaseAnswer::Granted)
    }

    async fn leave(&self, node: &NodeId) -> Result<(), StoreError> {
        self.state().nodes.remove(node);
        Ok(())
    }

    async fn nodes(&self) -> Result<NodeStates, StoreError> {
        let state = self.state();
        let mut nodes: Vec<NodeState> = state.nodes.values().cloned().collect();
        nodes.sort_by(|a, b| a.node.cmp(&b.node));
        Ok(NodeStates { nodes, newest: state.newest })
    }

    async fn evict(&self, node: &NodeId, renewals: u64) -> Result<bool, StoreError> {
        let mut state = self.state();
        let stands_still = state.nodes.get(node).is_some_and(|known| known.renewals == renewals);
        if stands_still {
            state.nodes.remove(node);
        }
        Ok(stands_still)
    }

    fn watch(&self) -> watch::Receiver<()> {
        self.0.moved.subscribe()
    }
}
