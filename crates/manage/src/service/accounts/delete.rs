use std::time::Duration;

use keyward_core::lease::Propagation;
use keyward_core::lifecycle::KeysError;
use keyward_core::store::{KeyQuery, KeyRecord, KeyStatus, Revocation, RevocationReason, WriteRefused};
use keyward_core::{AccountId, AccountRecord};
use keyward_limits::Subject;

use super::deleted::{DeletedAccount, Step};
use crate::actor::{Actor, Context};
use crate::error::ManagementError;
use crate::records::{Entity as _, LifetimesOf, Versioned};
use crate::role::scopes;
use crate::service::audit::{DoesNotFit, Draft, Target};
use crate::service::{ATTEMPTS, Management};
use crate::store::{Kind, List, Record, Write};

const PAGE: usize = 200;
/// Replaces the name in the key store.
const NAME: &str = "deleted account";
/// As long as the request that began it may be at work.
const BEGUN: Duration = Duration::from_secs(60);
/// Longer than any request.
const WATCHED: Duration = Duration::from_secs(3_600);

/// The parts of an account that end with it.
#[cfg(feature = "dashboard")]
pub(crate) struct AccountContents {
    /// The active and disabled ones.
    pub(crate) keys: u64,
    pub(crate) members: u64,
    pub(crate) webhooks: u64,
}

impl Management {
    /// Deletes an account at this version, for good. Needs `deletions:write` in the operator's account, which only its owners have.
    ///
    /// Every node refuses the account's keys when this method returns. The keys are revoked. Members, invitations, webhooks, limits,
    /// lifetimes and recent requests of the account are removed. Users, usage counts and the audit log stay. No account gets the id again.
    ///
    /// After [`ManagementError::Store`], the deletion may have begun: call it again, or [`maintain`](Self::maintain) completes it.
    ///
    /// # Errors
    /// [`ManagementError::Stale`], [`ManagementError::NotFound`], [`ManagementError::SignInAgain`];
    /// [`ManagementError::Invalid`] for the operator's account.
    ///
    /// # Examples
    /// ```
    /// use keyward::AccountRecord;
    /// use keyward::manage::{Actor, Context, Management, SqliteManagementStore};
    /// use keyward::sqlite::SqliteStore;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = SqliteStore::temporary()?;
    /// # let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
    /// let program = Actor::system("billing", Context::new());
    /// let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
    /// management.import_account(&program, &account).await?;
    /// management.delete_account(&program, &account.id, 1).await?;
    ///
    /// assert!(management.account(&program, &account.id).await.is_err());
    /// let again = management.import_account(&program, &account).await.unwrap_err();
    /// assert_eq!(again.code(), "ACCOUNT_DELETED");
    /// # Ok(()) }
    /// ```
    pub async fn delete_account(
        &self,
        actor: &Actor,
        id: &AccountId,
        version: u64,
    ) -> Result<Propagation, ManagementError> {
        let guards = self.authorize_deletion(actor, id).await?;
        let begun = match self.get::<DeletedAccount>(id.as_str()).await? {
            None => self.begin_deletion(actor, id, version, guards).await?,
            // A store failed, or a process ended.
            Some(known) if matches!(known.step, Step::Begun(_)) => known,
            Some(_) => return Err(ManagementError::NotFound("account")),
        };
        self.carry_out(actor, &begun).await
    }

    /// Returns what ends with an account. Needs the same rights as its deletion.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn account_contents(
        &self,
        actor: &Actor,
        id: &AccountId,
    ) -> Result<AccountContents, ManagementError> {
        self.authorize_deletion(actor, id).await?;
        let mut keys = 0;
        for status in [KeyStatus::Active, KeyStatus::Disabled] {
            keys += self.0.keys.count(&self.keys_of(id, status)).await?;
        }
        let members = self.count_owned(Kind::Member, id).await?;
        Ok(AccountContents { keys, members, webhooks: self.count_owned(Kind::Webhook, id).await? })
    }

    #[cfg(feature = "dashboard")]
    async fn count_owned(&self, kind: Kind, id: &AccountId) -> Result<u64, ManagementError> {
        let mut list = List::of(kind, PAGE).owner(id.as_str());
        let mut count = 0;
        loop {
            let page = self.0.store.list(&list).await?;
            count += page.len() as u64;
            match page.last().filter(|_| page.len() == PAGE) {
                Some(last) => list.after = Some((last.sort, last.id.clone())),
                None => return Ok(count),
            }
        }
    }

    /// Returns guards that conflict if the actor's rights have changed.
    async fn authorize_deletion(&self, actor: &Actor, id: &AccountId) -> Result<Vec<Write>, ManagementError> {
        let held = match self.guarded_rights(&actor.principal(), self.operator()).await {
            Err(ManagementError::NotFound(_)) => {
                // Only its own members and keys may learn that the account exists.
                self.rights(actor, id).await?;
                return Err(ManagementError::Forbidden(scopes::DELETIONS_WRITE));
            }
            held => held?,
        };
        held.rights.require(&scopes::DELETIONS_WRITE)?;
        if id == self.operator() {
            let message = format!("`{id}` is the operator's own account, which cannot be deleted");
            return Err(ManagementError::invalid("account", message));
        }
        self.check_recent(actor).await?;
        Ok(held.guards)
    }

    /// From here on, the account is unknown to all other operations, and the deletion is completed, whatever happens.
    async fn begin_deletion(
        &self,
        actor: &Actor,
        id: &AccountId,
        version: u64,
        guards: Vec<Write>,
    ) -> Result<Versioned<DeletedAccount>, ManagementError> {
        let account = self.read_account(id).await?;
        if account.version != version {
            return Err(ManagementError::Stale);
        }
        let draft = Draft::new(actor, "account.delete", Target::new("account", id)).account(id).before(&account.value);
        let step = Step::Begun(Box::new(draft));
        let begun = DeletedAccount { id: id.clone(), at: self.now(), by: actor.name(), step };
        let writes = [guards, vec![account.expect(), begun.insert()?]].concat();
        if self.write_quietly(&writes).await? {
            Ok(Versioned { value: begun, version: 1 })
        } else {
            Err(ManagementError::Stale)
        }
    }

    /// Each step can be repeated.
    async fn carry_out(
        &self,
        actor: &Actor,
        begun: &Versioned<DeletedAccount>,
    ) -> Result<Propagation, ManagementError> {
        let propagation = self.close_in_key_store(begun).await?;
        self.revoke_keys_of(actor, &begun.id).await?;
        self.remove_records_of(&begun.id).await?;
        self.remove_limits(&Subject::Account(begun.id.clone())).await?;
        self.complete(begun).await?;
        Ok(propagation)
    }

    /// Suspends the account, and removes its name. Writes even an unchanged record, so that it waits for the nodes.
    async fn close_in_key_store(&self, begun: &DeletedAccount) -> Result<Propagation, ManagementError> {
        for _ in 0..ATTEMPTS {
            let known = self.0.keys.get_account(&begun.id).await?;
            let closed = closed(begun, known.as_ref());
            let written = match &known {
                Some(known) => self.0.keys.replace_account(known, &closed).await,
                None => self.0.keys.insert_account(&closed).await,
            };
            match written {
                Err(KeysError::Denied(WriteRefused::Stale | WriteRefused::AccountExists)) => {}
                written => return Ok(written?),
            }
        }
        Err(ManagementError::Stale)
    }

    fn keys_of(&self, id: &AccountId, status: KeyStatus) -> KeyQuery {
        KeyQuery {
            account: Some(id.clone()),
            status: Some(status),
            limit: KeyQuery::MAX_LIMIT,
            now: self.now(),
            ..KeyQuery::default()
        }
    }

    async fn revoke_keys_of(&self, actor: &Actor, id: &AccountId) -> Result<(), ManagementError> {
        for status in [KeyStatus::Active, KeyStatus::Disabled] {
            for key in self.0.keys.list_all(self.keys_of(id, status)).await? {
                self.revoke_of_deleted(actor, &key).await?;
            }
        }
        Ok(())
    }

    /// Ends these keys of one account that was deleted while they were written. Its deletion may not have seen them.
    pub(in crate::service) async fn check_still_account(
        &self,
        actor: &Actor,
        written: &[&KeyRecord],
    ) -> Result<(), ManagementError> {
        let Some(first) = written.first() else { return Ok(()) };
        if !self.is_deleted(&first.account).await? {
            return Ok(());
        }
        for key in written {
            self.revoke_of_deleted(actor, key).await?;
        }
        Err(ManagementError::NotFound("account"))
    }

    async fn revoke_of_deleted(&self, actor: &Actor, key: &KeyRecord) -> Result<(), ManagementError> {
        let revocation = Revocation::new(RevocationReason::CessationOfOperation);
        let revocation = revocation.with_note("the account was deleted").map_err(|_| ManagementError::Internal)?;
        self.revoke(actor, key, &revocation).await.map(drop)
    }

    /// Invitations come before members, so that none is accepted in between. The worker of webhooks removes what is left in its queue.
    async fn remove_records_of(&self, id: &AccountId) -> Result<(), ManagementError> {
        self.0.store.remove_requests(id.as_str()).await?;
        self.0.store.remove_scopes(id.as_str()).await?;
        for kind in [Kind::Invitation, Kind::Webhook, Kind::Delivery, Kind::Member, Kind::Mail] {
            let owned = List::of(kind, PAGE).owner(id.as_str());
            let mut conflicts = 0;
            loop {
                let records = self.0.store.list(&owned).await?;
                if records.is_empty() {
                    break;
                }
                let mut writes: Vec<Write> = records.iter().map(remove).collect();
                if kind == Kind::Delivery {
                    for delivery in &records {
                        writes.extend(self.0.store.get(Kind::Due, &delivery.id).await?.as_ref().map(remove));
                    }
                }
                if !self.write_quietly(&writes).await? {
                    conflicts += 1;
                    if conflicts == ATTEMPTS {
                        return Err(ManagementError::Stale);
                    }
                }
            }
        }
        Ok(())
    }

    /// The records that an account has once.
    async fn removals_of_single_records(&self, id: &AccountId) -> Result<Vec<Write>, ManagementError> {
        let lifetimes = LifetimesOf::Account(id.clone()).record_id();
        let single = [
            (Kind::Account, id.as_str()),
            (Kind::Lifetimes, &lifetimes),
            (Kind::RequiredFactor, id.as_str()),
            (Kind::Making, id.as_str()),
        ];
        let mut writes = Vec::new();
        for (kind, id) in single {
            writes.extend(self.0.store.get(kind, id).await?.as_ref().map(remove));
        }
        Ok(writes)
    }

    async fn complete(&self, begun: &Versioned<DeletedAccount>) -> Result<(), ManagementError> {
        let Step::Begun(draft) = &begun.step else { return Ok(()) };
        for _ in 0..ATTEMPTS {
            let mut writes = vec![begun.replace(&DeletedAccount { step: Step::Logged, ..begun.value.clone() })?];
            writes.extend(self.removals_of_single_records(&begun.id).await?);
            match self.commit(writes, (**draft).clone()).await? {
                // Or another process has completed it.
                Ok(()) | Err(DoesNotFit(0)) => return Ok(()),
                Err(_) => {}
            }
        }
        Err(ManagementError::Stale)
    }

    /// Completes deletions that were cut off, and ends what requests have written that began before the deletion.
    pub(in crate::service) async fn finish_deletions(&self) -> Result<(), ManagementError> {
        let actor = Actor::system("maintenance", Context::new());
        let open = List::of(Kind::DeletedAccount, PAGE).owner(DeletedAccount::OPEN);
        for deleted in self.list_all::<DeletedAccount>(open).await? {
            let age = self.now().saturating_since(deleted.at);
            match deleted.step {
                Step::Begun(_) if age < BEGUN => {}
                Step::Begun(_) => drop(self.carry_out(&actor, &deleted).await?),
                Step::Logged => self.watch(&actor, &deleted, age > WATCHED).await?,
                Step::Over => {}
            }
        }
        Ok(())
    }

    async fn watch(
        &self,
        actor: &Actor,
        deleted: &Versioned<DeletedAccount>,
        is_over: bool,
    ) -> Result<(), ManagementError> {
        let known = self.0.keys.get_account(&deleted.id).await?;
        if known.as_ref() != Some(&closed(deleted, known.as_ref())) {
            self.close_in_key_store(deleted).await?;
        }
        self.revoke_keys_of(actor, &deleted.id).await?;
        self.remove_records_of(&deleted.id).await?;
        let mut writes = self.removals_of_single_records(&deleted.id).await?;
        if is_over {
            writes.push(deleted.replace(&DeletedAccount { step: Step::Over, ..deleted.value.clone() })?);
        }
        // After a conflict, the next maintenance does it.
        self.write_quietly(&writes).await?;
        Ok(())
    }
}

fn closed(deleted: &DeletedAccount, known: Option<&AccountRecord>) -> AccountRecord {
    let suspended_at = known.and_then(|known| known.suspended_at).unwrap_or(deleted.at);
    AccountRecord { suspended_at: Some(suspended_at), ..AccountRecord::new(deleted.id.clone(), NAME) }
}

fn remove(record: &Record) -> Write {
    Write::Remove { kind: record.kind, id: record.id.clone(), version: record.version }
}
