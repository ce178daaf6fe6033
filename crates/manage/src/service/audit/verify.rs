//! Verifying the log against its hashes and against a checkpoint.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::chain::{Cut, ZEROS, check_entry, hash_of};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::Versioned;
use crate::role::scopes;
use crate::service::{ATTEMPTS, Management};
use crate::store::{Kind, List};

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

impl Management {
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
        cut: Option<&Versioned<Cut>>,
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
                if let Err(why) = check_entry(record, verdict.entries, &verdict.hash) {
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
