use std::time::Duration;

use keyward_core::Timestamp;
use serde_json::json;

use super::chain::{Cut, ZEROS, check_entry, hash_of};
use super::draft::Draft;
use super::{AuditEntry, Target};
use crate::actor::{Actor, ActorName, Context};
use crate::error::ManagementError;
use crate::records::{Entity, Versioned};
use crate::role::{Role, scopes};
use crate::service::Management;
use crate::store::{Kind, List, Write};

const BATCH: usize = 200;

const BATCHES: usize = 50;

const DAY: Duration = Duration::from_secs(24 * 3_600);

#[derive(Clone, Copy)]
struct Pruned {
    entries: u64,
    through: u64,
}

impl Management {
    /// Removes the entries from before this time, and returns their number. Needs an owner of the operator's account
    /// with a recent sign-in. The rest stays verifiable. An `audit.prune` entry records the operation.
    ///
    /// # Errors
    /// [`ManagementError::SignInAgain`]; [`ManagementError::Invalid`] for a future time or a tampered entry. Entries
    /// removed before the error stay removed.
    ///
    /// # Examples
    /// ```
    /// # use keyward::manage::{Actor, Context, Management, NewUser, SqliteManagementStore};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = keyward::sqlite::SqliteStore::temporary()?;
    /// # let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
    /// let system = Actor::system("example", Context::new());
    /// let removed = management.prune_audit_log(&system, "2026-01-01T00:00:00Z".parse()?).await?;
    /// assert_eq!(removed, 0);
    /// # Ok(()) }
    /// ```
    pub async fn prune_audit_log(&self, actor: &Actor, before: Timestamp) -> Result<u64, ManagementError> {
        let rights = self.rights(actor, self.operator()).await?;
        rights.require(&scopes::AUDIT_READ)?;
        rights.check_role(Role::Owner)?;
        self.check_recent(actor).await?;
        if before > self.now() {
            return Err(ManagementError::invalid("before", format!("{before} is in the future: expected a past time")));
        }
        self.prune(actor, before, usize::MAX).await
    }

    pub(crate) async fn prune_by_retention(&self) -> Result<(), ManagementError> {
        let Some(retention) = self.0.settings.audit_retention else { return Ok(()) };
        let slack = DAY.min(retention / 10);
        if self.oldest_before(self.ago(retention.saturating_add(slack))).await? {
            self.prune(&Actor::system("retention", Context::new()), self.ago(retention), BATCHES).await?;
        }
        Ok(())
    }

    fn ago(&self, time: Duration) -> Timestamp {
        let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.now().as_millis().saturating_sub(millis))
    }

    async fn oldest_before(&self, before: Timestamp) -> Result<bool, ManagementError> {
        let oldest = self.list::<AuditEntry>(&List::of(Kind::Audit, 1)).await?.pop();
        Ok(oldest.is_some_and(|oldest| oldest.at < before))
    }

    async fn prune(&self, actor: &Actor, before: Timestamp, batches: usize) -> Result<u64, ManagementError> {
        if !self.oldest_before(before).await? {
            return Ok(0);
        }
        let by = actor.name();
        let draft = Draft::new(actor, "audit.prune", Target::new("audit_log", ""))
            .account(self.operator())
            .after(json!({"before": before}));
        let pruned = self
            .audited(draft, self.prune_batches(&by, before, batches), |pruned: &Pruned| {
                Some(json!({"before": before, "entries": pruned.entries, "through": pruned.through}))
            })
            .await?;
        Ok(pruned.entries)
    }

    async fn prune_batches(
        &self,
        by: &ActorName,
        before: Timestamp,
        batches: usize,
    ) -> Result<Pruned, ManagementError> {
        let mut pruned = Pruned { entries: 0, through: 0 };
        for _ in 0..batches {
            let cut = self.audit_cut().await?;
            let (mut number, mut hash) =
                cut.as_ref().map_or_else(|| (0, ZEROS.to_owned()), |cut| (cut.number, cut.hash.clone()));
            let mut writes = Vec::new();
            let records = self.0.store.list(&List::of(Kind::Audit, BATCH)).await?;
            for record in &records {
                // Evidence of tampering is not removed.
                if let Err(why) = check_entry(record, number, &hash) {
                    // Another node may have pruned since.
                    if self.audit_cut().await?.map(|cut| cut.version) != cut.as_ref().map(|cut| cut.version) {
                        return Ok(pruned);
                    }
                    let needed = format!("entry {} was tampered with ({why}): expected a time before it", number + 1);
                    return Err(ManagementError::invalid("before", needed));
                }
                if Versioned::<AuditEntry>::of(record)?.at >= before {
                    break;
                }
                number += 1;
                hash = hash_of(&record.body);
                writes.push(Write::Remove { kind: Kind::Audit, id: record.id.clone(), version: record.version });
            }
            if writes.is_empty() {
                break;
            }
            let removed = writes.len() as u64;
            let next = Cut { number, hash, at: self.now(), by: by.clone() };
            writes.push(match &cut {
                Some(cut) => cut.replace(&next)?,
                None => next.insert()?,
            });
            // On a conflict, another node is pruning.
            if !self.write_quietly(&writes).await? {
                break;
            }
            pruned.entries += removed;
            pruned.through = next.number;
        }
        Ok(pruned)
    }
}
