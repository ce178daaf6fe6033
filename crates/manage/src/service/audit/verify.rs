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

/// A position of the audit log, kept elsewhere to detect cuts and rewrites.
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
            ManagementError::invalid(
                "since",
                "invalid checkpoint: expected a number, a colon and 64 hexadecimal digits",
            )
        })
    }
}

/// Result of verifying the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditVerdict {
    /// Last good entry, counting pruned ones.
    pub entries: u64,
    /// Its hash.
    pub hash: String,
    /// First bad entry and reason, if any.
    pub first_bad: Option<(u64, String)>,
    /// Last pruned entry, if any.
    pub pruned_through: Option<u64>,
}

impl AuditVerdict {
    /// Returns a checkpoint for [`Management::verify_audit_log`].
    #[must_use]
    pub fn checkpoint(&self) -> AuditCheckpoint {
        AuditCheckpoint { number: self.entries, hash: self.hash.clone() }
    }

    fn contradicts(&self, since: Option<&AuditCheckpoint>) -> Option<(u64, String)> {
        let since = since.filter(|since| since.number == self.entries && since.hash != self.hash)?;
        Some((since.number, "the log was rewritten: the hash differs from that of the checkpoint".to_owned()))
    }
}

impl Management {
    /// Finds the first bad entry of the audit log. Needs `audit:read` in the operator's account.
    ///
    /// Only a [checkpoint](AuditVerdict::checkpoint) kept elsewhere reveals that the log was rewritten or its end
    /// cut. One older than the last pruned entry counts as bad.
    ///
    /// # Errors
    /// [`ManagementError::Forbidden`].
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
            // The log may have been pruned during the walk.
            let now = self.audit_cut().await?;
            if now.as_ref().map(|cut| cut.version) == cut.as_ref().map(|cut| cut.version) {
                return Ok(verdict);
            }
            cut = now;
        }
        Err(ManagementError::Store(keyward_core::store::StoreError::unavailable(
            "other nodes keep pruning the audit log",
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
                    let cut = format!("the log ends before the checkpoint: it had {} entries", since.number);
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
