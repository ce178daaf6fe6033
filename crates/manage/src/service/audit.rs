//! The audit log: what was done, by whom and from where, each entry bound to the one before by a hash.
//!
//! An entry is written in the batch of the change that it tells of. Keys are in another store: what changes them is noted as begun
//! first, so that nothing is done that the log does not know, even if the process ends half-way.

mod prune;
mod refused;

pub(crate) use refused::Refused;

use std::fmt;
use std::str::FromStr;

pub use keyward_api_types::{AuditEntry, Outcome, Target};
use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::page::{Page, PageRequest};
use super::{ATTEMPTS, Management};
use crate::actor::{Actor, ActorName, Context};
use crate::error::ManagementError;
use crate::records::{Entity, Versioned, new_id};
use crate::role::scopes;
use crate::store::{Kind, List, Record, Write, Written};

impl Entity for AuditEntry {
    const KIND: Kind = Kind::Audit;
    fn id(&self) -> String {
        self.number.to_string()
    }
    fn sort(&self) -> i64 {
        i64::try_from(self.number).unwrap_or(i64::MAX)
    }
    fn owner(&self) -> String {
        self.account.as_ref().map(ToString::to_string).unwrap_or_default()
    }
    fn subject(&self) -> String {
        self.actor.id.clone()
    }
}

/// Which entries to list, the newest first.
///
/// # Examples
/// ```
/// let query = keyward::manage::AuditQuery { account: Some("acct_1".parse()?), ..Default::default() };
/// # let _ = query;
/// # Ok::<(), keyward::id::IdError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Of this account; without it of all, which only the operator may see.
    pub account: Option<AccountId>,
    /// By this user or key alone.
    pub actor: Option<String>,
    /// Which page.
    pub page: PageRequest,
}

/// A position of the audit log, kept elsewhere, to see later whether the log was cut or rewritten.
///
/// # Examples
/// ```
/// use keyward::manage::AuditCheckpoint;
///
/// let noted = format!("12:{}", "ab".repeat(32));
/// let checkpoint: AuditCheckpoint = noted.parse()?;
/// assert_eq!(checkpoint.to_string(), noted);
/// # Ok::<(), keyward::manage::ManagementError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditCheckpoint {
    number: u64,
    hash: String,
}

impl fmt::Display for AuditCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.hash)
    }
}

impl FromStr for AuditCheckpoint {
    type Err = ManagementError;

    fn from_str(text: &str) -> Result<Self, ManagementError> {
        let parsed = text.split_once(':').and_then(|(number, hash)| {
            let is_hash = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            let checkpoint = Self { number: number.parse().ok()?, hash: hash.to_owned() };
            is_hash.then_some(checkpoint)
        });
        parsed.filter(|parsed| parsed.to_string() == text).ok_or_else(|| {
            ManagementError::invalid("since", "a checkpoint as it was given: a number, a colon, 64 hexadecimal digits")
        })
    }
}

/// What walking the audit log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditVerdict {
    /// The number of the last entry before the first bad one, or of the last of all. Pruned entries count.
    pub entries: u64,
    /// The hash of the last of them. Whoever notes it elsewhere can tell later whether the log was cut or written anew.
    pub hash: String,
    /// The first entry that does not fit, by its number, and why; none if all do.
    pub first_bad: Option<(u64, String)>,
    /// The last entry that was pruned, by its number; none if all are kept.
    pub pruned_through: Option<u64>,
}

impl AuditVerdict {
    /// What to note elsewhere, for [`Management::verify_audit_log`] to go by later.
    #[must_use]
    pub fn checkpoint(&self) -> AuditCheckpoint {
        AuditCheckpoint { number: self.entries, hash: self.hash.clone() }
    }

    /// What speaks against this being the log that a checkpoint was taken of, as far as it has been walked.
    fn contradicts(&self, since: Option<&AuditCheckpoint>) -> Option<(u64, String)> {
        let since = since.filter(|since| since.number == self.entries && since.hash != self.hash)?;
        Some((since.number, "the log was written anew: it had another hash when the checkpoint was taken".to_owned()))
    }
}

/// The end of the log.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    number: u64,
    hash: String,
    /// The predecessor of the next entry. The write requires it, because another node may have pruned the log.
    anchor: Option<Write>,
}

impl Head {
    fn entry(number: u64, hash: String) -> Self {
        let anchor = Write::Expect { kind: Kind::Audit, id: number.to_string(), version: 1 };
        Self { number, hash, anchor: Some(anchor) }
    }
}

const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// An entry that is being put together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Draft {
    pub(crate) action: String,
    pub(crate) outcome: Outcome,
    pub(crate) target: Target,
    pub(crate) account: Option<AccountId>,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
    actor: ActorName,
    address: Option<String>,
    user_agent: Option<String>,
    request_id: Option<String>,
}

impl Draft {
    pub(crate) fn new(actor: &Actor, action: &str, target: Target) -> Self {
        Self::of(actor.name(), &actor.context, action, target)
    }

    pub(crate) fn anonymous(context: &Context, action: &str, target: Target) -> Self {
        Self::of(ActorName { kind: "anonymous".to_owned(), id: String::new() }, context, action, target)
    }

    fn of(actor: ActorName, context: &Context, action: &str, target: Target) -> Self {
        Self {
            action: action.to_owned(),
            outcome: Outcome::Done,
            target,
            account: None,
            before: None,
            after: None,
            actor,
            address: context.address.map(|address| address.to_string()),
            user_agent: context.user_agent.clone(),
            request_id: context.request_id.clone(),
        }
    }

    pub(crate) fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    pub(crate) fn account(mut self, account: &AccountId) -> Self {
        self.account = Some(account.clone());
        self
    }

    pub(crate) fn before(mut self, before: impl Serialize) -> Self {
        self.before = serde_json::to_value(before).ok();
        self
    }

    pub(crate) fn after(mut self, after: impl Serialize) -> Self {
        self.after = serde_json::to_value(after).ok();
        self
    }

    fn entry(&self, number: u64, at: Timestamp, previous: String) -> AuditEntry {
        AuditEntry {
            number,
            at,
            actor: self.actor.clone(),
            action: self.action.clone(),
            outcome: self.outcome,
            target: self.target.clone(),
            account: self.account.clone(),
            address: self.address.clone(),
            user_agent: self.user_agent.clone(),
            request_id: self.request_id.clone(),
            before: self.before.clone(),
            after: self.after.clone(),
            previous,
        }
    }
}

/// An operation on keys that is under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PendingAudit {
    id: String,
    at: Timestamp,
    pub(crate) draft: Draft,
}

impl Entity for PendingAudit {
    const KIND: Kind = Kind::Begun;
    fn id(&self) -> String {
        self.id.clone()
    }
    fn sort(&self) -> i64 {
        self.at.as_millis()
    }
}

/// The hash covers the text as it is stored, which holds the hash before.
fn hash_of(body: &str) -> String {
    hex::encode(Sha256::new().chain_update(b"keyward audit 1\n").chain_update(body.as_bytes()).finalize())
}

/// A write did not fit what is there: the place of it.
pub(crate) struct DoesNotFit(pub(crate) usize);

impl Management {
    /// Writes all of this and an entry that tells of it, or nothing.
    pub(crate) async fn commit(
        &self,
        writes: Vec<Write>,
        draft: Draft,
    ) -> Result<Result<(), DoesNotFit>, ManagementError> {
        let mut known = self.0.head.lock().await;
        for _ in 0..ATTEMPTS {
            let head = match known.take() {
                Some(head) => head,
                None => self.read_head().await?,
            };
            let entry = draft.entry(head.number + 1, self.now(), head.hash.clone());
            let mut record = entry.to_record(1)?;
            let hash = hash_of(&record.body);
            record.key = Some(hash.clone());
            let mut batch = writes.clone();
            batch.extend(head.anchor.clone());
            batch.push(Write::Insert(record));
            match self.0.store.write(&batch).await? {
                Written::Done => {
                    *known = Some(Head::entry(entry.number, hash));
                    return Ok(Ok(()));
                }
                // Another node has appended or pruned since.
                Written::Conflict(place) if place >= writes.len() => {}
                Written::Conflict(place) => {
                    *known = Some(head).filter(|head| head.anchor.is_some());
                    return Ok(Err(DoesNotFit(place)));
                }
            }
        }
        Err(ManagementError::Store(keyward_core::store::StoreError::unavailable(
            "others append to the audit log all the time",
        )))
    }

    /// The same where whoever changed something in between makes it stale.
    pub(crate) async fn commit_or_stale(&self, writes: Vec<Write>, draft: Draft) -> Result<(), ManagementError> {
        self.commit(writes, draft).await?.map_err(|DoesNotFit(_)| ManagementError::Stale)
    }

    async fn read_head(&self) -> Result<Head, ManagementError> {
        let mut list = List::of(Kind::Audit, 1);
        list.newest_first = true;
        if let Some(last) = self.0.store.list(&list).await?.pop() {
            return Ok(Head::entry(u64::try_from(last.sort).unwrap_or(0), hash_of(&last.body)));
        }
        Ok(match self.audit_cut().await? {
            Some(cut) => cut.head(),
            None => Head { number: 0, hash: ZEROS.to_owned(), anchor: None },
        })
    }

    /// Notes that something begins which another store is going to do.
    pub(crate) async fn begin(&self, draft: Draft) -> Result<Versioned<PendingAudit>, ManagementError> {
        let begun = PendingAudit { id: new_id("op")?, at: self.now(), draft };
        self.write_quietly(&[begun.insert()?]).await?;
        Ok(Versioned { value: begun, version: 1 })
    }

    /// Logs what became of it.
    pub(crate) async fn finish(&self, begun: &Versioned<PendingAudit>, draft: Draft) -> Result<(), ManagementError> {
        // If it is not there any more, it was taken for unfinished and logged as that: this entry completes it.
        if self.commit(vec![begun.remove()], draft.clone()).await?.is_err() {
            let _ = self.commit(Vec::new(), draft).await?;
        }
        Ok(())
    }

    /// Carries out what another store does, between its being noted and its being logged.
    pub(crate) async fn audited<T, E: Into<ManagementError>>(
        &self,
        draft: Draft,
        operation: impl Future<Output = Result<T, E>>,
        after: impl FnOnce(&T) -> Option<Value>,
    ) -> Result<T, ManagementError> {
        let begun = self.begin(draft).await?;
        match operation.await.map_err(Into::into) {
            Ok(done) => {
                let draft = Draft { after: after(&done), ..begun.draft.clone() };
                // It is done and noted as begun: if the log fails now, it is completed later, and the caller has their answer.
                if let Err(error) = self.finish(&begun, draft).await {
                    tracing::error!(%error, action = %begun.draft.action, "an operation is not in the audit log yet");
                }
                Ok(done)
            }
            Err(error) => {
                let outcome =
                    if matches!(error, ManagementError::Store(_)) { Outcome::Unknown } else { Outcome::Refused };
                let draft = begun.draft.clone().outcome(outcome);
                if let Err(error) = self.finish(&begun, draft).await {
                    tracing::error!(%error, action = %begun.draft.action, "an operation is not in the audit log yet");
                }
                Err(error)
            }
        }
    }

    /// Logs what was begun five minutes ago and has not been finished.
    pub(crate) async fn log_unfinished(&self) -> Result<(), ManagementError> {
        let before = self.now().as_millis() - 5 * 60 * 1_000;
        for begun in self.list::<PendingAudit>(&List::of(Kind::Begun, 100)).await? {
            if begun.at.as_millis() < before {
                let draft = begun.draft.clone().outcome(Outcome::Unknown);
                // Where it does not fit, somebody else was quicker.
                let _ = self.commit(vec![begun.remove()], draft).await?;
            }
        }
        Ok(())
    }

    /// Entries of the audit log, the newest first. Needs `audit:read`.
    ///
    /// # Errors
    /// [`ManagementError::Forbidden`], [`ManagementError::NotFound`] for an account that is not the actor's, [`ManagementError::Invalid`] for a bad
    /// cursor.
    pub async fn audit_log(&self, actor: &Actor, query: &AuditQuery) -> Result<Page<AuditEntry>, ManagementError> {
        let place = query.account.as_ref().unwrap_or(self.operator());
        self.rights(actor, place).await?.require(&scopes::AUDIT_READ)?;
        let mut list = List::of(Kind::Audit, 0);
        list.newest_first = true;
        list.owner = query.account.as_ref().map(ToString::to_string);
        list.subject.clone_from(&query.actor);
        let entries = self.list::<AuditEntry>(&query.page.apply(list)?).await?;
        let page = query.page.page(entries, |entry| (entry.value.sort(), entry.value.id()));
        Ok(page.map(|entry| entry.value))
    }

    /// Walks the audit log from its beginning, or from where it was pruned, and names the first entry that does not fit. Needs `audit:read` in the operator's
    /// account.
    ///
    /// The hashes show that an entry was changed, removed or put in between. Somebody who writes to the database may write the whole
    /// log anew, or cut its end: that shows against a [checkpoint](AuditVerdict::checkpoint) that was noted elsewhere, up to which the log
    /// has to be what it was. A checkpoint that is older than the cut of a pruned log cannot be checked: it is named as bad.
    ///
    /// # Errors
    /// [`ManagementError::Forbidden`], or [`ManagementError::Store`] if the store fails.
    pub async fn verify_audit_log(
        &self,
        actor: &Actor,
        since: Option<&AuditCheckpoint>,
    ) -> Result<AuditVerdict, ManagementError> {
        self.rights(actor, self.operator()).await?.require(&scopes::AUDIT_READ)?;
        let mut cut = self.audit_cut().await?;
        for _ in 0..ATTEMPTS {
            let verdict = self.walk_audit_log(cut.as_ref(), since).await?;
            if verdict.first_bad.is_none() {
                return Ok(verdict);
            }
            // It may have been pruned while it was walked.
            let now = self.audit_cut().await?;
            if now.as_ref().map(|cut| cut.version) == cut.as_ref().map(|cut| cut.version) {
                return Ok(verdict);
            }
            cut = now;
        }
        Err(ManagementError::Store(keyward_core::store::StoreError::unavailable(
            "others prune the audit log all the time",
        )))
    }

    async fn walk_audit_log(
        &self,
        cut: Option<&Versioned<prune::Cut>>,
        since: Option<&AuditCheckpoint>,
    ) -> Result<AuditVerdict, ManagementError> {
        let mut verdict = AuditVerdict { entries: 0, hash: ZEROS.to_owned(), first_bad: None, pruned_through: None };
        if let Some(cut) = cut {
            verdict.entries = cut.number;
            verdict.hash.clone_from(&cut.hash);
            verdict.pruned_through = Some(cut.number);
            if let Some(since) = since.filter(|since| since.number < cut.number) {
                let pruned = format!("the checkpoint was pruned: only entries after {} are kept", cut.number);
                verdict.first_bad = Some((since.number, pruned));
                return Ok(verdict);
            }
            verdict.first_bad = verdict.contradicts(since);
            if verdict.first_bad.is_some() {
                return Ok(verdict);
            }
        }
        let mut list = List::of(Kind::Audit, 500);
        loop {
            let records = self.0.store.list(&list).await?;
            let Some(last) = records.last() else {
                if let Some(since) = since.filter(|since| since.number > verdict.entries) {
                    let cut = format!("the log ends before it: it had {} entries once", since.number);
                    verdict.first_bad = Some((verdict.entries + 1, cut));
                }
                return Ok(verdict);
            };
            list.after = Some((last.sort, last.id.clone()));
            for record in &records {
                if let Err(why) = check_entry(record, &verdict) {
                    verdict.first_bad = Some((verdict.entries + 1, why));
                    return Ok(verdict);
                }
                verdict.entries += 1;
                verdict.hash = hash_of(&record.body);
                if let Some(bad) = verdict.contradicts(since) {
                    verdict.first_bad = Some(bad);
                    return Ok(verdict);
                }
            }
        }
    }
}

fn check_entry(record: &Record, before: &AuditVerdict) -> Result<(), String> {
    let entry: AuditEntry = serde_json::from_str(&record.body).map_err(|_| "it is not an entry any more".to_owned())?;
    if entry.number != before.entries + 1 {
        return Err(format!("the entry {} stands in its place", entry.number));
    }
    if entry.previous != before.hash {
        return Err("it does not follow the entry before".to_owned());
    }
    if record.key.as_deref() != Some(hash_of(&record.body).as_str()) {
        return Err("it is not what it was when it was written".to_owned());
    }
    if record.id != entry.id()
        || record.sort != entry.sort()
        || record.owner != entry.owner()
        || record.subject != entry.subject()
    {
        return Err("it is filed under what it is not".to_owned());
    }
    Ok(())
}
