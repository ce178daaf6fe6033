use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use keyward_core::key::Digest;
use keyward_core::store::{
    AdminError, Committed, Found, Freshness, KeyAdmin, KeyPage, KeyQuery, KeyRecord, KeyStore, KeyUse, Revocation,
    StoreError, async_trait,
};
use keyward_core::{AccountId, AccountRecord, CredentialId, KeyUpdate, Timestamp};

type Interruption<S> = Arc<dyn Fn(S) -> BoxFuture<'static, ()> + Send + Sync>;

/// Makes another write after the first read of a key.
#[derive(Clone)]
pub(super) struct Racing<S> {
    inner: S,
    interruption: Interruption<S>,
    is_done: Arc<AtomicBool>,
}

impl<S> Racing<S> {
    pub(super) fn new(inner: S, interruption: impl Fn(S) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self { inner, interruption: Arc::new(interruption), is_done: Arc::default() }
    }
}

#[async_trait]
impl<S: KeyAdmin + Clone> KeyStore for Racing<S> {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        self.inner.find(digest).await
    }

    fn freshness(&self) -> Freshness {
        self.inner.freshness()
    }

    async fn record_use(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        self.inner.record_use(uses).await
    }
}

#[async_trait]
impl<S: KeyAdmin + Clone> KeyAdmin for Racing<S> {
    async fn create(&self, key: &KeyRecord) -> Result<Committed<()>, AdminError> {
        self.inner.create(key).await
    }

    async fn get(&self, id: &CredentialId) -> Result<Option<KeyRecord>, StoreError> {
        let read = self.inner.get(id).await;
        if !self.is_done.swap(true, Ordering::SeqCst) {
            (self.interruption)(self.inner.clone()).await;
        }
        read
    }

    async fn list(&self, query: &KeyQuery) -> Result<KeyPage, StoreError> {
        self.inner.list(query).await
    }

    async fn count(&self, query: &KeyQuery) -> Result<u64, StoreError> {
        self.inner.count(query).await
    }

    async fn update(&self, id: &CredentialId, update: &KeyUpdate) -> Result<Committed<KeyRecord>, AdminError> {
        self.inner.update(id, update).await
    }

    async fn rotate(
        &self,
        id: &CredentialId,
        version: u64,
        successor: &KeyRecord,
        end: Timestamp,
    ) -> Result<Committed<KeyRecord>, AdminError> {
        self.inner.rotate(id, version, successor, end).await
    }

    async fn revoke(
        &self,
        id: &CredentialId,
        at: Timestamp,
        revocation: &Revocation,
    ) -> Result<Committed<KeyRecord>, AdminError> {
        self.inner.revoke(id, at, revocation).await
    }

    async fn put_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError> {
        self.inner.put_account(account).await
    }

    async fn insert_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError> {
        self.inner.insert_account(account).await
    }

    async fn replace_account(
        &self,
        expected: &AccountRecord,
        account: &AccountRecord,
    ) -> Result<Committed<()>, AdminError> {
        self.inner.replace_account(expected, account).await
    }

    async fn get_account(&self, id: &AccountId) -> Result<Option<AccountRecord>, StoreError> {
        self.inner.get_account(id).await
    }

    async fn list_accounts(&self, after: Option<&AccountId>, limit: usize) -> Result<Vec<AccountRecord>, StoreError> {
        self.inner.list_accounts(after, limit).await
    }
}
