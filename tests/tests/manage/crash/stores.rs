use super::*;

#[derive(Default)]
pub(super) struct Crash {
    /// Counted from 1; 0 means none.
    pub(super) at: usize,
    /// The failing write takes effect although its caller gets an error.
    pub(super) is_done: bool,
    /// Only this write fails, as in a short outage.
    pub(super) is_short: bool,
    pub(super) writes: AtomicUsize,
    pub(super) has_happened: AtomicBool,
    /// Reads miss accounts, as when another node creates them right after the read.
    pub(super) hides_accounts: AtomicBool,
}

impl Crash {
    pub(super) fn alive(&self) -> Result<(), StoreError> {
        if self.has_happened.load(Ordering::SeqCst) { Err(crashed()) } else { Ok(()) }
    }

    pub(super) async fn write<T, E: From<StoreError>>(
        &self,
        write: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.alive()?;
        if self.writes.fetch_add(1, Ordering::SeqCst) + 1 != self.at {
            return write.await;
        }
        self.has_happened.store(!self.is_short, Ordering::SeqCst);
        if self.is_done {
            write.await?;
        }
        Err(crashed().into())
    }
}

pub(super) fn crashed() -> StoreError {
    StoreError::unavailable("the process has ended")
}

#[derive(Clone)]
pub(super) struct Crashing<S> {
    pub(super) inner: S,
    pub(super) crash: Arc<Crash>,
}

#[async_trait]
impl<S: KeyAdmin + Clone> KeyStore for Crashing<S> {
    async fn find(&self, digest: &Digest) -> Result<Found, StoreError> {
        self.crash.alive()?;
        self.inner.find(digest).await
    }

    fn freshness(&self) -> Freshness {
        self.inner.freshness()
    }

    // Uses are recorded in the background at any time, so they do not count as writes.
    async fn record_use(&self, uses: &[KeyUse]) -> Result<(), StoreError> {
        self.crash.alive()?;
        self.inner.record_use(uses).await
    }
}

#[async_trait]
impl<S: KeyAdmin + Clone> KeyAdmin for Crashing<S> {
    async fn create(&self, key: &KeyRecord) -> Result<Committed<()>, AdminError> {
        self.crash.write(self.inner.create(key)).await
    }

    async fn get(&self, id: &CredentialId) -> Result<Option<KeyRecord>, StoreError> {
        self.crash.alive()?;
        self.inner.get(id).await
    }

    async fn list(&self, query: &KeyQuery) -> Result<KeyPage, StoreError> {
        self.crash.alive()?;
        self.inner.list(query).await
    }

    async fn count(&self, query: &KeyQuery) -> Result<u64, StoreError> {
        self.crash.alive()?;
        self.inner.count(query).await
    }

    async fn update(&self, id: &CredentialId, update: &KeyUpdate) -> Result<Committed<KeyRecord>, AdminError> {
        self.crash.write(self.inner.update(id, update)).await
    }

    async fn rotate(
        &self,
        id: &CredentialId,
        version: u64,
        successor: &KeyRecord,
        end: Timestamp,
    ) -> Result<Committed<KeyRecord>, AdminError> {
        self.crash.write(self.inner.rotate(id, version, successor, end)).await
    }

    async fn revoke(
        &self,
        id: &CredentialId,
        at: Timestamp,
        revocation: &Revocation,
    ) -> Result<Committed<KeyRecord>, AdminError> {
        self.crash.write(self.inner.revoke(id, at, revocation)).await
    }

    async fn put_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError> {
        self.crash.write(self.inner.put_account(account)).await
    }

    async fn insert_account(&self, account: &AccountRecord) -> Result<Committed<()>, AdminError> {
        self.crash.write(self.inner.insert_account(account)).await
    }

    async fn replace_account(
        &self,
        expected: &AccountRecord,
        account: &AccountRecord,
    ) -> Result<Committed<()>, AdminError> {
        self.crash.write(self.inner.replace_account(expected, account)).await
    }

    async fn get_account(&self, id: &AccountId) -> Result<Option<AccountRecord>, StoreError> {
        self.crash.alive()?;
        if self.crash.hides_accounts.load(Ordering::SeqCst) {
            return Ok(None);
        }
        self.inner.get_account(id).await
    }

    async fn list_accounts(&self, after: Option<&AccountId>, limit: usize) -> Result<Vec<AccountRecord>, StoreError> {
        self.crash.alive()?;
        self.inner.list_accounts(after, limit).await
    }
}

#[async_trait]
impl ManagementStore for Crashing<SqliteManagementStore> {
    async fn get(&self, kind: Kind, id: &str) -> Result<Option<Record>, StoreError> {
        self.crash.alive()?;
        self.inner.get(kind, id).await
    }

    async fn find(&self, kind: Kind, key: &str) -> Result<Option<Record>, StoreError> {
        self.crash.alive()?;
        self.inner.find(kind, key).await
    }

    async fn list(&self, list: &List) -> Result<Vec<Record>, StoreError> {
        self.crash.alive()?;
        self.inner.list(list).await
    }

    async fn write(&self, writes: &[Write]) -> Result<Written, StoreError> {
        self.crash.write(self.inner.write(writes)).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.crash.write(self.inner.sweep(before)).await
    }

    async fn remove_counts(&self, day: i64) -> Result<(), StoreError> {
        self.inner.remove_counts(day).await
    }

    async fn times_since(&self, key: &str, outcome: &str, hour: i64) -> Result<u64, StoreError> {
        self.crash.alive()?;
        self.inner.times_since(key, outcome, hour).await
    }

    async fn add(&self, counts: &[NewCount]) -> Result<(), StoreError> {
        self.crash.write(self.inner.add(counts)).await
    }

    async fn counts(&self, account: &str, key: Option<&str>, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        self.crash.alive()?;
        self.inner.counts(account, key, from, to).await
    }

    async fn totals(&self, account: &str, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        self.crash.alive()?;
        self.inner.totals(account, from, to).await
    }

    async fn modes(&self, account: &str, unit: CountUnit, from: i64, to: i64) -> Result<Vec<ModeCount>, StoreError> {
        self.inner.modes(account, unit, from, to).await
    }

    async fn key_totals(&self, account: &str, from: i64, to: i64) -> Result<Vec<Count>, StoreError> {
        self.inner.key_totals(account, from, to).await
    }

    async fn add_scopes(&self, counts: &[NewScopeCount]) -> Result<(), StoreError> {
        self.crash.write(self.inner.add_scopes(counts)).await
    }

    async fn scopes_of_keys(
        &self,
        account: &str,
        keys: &[String],
        from: i64,
        to: i64,
    ) -> Result<Vec<ScopeCount>, StoreError> {
        self.inner.scopes_of_keys(account, keys, from, to).await
    }

    async fn add_requests(&self, requests: &[RequestEntry]) -> Result<(), StoreError> {
        self.crash.write(self.inner.add_requests(requests)).await
    }

    async fn requests(&self, key: &str, page: &RequestPage) -> Result<Vec<RequestEntry>, StoreError> {
        self.inner.requests(key, page).await
    }

    async fn remove_scopes(&self, account: &str) -> Result<(), StoreError> {
        self.crash.write(self.inner.remove_scopes(account)).await
    }

    async fn remove_requests(&self, account: &str) -> Result<(), StoreError> {
        self.crash.write(self.inner.remove_requests(account)).await
    }
}
