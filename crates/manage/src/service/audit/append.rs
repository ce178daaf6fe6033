use serde_json::Value;

use super::Outcome;
use super::chain::{Head, ZEROS, hash_of};
use super::draft::{Draft, PendingAudit};
use crate::error::ManagementError;
use crate::records::{Entity, Versioned, json, new_id};
use crate::service::{ATTEMPTS, Management};
use crate::store::{Kind, List, Write, Written};

pub(crate) struct DoesNotFit(pub(crate) usize);

impl Management {
    pub(crate) async fn commit(
        &self,
        writes: Vec<Write>,
        draft: Draft,
    ) -> Result<Result<(), DoesNotFit>, ManagementError> {
        let marks = self.marks(&draft).await?;
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
            batch.extend(marks.of_entry(entry.number)?);
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
            "other nodes keep appending to the audit log",
        )))
    }

    pub(crate) async fn commit_or_stale(&self, writes: Vec<Write>, draft: Draft) -> Result<(), ManagementError> {
        self.commit(writes, draft).await?.map_err(|DoesNotFit(_)| ManagementError::Stale)
    }

    pub(crate) async fn last_entry_number(&self) -> Result<u64, ManagementError> {
        Ok(self.read_head().await?.number)
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

    pub(crate) async fn begin_audit(&self, draft: Draft) -> Result<Versioned<PendingAudit>, ManagementError> {
        let begun = PendingAudit { id: new_id("op")?, at: self.now(), draft };
        self.write_quietly(&[begun.insert()?]).await?;
        Ok(Versioned { value: begun, version: 1 })
    }

    pub(crate) async fn finish_audit(
        &self,
        begun: &Versioned<PendingAudit>,
        draft: Draft,
    ) -> Result<(), ManagementError> {
        // If the record is gone, maintenance has logged the operation as unfinished. This entry completes it.
        if self.commit(vec![begun.remove()], draft.clone()).await?.is_err() {
            let _ = self.commit(Vec::new(), draft).await?;
        }
        Ok(())
    }

    pub(crate) async fn audited<T, E: Into<ManagementError>>(
        &self,
        draft: Draft,
        operation: impl Future<Output = Result<T, E>>,
        after: impl FnOnce(&T) -> Option<Value>,
    ) -> Result<T, ManagementError> {
        let begun = self.begin_audit(draft).await?;
        let done: Result<T, ManagementError> = operation.await.map_err(Into::into);
        let draft = begun.draft.clone();
        let draft = match &done {
            Ok(done) => Draft { after: after(done).map(json::shallow), ..draft },
            Err(ManagementError::Store(_)) => draft.outcome(Outcome::Unknown),
            Err(_) => draft.outcome(Outcome::Refused),
        };
        // The operation has ended. If the log fails now, maintenance completes it later.
        if let Err(error) = self.finish_audit(&begun, draft).await {
            tracing::error!(%error, action = %begun.draft.action, "an operation is not in the audit log yet");
        }
        done
    }

    pub(crate) async fn log_unfinished(&self) -> Result<(), ManagementError> {
        let before = self.now().as_millis() - 5 * 60 * 1_000;
        for begun in self.list::<PendingAudit>(&List::of(Kind::Begun, 100)).await? {
            if begun.at.as_millis() < before {
                let draft = begun.draft.clone().outcome(Outcome::Unknown);
                // On a conflict, another process has logged it.
                let _ = self.commit(vec![begun.remove()], draft).await?;
            }
        }
        Ok(())
    }
}
